//! Saved plans, and plans that went stale.

use super::fixture::{API_PATH, inputs, inventory, name, observed, path, present};
use harden::inventory::Role;
use harden::plan::file::{PlanFileError, from_json, to_json};
use harden::plan::{Plan, build};
use harden::resource::FileState;
use std::collections::BTreeMap;

fn plan() -> Plan {
    build(inputs(&inventory(&[("cp", &[Role::ControlPlane, Role::Etcd])]))).unwrap()
}

#[test]
fn a_plan_survives_the_way_through_json() {
    let plan = plan();
    let text = to_json(&plan).unwrap();
    assert_eq!(from_json(&text).unwrap(), plan);
    assert!(text.ends_with("}\n"));
    // What is new in a newer minor format is ignored.
    let newer = text.replacen("\"1.0\"", "\"1.7\",\n  \"news\": 1", 1);
    assert_eq!(from_json(&newer).unwrap().waves, plan.waves);
}

#[test]
fn what_is_not_a_plan_is_told_apart() {
    let text = to_json(&plan()).unwrap();
    for end in [1, 2, text.len() / 2, text.len() - 3] {
        assert!(matches!(from_json(&text[..end]), Err(PlanFileError::Truncated { .. })), "{end}");
    }
    for other in ["", "{}", "[1]", "hello", "apiVersion: v1", "{\"format_version\": \"1.0\"}", "null"] {
        assert!(matches!(from_json(other), Err(PlanFileError::NotAPlan { .. })), "{other}");
    }
    let future = text.replacen("\"1.0\"", "\"2.0\"", 1);
    let error = from_json(&future).unwrap_err().to_string();
    assert!(error.contains("its format is 2.0"), "{error}");
    let damaged = text.replacen("\"stage\"", "\"age\"", 1);
    assert!(matches!(from_json(&damaged), Err(PlanFileError::Damaged { .. })));
}

#[test]
fn every_path_that_moved_is_stale() {
    let plan = plan();
    let mut now = BTreeMap::from([(name("cp"), observed())]);
    assert_eq!(plan.stale(&now), []);
    let node = now.get_mut(&name("cp")).unwrap();
    node.files.insert(path(API_PATH), present("other", "0600"));
    node.files.insert(path("/etc/kubernetes/audit/policy.yaml"), present("x", "0600"));
    node.files.insert(path("/etc/kubernetes/pki/etcd/server.crt"), FileState::Absent);
    node.files.insert(path("/etc/sysctl.d/99-harden.conf"), FileState::Unknown("no".into()));
    let stale: Vec<String> = plan.stale(&now).iter().map(ToString::to_string).collect();
    assert_eq!(stale.len(), 4, "{stale:#?}");
    assert!(
        stale[0].starts_with(
            "cp: /etc/kubernetes/audit/policy.yaml was absent, and is root:root 0600 2d711642b726…"
        ),
        "{stale:#?}"
    );
    assert!(stale[1].ends_with("and is absent") && stale[3].ends_with("and is unknown"), "{stale:#?}");
    assert!(plan.stale(&BTreeMap::new()).len() >= 6);
}
