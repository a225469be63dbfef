//! A part of the hardening: `--controls`, `--target` and `[controls]`. What a part needs comes with it, what is left out is left
//! alone, and the parts make the whole.

use super::{Site, differing};
use harden::desired::Templates;
use harden::inventory::Profile;

const API_SERVER: &str = "cp-1/etc/kubernetes/manifests/kube-apiserver.yaml";
const CONFIG: &str = "w-1/var/lib/kubelet/config.yaml";

#[test]
fn a_flag_brings_its_file_and_its_mount() {
    let site = Site::new();
    let plan = site.run(&["plan", "--controls", "cis-1.12:1.2.16"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    for part in [
        "--audit-log-path=/var/log/kubernetes/audit/audit.log",
        "+ /etc/kubernetes/audit/policy.yaml",
        "name: harden-audit-policy",
        "harden/file.audit-policy: ",
        "Notice: Partial: only cis-1.12:1.2.16; ",
        "With it comes kube-apiserver/audit-policy.tera (kube-apiserver/audit.tera needs it)",
    ] {
        assert!(plan.stdout.contains(part), "{part}:\n{}", plan.stdout);
    }
    for other in ["--profiling", "kubelet/config.yaml", "encryption", "NodeRestriction,", "w-1: "] {
        assert!(!plan.stdout.contains(other), "{other}:\n{}", plan.stdout);
    }
    assert!(
        plan.last().starts_with("Plan: 1 to add, 1 to change, 0 to remove on 1 of 2 nodes."),
        "{}",
        plan.last()
    );
}

#[test]
fn a_directory_brings_its_owner_and_a_key_its_kernel_parameters() {
    let site = Site::new();
    let json = |arguments: &[&str]| -> Vec<String> {
        let ran = site.run(&[&["plan", "-o", "json"], arguments].concat());
        let plan: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(plan["partial"], true);
        let nodes =
            plan["waves"].as_array().unwrap().iter().flat_map(|wave| wave["nodes"].as_array().unwrap());
        let changes = nodes.flat_map(|node| node["changes"].as_array().unwrap());
        let mut ids: Vec<String> =
            changes.map(|change| change["resource"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids.dedup();
        ids
    };
    // These trees have no list of users, and so no user is made.
    assert_eq!(json(&["--controls", "1.1.12"]), ["attributes.etcd-data"]);
    let plan = site.run(&["plan", "--controls", "1.1.11"]);
    let brought = "With it comes etcd/user.tera (files/etcd-data.tera needs it)";
    assert!(plan.stdout.contains(brought), "{}", plan.stdout);
    assert_eq!(json(&["--target", "yaml-keys.kubelet"]), ["sysctl.kubelet", "yaml-keys.kubelet"]);
    assert_eq!(
        json(&["--controls", "1.2.5"]),
        ["certificate.kubelet-serving", "yaml-keys.kubelet"],
        "the flag itself waits for running kubelets, and of the kubelet's keys the certificate needs three"
    );
    assert_eq!(json(&["--controls", "1.2.28"]), ["file.encryption-config", "static-pod.kube-apiserver"]);
    let both = json(&["--controls", "1.3.2", "--controls", "1.4.1", "--target", "sysctl.network"]);
    assert_eq!(both, ["static-pod.kube-controller-manager", "static-pod.kube-scheduler", "sysctl.network"]);
    // The same control under the name of another benchmark.
    assert_eq!(json(&["--controls", "cis-2.0:1.1.12"]), json(&["--controls", "1.1.12"]));
}

#[test]
fn parts_make_the_whole_and_a_part_after_the_whole_is_empty() {
    let site = Site::new();
    let before = site.tree();
    let part = site.run(&["apply", "--yes", "--controls", "1.3.*"]);
    assert_eq!(part.code, 0, "{}{}", part.stdout, part.stderr);
    let changed = differing(&before, &site.tree());
    let manifests: Vec<_> =
        changed.iter().filter(|path| path.ends_with("kube-controller-manager.yaml")).collect();
    assert_eq!(manifests.len(), 1, "{changed:?}");
    assert!(!changed.iter().any(|path| path.ends_with("kube-apiserver.yaml")), "{changed:?}");
    let again = site.run(&["plan", "--detailed-exitcode", "--controls", "1.3.*"]);
    assert_eq!((again.code, again.last()), (0, "No changes within the selection."));
    let site = site.applied();
    let whole = site.tree();
    assert_eq!(site.run(&["plan"]).last(), "No changes. 2 nodes are as declared.");
    for controls in ["1.3.*", "1.2.*", "*"] {
        let plan = site.run(&["plan", "--detailed-exitcode", "--controls", controls]);
        assert_eq!((plan.code, plan.last()), (0, "No changes within the selection."), "{}", plan.stdout);
    }
    let apply = site.run(&["apply", "--yes", "--controls", "1.2.16"]);
    assert_eq!((apply.code, apply.last()), (0, "Nothing to apply."));
    assert!(differing(&whole, &site.tree()).is_empty());
}

#[test]
fn drift_within_a_selection_sees_nothing_else() {
    let site = Site::new().applied();
    site.replace(API_SERVER, "--profiling=false", "--profiling=true");
    let drift = |controls: &str| {
        let ran = site.run(&["drift", "--controls", controls]);
        (ran.code, ran.last().to_owned())
    };
    assert_eq!(drift("1.2.15"), (2, String::from("Drift: 1 resource on 1 of 2 nodes.")));
    assert_eq!(drift("1.2.16"), (0, String::from("No drift within the selection on 2 nodes.")));
    // A part repairs its own, and the whole is known as it was.
    let repaired = site.run(&["apply", "--yes", "--controls", "1.2.15"]);
    assert_eq!(repaired.code, 0, "{}", repaired.stderr);
    assert_eq!(site.run(&["drift"]).last(), "No drift on 2 nodes.");
}

#[test]
fn a_switch_leaves_a_flag_alone_and_the_check_says_why() {
    let site = Site::new();
    site.declare(
        "[controls]\n\"cis-1.12:1.2.15\" = { apply = false, reason = \"we profile in production\" }\n\
         \"cis-1.12:1.2.1[6-9]\" = { apply = false, reason = \"logs go elsewhere\" }\n\
         \"cis-1.12:1.2.17\" = { apply = true, reason = \"but not for ever\" }\n\
         \"cis-1.12:4.2.13\" = { apply = false, reason = \"one key of many\" }\n\
         \"cis-1.12:4.1.9\" = { apply = false, reason = \"the mode of a file that is written\" }\n",
    );
    let plan = site.run(&["plan"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    let api_server =
        plan.stdout.split("kube-apiserver.yaml").nth(1).unwrap().split("kube-controller-manager.yaml").next();
    let api_server = api_server.unwrap();
    assert!(
        api_server.contains("--audit-log-maxage=30") && api_server.contains("--audit-policy-file="),
        "{api_server}"
    );
    for gone in ["--profiling", "--audit-log-path", "--audit-log-maxsize"] {
        assert!(!api_server.contains(gone), "{gone}: {api_server}");
    }
    let kept = "[controls] switches off cis-1.12:4.1.9, and kubelet/kubelet.tera satisfies other controls in the same breath: it stays";
    assert!(plan.stdout.contains(kept), "{}", plan.stdout);
    assert!(plan.stdout.contains("seccompDefault: true"), "{}", plan.stdout);
    assert!(!plan.stdout.contains("podPidsLimit"), "{}", plan.stdout);
    for (control, fixed_by) in [("4.2.13", vec![]), ("4.2.14", vec!["yaml-keys.kubelet"])] {
        let check = site.run(&["check", "--controls", control, "--limit", "w-1", "-o", "json"]);
        let report: serde_json::Value = serde_json::from_str(&check.stdout).unwrap();
        assert_eq!(report["findings"][0]["fixed_by"], serde_json::json!(fixed_by), "{control}: {report}");
    }
    let check = site.run(&["check", "--controls", "1.2.15", "-v"]);
    assert_eq!(check.code, 2, "it is as open as before");
    let why = "switched off under [controls], so `harden apply` leaves it alone: we profile in production";
    assert!(check.stdout.contains(why), "{}", check.stdout);
    let nothing = site.run(&["plan", "--controls", "1.2.15"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (1, ""));
    assert!(nothing.stderr.contains("everything that is selected is switched off under [controls]"));
}

#[test]
fn a_key_is_planned_and_left_alone_by_itself() {
    let site = Site::new();
    site.replace(CONFIG, "    enabled: false", "    enabled: true");
    let before = site.read(CONFIG);
    let apply = site.run(&["apply", "--yes", "--controls", "4.2.1"]);
    assert_eq!(apply.code, 0, "{}{}", apply.stdout, apply.stderr);
    assert_eq!(site.read(CONFIG), before.replacen("    enabled: true", "    enabled: false", 1));
    // The rest is pending, and no drift: nobody else has changed anything.
    let drift = site.run(&["drift", "--controls", "4.2.*"]);
    assert_eq!(drift.code, 0, "{}", drift.stdout);
    site.declare("[controls]\n\"cis-1.12:4.2.1\" = { apply = false, reason = \"someone needs it\" }\n");
    site.replace(CONFIG, "    enabled: false", "    enabled: true");
    let site = site.applied();
    let after = site.read(CONFIG);
    assert!(
        after.contains("  anonymous:\n    enabled: true\n") && after.contains("podPidsLimit: 4096"),
        "{after}"
    );
    assert_eq!(site.run(&["plan"]).last(), "No changes. 2 nodes are as declared.");
}

#[test]
fn what_is_needed_stays_although_it_is_switched_off() {
    let site = Site::new();
    site.declare("[controls]\n\"cis-1.12:1.2.27\" = { apply = false, reason = \"no flag\" }\n");
    let plan = site.run(&["plan"]);
    assert!(plan.stdout.contains("--encryption-provider-config="), "{}", plan.stdout);
    let notice = "kube-apiserver/encryption.tera stays although [controls] switches off cis-1.12:1.2.27: kube-apiserver/encryption-config.tera needs it";
    assert!(plan.stdout.contains(notice), "{}", plan.stdout);
    site.declare("\"cis-1.12:1.2.28\" = { apply = false, reason = \"a KMS does it\" }\n");
    let plan = site.run(&["plan"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    assert!(!plan.stdout.contains("encryption"), "{}", plan.stdout);
}

#[test]
fn the_inventorys_flags_come_where_they_are_meant() {
    let site = Site::new();
    site.declare("[apiserver.flags]\nv = \"3\"\naudit-log-maxage = 7\n");
    let of = |arguments: &[&str]| site.run(&[&["plan"], arguments].concat()).stdout;
    let audit = of(&["--controls", "1.2.16"]);
    assert!(audit.contains("--audit-log-maxage=7") && !audit.contains("--v=3"), "{audit}");
    assert!(of(&["--target", "static-pod.kube-apiserver"]).contains("--v=3"));
}

#[test]
fn a_template_of_the_users_can_have_a_benchmark_of_its_own() {
    let site = Site::new();
    let text =
        "+++\nkind = \"file\"\npath = \"/etc/own\"\nmode = \"0600\"\ncontrols = [\"own-1:1.1\"]\n+++\nx\n";
    site.template("own.tera", text);
    let plan = site.run(&["plan", "--controls", "own-1:*"]);
    assert_eq!(plan.last(), "Plan: 2 to add, 0 to change, 0 to remove on 2 of 2 nodes.", "{}", plan.stderr);
}

#[test]
fn a_part_heeds_what_it_is_not_about() {
    let site = Site::new();
    let foreign = "    - --kubelet-certificate-authority=/etc/kubernetes/pki/other.crt\n    - --kubelet-client-certificate";
    site.replace(API_SERVER, "    - --kubelet-client-certificate", foreign);
    let plan = site.run(&["plan", "--controls", "4.2.9"]);
    assert!(
        plan.stdout.contains("cp-1: its API server trusts kubelets by /etc/kubernetes/pki/other.crt"),
        "{}",
        plan.stdout
    );
    assert!(!plan.stdout.contains("harden-serving"), "{}", plan.stdout);
}

#[test]
fn a_selection_of_nothing_is_refused_with_what_there_is() {
    let site = Site::new();
    for (arguments, message, hint) in [
        (["--controls", "1.2.99"], "`1.2.99` matches no control of cis-1.12", "in cis-1.12 there are 1.1.*"),
        (["--controls", "5.1.1"], "no template satisfies `5.1.1`", "there are templates for 1.1.*, 1.2.*"),
        (["--controls", "cis-3:1.1.1"], "the benchmark cis-3, which there is not", "cis-1.12, cis-2.0"),
        (
            ["--target", "user.etdc"],
            "no template makes the resource `user.etdc`",
            "did you mean `user.etcd`?",
        ),
        (
            ["--target", "user.somebody-else-entirely"],
            "no template makes the resource",
            "there are user.etcd",
        ),
        (["--target", "etcd"], "`etcd` is not a resource name", "static-pod.kube-apiserver"),
    ] {
        for verb in ["plan", "apply", "drift"] {
            let ran = site.run(&[&[verb], arguments.as_slice()].concat());
            assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{arguments:?}");
            assert!(ran.stderr.contains(message) && ran.stderr.contains(hint), "{}", ran.stderr);
        }
    }
    let file = site.outside("plan.json");
    assert_eq!(site.run(&["plan", "--controls", "1.3.2", "--out", file.to_str().unwrap()]).code, 0);
    let refused = site.run(&["apply", file.to_str().unwrap(), "--controls", "1.3.2"]);
    assert!(refused.code == 1 && refused.stderr.contains("cannot be used with"), "{}", refused.stderr);
    assert_eq!(site.run(&["apply", "--yes", file.to_str().unwrap()]).code, 0);
    assert!(!site.read(API_SERVER).contains("--profiling"));
    let site = Site::new();
    site.declare("[controls]\n\"cis-1.12:1.2.99\" = { apply = false, reason = \"a typing error\" }\n");
    let ran = site.run(&["plan"]);
    assert!(ran.code == 1 && ran.stderr.contains("no control is called `cis-1.12:1.2.99`"), "{}", ran.stderr);
}

#[test]
fn the_part_of_every_control_applies_and_is_empty_then() {
    let controls: Vec<_> = Templates::load(Profile::Default, None).unwrap().controls().into_iter().collect();
    assert!(controls.len() > 60);
    // Two at once: tests of this file run beside it.
    std::thread::scope(|scope| {
        for half in controls.chunks(controls.len().div_ceil(2)) {
            scope.spawn(move || half.iter().for_each(|control| applies_once(&control.to_string())));
        }
    });
}

fn applies_once(control: &str) {
    let site = Site::new();
    let apply = site.run(&["apply", "--yes", "--controls", control]);
    assert_eq!(apply.code, 0, "{control}: {}{}", apply.stdout, apply.stderr);
    let again = site.run(&["plan", "--detailed-exitcode", "--controls", control]);
    assert_eq!(
        (again.code, again.last()),
        (0, "No changes within the selection."),
        "{control}: {}",
        again.stdout
    );
}
