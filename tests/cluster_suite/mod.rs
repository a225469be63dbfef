//! The main job on a real cluster: a plain kubeadm cluster of three control planes and a worker is planned, applied, and
//! planned again to "no changes", while a client of its API notices nothing. `tests/run` brings the cluster up. And a cluster that harden
//! makes of blank hosts.

mod benchmark;
mod bootstrap;
mod drain;
mod drift;
mod faults;
mod rollback;
mod schedule;
mod workloads;

use crate::support::availability::Availability;
use crate::support::lab::{self, Lab};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// What every kubelet serves with after the first apply.
const SERVING: &str = "/var/lib/kubelet/pki/harden-serving.crt";

/// Planted in a Secret before the first apply; no output of harden may ever show it.
const POISON: &str = "poison-3f1c9a77d2";

/// What one call of harden printed.
struct Call {
    code: i32,
    stdout: String,
    stderr: String,
}

/// harden against the lab's inventory, every output kept.
struct Harden<'a> {
    lab: &'a Lab,
    key_file: std::path::PathBuf,
    outputs: String,
}

impl<'a> Harden<'a> {
    /// With the key of the lab's sealed store, which is no secret.
    fn new(lab: &'a Lab, folder: &Path) -> Self {
        let key_file = folder.join("key");
        fs::write(&key_file, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n").unwrap();
        Self { lab, key_file, outputs: String::new() }
    }

    fn call(&mut self, arguments: &[&str]) -> Call {
        let started = Instant::now();
        let call = self.silently(arguments);
        println!(
            "figure: harden {}: exit {} after {:.1?}",
            arguments.join(" "),
            call.code,
            started.elapsed()
        );
        call
    }

    fn silently(&mut self, arguments: &[&str]) -> Call {
        let output = Command::new(env!("CARGO_BIN_EXE_harden"))
            .args(arguments)
            .env("HARDEN_INVENTORY", self.lab.inventory())
            .env("HARDEN_KEY_FILE", &self.key_file)
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        let call = Call {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        self.outputs.push_str(&call.stdout);
        self.outputs.push_str(&call.stderr);
        call
    }

    fn expect(&mut self, code: i32, arguments: &[&str]) -> Call {
        let call = self.call(arguments);
        assert_eq!(call.code, code, "harden {}:\n{}\n{}", arguments.join(" "), call.stdout, call.stderr);
        call
    }
}

/// Whether this is `tests/run --full`.
fn is_full() -> bool {
    std::env::var("HARDEN_LAB_FULL").is_ok_and(|full| full == "yes")
}

fn control_planes(lab: &Lab) -> Vec<String> {
    lab.names().iter().filter(|name| name.starts_with("cp-")).cloned().collect()
}

/// A digest over every file, mode and owner that harden could touch on a node.
fn tree(lab: &Lab, node: &str) -> String {
    lab.output(
        node,
        "find /etc/kubernetes /etc/systemd /etc/sysctl.d /var/lib/kubelet/config.yaml /var/lib/harden -type f \
         -exec stat -c '%n %a %U %G %Y' {} + -exec sha256sum {} + 2>/dev/null | sort | sha256sum",
    )
}

fn wait_for(what: &str, seconds: u64, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(seconds), "{what} did not happen within {seconds} s");
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// The raw value of a Secret in etcd, as far as it is text.
fn stored(lab: &Lab, secret: &str) -> String {
    lab.output(
        "cp-1",
        &format!(
            "ETCDCTL_API=3 etcdctl --cacert /etc/kubernetes/pki/etcd/ca.crt --cert /etc/kubernetes/pki/etcd/healthcheck-client.crt \
             --key /etc/kubernetes/pki/etcd/healthcheck-client.key get /registry/secrets/default/{secret} --print-value-only | tr -dc '[:print:]'"
        ),
    )
}

/// The certificate that a port of a host really serves.
fn served(address: &str, port: u16) -> openssl::x509::X509 {
    use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    let stream = std::net::TcpStream::connect((address, port)).unwrap();
    let tls = connector.build().configure().unwrap().verify_hostname(false).connect("node", stream).unwrap();
    tls.ssl().peer_certificate().unwrap()
}

/// The subject alternative names and the key of the certificate that etcd really serves.
fn served_by_etcd(address: &str) -> (Vec<String>, String) {
    let certificate = served(address, 2379);
    let names = certificate.subject_alt_names().unwrap();
    let names = names.iter().filter_map(|name| {
        let address =
            name.ipaddress().map(|bytes| bytes.iter().map(u8::to_string).collect::<Vec<_>>().join("."));
        name.dnsname().map(str::to_owned).or(address)
    });
    (names.collect(), format!("{:?}", certificate.public_key().unwrap().id()))
}

#[test]
#[ignore = "needs the lab's cluster: tests/run"]
fn cluster_main_job() {
    let lab = Lab::from_env();
    let folder = tempfile::tempdir().unwrap();
    let mut harden = Harden::new(&lab, folder.path());

    check_finds_what_kubeadm_leaves(&lab, &mut harden);
    plan_shows_and_touches_nothing(&lab, &mut harden);
    lab.kubectl(&["create", "secret", "generic", "before", &format!("--from-literal=word={POISON}")]);
    apply_is_not_noticed(&lab, &mut harden);
    check_finds_nothing_more(&lab, &mut harden);
    secrets_are_encrypted_and_readable(&lab);
    audit_and_etcd_are_as_declared(&lab);
    kubelets_serve_and_logs_and_exec_work(&lab);
    workloads::work(&lab);
    workloads::are_refused(&lab);
    drift_is_found_and_repaired(&lab, &mut harden);
    drift::is_found_and_cleared(&lab, &mut harden);
    drift::is_none_where_nobody_was(&lab, &mut harden);
    drift::a_node_that_is_down_hides_no_other(&lab, &mut harden);
    schedule::the_timer_fires(&lab, &mut harden);
    if is_full() {
        schedule::the_cron_job_runs(&lab, &mut harden);
    }
    rollback::brings_the_old_state_back(&lab, &mut harden);
    a_kubelet_without_its_certificate_is_repaired(&lab, &mut harden);
    a_user_with_sudo_and_without_forwarding_will_do(&lab, &mut harden);
    drain::respects_budgets(&lab, &mut harden);
    workloads::joins(&lab);
    nothing_secret_was_printed(&lab, &harden);
}

/// The twelve scored controls that a plain kubeadm cluster fails, found by kube-bench and by harden alike.
fn check_finds_what_kubeadm_leaves(lab: &Lab, harden: &mut Harden<'_>) {
    let found = benchmark::kube_bench(lab, "cp-1");
    let totals = ["PASS", "FAIL", "WARN"].map(|status| benchmark::count(&found, status));
    println!("figure: kube-bench before apply: {} PASS, {} FAIL, {} WARN", totals[0], totals[1], totals[2]);
    assert_eq!(benchmark::failed(&found), benchmark::FAILED_BY_KUBEADM);
    benchmark::agree(lab, harden, 2);
}

fn check_finds_nothing_more(lab: &Lab, harden: &mut Harden<'_>) {
    let found = benchmark::kube_bench(lab, "cp-1");
    let totals = ["PASS", "FAIL", "WARN"].map(|status| benchmark::count(&found, status));
    println!("figure: kube-bench after apply: {} PASS, {} FAIL, {} WARN", totals[0], totals[1], totals[2]);
    assert_eq!(benchmark::failed(&found), [""; 0]);
    assert_eq!(totals[1], 0);
    benchmark::agree(lab, harden, 0);
    benchmark::is_no_slower(lab, harden);
}

fn plan_shows_and_touches_nothing(lab: &Lab, harden: &mut Harden<'_>) {
    harden.expect(0, &["validate"]);
    let before: Vec<_> = lab.names().iter().map(|node| tree(lab, node)).collect();
    let plan = harden.expect(0, &["plan"]);
    println!("{}", plan.stdout);
    // The first stage is that of the kubelets; what static pods are restarted for comes after it, once for each.
    for shown in [
        "kubelet-serving",
        "encryption-read",
        SERVING,
        ", with the key on cp-1",
        "/var/lib/kubelet/config.yaml",
        "Plan: ",
        " on 4 of 4 nodes.",
    ] {
        assert!(plan.stdout.contains(shown), "the plan does not show {shown}");
    }
    assert!(!plan.stdout.contains("kube-apiserver.yaml"), "a static pod is touched too early");
    harden.expect(2, &["plan", "--detailed-exitcode"]);
    let after: Vec<_> = lab.names().iter().map(|node| tree(lab, node)).collect();
    assert_eq!(before, after, "plan changed something");
}

fn apply_is_not_noticed(lab: &Lab, harden: &mut Harden<'_>) {
    let client = Availability::start(&lab.output("cp-1", "cat /etc/kubernetes/admin.conf"));
    let started = Instant::now();
    let apply = harden.call(&["apply", "--yes"]);
    let counts = client.stop();
    println!(
        "figure: apply: {:.0?}; requests through the load balancer: {} succeeded, {} failed, {} asked twice, slowest {:.1?}",
        started.elapsed(),
        counts.succeeded,
        counts.failures.len(),
        counts.repeated.len(),
        counts.slowest
    );
    println!("{}", apply.stderr);
    assert_eq!(apply.code, 0, "{}\n{}", apply.stdout, apply.stderr);
    assert!(counts.failures.is_empty(), "{:#?}", counts.failures);
    // kubeadm's API server closes its port at once when it is told to end; harden's flag, which gives load balancers the
    // time to move on, is not in the process that ends first. That is one moment for each control plane, in which a read and
    // the write after it may fall.
    assert!(counts.repeated.len() <= 6, "{:#?}", counts.repeated);
    let nodes = lab.kubectl(&["get", "nodes", "--no-headers"]);
    assert!(nodes.lines().all(|line| line.split_whitespace().nth(1) == Some("Ready")), "{nodes}");
    let second = harden.expect(0, &["plan", "--detailed-exitcode"]);
    assert!(second.stdout.contains("No changes"), "{}", second.stdout);
    harden.expect(0, &["drift"]);
}

fn secrets_are_encrypted_and_readable(lab: &Lab) {
    lab.kubectl(&["create", "secret", "generic", "after", &format!("--from-literal=word={POISON}")]);
    for secret in ["before", "after"] {
        let value = stored(lab, secret);
        assert!(value.starts_with("k8s:enc:secretbox:v1:"), "{secret} is stored as {value:.40}");
        assert!(!value.contains(POISON));
        for node in control_planes(lab) {
            let server = format!("https://{}:6443", lab.address(&node));
            let read =
                lab.kubectl(&["--server", &server, "get", "secret", secret, "-o", "jsonpath={.data.word}"]);
            assert!(!read.is_empty(), "{secret} is not readable through {node}");
        }
    }
}

fn audit_and_etcd_are_as_declared(lab: &Lab) {
    for node in control_planes(lab) {
        let lines = lab.output(&node, "wc -l </var/log/kubernetes/audit/audit.log");
        assert!(lines.trim().parse::<usize>().unwrap() > 0, "{node} writes no audit log");
        let (names, key) = served_by_etcd(lab.address(&node));
        for wanted in [
            node.clone(),
            String::from("localhost"),
            lab.address(&node).to_owned(),
            String::from("127.0.0.1"),
        ] {
            assert!(
                names.contains(&wanted),
                "etcd on {node} serves a certificate for {names:?}, not for {wanted}"
            );
        }
        assert!(key.contains("408"), "etcd on {node} serves a certificate with another key: {key}");
    }
}

/// Every kubelet serves with the certificate that was made for it, the API servers trust no others, and what they ask kubelets for
/// still comes.
fn kubelets_serve_and_logs_and_exec_work(lab: &Lab) {
    let ca = lab.output("cp-1", "cat /etc/kubernetes/pki/ca.crt");
    for node in lab.names() {
        let certificate = served(lab.address(node), 10250).to_pem().unwrap();
        let facts = harden::pki::read(&certificate, Some(ca.as_bytes())).unwrap();
        assert!(facts.signed_by_issuer, "the kubelet of {node} serves with a certificate of another CA");
        assert!(
            facts.dns_names.contains(node) && facts.addresses.contains(&lab.address(node).parse().unwrap())
        );
        let on_disk = lab.output(node, &format!("cat {SERVING}"));
        assert_eq!(String::from_utf8(certificate).unwrap().trim(), on_disk.trim(), "{node}");
    }
    for node in control_planes(lab) {
        let manifest = lab.output(&node, "cat /etc/kubernetes/manifests/kube-apiserver.yaml");
        assert!(manifest.contains("--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt"), "{node}");
    }
    let kubelets = lab.kubectl(&["-n", "kube-system", "get", "configmap", "kubelet-config", "-o", "yaml"]);
    assert!(!kubelets.contains("tlsCertFile"), "a node that joins would have no such file");
    for node in control_planes(lab) {
        let server = format!("https://{}:6443", lab.address(&node));
        for on in lab.names() {
            logs_and_exec(lab, &server, on);
        }
    }
}

/// Through one API server, on one node: the logs of a pod, and a command in a pod where one of its containers has a shell.
fn logs_and_exec(lab: &Lab, server: &str, node: &str) {
    let selector = format!("status.phase=Running,spec.nodeName={node}");
    let pods = ["-n", "kube-system", "get", "pods", "--field-selector", &selector, "-o", "name"];
    let pods = lab.kubectl(&[&["--server", server][..], &pods].concat());
    let pod = pods.lines().find(|pod| pod.contains("kube-proxy")).or_else(|| pods.lines().next()).unwrap();
    let logs = lab.kubectl(&["--server", server, "-n", "kube-system", "logs", "--tail=1", pod]);
    assert!(!logs.is_empty(), "{pod} on {node} has no logs");
    // That the program is missing in the image is an answer of the kubelet too; that it is not trusted is none.
    let command = format!(
        "kubectl --kubeconfig /etc/kubernetes/admin.conf --server {server} -n kube-system exec {pod} -- /bin/true 2>&1 || true"
    );
    let said = lab.output("cp-1", &command);
    assert!(!said.contains("x509") && !said.contains("certificate"), "exec in {pod} on {node}: {said}");
}

/// What `kubeadm upgrade node` does to the kubelet's configuration: it is written anew without the keys of this node alone.
fn a_kubelet_without_its_certificate_is_repaired(lab: &Lab, harden: &mut Harden<'_>) {
    lab.output("w-1", "sed -i '/^tlsCertFile/d;/^tlsPrivateKeyFile/d' /var/lib/kubelet/config.yaml && systemctl restart kubelet");
    let drift = harden.expect(2, &["drift"]);
    assert!(drift.stdout.contains("w-1") && drift.stdout.contains("tlsCertFile"), "{}", drift.stdout);
    harden.expect(0, &["apply", "--yes"]);
    logs_and_exec(lab, &format!("https://{}:6443", lab.address("cp-1")), "w-1");
    harden.expect(0, &["drift"]);
}

/// The command that edits a static pod's manifest. The kubelet runs every file in that folder, the one too that `sed -i` makes beside
/// the old: then it sees two pods of one name, and may leave both alone for minutes.
fn edit_manifest(component: &str, edit: &str) -> String {
    let (manifest, beside) =
        (format!("/etc/kubernetes/manifests/{component}.yaml"), format!("/etc/kubernetes/.{component}"));
    format!("cp -p {manifest} {beside} && sed -i {edit} {beside} && mv {beside} {manifest}")
}

fn drift_is_found_and_repaired(lab: &Lab, harden: &mut Harden<'_>) {
    let manifest = "/etc/kubernetes/manifests/kube-scheduler.yaml";
    lab.output("cp-2", &edit_manifest("kube-scheduler", "s/--profiling=false/--profiling=true/"));
    let drift = harden.expect(2, &["drift"]);
    assert!(drift.stdout.contains("cp-2") && drift.stdout.contains("--profiling=true"), "{}", drift.stdout);
    wait_for("the scheduler's restart", 120, || {
        lab.output("cp-2", "pgrep -fa kube-scheduler || true").contains("--profiling=true")
    });
    let started = Instant::now();
    harden.expect(0, &["apply", "--yes"]);
    println!(
        "figure: one flag on one control plane: {:.1?}, planning and all gates included",
        started.elapsed()
    );
    assert!(lab.output("cp-2", &format!("cat {manifest}")).contains("--profiling=false"));
    harden.expect(0, &["drift"]);
}

/// As on many hardened hosts: no login as root, a password for sudo, no forwarding of ports.
fn a_user_with_sudo_and_without_forwarding_will_do(lab: &Lab, harden: &mut Harden<'_>) {
    let inventory = lab.inventory().with_file_name("ops-pass.toml");
    fs::write(&inventory, lab::tool(&["inventory", "ops-pass"])).unwrap();
    let forbid = "/etc/ssh/sshd_config.d/00-no-forwarding.conf";
    for node in lab.names() {
        lab.output(node, &format!("echo 'AllowTcpForwarding no' >{forbid} && systemctl reload ssh"));
    }
    let (inventory, password) = (inventory.to_str().unwrap(), lab::state().join("ops-pass.password"));
    let arguments = ["-i", inventory, "--become-password-file", password.to_str().unwrap(), "drift"];
    harden.expect(0, &arguments);
    harden.expect(1, &["-i", inventory, "drift"]);
    for node in lab.names() {
        lab.output(node, &format!("rm {forbid} && systemctl reload ssh"));
    }
}

fn nothing_secret_was_printed(lab: &Lab, harden: &Harden<'_>) {
    let key = lab.output("cp-1", "sed -n 's/.*secret: *//p' /etc/kubernetes/encryption/config.yaml");
    let private = lab.output("cp-1", "sed -n 2p /etc/kubernetes/pki/ca.key");
    let secrets = [POISON, key.trim().trim_matches('"'), private.trim()];
    let leaks = |text: &str| secrets.iter().any(|secret| secret.len() > 8 && text.contains(secret));
    assert!(!leaks(&harden.outputs), "a secret was printed");
    assert!(
        secrets.iter().all(|secret| secret.len() > 8 && leaks(secret)),
        "the check above could not have failed"
    );
}
