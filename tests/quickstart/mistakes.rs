//! What users get wrong: each ends with exit code 1, says which file and why, and changes nothing.

use super::{Site, differing, ran};
use std::fs;

/// Arguments and what the message must begin with or hold.
type Mistake<'a> = (&'a [&'a str], &'a str);

fn check(site: &Site, mistakes: &[Mistake<'_>]) {
    let before = site.tree();
    for (arguments, message) in mistakes {
        let ran = ran(site.command(arguments).current_dir(site.path("")));
        assert_eq!(ran.code, 1, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(message), "{arguments:?}: {message}\n{}", ran.stderr);
        assert!(!ran.stderr.starts_with('\n') && !ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
    assert_eq!(differing(&before, &site.tree()), Vec::<std::path::PathBuf>::new());
}

#[test]
fn inventories_that_are_none() {
    let site = Site::new();
    fs::create_dir(site.path("folder.toml")).unwrap();
    fs::write(site.path("empty.toml"), "").unwrap();
    fs::write(site.path("binary.toml"), b"\xff\xfe").unwrap();
    fs::write(site.path("half.toml"), "[cluster\n").unwrap();
    for verb in [&["plan"][..], &["apply", "--yes"], &["drift"], &["validate"], &["hostkeys", "scan"]] {
        let with = |file: &'static str| [verb, &["-i", file]].concat();
        for (file, message) in [
            ("missing.toml", "error: read the inventory missing.toml: No such file or directory"),
            ("folder.toml", "error: read the inventory folder.toml: Is a directory"),
            ("empty.toml", "empty.toml:1:1: error: missing key `nodes` at the top level"),
            ("binary.toml", "binary.toml:1:1: error: this is not UTF-8"),
            ("half.toml", "half.toml:1:9: error: "),
        ] {
            check(&site, &[(&with(file), message)]);
        }
    }
}

#[test]
fn plans_that_are_none() {
    let site = Site::new();
    fs::create_dir(site.path("folder.plan")).unwrap();
    fs::write(site.path("garbage.plan"), "garbage").unwrap();
    fs::write(site.path("binary.plan"), b"\xff\xfe\x00").unwrap();
    fs::write(site.path("half.plan"), "{\"format_version\": \"1.0\",\n").unwrap();
    fs::write(site.path("empty.plan"), "").unwrap();
    for verb in [&["show"][..], &["apply", "--yes"]] {
        for (file, message) in [
            ("missing.plan", "error: read the plan missing.plan: No such file or directory"),
            ("folder.plan", "error: read the plan folder.plan: Is a directory"),
            ("garbage.plan", "error: garbage.plan: read the saved plan: this is not a plan of harden"),
            ("binary.plan", "error: binary.plan: read the saved plan: this is not a plan of harden"),
            ("half.plan", "error: half.plan: read the saved plan: it is cut off at line 2"),
            ("empty.plan", "error: empty.plan: read the saved plan: this is not a plan of harden"),
        ] {
            check(&site, &[(&[verb, &[file]].concat(), message)]);
        }
    }
    check(
        &site,
        &[
            (&["plan", "--out", "folder.plan"], "error: save the plan as folder.plan: Is a directory"),
            (&["plan", "--out", "nowhere/x.plan"], "error: save the plan as nowhere/x.plan: No such file"),
        ],
    );
}

#[test]
fn trees_that_are_none() {
    let site = Site::new();
    let inventory = fs::read_to_string(site.inventory()).unwrap();
    fs::create_dir(site.path("hollow")).unwrap();
    for (root, message) in [
        ("nowhere", "  w-1: read the state of the node: read "),
        ("quickstart.toml", "quickstart.toml: not a directory\n"),
    ] {
        let other = inventory.replace("quickstart/w-1", root);
        fs::write(site.path("other.toml"), other).unwrap();
        let ran = site.run(&["plan", "-i", site.path("other.toml").to_str().unwrap()]);
        assert!(ran.code == 1 && ran.stdout.contains(message), "{}{}", ran.stdout, ran.stderr);
    }
    fs::write(site.path("other.toml"), inventory.replace("quickstart/w-1", "hollow")).unwrap();
    check(
        &site,
        &[(
            &["plan", "-i", "other.toml"],
            "  w-1: yaml-keys.kubelet: find /var/lib/kubelet/config.yaml: there is no such file\n",
        )],
    );
}

#[test]
fn other_files_that_are_missing() {
    let site = Site::new();
    check(
        &site,
        &[
            (
                &["plan", "--become-password-file", "nowhere"],
                "error: read the sudo password nowhere: No such file",
            ),
            (
                &["plan", "-K"],
                "error: ask for sudo password: standard input and standard error must be a terminal",
            ),
            (
                &["init", "-i", "quickstart.toml"],
                "error: quickstart.toml exists already\nhint: replace it with --force",
            ),
            (&["init", "-i", "nowhere/x.toml"], "error: write nowhere/x.toml: No such file"),
            (
                &["init", "-i", "new.toml", "--from", "bad address"],
                "`bad address` is not an IP address or a DNS name",
            ),
            (
                &["init", "-i", "new.toml", "--from", "127.0.0.1", "--port", "1"],
                "error: connect to 127.0.0.1:1: Connection refused",
            ),
        ],
    );
    let ran = site.run(&["hostkeys", "scan"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "No node is reached over SSH: there are no host keys.\n")
    );
    let ran = ran_with_log(&site, "harden=[[");
    assert!(ran.contains("warning: HARDEN_LOG is not understood: "), "{ran}");
}

fn ran_with_log(site: &Site, filter: &str) -> String {
    ran(site.command(&["plan"]).env("HARDEN_LOG", filter)).stderr
}

#[test]
fn what_kubernetes_removed_is_told_with_its_place_and_what_serves_instead() {
    let site = Site::new();
    site.declare("[apiserver.flags]\ninsecure-port = 0\nenable-admission-plugins = \"PodSecurityPolicy\"\n\n[scheduler]\nflags = { address = \"0.0.0.0\" }");
    let file = site.inventory().display().to_string();
    let text = fs::read_to_string(site.inventory()).unwrap();
    let place = |flag: &str| {
        let (line, text) = text.lines().enumerate().find(|(_, line)| line.contains(flag)).unwrap();
        format!("{file}:{}:{}: ", line + 1, text.find(flag).unwrap() + 1)
    };
    let ran = site.run(&["validate"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    for message in [
        format!(
            "{}kube-apiserver of Kubernetes 1.35 on cp-1 has no flag --insecure-port\nhint: it was removed in Kubernetes 1.24; in its place: --secure-port\n",
            place("insecure-port")
        ),
        format!(
            "{}--enable-admission-plugins of kube-apiserver of Kubernetes 1.35 on cp-1 does not know PodSecurityPolicy\nhint: it was removed in Kubernetes 1.25; in its place: PodSecurity, by [admission.pod-security]\n",
            place("enable-admission")
        ),
        format!(
            "{}kube-scheduler of Kubernetes 1.35 on cp-1 has no flag --address\nhint: it was removed in Kubernetes 1.24; in its place: --bind-address\n",
            place("address = \"0.0")
        ),
    ] {
        assert!(ran.stderr.contains(&message), "{message}\n{}", ran.stderr);
    }
}

#[test]
fn all_templates_that_are_wrong_are_told_at_once() {
    let site = Site::new();
    let front = "+++\nkind = \"file\"\npath = \"/etc/x\"\nmode = \"0644\"\n";
    site.template("site/README", "x");
    site.template("site/a.tera", "hello");
    site.template("site/b.tera", &format!("{front}bogus = 1\n+++\nx\n"));
    site.template("site/c.tera", &format!("{front}+++\nx {{{{ nope }}}}\n"));
    let folder = site.path("templates").display().to_string();
    let ran = site.run(&["validate"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    for message in [
        format!("{folder}/site/README is not a template: their names end in `.tera`\nhint: rename it"),
        format!("{folder}/site/a.tera:1:1: a template begins with a line `+++`\n"),
        format!("{folder}/site/b.tera:5:1: unknown field `bogus`"),
        format!("{folder}/site/c.tera:6:6: there is no variable `nope`"),
        String::from("error: the templates have 4 errors\n"),
    ] {
        assert!(ran.stderr.contains(&message), "{message}\n{}", ran.stderr);
    }
    fs::remove_dir_all(site.path("templates")).unwrap();
    site.template("f.tera", "+++\nkind = \"static-pod\"\nmode = \"0600\"\ncomponent = \"kube-apiserver\"\n+++\nflags:\n  no-such: 1\n");
    site.template(
        "y.tera",
        "+++\nkind = \"yaml-keys\"\npath = \"/var/lib/kubelet/config.yaml\"\nmode = \"0600\"\n+++\na: [\n",
    );
    let ran = site.run(&["validate"]);
    for message in [
        format!("{folder}/f.tera: kube-apiserver of Kubernetes 1.35 on cp-1 has no flag --no-such\n"),
        format!("{folder}/y.tera: what it renders for cp-1 is not usable: "),
        String::from("error: the templates have 2 errors\n"),
    ] {
        assert!(ran.stderr.contains(&message), "{message}\n{}", ran.stderr);
    }
    fs::remove_dir_all(site.path("templates")).unwrap();
    fs::write(site.path("templates"), "").unwrap();
    check(&site, &[(&["plan"], "templates: Not a directory"), (&["validate"], "templates: Not a directory")]);
}
