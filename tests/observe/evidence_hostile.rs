//! The evidence probe and processes that were made to deceive it: what a tenant names a program and writes on its command line
//! is never taken for anything else, and a process that ends while it is read disturbs nobody.

use super::evidence::strings;
use super::evidence_processes::{Running, live, of};
use super::node::{SHELLS, Shell, Tree};
use harden::resource::{Evidence, Questions};
use std::io::Read as _;
use std::process::{Command, Stdio};

/// What each process is started with by itself.
const SCRIPT: [&str; 2] = ["-c", "read -r line"];

/// Each test has a name of its own, that nothing else on the machine has: how many there are decides how they are read.
fn questions(program: &str) -> Questions {
    Questions { programs: strings([program]), ..Questions::default() }
}

/// Command lines that look like records of the probe, of grep or of the shell's own lists.
fn hostile() -> Vec<Vec<&'static str>> {
    vec![
        vec!["/proc/1/cmdline:hostile-told", "--a\n/proc/1/cmdline:hostile-told\n/proc/1/cmdline:--forged"],
        vec!["process 1 host hostile-told", "\nprocess 1 host hostile-told\n=--forged\n"],
        vec!["", "", "--after-two-empty", "", ""],
        vec!["\n", "\n\n", "*", "$(exit 1)", "`exit 1`", "-n", "--", "\\0\\n\\037"],
        vec!["a\u{1f}b", "caf\u{e9} \t", ":", "=", "+ETCD_X=1", "1 host hostile-told"],
    ]
}

/// As it is told: newlines and the shell's separator are spaces.
fn told(arguments: &[&str]) -> Vec<String> {
    SCRIPT.iter().chain(arguments).map(|argument| argument.replace(['\n', '\u{1f}'], " ")).collect()
}

/// Those that run what a test puts first on PATH: busybox prefers its own programs.
const STARTERS: [Shell; 3] = [Shell::Sh, Shell::Dash, Shell::Bash];

/// Everybody is told as he is, and nobody else.
fn assert_told(found: &Evidence, program: &str, running: &[(Running, Vec<&str>)], what: &str) {
    for (process, arguments) in running {
        let seen = of(found, process).unwrap_or_else(|| panic!("{what}: {arguments:?}"));
        assert_eq!(seen.program, program, "{what}");
        assert_eq!(seen.command[1..], told(arguments), "{what}");
        assert!(seen.environment.is_empty());
    }
    assert!(found.processes.iter().all(|process| process.pid != 1), "{what}: {:?}", found.processes);
}

fn start(tree: &Tree, program: &str, arguments: Vec<&'static str>) -> (Running, Vec<&'static str>) {
    (Running::start(tree, program, &arguments, &[]), arguments)
}

#[test]
fn nothing_on_a_command_line_is_taken_for_another_process() {
    // One is read by a program of its own; of many, all are read by one.
    let (one, many) = (Tree::new(), Tree::new());
    let without_z = Tree::new();
    without_z.program("grep", "#!/bin/sh\necho \"grep: unrecognized option: z\" >&2\nexit 1\n");
    for arguments in hostile() {
        let running = [start(&one, "hostile-told", arguments)];
        for shell in SHELLS {
            assert_told(
                &live(&one, shell, &questions("hostile-told")),
                "hostile-told",
                &running,
                &format!("one, {shell:?}"),
            );
        }
    }
    let running: Vec<_> =
        hostile().into_iter().map(|arguments| start(&many, "hostile-told", arguments)).collect();
    for shell in SHELLS {
        assert_told(
            &live(&many, shell, &questions("hostile-told")),
            "hostile-told",
            &running,
            &format!("many, {shell:?}"),
        );
        assert_told(
            &live(&without_z, shell, &questions("hostile-told")),
            "hostile-told",
            &running,
            &format!("without -z, {shell:?}"),
        );
    }
}

#[test]
fn many_processes_are_read_by_two_programs() {
    let tree = Tree::new();
    let log = tree.directory.path().join("log");
    for program in ["grep", "tr"] {
        let text =
            format!("#!/bin/sh\necho {program} >>'{}'\nexec /usr/bin/{program} \"$@\"\n", log.display());
        tree.program(program, &text);
    }
    let running: Vec<_> = (0..12).map(|_| start(&tree, "hostile-two", vec!["--a=b"])).collect();
    for shell in STARTERS {
        assert_told(
            &live(&tree, shell, &questions("hostile-two")),
            "hostile-two",
            &running,
            &format!("{shell:?}"),
        );
        let mut started: Vec<_> = std::fs::read_to_string(&log)
            .unwrap_or_else(|_| panic!("{shell:?} starts none"))
            .lines()
            .map(str::to_owned)
            .collect();
        started.sort();
        assert_eq!(started, ["grep", "tr"], "{shell:?}");
        std::fs::remove_file(&log).unwrap();
    }
}

/// A name may hold a newline, and is then no list of names; a title need not end with a NUL.
#[test]
fn names_and_titles_of_any_kind_are_told_as_they_are() {
    let tree = Tree::new();
    let odd = Running::start(&tree, "hostile-odd\nx", &["--x"], &[]);
    let other = Running::start(&tree, "x\nhostile-odd", &[], &[]);
    let dead = Running::start(&tree, "hostile-odd", &[], &[]);
    let dead_too = Running::start(&tree, "hostile-odd", &[], &[]);
    for ended in [&dead, &dead_too] {
        // Nobody has waited for it: its name is still there, and its command line is empty.
        let number = ended.0.id().to_string();
        assert!(Command::new("kill").args(["-9", &number]).status().unwrap().success());
    }
    let titled = titled(&tree, "hostile-odd\n/proc/1/cmdline:hostile-odd");
    let last = start(&tree, "hostile-odd", vec!["--last"]);
    for shell in SHELLS {
        let found = live(&tree, shell, &questions("hostile-odd"));
        let seen = of(&found, &odd).unwrap();
        assert_eq!(seen.program, "hostile-odd", "{shell:?}");
        assert!(seen.command[0].ends_with("/hostile-odd x") && seen.command[3] == "--x", "{seen:?}");
        for absent in [&other, &dead, &dead_too] {
            assert!(of(&found, absent).is_none(), "{shell:?}");
        }
        assert!(titled.as_ref().is_none_or(|titled| of(&found, titled).is_some()), "{shell:?}");
        assert_told(&found, "hostile-odd", std::slice::from_ref(&last), &format!("{shell:?}"));
    }
}

/// A process that has written over its own command line, by Perl where there is one.
fn titled(tree: &Tree, title: &str) -> Option<Running> {
    let program = tree.directory.path().join("title");
    let text = "$0 = shift; $| = 1; print \"x\"; <STDIN>;";
    std::fs::write(&program, text).unwrap();
    let mut child = Command::new("perl");
    child.arg(&program).arg(title).arg("room for a long title".repeat(4));
    let child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let mut running = Running(child);
    running.0.stdout.take()?.read_exact(&mut [0]).ok()?;
    Some(running)
}

/// It is found by its name and ends before its command line is read.
#[test]
fn a_process_that_ends_while_it_is_read_disturbs_nobody() {
    for (program, others) in [("grep", 3), ("tr", 1)] {
        let tree = Tree::new();
        let file = tree.directory.path().join("victim");
        let text = format!(
            "#!/bin/sh\nread -r victim <'{}'\nkill -9 \"$victim\" 2>/dev/null\n\
             while [ -e /proc/$victim ]; do sleep 0.01; done\nexec /usr/bin/{program} \"$@\"\n",
            file.display()
        );
        tree.program(program, &text);
        let running: Vec<_> = (0..others).map(|_| start(&tree, "hostile-ends", vec!["--stays"])).collect();
        for shell in STARTERS {
            let (mut victim, _) = start(&tree, "hostile-ends", vec!["--ends"]);
            // Without this it would end as soon as somebody waits for it.
            let _input = victim.0.stdin.take();
            let number = victim.0.id();
            std::fs::write(&file, format!("{number}\n")).unwrap();
            let waiting = std::thread::spawn(move || drop(victim.0.wait()));
            let found = live(&tree, shell, &questions("hostile-ends"));
            waiting.join().unwrap();
            assert_told(&found, "hostile-ends", &running, &format!("{program}, {shell:?}"));
            assert!(found.processes.iter().all(|process| process.pid != number), "{program}, {shell:?}");
        }
    }
}
