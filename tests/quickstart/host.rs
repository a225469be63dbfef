//! The host beneath Kubernetes, in a tree that is a whole system: users of its own, an SSH server, auditd.

use super::Site;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

/// A site whose control-plane node has these files too.
fn with(files: &[(&str, &str)]) -> Site {
    let site = Site::new();
    for (file, text) in files {
        let path = site.node("cp-1").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    site
}

#[test]
fn etcds_data_gets_an_owner_that_the_tree_knows() {
    let site = with(&[("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"), ("etc/group", "root:x:0:\n")]);
    let data = || fs::metadata(site.node("cp-1/var/lib/etcd")).unwrap();
    if data().uid() != 0 {
        eprintln!("SKIPPED: owners cannot be changed without root");
        return;
    }
    let plan = site.run(&["plan", "-v"]);
    assert!(plan.stdout.contains("+ user etcd  there is neither user nor group"), "{}", plan.stdout);
    assert!(plan.stdout.contains("owner root:root → etcd:etcd"), "{}", plan.stdout);
    let site = site.applied();
    let passwd = site.read("cp-1/etc/passwd");
    let numbers: Vec<u32> =
        passwd.lines().last().unwrap().split(':').skip(2).take(2).map(|id| id.parse().unwrap()).collect();
    let data = fs::metadata(site.node("cp-1/var/lib/etcd")).unwrap();
    assert_eq!(([data.uid(), data.gid()].as_slice(), data.mode() & 0o7777), (numbers.as_slice(), 0o700));
    let plan = site.run(&["plan", "--detailed-exitcode"]);
    assert_eq!((plan.code, plan.last()), (0, "No changes. 2 nodes are as declared."));
    // Somebody gives it back to root.
    std::os::unix::fs::chown(site.node("cp-1/var/lib/etcd"), Some(0), Some(0)).unwrap();
    let drift = site.run(&["drift"]);
    assert_eq!((drift.code, drift.last()), (2, "Drift: 1 resource on 1 of 2 nodes."));
}

#[test]
fn audit_rules_are_for_nodes_that_have_auditd() {
    let site = with(&[("etc/audit/rules.d/audit.rules", "-b 8192\n")]).applied();
    let rules = site.read("cp-1/etc/audit/rules.d/harden.rules");
    assert!(rules.contains("-w /etc/kubernetes -p wa -k kubernetes\n"), "{rules}");
    assert!(rules.contains("-w /var/lib/etcd -p wa -k etcd\n"), "{rules}");
    assert!(!rules.contains("/var/lib/kubelet"), "{rules}");
    let rules = site.read("cp-1/etc/audit/rules.d/harden-kubelet.rules");
    assert!(rules.contains("-w /var/lib/kubelet/pki -p wa -k kubelet\n"), "{rules}");
    let mode = fs::metadata(site.node("cp-1/etc/audit/rules.d/harden.rules")).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert!(!site.node("w-1/etc/audit").exists());
    assert!(!site.run(&["plan"]).stdout.contains("audit/rules.d"));
    site.declare("[host]\nauditd = false");
    assert_eq!(site.run(&["plan"]).last(), "No changes. 2 nodes are as declared.");
}

#[test]
fn an_ssh_server_that_would_not_read_the_file_is_refused_with_the_remedy() {
    let site = with(&[("etc/ssh/sshd_config", "Port 22\n")]);
    site.declare("[host]\nsshd = true");
    let before = site.tree();
    let plan = site.run(&["plan"]);
    assert_eq!(plan.code, 1);
    for node in ["cp-1", "w-1"] {
        let line = format!(
            "{node}: file.sshd: find the line `Include /etc/ssh/sshd_config.d/*.conf` in /etc/ssh/sshd_config: it is not there"
        );
        assert!(plan.stderr.contains(&line), "{}", plan.stderr);
    }
    assert!(plan.stderr.contains("hint: put the line `Include"), "{}", plan.stderr);
    assert!(super::differing(&before, &site.tree()).is_empty());
    for node in ["cp-1", "w-1"] {
        let config = site.node(node).join("etc/ssh/sshd_config");
        fs::create_dir_all(config.parent().unwrap()).unwrap();
        fs::write(config, "Include /etc/ssh/sshd_config.d/*.conf\nPort 22\n").unwrap();
    }
    let site = site.applied();
    let written = site.read("cp-1/etc/ssh/sshd_config.d/10-harden.conf");
    assert!(written.contains("\nPasswordAuthentication no\n"), "{written}");
    assert!(written.contains("\nPermitRootLogin prohibit-password\n"), "{written}");
    assert_eq!(site.run(&["plan"]).last(), "No changes. 2 nodes are as declared.");
}
