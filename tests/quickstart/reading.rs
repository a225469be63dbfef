//! Whatever only reads leaves no trace: neither in the tree of a node or of the inventory, nor a process.

use super::{Site, ran};
use crate::observe::node::snapshot;
use std::fs;

/// The processes that have this variable in their environment.
fn processes(mark: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let has_mark = |path: &std::path::PathBuf| {
        let environment = fs::read(path.join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    entries.filter(has_mark).map(|path| path.display().to_string()).collect()
}

#[test]
fn what_only_reads_changes_no_byte_and_leaves_no_process() {
    let site = Site::new().applied();
    site.replace("cp-1/etc/kubernetes/manifests/kube-apiserver.yaml", "profiling=false", "profiling=true");
    let mark = format!("HARDEN_TEST_MARK={}", std::process::id());
    let before = snapshot(&site.path(""));
    for (arguments, code) in [
        (&["drift"][..], 2),
        (&["drift", "-o", "json", "-v"], 2),
        (&["drift", "--print-probe", "--limit", "w-1"], 0),
        (&["check", "--exit-code", "0"], 0),
        (&["status", "-v"], 0),
        (&["plan"], 0),
    ] {
        let mut command = site.command(arguments);
        let (name, value) = mark.split_once('=').unwrap();
        let ran = ran(command.env(name, value));
        assert_eq!(ran.code, code, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(snapshot(&site.path("")), before, "{arguments:?}");
        assert_eq!(processes(&mark), [""; 0], "{arguments:?}");
    }
    // The test can fail.
    let (name, value) = mark.split_once('=').unwrap();
    let mut child = std::process::Command::new("sleep").arg("30").env(name, value).spawn().unwrap();
    // The kernel shows the environment of a new program a moment after its start.
    let found =
        (0..100).map(|_| std::thread::sleep(std::time::Duration::from_millis(10))).map(|()| processes(&mark));
    let found = found.max_by_key(Vec::len).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(found.len(), 1);
}

#[test]
fn the_probe_is_printed_for_nodes_that_have_the_same() {
    let site = Site::new();
    let several = site.run(&["drift", "--print-probe"]);
    assert_eq!((several.code, several.stdout.as_str()), (1, ""));
    assert!(several.stderr.contains("--limit cp-1; --limit w-1"), "{}", several.stderr);

    let key = site.outside("key.pub");
    fs::write(&key, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA job@ci\n").unwrap();
    let key = key.to_str().unwrap();
    let text = site.run(&["drift", "--print-probe", "--limit", "w-1", "--key", key]).stdout;
    let line = r#"restrict,command="sudo -n /usr/local/sbin/harden-drift-probe" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA job@ci"#;
    assert!(text.lines().any(|found| found == line), "{text}");
    assert!(text.contains("\ndrift ALL=(root) NOPASSWD: /usr/local/sbin/harden-drift-probe \"\"\n"));

    // What is declared does not matter, what is looked at does.
    site.declare("[kubelet]\ncertificate-lifetime = \"200d\"");
    assert_eq!(site.run(&["drift", "--print-probe", "--limit", "w-1", "--key", key]).stdout, text);
    site.declare("[drift.locked-key]\nuser = \"watch\"");
    let renamed = site.run(&["drift", "--print-probe", "--limit", "w-1", "--key", key]).stdout;
    assert_eq!(
        renamed,
        text.replace("drift ALL=", "watch ALL=")
            .replace("of drift.", "of watch.")
            .replace("harden-drift drift\n", "harden-drift watch\n")
    );
}

#[test]
fn what_is_no_public_key_is_refused_and_not_quoted() {
    let site = Site::new();
    let key = site.outside("key.pub");
    for text in [
        "",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----\n",
        "command=\"sh\" ssh-ed25519 AAAA",
        "ssh-ed25519 AAAA\nssh-ed25519 BBBB\n",
        "ssh-ed25519 AA\"AA",
    ] {
        fs::write(&key, text).unwrap();
        let ran = site.run(&["drift", "--print-probe", "--limit", "w-1", "--key", key.to_str().unwrap()]);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{text}");
        assert!(ran.stderr.contains("is no public key of one line") && !ran.stderr.contains("b3Blbn"));
    }
}
