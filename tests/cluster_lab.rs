//! The lab is what the other cluster tests take it for: every host can be logged in to, by every user, and is a Ready node.

use crate::support::lab::Lab;

#[test]
#[ignore = "needs the lab: tests/run"]
fn every_host_is_a_ready_node() {
    let lab = Lab::from_env();
    assert!(lab.inventory().is_file());
    let nodes = lab.kubectl(&[
        "get",
        "nodes",
        "-o",
        r#"jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}"#,
    ]);
    let expected: Vec<_> = lab.names().iter().map(|name| format!("{name} True")).collect();
    assert_eq!(nodes.lines().collect::<Vec<_>>(), expected);
}

#[test]
#[ignore = "needs the lab: tests/run"]
fn every_user_logs_in_and_has_the_sudo_it_should() {
    let lab = Lab::from_env();
    for name in lab.names() {
        for (user, command, code) in
            [("root", "true", 0), ("ops", "sudo -n true", 0), ("ops-pass", "sudo -n true 2>/dev/null", 1)]
        {
            let output = lab.ssh(&format!("{user}@{name}"), command);
            assert_eq!(output.status.code(), Some(code), "{user}@{name}: {output:?}");
        }
    }
}
