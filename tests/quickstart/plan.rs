//! `harden plan`: what it shows, that it changes nothing, and what it does about nodes that it cannot read.

use super::{Site, differing};
use insta::assert_snapshot;
use std::net::TcpListener;

#[test]
fn a_plan_changes_nothing_and_is_the_same_twice() {
    let site = Site::new();
    let before = site.tree();
    let first = site.run(&["plan"]);
    let second = site.run(&["plan"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(site.run(&["plan", "--detailed-exitcode"]).code, 2);
    let json = || {
        let ran = site.run(&["plan", "-o", "json"]);
        let mut value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(value["created"].take().as_i64() > Some(0));
        value.to_string()
    };
    assert_eq!(json(), json());
    site.run(&["drift"]);
    site.run(&["validate"]);
    assert_eq!(differing(&before, &site.tree()), [""; 0].map(std::path::PathBuf::from));
}

#[test]
fn the_search_above_finds_a_touched_file() {
    let site = Site::new();
    let before = site.tree();
    let file = std::fs::File::options().append(true).open(site.node("cp-1/etc/hostname")).unwrap();
    file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(1)).unwrap();
    assert_eq!(differing(&before, &site.tree()), [site.node("cp-1/etc/hostname")]);
}

#[test]
fn the_plan_of_the_quickstart() {
    let site = Site::new();
    let ran = site.run(&["plan"]);
    let text = format!(
        "exit code: {}\n--- standard output ---\n{}--- standard error ---\n{}",
        ran.code,
        ran.stdout,
        sorted(&ran.stderr)
    );
    // Who is not root cannot tell owners.
    let text: Vec<_> = text.lines().filter(|line| !line.contains("owners are not judged")).collect();
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"(?m)^\d\d:\d\d:\d\d ", "[time] ");
    settings.add_filter(r"key-\d{8}", "key-[day]");
    settings.add_filter(r"[0-9a-f]{64}", "[digest]");
    // YAML quotes what would read as a number, and digests may.
    settings.add_filter(r#""\[digest\]""#, "[digest]");
    settings.bind(|| assert_snapshot!(text.join("\n")));
}

/// Two nodes are read at once, in any order.
fn sorted(progress: &str) -> String {
    let mut lines: Vec<_> = progress.lines().collect();
    lines.sort_by_key(|line| line.get(9..));
    lines.join("\n")
}

#[test]
fn words_repeat_the_diff_only_when_asked() {
    let site = Site::new();
    let flag = "--profiling is missing, wanted false";
    assert!(!site.run(&["plan"]).stdout.contains(flag));
    let verbose = site.run(&["plan", "-v"]).stdout;
    assert!(verbose.contains(flag) && verbose.contains("does not exist") && !verbose.contains("more lines"));
    let shortened =
        "--tls-cipher-suites is missing, wanted TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDH…";
    assert!(verbose.contains(shortened), "{verbose}");
}

#[test]
fn a_limit_leaves_nodes_alone() {
    let site = Site::new();
    let ran = site.run(&["plan", "--limit", "worker"]);
    assert_eq!((ran.code, ran.stdout.contains("  cp-1: ")), (0, false), "{}", ran.stdout);
    assert_eq!(ran.last(), "Plan: 3 to add, 4 to change, 0 to remove on 1 of 1 node.");
    let before = site.tree();
    let ran = site.run(&["apply", "--yes", "--limit", "!cp-1"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let touched = differing(&before, &site.tree());
    assert!(
        touched.len() > 5 && touched.iter().all(|path| path.starts_with(site.node("w-1"))),
        "{touched:?}"
    );
    for (limit, message) in
        [("nobody", "error: no node matches `nobody`"), ("!cp-1,!w-1", "error: --limit leaves no node")]
    {
        let ran = site.run(&["plan", "-l", limit]);
        assert!(ran.code == 1 && ran.stderr.starts_with(message), "{}", ran.stderr);
    }
}

/// A node on a port of this machine where nobody listens.
pub(super) fn with_unreachable_node(site: &Site) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    site.declare(&format!(
        "[[nodes]]\nname = \"w-2\"\naddress = \"127.0.0.1\"\nroles = [\"worker\"]\n[nodes.ssh]\nport = {port}"
    ));
}

#[test]
fn an_unreachable_node_is_listed_and_the_rest_is_planned() {
    let site = Site::new();
    with_unreachable_node(&site);
    let ran = site.run(&["plan"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.starts_with("Cluster quickstart: 2 of 3 nodes read\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("\nNot read:\n  w-2: ") && ran.stdout.contains("onnection refused"));
    assert_eq!(ran.last(), "Plan: 10 to add, 22 to change, 0 to remove on 2 of 3 nodes.");

    let before = site.tree();
    let ran = site.run(&["apply", "--yes"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("error: 1 node cannot be read, and nothing was changed\n"), "{}", ran.stderr);
    assert!(differing(&before, &site.tree()).is_empty());

    let json = site.run(&["apply", "--yes", "-o", "json"]);
    let value: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(value["unreachable"][0]["node"], "w-2");
    assert_eq!((value["exit_code"].as_i64(), value["stages"].as_array().unwrap().len()), (Some(1), 0));
    assert!(value["error"].as_str().unwrap().starts_with("1 node cannot be read"));

    assert_eq!(site.run(&["apply", "--yes", "--limit", "!w-2"]).code, 0);
    site.replace(
        "cp-1/etc/kubernetes/manifests/kube-scheduler.yaml",
        "--profiling=false",
        "--profiling=true",
    );
    let ran = site.run(&["drift"]);
    assert_eq!(ran.code, 1, "incomplete, whatever drifted elsewhere");
    assert_eq!(ran.last(), "Drift: 1 resource on 1 of 3 nodes; 1 node could not be read.");
    let ran = site.run(&["plan", "--limit", "w-2", "--detailed-exitcode"]);
    assert_eq!((ran.code, ran.last()), (1, "No node could be read."));
}

#[test]
fn templates_beside_the_inventory_replace_add_and_switch_off() {
    let site = Site::new();
    site.template("files/etcd-data.tera", "");
    site.template(
        "host/network.tera",
        "+++\nkind = \"sysctl\"\npath = \"/etc/sysctl.d/99-harden.conf\"\nmode = \"0644\"\n+++\nkernel.panic: 10\n",
    );
    site.template(
        "site/motd.tera",
        "+++\nkind = \"file\"\npath = \"/etc/motd\"\nmode = \"0644\"\nroles = [\"worker\"]\n+++\nThis is {{ node.name }}.\n",
    );
    assert_eq!(site.run(&["validate"]).code, 0);
    let text = site.run(&["plan"]).stdout;
    assert!(text.contains("│ +kernel.panic = 10\n") && !text.contains("tcp_syncookies"), "{text}");
    assert!(
        text.contains("+ /etc/motd\n      │ +This is w-1.\n") && !text.contains("This is cp-1"),
        "{text}"
    );
    assert!(!text.contains("~ /var/lib/etcd"), "{text}");
    let site = site.applied();
    assert_eq!(site.read("w-1/etc/motd"), "This is w-1.\n");
    assert!(!site.node("cp-1/etc/motd").exists());
}
