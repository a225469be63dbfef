//! The probe under sh, dash, bash and busybox: the same answer from each.

use super::node::{
    Local, SHELLS, Shell, Tree, attributes, certificate, desired, file, observe, path, snapshot, sysctls,
    unit, user, yaml_keys,
};
use crate::support::shells;
use harden::resource::{
    CertificateState, Desired, FileKind, FileState, Mode, Observed, ObservedContent, PresentFile, UserState,
};
use std::time::Instant;

pub(super) fn present(observed: &Observed, at: &str) -> PresentFile {
    match observed.files.get(&path(at)) {
        Some(FileState::Present(file)) => file.clone(),
        other => panic!("{at}: {other:?}"),
    }
}

pub(super) fn text(observed: &Observed, at: &str) -> String {
    match present(observed, at).content {
        ObservedContent::Text(text) => text,
        other => panic!("{at}: {other:?}"),
    }
}

/// The digest that stands for a secret.
pub(super) fn digest_of(value: &str) -> String {
    use std::fmt::Write as _;
    let digest = openssl::sha::sha256(value.as_bytes());
    digest.iter().fold(String::from("sha256:"), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn still(mut observed: Observed) -> Observed {
    shells::stop_clock(&mut observed.facts);
    observed
}

/// What every shell says, which must be one thing.
pub(super) fn by_all_shells(tree: &Tree, desired: &Desired) -> Observed {
    let ask = |shell| still(observe(&mut tree.session(shell), desired));
    shells::by_all(&SHELLS, || snapshot(&tree.root()), ask)
}

#[test]
fn files_of_every_kind() {
    let tree = Tree::new();
    tree.write("/etc/hostname", "image-1\n", 0o644);
    tree.write("/etc/same", "the same\n", 0o644);
    tree.write("/etc/other", "not the same\n\n\n", 0o640);
    tree.write("/etc/no newline", "no newline", 0o600);
    tree.write("/etc/it's \"quoted\" $(touch x) `y`", "quoted\n", 0o600);
    tree.write("/etc/caf\u{e9}", "coffee\n", 0o600);
    tree.write("/etc/empty", "", 0o4755);
    tree.write("/etc/binary", [0xff, 0, 1], 0o600);
    tree.write("/etc/-n", "dash\n", 0o600);
    tree.write("/etc/frame", "0123456789abcdef END\nx END 0\n", 0o600);
    tree.link("/etc/link", "same");
    tree.link("/etc/dangling", "/nowhere");
    let _socket = std::os::unix::net::UnixListener::bind(tree.root().join("etc/socket")).unwrap();
    let names = [
        "/etc/same",
        "/etc/other",
        "/etc/no newline",
        "/etc/it's \"quoted\" $(touch x) `y`",
        "/etc/caf\u{e9}",
        "/etc/empty",
        "/etc/binary",
        "/etc/-n",
        "/etc/link",
        "/etc/dangling",
        "/etc/socket",
        "/etc",
        "/etc/absent",
        "/etc/absent/it's \u{e9}",
        "/etc/same/below",
        "/etc/frame",
    ];
    let wanted = desired(names.iter().map(|name| file(name, "the same\n")).collect());
    let observed = by_all_shells(&tree, &wanted);
    assert_eq!(observed.files.len(), names.len(), "{:#?}", observed.files);
    assert_eq!(observed.facts.hostname, "image-1");
    assert!(!observed.facts.live && !observed.facts.systemd);

    let same = present(&observed, "/etc/same");
    assert_eq!((same.kind, same.mode), (FileKind::File, Mode(0o644)));
    assert_eq!(same.content, ObservedContent::AsExpected);
    assert_eq!(
        same.sha256,
        digest_of(
            "the same
"
        )
        .replace("sha256:", "")
    );
    assert!(same.modified > 1_700_000_000);
    assert_eq!(text(&observed, "/etc/other"), "not the same\n\n\n");
    assert_eq!(text(&observed, "/etc/no newline"), "no newline");
    assert_eq!(text(&observed, "/etc/it's \"quoted\" $(touch x) `y`"), "quoted\n");
    assert_eq!(text(&observed, "/etc/caf\u{e9}"), "coffee\n");
    assert_eq!(text(&observed, "/etc/-n"), "dash\n");
    assert_eq!(text(&observed, "/etc/empty"), "");
    assert_eq!(text(&observed, "/etc/frame"), "0123456789abcdef END\nx END 0\n");
    assert_eq!(present(&observed, "/etc/empty").mode, Mode(0o4755));
    assert_eq!(present(&observed, "/etc/binary").content, ObservedContent::Opaque);
    for (name, kind) in [
        ("/etc/link", FileKind::Symlink),
        ("/etc/dangling", FileKind::Symlink),
        ("/etc/socket", FileKind::Other),
        ("/etc", FileKind::Directory),
    ] {
        let found = present(&observed, name);
        assert_eq!((found.kind, found.sha256.as_str()), (kind, ""), "{name}");
        assert_eq!(found.content, ObservedContent::NotRead, "{name}");
    }
    for name in ["/etc/absent", "/etc/absent/it's \u{e9}", "/etc/same/below"] {
        assert_eq!(observed.files[&path(name)], FileState::Absent, "{name}");
    }
    assert!(!tree.root().join("x").exists());
}

#[test]
fn a_large_file_is_neither_hashed_nor_read() {
    let tree = Tree::new();
    tree.write("/var/log/audit.log", vec![b'x'; 5 * 1024 * 1024], 0o600);
    tree.write("/etc/after", "after\n", 0o600);
    let wanted = desired(vec![file("/var/log/audit.log", ""), file("/etc/after", "")]);
    let observed = by_all_shells(&tree, &wanted);
    let large = present(&observed, "/var/log/audit.log");
    assert_eq!((large.sha256.as_str(), large.content), ("", ObservedContent::Opaque));
    assert_eq!(text(&observed, "/etc/after"), "after\n");
}

#[test]
fn patterns_are_expanded_on_the_node() {
    let tree = Tree::new();
    for name in ["/pki/a.key", "/pki/b c.key", "/pki/.hidden.key", "/pki/a.crt", "/pki/etcd/d.key"] {
        tree.write(name, "PRIVATE", 0o600);
    }
    tree.write("/pki/evil\n=/etc.key", "x", 0o600);
    let wanted = desired(vec![
        attributes("/pki/*.key"),
        attributes("/pki/etcd/?.key"),
        attributes("/pki/none*"),
        attributes("/pki/a.crt"),
        attributes("/pki/absent.crt"),
    ]);
    let observed = by_all_shells(&tree, &wanted);
    let matched = |pattern: &str| -> Vec<String> {
        observed.patterns[pattern].iter().map(ToString::to_string).collect()
    };
    assert_eq!(matched("/pki/*.key"), ["/pki/a.key", "/pki/b c.key"]);
    assert_eq!(matched("/pki/etcd/?.key"), ["/pki/etcd/d.key"]);
    assert_eq!(matched("/pki/a.crt"), ["/pki/a.crt"]);
    assert!(matched("/pki/none*").is_empty() && matched("/pki/absent.crt").is_empty());
    assert_eq!(present(&observed, "/pki/b c.key").content, ObservedContent::NotRead);
    assert_eq!(observed.files[&path("/pki/absent.crt")], FileState::Absent);
    assert_eq!(observed.files.len(), 5);
}

#[test]
fn certificates_are_read_and_keys_are_not() {
    let tree = Tree::new();
    tree.write("/pki/ca.crt", "CN=ca\n", 0o644);
    tree.write("/pki/ca.key", "CAKEY", 0o600);
    tree.write("/pki/good.crt", "CN=good\n", 0o644);
    tree.write("/pki/good.key", "GOODKEY", 0o600);
    tree.write("/pki/alone.crt", "CN=alone\n", 0o644);
    tree.write("/pki/bad.crt", "nonsense\n", 0o644);
    tree.link("/pki/link.crt", "good.crt");
    let names = ["good", "alone", "bad", "link", "absent"];
    let mut resources: Vec<_> = names.iter().map(|name| certificate(&format!("/pki/{name}"))).collect();
    // Somebody who asks for the content of a key by mistake does not get it.
    resources.push(file("/pki/good.key", "x"));
    resources.push(yaml_keys("/pki/ca.key"));
    let wanted = desired(resources);
    let observed = by_all_shells(&tree, &wanted);
    let state = |name: &str| &observed.certificates[&path(&format!("/pki/{name}.crt"))];
    assert!(
        matches!(state("good"), CertificateState::Present(facts) if facts.common_name == "good" && facts.signed_by_issuer)
    );
    assert!(matches!(state("alone"), CertificateState::WithoutKey(_)));
    assert!(
        matches!(state("bad"), CertificateState::Unreadable(reason) if reason == "it does not begin with CN=")
    );
    assert!(matches!(state("link"), CertificateState::Unreadable(_)));
    assert_eq!(*state("absent"), CertificateState::Absent);
    for name in ["/pki/good.key", "/pki/ca.key", "/pki/good.crt"] {
        let found = present(&observed, name);
        assert_eq!((found.content, found.sha256.len()), (ObservedContent::NotRead, 64), "{name}");
    }
}

#[test]
fn the_quickstart_is_a_plain_control_plane() {
    let tree = Tree::new();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/inventories/quickstart/cp-1");
    let wanted = desired(vec![
        yaml_keys("/etc/kubernetes/manifests/kube-apiserver.yaml"),
        yaml_keys("/var/lib/kubelet/config.yaml"),
        attributes("/etc/kubernetes/pki/*.key"),
        attributes("/var/lib/etcd"),
        attributes("/var/lib/kubelet/pki/kubelet-client-current.pem"),
    ]);
    let observed = observe(&mut Local { root: root.to_owned(), ..tree.session(Shell::Sh) }, &wanted);
    assert_eq!(observed.facts.hostname, "cp-1");
    assert!(text(&observed, "/etc/kubernetes/manifests/kube-apiserver.yaml").contains("--etcd-servers="));
    assert!(text(&observed, "/var/lib/kubelet/config.yaml").contains("kind: KubeletConfiguration"));
    assert_eq!(observed.patterns["/etc/kubernetes/pki/*.key"].len(), 7);
    assert_eq!(present(&observed, "/var/lib/etcd").kind, FileKind::Directory);
    assert_eq!(present(&observed, "/var/lib/kubelet/pki/kubelet-client-current.pem").kind, FileKind::Symlink);
}

#[test]
fn what_was_applied_last_is_read() {
    let tree = Tree::new();
    let state = r#"{"format_version":1,"transaction":"t","by":"a@b","at":5,"resources":{"file.x":{"desired":"d","files":{"/x":"s"}}}}"#;
    tree.write("/var/lib/harden/state.json", state, 0o600);
    let observed = by_all_shells(&tree, &desired(Vec::new()));
    assert_eq!(observed.applied.unwrap().resources.len(), 1);
    assert!(observed.files.is_empty());
    tree.write("/var/lib/harden/state.json", "{", 0o600);
    let error = harden::observe::observe(
        &mut tree.session(Shell::Sh),
        &desired(Vec::new()),
        std::time::Duration::from_secs(30),
        &super::node::read_certificate,
    )
    .unwrap_err();
    assert_eq!(error.to_string(), "read /var/lib/harden/state.json on the node");
}

/// A live system: no root, this machine's kernel, and a systemctl of the test's.
fn live(tree: &Tree, shell: Shell) -> Local {
    Local { root: String::new(), ..tree.session(shell) }
}

#[test]
fn a_live_system_is_asked_for_units_and_kernel_parameters() {
    let tree = Tree::new();
    tree.program(
        "systemctl",
        "#!/bin/sh\n[ \"$*\" = 'show -p Id,LoadState,ActiveState,UnitFileState -- a.service alias.service' ] || exit 1\n\
         printf 'Id=a.service\\nLoadState=loaded\\nActiveState=active\\nUnitFileState=enabled\\n\\n'\n\
         printf 'LoadState=not-found\\nId=real.service\\nActiveState=inactive\\nUnitFileState=\\n'\n",
    );
    tree.program("kubelet", "#!/bin/sh\necho Kubernetes v1.35.4\n");
    tree.program(
        "getent",
        "#!/bin/sh\n[ \"$*\" = 'passwd of-a-directory' ] || exit 2\necho 'of-a-directory:*:70000:70001::/:/bin/sh'\n",
    );
    std::fs::create_dir(tree.directory.path().join("systemd")).unwrap();
    let here = tree.root().join("x y");
    std::fs::write(&here, "x\n").unwrap();
    let wanted = desired(vec![
        unit("a.service"),
        unit("alias.service"),
        file(here.to_str().unwrap(), ""),
        user("root"),
        user("of-a-directory"),
        user("nobody-of-that-name"),
        sysctls(
            "/nowhere/99-test.conf",
            &[
                ("kernel.ostype", "Linux"),
                ("kernel.pid_max", "1"),
                ("net.ipv4.conf.lo.forwarding", "0"),
                ("no.such", "1"),
            ],
        ),
    ]);
    let mut answers = Vec::new();
    for shell in SHELLS {
        answers.push(still(observe(&mut live(&tree, shell), &wanted)));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
    let observed = &answers[0];
    assert!(observed.facts.live && observed.facts.systemd);
    assert_eq!(observed.facts.kubelet_version.as_deref(), Some("v1.35.4"));
    assert_eq!(observed.facts.hostname, std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim());
    assert_eq!(observed.units["a.service"].active, "active");
    assert_eq!(observed.units["a.service"].enabled, "enabled");
    assert_eq!(observed.units["alias.service"].load, "not-found");
    assert_eq!(observed.units["alias.service"].enabled, "");
    assert_eq!(observed.sysctls["kernel.ostype"].as_deref(), Some("Linux"));
    let pid_max = std::fs::read_to_string("/proc/sys/kernel/pid_max").unwrap();
    assert_eq!(observed.sysctls["kernel.pid_max"].as_deref(), Some(pid_max.trim()));
    assert_eq!(observed.sysctls["no.such"], None);
    // Not even root may set this one.
    assert!(observed.fixed_sysctls.contains("kernel.ostype"));
    assert_eq!(observed.fixed_sysctls.contains("kernel.pid_max"), !is_writable("/proc/sys/kernel/pid_max"));
    assert!(!observed.fixed_sysctls.contains("no.such"));
    assert_eq!(observed.users["root"], Some(UserState { user: Some(0), group: Some(0), free: None }));
    let UserState { user, group, free: first } = observed.users["of-a-directory"].unwrap();
    assert_eq!((user, group), (Some(70_000), None));
    let UserState { user, group, free: second } = observed.users["nobody-of-that-name"].unwrap();
    assert_eq!((user, group), (None, None));
    let free = |number: u32| {
        let known = |list: &str| {
            let text = std::fs::read_to_string(list).unwrap();
            text.lines().any(|line| line.split(':').nth(2) == Some(&number.to_string()))
        };
        (201..=999).contains(&number) && !known("/etc/passwd") && !known("/etc/group")
    };
    assert!(free(first.unwrap()) && free(second.unwrap()) && first != second, "{first:?} {second:?}");
    assert_eq!(text(observed, here.to_str().unwrap()), "x\n");
}

#[test]
fn a_kernel_parameter_of_several_words_or_none_does_not_shift_the_others() {
    let tree = Tree::new();
    let names = [
        "kernel.ostype",
        "net.ipv4.ip_local_port_range",
        "kernel.domainname",
        "kernel.poweroff_cmd",
        "fs.binfmt_misc.status",
    ];
    let values: Vec<_> = names.iter().map(|name| (*name, "x")).collect();
    let wanted = desired(vec![sysctls("/nowhere/99-test.conf", &values)]);
    for shell in SHELLS {
        let observed = observe(&mut live(&tree, shell), &wanted);
        for name in names {
            let file = format!("/proc/sys/{}", name.replace('.', "/"));
            let value = std::fs::read_to_string(file)
                .ok()
                .map(|text| text.lines().next().unwrap_or_default().trim().to_owned());
            assert_eq!(observed.sysctls[name], value, "{name} under {shell:?}");
        }
    }
}

fn is_writable(file: &str) -> bool {
    std::fs::OpenOptions::new().write(true).open(file).is_ok()
}

#[test]
fn a_tree_has_users_of_its_own() {
    let tree = Tree::new();
    let wanted = desired(vec![user("etcd"), user("root"), attributes("/var/lib/etcd"), attributes("/x")]);
    // No list of users, no judgement.
    assert_eq!(by_all_shells(&tree, &wanted).users["etcd"], None);
    tree.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\netcd:!:4242:4243:e:/x:/x", 0o644);
    tree.write("/etc/group", "other:x:1:etcd\netcd:x:4243:root\n", 0o644);
    tree.write("/var/lib/etcd/x", "", 0o600);
    tree.write("/x", "", 0o600);
    let observed = by_all_shells(&tree, &wanted);
    assert_eq!(observed.users["etcd"], Some(UserState { user: Some(4242), group: Some(4243), free: None }));
    assert_eq!(observed.users["root"], Some(UserState { user: Some(0), group: None, free: Some(999) }));
    if std::os::unix::fs::chown(tree.root().join("var/lib/etcd"), Some(4242), Some(4243)).is_err() {
        eprintln!("SKIPPED: owners cannot be changed without root");
        return;
    }
    let data = present(&by_all_shells(&tree, &wanted), "/var/lib/etcd");
    assert_eq!((data.owner.as_str(), data.group.as_str()), ("etcd", "etcd"));
}

#[test]
fn a_tree_has_no_units_and_no_kernel() {
    let tree = Tree::new();
    tree.program("systemctl", "#!/bin/sh\nexit 1\n");
    std::fs::create_dir(tree.directory.path().join("systemd")).unwrap();
    let wanted =
        desired(vec![unit("a.service"), sysctls("/etc/sysctl.d/x.conf", &[("kernel.ostype", "Linux")])]);
    let observed = by_all_shells(&tree, &wanted);
    assert_eq!(observed.units["a.service"].load, "unknown");
    assert_eq!(observed.sysctls["kernel.ostype"], None);
}

#[test]
fn three_hundred_files_in_one_go() {
    let tree = Tree::new();
    let mut resources = Vec::new();
    for index in 0..300 {
        let name = format!("/etc/managed/file-{index:03}");
        let content = format!("{index}\n").repeat(50);
        tree.write(&name, &content, 0o600);
        let wanted = if index % 2 == 0 { content } else { String::from("another") };
        resources.push(file(&name, &wanted));
        resources.push(file(&format!("/etc/managed/absent-{index:03}"), "x"));
    }
    let wanted = desired(resources);
    let observed = by_all_shells(&tree, &wanted);
    let count =
        |wanted: fn(&FileState) -> bool| observed.files.values().filter(|state| wanted(state)).count();
    assert_eq!(count(|state| *state == FileState::Absent), 300);
    assert_eq!(
        count(
            |state| matches!(state, FileState::Present(file) if file.content == ObservedContent::AsExpected)
        ),
        150
    );
    assert_eq!(
        count(
            |state| matches!(state, FileState::Present(file) if matches!(file.content, ObservedContent::Text(_)))
        ),
        150
    );
    for shell in SHELLS {
        let start = Instant::now();
        observe(&mut tree.session(shell), &wanted);
        println!("600 paths under {shell:?}: {:?}", start.elapsed());
    }
    let twenty = Desired { resources: wanted.resources[..20].to_vec() };
    for shell in SHELLS {
        let start = Instant::now();
        observe(&mut tree.session(shell), &twenty);
        println!("20 paths under {shell:?}: {:?}", start.elapsed());
    }
}
