//! Saved plans: what is in the file, that it is shown as it was planned, and that apply does just that or nothing.

use super::{Site, differing};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// Plans into a file; the file, and the text that was shown.
fn saved(site: &Site) -> (String, String) {
    let file = site.outside("saved.plan").display().to_string();
    let ran = site.run(&["plan", "--out", &file]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    (file, ran.stdout)
}

#[test]
fn a_saved_plan_is_private_and_shown_as_it_was_planned() {
    let site = Site::new();
    let before = site.tree();
    let (file, text) = saved(&site);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let show = site.run(&["show", &file]);
    assert_eq!((show.code, show.stdout, show.stderr.as_str()), (0, text, ""));
    assert!(differing(&before, &site.tree()).is_empty());
    // Also where somebody else made the file readable before.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    saved(&site);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn apply_does_exactly_what_was_saved() {
    let site = Site::new();
    let (file, text) = saved(&site);
    // Not in the saved plan, so that it must not be done.
    site.declare("[kubelet.config]\nmaxPods = 99");
    let ran = site.run(&["apply", "--yes", &file]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let (shown, summary) = ran.stdout.split_at(text.len());
    assert_eq!(shown, text);
    assert!(summary.starts_with("Applied: 32 changes on 2 nodes in 1 stage ("), "{summary}");
    assert!(!summary.contains("No changes are left"), "nobody has looked: {summary}");
    assert!(!site.read("w-1/var/lib/kubelet/config.yaml").contains("maxPods"));
    assert!(
        site.run(&["plan"]).last().starts_with("Plan: 0 to add, 2 to change, 0 to remove on 2 of 2 nodes.")
    );
}

#[test]
fn a_stale_plan_is_refused_with_what_moved() {
    let site = Site::new();
    let (file, _) = saved(&site);
    site.replace("cp-1/etc/kubernetes/manifests/etcd.yaml", "snapshot-count=10000", "snapshot-count=20000");
    fs::set_permissions(site.node("w-1/var/lib/kubelet/config.yaml"), fs::Permissions::from_mode(0o640))
        .unwrap();
    let before = site.tree();
    let ran = site.run(&["apply", "--yes", &file]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(
        ran.stderr.contains("error: 2 paths moved since the plan was made, and nothing was changed:\n"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("\n  cp-1: /etc/kubernetes/manifests/etcd.yaml was "), "{}", ran.stderr);
    assert!(ran.stderr.contains("\n  w-1: /var/lib/kubelet/config.yaml was "), "{}", ran.stderr);
    assert!(ran.stderr.contains("\nhint: plan again"), "{}", ran.stderr);
    assert_eq!(differing(&before, &site.tree()), Vec::<std::path::PathBuf>::new());
}

/// A plan in which the API server begins to trust no other kubelets was made when all of them served as it asks. It is carried out
/// only if they still do, and here nobody can tell.
#[test]
fn a_plan_whose_proof_is_gone_is_refused() {
    let site = Site::new();
    let (file, _) = saved(&site);
    let text = fs::read_to_string(&file).unwrap();
    let flag = "    - --kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt\\n";
    let with_flag = text.replace("    - --profiling=false\\n", &format!("    - --profiling=false\\n{flag}"));
    assert_ne!(text, with_flag);
    fs::write(&file, with_flag).unwrap();
    let before = site.tree();
    let ran = site.run(&["apply", "--yes", &file]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    let message = "error: what the plan rests on does not hold now, and nothing was changed:\n  cp-1: not every kubelet is seen to serve as \
                   --kubelet-certificate-authority of its API server asks\nhint: plan again";
    assert!(ran.stderr.contains(message), "{}", ran.stderr);
    assert!(differing(&before, &site.tree()).is_empty());
}

#[test]
fn a_plan_of_another_cluster_is_refused() {
    let site = Site::new();
    let (file, _) = saved(&site);
    let inventory = fs::read_to_string(site.inventory()).unwrap();
    fs::write(site.inventory(), inventory.replace("name = \"quickstart\"", "name = \"other\"")).unwrap();
    let before = site.tree();
    let ran = site.run(&["apply", "--yes", &file]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    let message =
        "error: the plan is of the cluster quickstart, and the inventory of other; nothing was changed\n";
    assert!(ran.stderr.contains(message), "{}", ran.stderr);
    assert!(differing(&before, &site.tree()).is_empty());
}
