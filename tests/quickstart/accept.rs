//! Changes that cannot be undone: marked in the plan, refused without an `--accept`, and nothing else is.

use super::Site;
use serde_json::Value;

const SUPER_ADMIN: &str = "cp-1/etc/kubernetes/super-admin.conf";
const RESOURCE: &str = "absent.super-admin-kubeconfig";

fn site() -> Site {
    let site = Site::new();
    site.declare("[files]\nremove-super-admin-conf = true");
    site
}

#[test]
fn the_plan_marks_them_in_text_and_json() {
    let site = site();
    let plan = site.run(&["plan"]);
    assert!(plan.stdout.contains("!- /etc/kubernetes/super-admin.conf"), "{}", plan.stdout);
    let told =
        format!("1 change marked ! cannot be undone; apply asks for each, or takes --accept {RESOURCE}.");
    assert!(plan.stdout.contains(&told), "{}", plan.stdout);
    let plan: Value = serde_json::from_str(&site.run(&["plan", "-o", "json"]).stdout).unwrap();
    assert_eq!(plan["no_return"].as_array().unwrap().len(), 1);
    let change = &plan["no_return"][0];
    assert_eq!((&change["resource"], &change["nodes"][0]), (&RESOURCE.into(), &"cp-1".into()));
    assert_eq!(change["reason"], "it is removed, and no copy of it is kept");
}

#[test]
fn yes_alone_is_refused_before_anything_is_written() {
    let site = site();
    let before = site.tree();
    let refused = site.run(&["apply", "--yes"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    for told in [
        "1 change cannot be undone, and nothing was changed without an --accept for each:",
        "absent.super-admin-kubeconfig: /etc/kubernetes/super-admin.conf on cp-1, it is removed, and no copy of it is kept",
        "add --accept absent.super-admin-kubeconfig",
    ] {
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
    }
    assert_eq!(site.tree(), before);
    // A yes needs somebody who says it.
    let alone = site.run(&["apply"]);
    assert!(alone.code == 1 && alone.stderr.contains("not a terminal"), "{}", alone.stderr);
    assert_eq!(site.tree(), before);
}

#[test]
fn a_saved_plan_is_no_acceptance() {
    let site = site();
    let file = site.outside("plan.json");
    let file = file.to_str().unwrap();
    assert_eq!(site.run(&["plan", "--out", file]).code, 0);
    let before = site.tree();
    let refused = site.run(&["apply", file, "--yes"]);
    assert!(refused.code == 1 && refused.stderr.contains(RESOURCE), "{}", refused.stderr);
    assert_eq!(site.tree(), before);
    let applied = site.run(&["apply", file, "--yes", "--accept", "absent.*"]);
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    assert!(!site.node(SUPER_ADMIN).exists());
}

#[test]
fn what_is_accepted_may_be_done_already_and_must_exist() {
    let site = site().applied_with(&["--accept", RESOURCE]);
    assert!(!site.node(SUPER_ADMIN).exists());
    // A job that accepts it every time goes on working.
    site.declare("[scheduler.flags]\nv = 3");
    let site = site.applied_with(&["--accept", RESOURCE]);
    site.declare("[controller-manager.flags]\nv = 3");
    let before = site.tree();
    for (pattern, hint) in [
        ("absent.super-admin-kubeconf", "did you mean `absent.super-admin-kubeconfig`?"),
        ("everything", "name the resource as the plan names it"),
    ] {
        let refused = site.run(&["apply", "--yes", "--accept", pattern]);
        assert_eq!(refused.code, 1, "{}", refused.stderr);
        assert!(refused.stderr.contains(&format!("`--accept {pattern}`: there is no such resource")));
        assert!(refused.stderr.contains(hint), "{}", refused.stderr);
    }
    assert_eq!(site.tree(), before);
}

/// Encryption at rest and etcd's user are part of it: both can be taken back, or harm nobody who does not.
#[test]
fn an_ordinary_first_hardening_needs_no_acceptance() {
    let site = Site::new();
    let plan: Value = serde_json::from_str(&site.run(&["plan", "-o", "json"]).stdout).unwrap();
    assert_eq!(plan["no_return"], Value::Array(Vec::new()));
    site.applied();
}
