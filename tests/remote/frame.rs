//! The frame, executed by the shells that nodes have.

use harden::remote::{Reply, Script, quote, rooted};
use proptest::prelude::*;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Shells, as program and first arguments.
const SHELLS: &[&[&str]] = &[&["/bin/sh"], &["/bin/dash"], &["/bin/bash"], &["/bin/busybox", "sh"]];

fn execute(shell: &[&str], script: &Script, root: &str) -> Option<Reply> {
    let mut child = Command::new(shell[0])
        .args(&shell[1..])
        .arg("-s")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = script.render("NONCE", root);
    let feeder = std::thread::spawn(move || {
        let _ = input.write_all(text.as_bytes());
    });
    let mut output = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut output).unwrap();
    feeder.join().unwrap();
    child.wait().unwrap();
    Reply::parse(&output, "NONCE", String::new())
}

fn in_each_shell(check: impl Fn(&[&str])) {
    for shell in SHELLS {
        if Path::new(shell[0]).exists() {
            check(shell);
        } else {
            println!("SKIPPED: {} is not installed", shell[0]);
        }
    }
}

#[test]
fn sections_come_back_as_they_were() {
    in_each_shell(|shell| {
        let script = Script::new("t")
            .section("lines", "printf 'a\\nb\\n'")
            .section("bare", "printf 'no newline'")
            .section("empty", "")
            .section("comment", "# nothing")
            .section("binary", "printf '\\000\\377\\nNONCE\\n\\nNONCE x\\n'")
            .section("failing", "false")
            .section("here", "cat <<'E'\nit's $HOME\nE")
            .section("variable", "x=5")
            .section("later", "echo \"$x\"")
            .section("greedy", "cat; echo end");
        let reply = execute(shell, &script, "").unwrap();
        assert_eq!(reply.code, 0, "{shell:?}");
        let output = |name: &str| reply.section(name).output;
        assert_eq!(output("lines"), b"a\nb\n", "{shell:?}");
        assert_eq!(output("bare"), b"no newline");
        assert_eq!(output("empty"), b"");
        assert_eq!(output("comment"), b"");
        assert_eq!(output("binary"), b"\0\xff\nNONCE\n\nNONCE x\n");
        assert_eq!(reply.section("failing").code, 1);
        assert_eq!(output("here"), b"it's $HOME\n");
        assert_eq!(output("later"), b"5\n");
        // A command that reads standard input does not get the rest of the script.
        assert_eq!(output("greedy"), b"end\n", "{shell:?}");
        assert_eq!(reply.sections.len(), 10);
    });
}

#[test]
fn a_section_that_exits_ends_the_script() {
    in_each_shell(|shell| {
        let script =
            Script::new("t").section("a", "echo a").section("b", "echo b; exit 7").section("c", "echo c");
        let reply = execute(shell, &script, "").unwrap();
        assert_eq!(reply.code, 7, "{shell:?}");
        assert_eq!((reply.section("b").code, reply.section("b").text()), (7, String::from("b\n")));
        assert!(!reply.sections.contains_key("c"));
    });
}

#[test]
fn a_section_that_returns_is_no_success() {
    in_each_shell(|shell| {
        let script = Script::new("t").section("a", "return 0").section("b", "echo b");
        let reply = execute(shell, &script, "").unwrap();
        assert_eq!((reply.code, reply.sections.contains_key("b")), (125, false), "{shell:?}");
    });
}

#[test]
fn positional_parameters_and_functions_go_from_section_to_section() {
    in_each_shell(|shell| {
        let script = Script::new("t")
            .section("a", "echo \"$#\"; set -- 'a b' c; two() { echo \"$2\"; }")
            .section("b", "set -- \"$@\" d; echo \"$#\"; two x y; for one in \"$@\"; do echo \"$one\"; done");
        let reply = execute(shell, &script, "").unwrap();
        assert_eq!(reply.section("a").text(), "0\n", "{shell:?}");
        assert_eq!(reply.section("b").text(), "3\ny\na b\nc\nd\n", "{shell:?}");
    });
}

#[test]
fn five_megabytes_go_out_whole() {
    in_each_shell(|shell| {
        let line = "0123456789abcdef".repeat(4);
        let body = format!("wc -c <<'E'\n{}E\n", format!("{line}\n").repeat(5_000_000 / (line.len() + 1)));
        let reply = execute(shell, &Script::new("t").section("big", body), "").unwrap();
        let count: usize = reply.section("big").text().trim().parse().unwrap();
        assert_eq!(count, 5_000_000 / 65 * 65, "{shell:?}");
    });
}

#[test]
fn a_script_that_did_not_arrive_whole_runs_not_at_all() {
    in_each_shell(|shell| {
        let tree = tempfile::tempdir().unwrap();
        let script = Script::new("t")
            .section("a", "printf x >>\"$R\"/first")
            .section("b", "cat >\"$R\"/second <<'E'\nx\nE");
        let text = script.render("NONCE", tree.path().to_str().unwrap());
        let end = text.len() - "; exit 125\n".len();
        for cut in 0..end {
            let output = feed(shell, &text[..cut]);
            assert_eq!(output, b"", "{shell:?} {cut}");
            assert_eq!(std::fs::read_dir(tree.path()).unwrap().count(), 0, "{shell:?} {cut}");
        }
        // The other way round: what arrived whole did run.
        feed(shell, &text[..end]);
        assert_eq!(std::fs::read_dir(tree.path()).unwrap().count(), 2, "{shell:?}");
    });
}

fn feed(shell: &[&str], text: &str) -> Vec<u8> {
    let mut child = Command::new(shell[0])
        .args(&shell[1..])
        .arg("-s")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // A shell that gives up early closes its end.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    child.wait_with_output().unwrap().stdout
}

#[test]
fn a_script_that_is_cut_has_no_last_line() {
    in_each_shell(|shell| {
        // Who runs the tests in the background has them ignore INT, and nohup HUP, which a shell that is started so cannot change.
        let shell = [&["env", "--default-signal=INT,HUP"][..], shell].concat();
        for signal in ["KILL", "TERM", "HUP", "INT"] {
            let script = Script::new("t").section("a", format!("kill -{signal} $$; sleep 0.1; true"));
            assert_eq!(execute(&shell, &script, ""), None, "{shell:?} {signal}");
        }
    });
}

#[test]
fn broken_syntax_is_no_success() {
    in_each_shell(|shell| {
        for body in ["echo 'open", "if true; then echo", "}", "cat <<E\nopen"] {
            let script = Script::new("t").section("a", body).section("b", "echo b");
            let reply = execute(shell, &script, "");
            assert!(reply.is_none_or(|reply| reply.code != 0), "{shell:?} {body}");
        }
    });
}

#[test]
fn five_megabytes_come_back_whole() {
    in_each_shell(|shell| {
        let script = Script::new("t").section("big", "head -c 5000000 /dev/zero");
        let reply = execute(shell, &script, "").unwrap();
        assert_eq!(reply.section("big").output.len(), 5_000_000, "{shell:?}");
    });
}

#[test]
fn paths_are_below_the_root() {
    in_each_shell(|shell| {
        let script = Script::new("t").section("a", format!("echo {}", rooted("/etc/it's")));
        let reply = execute(shell, &script, "/srv/a b").unwrap();
        assert_eq!(reply.section("a").text(), "/srv/a b/etc/it's\n", "{shell:?}");
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn quoting_survives_the_shell(text in "[^\\x00]{0,60}") {
        for shell in SHELLS.iter().filter(|shell| Path::new(shell[0]).exists()) {
            let command = format!("printf '%s.' {}", quote(&text));
            let output = Command::new(shell[0]).args(&shell[1..]).args(["-c", &command]).output().unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{}.", text));
        }
    }
}
