//! What people and programs see.

use super::{INVENTORY, World};
use harden::doctor::{Check, Report};
use harden::remote::RemoteError;
use harden::ui::doctor::{json, table};
use harden::ui::{Paint, View};
use insta::assert_snapshot;

const PLAIN: View = View { paint: Paint { color: false }, width: 100, verbose: false };

fn worker(name: &str, number: u32) -> String {
    format!("[[nodes]]\nname = \"{name}\"\naddress = \"192.0.2.{number}\"\nroles = [\"worker\"]\n")
}

fn unknown_key(host: &str) -> RemoteError {
    RemoteError::UnknownHostKey {
        host: host.to_owned(),
        port: 22,
        key_type: String::from("ssh-ed25519"),
        fingerprint: String::from("SHA256:9m6JUvgSyOcZ9hwLYL5+2hKqXkBIfdXl3iqFjDVQbNg"),
    }
}

/// Hosts in every state.
fn fleet() -> Report {
    let mut text = String::from(INVENTORY);
    for number in 2..=7 {
        text += &worker(&format!("w-{number}"), 20 + number);
    }
    World::new(&text)
        .change("cp-1", "present", "registry.k8s.io/", "other.example/")
        .change("cp-1", "kernel", "", "swap /dev/sda2\n")
        .change("w-1", "kernel", "br_netfilter there", "br_netfilter loadable")
        .change("w-2", "kernel", "br_netfilter there", "br_netfilter loadable")
        .change("w-4", "programs", "v1.35.4", "v1.35.3")
        .change("w-5", "standing", "", "left /etc/kubernetes/kubelet.conf\n")
        .change("w-5", "ports", "", "listener 280A kubelet\n")
        .change("w-6", "standing", "", "left /etc/kubernetes/pki\nleft /var/lib/kubelet/config.yaml\n")
        .change("w-6", "system", "hostname w-6", "hostname w\u{1b}[2J")
        .lose("w-7", unknown_key("192.0.2.27"))
        .judge()
}

#[test]
fn the_table_is_read_at_once() {
    assert_snapshot!(table(&fleet(), PLAIN));
}

#[test]
fn what_is_accepted_is_still_told() {
    let mut report = World::new(INVENTORY).change("cp-1", "kernel", "", "swap /dev/sda2\n").judge();
    assert_eq!(report.summary().fatal, 1);
    report.accept(&[Check::Swap, Check::Dns]);
    assert_eq!((report.summary().fatal, report.summary().accepted), (0, 1));
    assert_snapshot!(table(&report, PLAIN));
}

#[test]
fn hosts_that_are_fit_are_one_line() {
    assert_snapshot!(table(&World::new(INVENTORY).judge(), PLAIN), @r"
    cp-1, w-1 (blank): nothing was found

    2 hosts: 0 fatal findings, 0 warnings
    ");
}

#[test]
fn programs_read_the_same() {
    let report = World::new(INVENTORY).change("cp-1", "kernel", "", "swap /dev/sda2\n").judge();
    assert_snapshot!(json(&report).unwrap().replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

#[test]
fn the_readme_shows_what_is_printed() {
    let mut text = String::from(INVENTORY);
    for number in 2..=4 {
        text += &worker(&format!("w-{number}"), 20 + number);
    }
    let report = World::new(&text)
        .change("cp-1", "present", "registry.k8s.io/etcd:3.6.6-0\n", "")
        .change("cp-1", "kernel", "", "swap /dev/sda2\n")
        .change("w-1", "kernel", "br_netfilter there", "br_netfilter loadable")
        .change("w-2", "kernel", "br_netfilter there", "br_netfilter loadable")
        .lose("w-4", unknown_key("192.0.2.24"))
        .judge();
    let printed = table(&report, View { width: 110, ..PLAIN });
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&format!("```text\n{printed}```\n")), "put this into README.md:\n{printed}");
}
