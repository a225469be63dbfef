//! Runs that are killed in the middle of a transaction: the next one ends what they left, where it is certain that they are dead.

use super::{Site, differing};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SAYS: &str = "end the transaction of a harden that was killed";

/// The folder of the one transaction of a node.
fn transaction(site: &Site, node: &str) -> Option<PathBuf> {
    let mut entries = fs::read_dir(site.node(&format!("{node}/var/lib/harden/txn"))).ok()?;
    entries.find_map(|entry| {
        let path = entry.ok()?.path();
        (!path.file_name()?.to_str()?.starts_with('.')).then_some(path)
    })
}

fn lock(site: &Site, node: &str) -> PathBuf {
    site.node(&format!("{node}/var/lib/harden/lock"))
}

fn begin(site: &Site) -> Child {
    Command::new(env!("CARGO_BIN_EXE_harden"))
        .args(["apply", "--yes"])
        .env_clear()
        .env("HOME", site.outside(""))
        .env("HARDEN_INVENTORY", site.inventory())
        .env("HARDEN_KEY_FILE", site.key())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A site whose apply was killed while its transaction on a node was at this point; what it runs there goes on by itself.
fn killed_at(node: &str, marker: &str) -> Site {
    // It may be over before this has looked.
    for _ in 0..20 {
        let site = Site::new();
        let mut running = begin(&site);
        let began = Instant::now();
        let is_there = || transaction(&site, node).is_some_and(|folder| folder.join(marker).exists());
        while !is_there() && running.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < Duration::from_mins(2), "{node} never came to {marker}");
            std::thread::yield_now();
        }
        running.kill().unwrap();
        running.wait().unwrap();
        if lock(&site, node).exists() {
            return site;
        }
    }
    panic!("{node} was never found locked");
}

/// What was sent before it was killed runs on the node until it comes to an end.
fn wait_for_its_script(site: &Site, node: &str) {
    let worker = fs::read_to_string(lock(site, node).join("worker")).unwrap();
    let worker = PathBuf::from(format!("/proc/{}", worker.trim_end().rsplit(' ').next().unwrap()));
    while worker.exists() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_run_that_was_killed_is_no_obstacle_to_the_next_one() {
    for (node, marker) in [("cp-1", "owner"), ("cp-1", "pending"), ("w-1", "pending")] {
        let site = killed_at(node, marker);
        let ran = site.run(&["apply", "--yes"]);
        assert_eq!(ran.code, 0, "{node} {marker}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.stderr.matches(SAYS).count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains("unlocked, "), "{}", ran.stderr);
        assert!(!lock(&site, node).exists());
        assert_eq!(site.run(&["plan", "--detailed-exitcode"]).code, 0);
        let ran = site.run(&["status"]);
        assert_eq!(ran.code, 0, "{}", ran.stdout);
    }
}

#[test]
fn a_run_that_may_live_keeps_its_lock() {
    let site = killed_at("w-1", "pending");
    let process = lock(&site, "w-1").join("process");
    let dead = fs::read_to_string(&process).unwrap();
    let [began, number, place] = dead.trim_end().rsplitn(3, ' ').collect::<Vec<_>>()[..] else {
        panic!("{dead}")
    };
    assert!(place.contains("/pid:["), "{place}");
    wait_for_its_script(&site, "w-1");
    site.declare("[kubelet.config]\nmaxPods = 99");
    let own = fs::read_to_string("/proc/self/stat").unwrap();
    let own_began = own.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(19).unwrap();
    for owner in [
        // This test, which lives.
        format!("{place} {} {own_began}", std::process::id()),
        // A process of another machine, of this one before it was started, of another container.
        format!("elsewhere{place} {number} {began}"),
        format!("{} {number} {began}", place.replacen('-', "0", 1)),
        format!("{} {number} {began}", place.replace("/pid:[", "/pid:[9")),
        // Nobody knows.
        String::new(),
        String::from("noise"),
    ] {
        fs::write(&process, format!("{owner}\n")).unwrap();
        let before = site.tree();
        let ran = site.run(&["apply", "--yes", "--limit", "w-1"]);
        assert_eq!(ran.code, 1, "{owner}: {}{}", ran.stdout, ran.stderr);
        assert!(
            ran.stderr.contains("`harden unlock --limit w-1`") && !ran.stderr.contains(SAYS),
            "{}",
            ran.stderr
        );
        let changed = differing(&before, &site.tree());
        assert!(changed.iter().all(|path| path.ends_with("var/lib/harden/txn")), "{owner}: {changed:?}");
    }
    // One whose number belongs to another one now is as dead as one whose number is free.
    fs::write(&process, format!("{place} {} 1\n", std::process::id())).unwrap();
    // Nobody said yes, and it is not a node of this run.
    let before = site.tree();
    let ran = site.run(&["apply"]);
    assert!(
        ran.code == 1 && ran.stderr.contains("left a transaction on w-1"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    assert_eq!(differing(&before, &site.tree()), Vec::<PathBuf>::new());
    site.run(&["apply", "--yes", "--limit", "cp-1"]);
    assert!(lock(&site, "w-1").exists());
    let ran = site.run(&["apply", "--yes"]);
    assert!(ran.code == 0 && ran.stderr.contains(SAYS), "{}{}", ran.stdout, ran.stderr);
}

/// What it cannot put back needs a human, and nothing is planned on top of it.
#[test]
fn what_cannot_be_put_back_ends_the_next_run() {
    let site = killed_at("w-1", "pending");
    wait_for_its_script(&site, "w-1");
    let file = site.node("w-1/var/lib/kubelet/config.yaml");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let ran = site.run(&["apply", "--yes"]);
    assert_eq!(ran.code, 4, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr.contains("/var/lib/kubelet/config.yaml") && ran.stderr.contains("harden unlock"),
        "{}",
        ran.stderr
    );
    fs::remove_dir(&file).unwrap();
    assert_eq!(site.run(&["unlock", "--yes"]).code, 0);
    site.applied();
}
