//! The installed script, run under every shell with good and hostile input.

use crate::observe::node::{Tree, attributes, desired, file, secret_file, snapshot};
use harden::observe;
use harden::remote::{Probe, Reply, installed};
use harden::status::{self, Depth};
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const SHELLS: [&[&str]; 4] = [&["sh"], &["dash"], &["bash"], &["busybox", "sh"]];
const NONCE: &str = "0123456789abcdef0123456789abcdef";

fn tree() -> Tree {
    let tree = Tree::new();
    tree.write("/etc/hostname", "cp-1\n", 0o644);
    tree.write("/etc/a.conf", "as declared\n", 0o600);
    tree.write("/etc/b.conf", "changed\n", 0o644);
    tree.write("/etc/c.conf", "secret: aGFyZGVuCg==\n", 0o600);
    tree
}

fn probe(a: &str) -> Probe {
    let resources = vec![
        file("/etc/a.conf", a),
        file("/etc/b.conf", "b\n"),
        secret_file("/etc/c.conf", "x", &["secret"]),
        attributes("/etc/*.conf"),
    ];
    observe::probe(&desired(resources))
}

/// Runs the script as it is installed, but for the root.
fn run(shell: &[&str], tree: &Tree, input: &[u8], variables: &[(&str, &str)]) -> Output {
    let script = installed::script(&[probe("as declared\n"), status::probe(Depth::Last)]);
    assert!(script.contains("\nR=''\n"));
    let script = script.replace("\nR=''\n", &format!("\nR='{}'\n", tree.root().display()));
    let path = tree.directory.path().join("probe");
    std::fs::write(&path, script).unwrap();
    let mut child = Command::new(shell[0])
        .args(&shell[1..])
        .arg(&path)
        .env_clear()
        .envs(variables.iter().copied())
        .env("PATH", std::env::var("PATH").unwrap())
        .current_dir(tree.directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A script that has heard enough reads no more of it.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn question(probe: &Probe) -> String {
    format!("harden-probe-1 {NONCE} {}\n", installed::digest(probe))
}

fn reply(output: &Output) -> Reply {
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    Reply::parse(&output.stdout, &format!("harden-{NONCE}"), String::new()).expect("the frame is whole")
}

#[test]
fn it_reads_what_the_probe_reads_and_withholds_what_that_withholds() {
    let tree = tree();
    let (wanted, mut answers) = (question(&probe("as declared\n")), Vec::new());
    for shell in SHELLS {
        let before = snapshot(&tree.root());
        let reply = reply(&run(shell, &tree, wanted.as_bytes(), &[]));
        assert_eq!(snapshot(&tree.root()), before);
        assert_eq!(reply.code, 0);
        assert!(reply.section("content").text().contains("changed\n"));
        assert!(!reply.section("masked").text().contains("aGFyZGVuCg"));
        let sections = ["facts", "sums", "sent", "content", "masked"];
        answers.push(sections.map(|name| reply.section(name).text()));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

#[test]
fn the_probe_is_chosen_by_its_digest_and_another_is_told_apart() {
    let tree = tree();
    for shell in SHELLS {
        let status = reply(&run(shell, &tree, question(&status::probe(Depth::Last)).as_bytes(), &[]));
        assert!(status.sections.contains_key("transactions"));
        let other = reply(&run(shell, &tree, question(&status::probe(Depth::History)).as_bytes(), &[]));
        assert_eq!(other.sections.keys().collect::<Vec<_>>(), ["installed"]);
        let both = [probe("x"), status::probe(Depth::Last)].map(|probe| installed::digest(&probe) + "\n");
        assert_eq!(other.section("installed").text(), both.concat());
    }
}

#[test]
fn what_is_expected_is_not_part_of_it() {
    let one = installed::script(&[probe("one\n")]);
    assert_eq!(one, installed::script(&[probe("another\n")]));
    let more = observe::probe(&desired(vec![file("/etc/a.conf", "one\n"), file("/etc/d.conf", "one\n")]));
    assert_ne!(one, installed::script(&[more]));
}

#[test]
fn anything_but_a_question_is_refused_unread_and_runs_nothing() {
    let tree = tree();
    let digest = installed::digest(&probe("as declared\n"));
    let mut hostile: Vec<Vec<u8>> = [
        String::new(),
        String::from("\n"),
        String::from("harden-probe-1\n"),
        format!("harden-probe-2 {NONCE} {digest}\n"),
        format!("harden-probe-1 {} {digest}\n", NONCE.to_uppercase()),
        format!("harden-probe-1 {NONCE} {digest}0\n").replacen(NONCE, &NONCE[1..], 1),
        format!("harden-probe-1 {} {digest}\n", "*".repeat(32)),
        format!("harden-probe-1 {:32} {digest}\n", "$(touch evil)"),
        format!("harden-probe-1 {:32} {digest}\n", "`touch evil`;touch evil;"),
        format!("harden-probe-1 {:32} {digest}\n", "0|touch evil&"),
        format!("harden-probe-1 {NONCE} {:64}\n", "$(touch evil)"),
        format!("harden-probe-1 {NONCE}\n{digest}"),
        format!("harden-probe-1 {NONCE} {:64}\n", "../../../../etc/shadow"),
        format!("harden-probe-1 {NONCE}  {}\n", &digest[1..]),
        String::from("touch evil\n"),
        String::from("export PATH=.\ntouch evil\n"),
    ]
    .into_iter()
    .map(String::into_bytes)
    .collect();
    hostile.push(vec![0; 4096]);
    hostile.push(vec![0xff; 4096]);
    hostile.push(b"a".repeat(50_000_000));
    for shell in SHELLS {
        for input in &hostile {
            let (shown, begun) = (String::from_utf8_lossy(&input[..input.len().min(130)]), Instant::now());
            let output = run(shell, &tree, input, &[]);
            assert_eq!(output.status.code(), Some(64), "{shell:?}: {shown}");
            assert_eq!(output.stdout, b"", "{shell:?}: {shown}");
            assert!(begun.elapsed() < Duration::from_secs(10), "{shell:?}: {shown}");
        }
    }
    assert!(!tree.directory.path().join("evil").exists());
}

#[test]
fn what_follows_a_question_is_not_read() {
    let tree = tree();
    let mut input = question(&probe("as declared\n")).into_bytes();
    input.extend(b"touch evil\n".repeat(1000));
    for shell in SHELLS {
        assert_eq!(reply(&run(shell, &tree, &input, &[])).code, 0);
    }
    assert!(!tree.directory.path().join("evil").exists());
}

#[test]
fn variables_of_the_caller_have_no_say() {
    let tree = tree();
    tree.program("stat", "#!/bin/sh\ntouch evil\n");
    std::fs::write(tree.directory.path().join("evil.sh"), "touch evil\n").unwrap();
    let evil = tree.directory.path().join("evil.sh").display().to_string();
    let path = format!("{}:{}", tree.directory.path().join("bin").display(), std::env::var("PATH").unwrap());
    let variables = [
        ("ENV", evil.as_str()),
        ("BASH_ENV", &evil),
        ("HISTFILE", &evil),
        ("TERM", "../../evil"),
        ("LC_ALL", "C.UTF-8"),
        ("LANG", "C.UTF-8"),
        ("IFS", "abcdef0123456789/"),
        ("PS4", "$(touch evil)"),
        ("CDPATH", "/tmp"),
        ("SSH_ORIGINAL_COMMAND", "touch evil; $(touch evil)"),
        ("harden_nonce", "$(touch evil)"),
        ("harden_called", "1"),
        ("harden_known_0", "$(touch evil)"),
        ("R", "/etc"),
    ];
    let asked = question(&probe("as declared\n"));
    // BASH_ENV is read before the first line by a bash that is called by its own name: as sh, which is how it is installed, not.
    for shell in [&["sh"][..], &["dash"], &["busybox", "sh"], &["bash", "--posix"]] {
        let variables: Vec<_> = variables.iter().copied().chain([("PATH", path.as_str())]).collect();
        let calm = reply(&run(shell, &tree, asked.as_bytes(), &[]));
        let reply = reply(&run(shell, &tree, asked.as_bytes(), &variables));
        assert_eq!(reply.section("content"), calm.section("content"), "{shell:?}");
    }
    assert!(!tree.directory.path().join("evil").exists());
}
