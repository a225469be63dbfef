//! etcd as a user of its own, on trees that are whole systems: there, back, and what happens to it meanwhile.

use super::Site;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};

const MANIFEST: &str = "cp-1/etc/kubernetes/manifests/etcd.yaml";
const DATABASE: &str = "cp-1/var/lib/etcd/member/snap/db";
const NO_CHANGES: &str = "No changes. 2 nodes are as declared.";

/// A site whose etcd has data that is root's; `None` without root.
fn site() -> Option<Site> {
    let site = Site::new();
    for (file, text) in [
        ("cp-1/etc/passwd", "root:x:0:0:root:/root:/bin/sh\ntaken:x:999:999::/:/bin/sh\n"),
        ("cp-1/etc/group", "root:x:0:\ntaken:x:998:\n"),
        (DATABASE, "data"),
    ] {
        let path = site.node(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    if fs::metadata(site.node(DATABASE)).unwrap().uid() != 0 {
        eprintln!("SKIPPED: owners cannot be changed without root");
        return None;
    }
    Some(site)
}

fn switch(site: &Site, on: bool) {
    let text = fs::read_to_string(site.inventory()).unwrap();
    let text = text.split("\n[etcd]\n").next().unwrap().to_owned();
    fs::write(site.inventory(), format!("{text}\n[etcd]\nrun-as-user = {on}\n")).unwrap();
}

fn owner(site: &Site, below: &str) -> (u32, u32, u32) {
    let found = fs::symlink_metadata(site.node(below)).unwrap();
    (found.uid(), found.gid(), found.mode() & 0o7777)
}

fn assert_in_sync(site: &Site) {
    let plan = site.run(&["plan", "--detailed-exitcode"]);
    assert_eq!((plan.code, plan.last()), (0, NO_CHANGES), "{}", plan.stdout);
    assert_eq!(site.run(&["drift"]).code, 0);
}

#[test]
fn there_and_back_again() {
    let Some(site) = site() else { return };
    let kubeadms = site.read(MANIFEST);
    symlink("/etc/passwd", site.node("cp-1/var/lib/etcd/member/link")).unwrap();
    let passwd = fs::metadata("/etc/passwd").unwrap().uid();
    switch(&site, true);
    let plan = site.run(&["plan", "-v"]);
    // What is written is said before the user exists.
    for line in [
        "runAsUser is missing, wanted 997 (etcd)",
        "│ +    - --cert-file=/etc/harden-etcd/server.crt\n",
        "│ +      runAsUser: 997\n",
        "runs as root → etcd: it is stopped first, and started with the new manifest",
        "/var/lib/etcd and every file below it are given to etcd:etcd",
        "+ /etc/harden-etcd/peer.crt",
        "after a `kubeadm upgrade` etcd runs as root again",
    ] {
        assert!(plan.stdout.contains(line), "{line}\n{}", plan.stdout);
    }
    let site = site.applied();
    assert!(site.read("cp-1/etc/passwd").contains(":997:997:"), "{}", site.read("cp-1/etc/passwd"));
    for (path, mode) in [
        (DATABASE, 0o644),
        ("cp-1/var/lib/etcd", 0o700),
        ("cp-1/etc/harden-etcd", 0o700),
        ("cp-1/etc/harden-etcd/server.crt", 0o644),
        ("cp-1/etc/harden-etcd/server.key", 0o600),
        ("cp-1/etc/harden-etcd/peer.key", 0o600),
    ] {
        assert_eq!(owner(&site, path), (997, 997, mode), "{path}");
    }
    assert_eq!(owner(&site, "cp-1/var/lib/etcd/member/link").0, 997);
    assert_eq!(fs::metadata("/etc/passwd").unwrap().uid(), passwd, "a link is not followed");
    assert_eq!(owner(&site, "cp-1/etc/kubernetes/pki/etcd/server.key"), (0, 0, 0o600));
    assert_eq!(owner(&site, "cp-1/etc/kubernetes/pki/etcd/ca.key"), (0, 0, 0o600));
    let on = site.read(MANIFEST);
    assert!(on.contains("runAsUser: 997") && on.contains("harden/run-as-user: etcd"), "{on}");
    assert!(on.contains("--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt"), "{on}");
    assert_in_sync(&site);
    check(&site);

    switch(&site, false);
    let plan = site.run(&["plan", "-v"]);
    for line in [
        "runs as etcd → root: it is stopped first, and started with the new manifest",
        "/etc/harden-etcd/server.key goes: nothing uses it any more",
    ] {
        assert!(plan.stdout.contains(line), "{line}\n{}", plan.stdout);
    }
    let site = site.applied();
    let off = site.read(MANIFEST);
    assert!(!off.contains("runAs") && !off.contains("run-as-user") && !off.contains("harden-etcd"), "{off}");
    // But for what the other templates want of it, it is kubeadm's again.
    let own = |line: &&str| !line.contains("cipher-suites") && !line.contains("tls-min-version");
    assert_eq!(off.lines().filter(own).collect::<Vec<_>>(), kubeadms.lines().collect::<Vec<_>>());
    assert_eq!(fs::read_dir(site.node("cp-1/etc/harden-etcd")).unwrap().count(), 0);
    assert_eq!(owner(&site, DATABASE).0, 997, "root may use every file");
    assert_in_sync(&site);
    check(&site);
}

/// The verdicts about etcd are those of a hardened node, whoever it runs as. Where its data is only a running etcd tells.
fn check(site: &Site) {
    for item in
        ["1.1.7", "1.1.8", "1.1.19", "1.1.20", "1.1.21", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7"]
    {
        let check = site.run(&["check", "--controls", &format!("cis-1.12:{item}")]);
        assert!(!check.stdout.contains("FAIL  "), "{item}: {}", check.stdout);
        assert_eq!(check.code, 0, "{item}: {}", check.stdout);
    }
}

#[test]
fn what_an_upgrade_undoes_is_drift_and_put_back() {
    let Some(site) = site() else { return };
    switch(&site, true);
    let site = site.applied();
    let on = site.read(MANIFEST);
    // kubeadm writes its own manifest, and etcd as root makes files.
    let kubeadms = Site::new().read(MANIFEST);
    fs::write(site.node(MANIFEST), kubeadms).unwrap();
    fs::set_permissions(site.node(MANIFEST), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(site.node("cp-1/var/lib/etcd/member/new.wal"), "x").unwrap();
    let drift = site.run(&["drift"]);
    assert_eq!((drift.code, drift.last()), (2, "Drift: 1 resource on 1 of 2 nodes."));
    assert!(
        drift.stdout.contains("/var/lib/etcd/member/new.wal does not belong to etcd:etcd"),
        "{}",
        drift.stdout
    );
    let site = site.applied();
    assert_eq!(site.read(MANIFEST), on);
    assert_eq!(owner(&site, "cp-1/var/lib/etcd/member/new.wal").0, 997);
    assert_in_sync(&site);
    // A stray file alone: nothing is stopped for it.
    chown(site.node(DATABASE), Some(0), Some(0)).unwrap();
    let plan = site.run(&["plan"]);
    assert_eq!(plan.last(), "Plan: 0 to add, 1 to change, 0 to remove on 1 of 2 nodes.", "{}", plan.stdout);
    assert!(!plan.stdout.contains("stopped first"), "{}", plan.stdout);
    let site = site.applied();
    assert_eq!(owner(&site, DATABASE).0, 997);
    // And the directory of the keys.
    fs::set_permissions(site.node("cp-1/etc/harden-etcd"), fs::Permissions::from_mode(0o755)).unwrap();
    let site = site.applied();
    assert_eq!(owner(&site, "cp-1/etc/harden-etcd").2, 0o700);
    assert_in_sync(&site);
}

#[test]
fn a_part_brings_what_it_needs() {
    let Some(site) = site() else { return };
    switch(&site, true);
    let ran = site.run(&["apply", "--yes", "--target", "static-pod.etcd"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(owner(&site, "cp-1/etc/harden-etcd/peer.key"), (997, 997, 0o600));
    assert_eq!(owner(&site, DATABASE).0, 997);
    let plan = site.run(&["plan", "--detailed-exitcode", "--target", "static-pod.etcd"]);
    assert_eq!(plan.code, 0, "{}", plan.stdout);
}

#[test]
fn what_would_not_start_is_refused() {
    let Some(site) = site() else { return };
    switch(&site, true);
    let before = site.tree();
    for (from, to, said) in [
        (
            "--data-dir=/var/lib/etcd",
            "--data-dir=/data",
            "its --data-dir is /data, and only /var/lib/etcd is known",
        ),
        ("    seccompProfile:", "    runAsUser: 4711\n    seccompProfile:", "it runs as user 4711 already"),
    ] {
        site.replace(MANIFEST, from, to);
        let plan = site.run(&["plan"]);
        assert_eq!(plan.code, 1);
        assert!(plan.stderr.contains(&format!("run etcd as etcd: {said}")), "{}", plan.stderr);
        assert!(plan.stderr.contains("hint: "), "{}", plan.stderr);
        site.replace(MANIFEST, to, from);
    }
    let ca = site.node("cp-1/etc/kubernetes/pki/etcd/ca.crt");
    fs::set_permissions(&ca, fs::Permissions::from_mode(0o600)).unwrap();
    let plan = site.run(&["plan"]);
    let said = "that user could not read /etc/kubernetes/pki/etcd/ca.crt (mode 0600)";
    assert!(plan.code == 1 && plan.stderr.contains(said), "{}", plan.stderr);
    fs::set_permissions(&ca, fs::Permissions::from_mode(0o644)).unwrap();
    site.declare("[etcd.flags]\ncert-file = \"/etc/mine.crt\"");
    let validate = site.run(&["validate"]);
    assert_eq!(validate.code, 1);
    assert!(validate.stderr.contains("--cert-file of etcd, which runs as etcd"), "{}", validate.stderr);
    assert_eq!(before.len(), site.tree().len());
}

#[test]
fn an_etcd_that_somebody_gave_a_user_is_left_alone() {
    let Some(site) = site() else { return };
    site.replace(MANIFEST, "    seccompProfile:", "    runAsUser: 4711\n    seccompProfile:");
    let plan = site.run(&["plan"]);
    assert!(
        plan.stdout.contains("etcd runs as user 4711, by somebody else's choice: it stays so"),
        "{}",
        plan.stdout
    );
    let site = site.applied();
    assert!(site.read(MANIFEST).contains("    runAsUser: 4711\n"));
    assert_eq!(site.run(&["plan", "--detailed-exitcode"]).last(), NO_CHANGES);
}
