//! The way to a node: real scripts run by sh on a directory tree, and a TLS server in the place of the API server.

use super::name;
use crate::cluster::server::{Answer, Server, answer};
use harden::cluster::Dial;
use harden::health::{EncryptionReport, GateAccess as _, HealthError, Reach, Trial};
use harden::remote::{Dialer, Probe, Reader, RemoteError, Reply, Script, Session};
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A node that is a directory, with `systemctl` as a script of ours.
#[derive(Clone)]
pub(super) struct Tree {
    root: PathBuf,
    dial: Dial,
    logins: Arc<AtomicUsize>,
}

impl Tree {
    /// One whose ports are the server's.
    pub(super) fn new(root: &Path, server: &Server) -> Self {
        Self { root: root.to_owned(), dial: server.dial(), logins: Arc::default() }
    }
}

struct TreeDialer(Dial);

impl Dialer for TreeDialer {
    fn dial(&self, host: &str, port: u16) -> Result<UnixStream, RemoteError> {
        (self.0)(host, port).map_err(|source| RemoteError::Connect { host: host.to_owned(), port, source })
    }
}

impl Reader for Tree {
    fn read(&mut self, probe: &Probe, deadline: Duration) -> Result<Reply, RemoteError> {
        self.run(probe.script(), deadline)
    }

    fn dialer(&self) -> Result<Box<dyn Dialer>, RemoteError> {
        self.logins.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(TreeDialer(self.dial.clone())))
    }
}

impl Session for Tree {
    fn run(&mut self, script: &Script, _: Duration) -> Result<Reply, RemoteError> {
        let root = self.root.to_str().unwrap();
        let text = script.render("NONCE", root);
        // The script sets its own PATH; a function comes before it. No container runtime of this machine is asked.
        let text = format!(
            "systemctl() {{ cat \"$R\"/systemctl; }}\ncrictl() {{ return 1; }}\nctr() {{ return 1; }}\ncrio() {{ return 1; }}\n{}",
            text.as_str()
        );
        let mut child =
            Command::new("sh").arg("-s").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        Reply::parse(&output.stdout, "NONCE", String::new()).ok_or_else(|| RemoteError::Unknown {
            script: script.title().to_owned(),
            reason: String::from("no end"),
        })
    }

    fn reconnect(&self) -> Result<Box<dyn Session>, RemoteError> {
        Ok(Box::new(self.clone()))
    }
}

pub(crate) struct Site {
    root: tempfile::TempDir,
    pub(crate) server: Server,
    logins: Arc<AtomicUsize>,
    pub(crate) reach: Reach,
}

pub(crate) fn site(script: impl IntoIterator<Item = Answer>) -> Site {
    let root = tempfile::tempdir().unwrap();
    let server = Server::new("kubernetes", script);
    server.write_credentials(root.path());
    let logins: Arc<AtomicUsize> = Arc::default();
    let tree = Tree { root: root.path().to_owned(), dial: server.dial(), logins: logins.clone() };
    let mut reach = Reach::new();
    reach.add(name("cp-1"), Box::new(tree.clone()), true);
    reach.add(name("w-1"), Box::new(tree), false);
    Site { root, server, logins, reach }
}

#[test]
fn credentials_are_read_once_and_again_after_long_silence() {
    let silent = || Answer { silent: true, ..answer("GET /readyz", 200, "ok") };
    let site = site(
        [answer("GET /readyz", 200, "ok"), answer("GET /readyz", 200, "ok")]
            .into_iter()
            .chain((0..6).map(|_| silent()))
            .chain([answer("GET /readyz", 200, "ok")]),
    );
    for _ in 0..2 {
        assert!((&site.reach).readiness(&name("cp-1")).unwrap().ready);
    }
    assert_eq!(site.logins.load(Ordering::SeqCst), 1);
    for _ in 0..6 {
        assert!((&site.reach).readiness(&name("cp-1")).is_err());
    }
    assert!((&site.reach).readiness(&name("cp-1")).unwrap().ready);
    assert_eq!(site.logins.load(Ordering::SeqCst), 2);
    site.server.assert_done();
}

#[test]
fn a_member_on_a_host_of_its_own_is_asked_there() {
    let status = answer(
        "POST /v3/maintenance/status",
        200,
        r#"{"header":{"member_id":"7"},"version":"3.6.6","leader":"7","raftIndex":"9","raftAppliedIndex":"9"}"#,
    );
    let server = Server::new("localhost", [status.clone(), status]);
    let root = tempfile::tempdir().unwrap();
    server.write_credentials(root.path());
    // No API server, no kubeconfig; the files are those of a unit.
    std::fs::create_dir_all(root.path().join("etc/etcd")).unwrap();
    let own = root.path().join("etc/etcd/pki");
    std::fs::rename(root.path().join("etc/kubernetes/pki/etcd"), &own).unwrap();
    std::fs::write(own.join("server.crt"), "x").unwrap();
    std::fs::remove_dir_all(root.path().join("etc/kubernetes")).unwrap();
    let empty = tempfile::tempdir().unwrap();
    let logins: Arc<AtomicUsize> = Arc::default();
    let tree = |root: &tempfile::TempDir| Tree {
        root: root.path().to_owned(),
        dial: server.dial(),
        logins: logins.clone(),
    };
    let mut reach = Reach::new();
    for (node, root) in [("etcd-1", &root), ("etcd-2", &empty)] {
        reach.add(name(node), Box::new(tree(root)), false);
        reach.add_member(name(node));
    }
    let mut asked = &reach;
    assert_eq!(asked.etcd_status(&name("etcd-1")).unwrap().leader, 7);
    assert!(matches!(asked.etcd_status(&name("etcd-2")), Err(HealthError::NoEtcd { .. })));
    // Whoever has a member answers for all; the one without is passed over.
    let leader = reach.any_member(harden::cluster::Etcd::status).unwrap().map(|status| status.leader);
    assert_eq!(leader, Some(7));
    let members: Vec<&str> = reach.members().map(harden::inventory::NodeName::as_str).collect();
    assert_eq!(members, ["etcd-1", "etcd-2"]);
    server.assert_done();
}

#[test]
fn a_worker_is_asked_for_through_a_control_plane_node() {
    let site = site([
        answer(
            "GET /api/v1/nodes/w-1",
            200,
            r#"{"metadata":{"name":"w-1"},"status":{"conditions":[{"type":"Ready","status":"True"}]}}"#,
        ),
        answer(
            "GET /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/w-1",
            200,
            r#"{"metadata":{},"spec":{"renewTime":"2026-11-24T08:00:59.848954Z"}}"#,
        ),
    ]);
    std::fs::write(site.root.path().join("systemctl"), "ActiveEnterTimestampMonotonic=1000000\n").unwrap();
    let report = (&site.reach).kubernetes_node(&name("w-1")).unwrap().unwrap();
    assert!(report.info.ready);
    assert_eq!(report.heartbeat, Some(1_795_507_259));
    assert!(report.kubelet_started.is_some());
    assert!(matches!((&site.reach).readiness(&name("w-1")), Err(HealthError::NoApiServer { .. })));
    assert!(matches!((&site.reach).readiness(&name("cp-9")), Err(HealthError::NoSession { .. })));
    site.server.assert_done();
}

#[test]
fn a_unit_is_read_by_its_properties() {
    let site = site([]);
    let text = "ActiveState=activating\nSubState=auto-restart\nInvocationID=abc\n";
    std::fs::write(site.root.path().join("systemctl"), text).unwrap();
    let unit = (&site.reach).unit(&name("w-1"), "kubelet.service").unwrap();
    assert_eq!((unit.active.as_str(), unit.sub.as_str()), ("activating", "auto-restart"));
    assert_eq!(unit.invocation, "abc");
}

#[test]
fn the_hash_on_disk_stands_beside_the_one_that_is_loaded() {
    let metric = "apiserver_encryption_config_controller_last_config_info{hash=\"sha256:x\"} 1\n";
    let site = site([
        answer("GET /version", 200, r#"{"minor":"35"}"#),
        answer("GET /metrics", 200, metric),
        answer("GET /version", 200, r#"{"minor":"35"}"#),
    ]);
    std::fs::write(site.root.path().join("enc.yaml"), "hello\n").unwrap();
    let report = (&site.reach).encryption(&name("cp-1"), &"/enc.yaml".parse().unwrap()).unwrap();
    let on_disk = String::from("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
    assert_eq!(report, EncryptionReport::Hash { on_disk, loaded: Some(String::from("x")) });
    let error = (&site.reach).encryption(&name("cp-1"), &"/none.yaml".parse().unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "hash /none.yaml on cp-1: it is missing");
}

#[test]
fn an_older_version_is_put_to_the_trial_and_the_canary_is_deleted() {
    let canary = "/api/v1/namespaces/kube-system/secrets/harden-canary-";
    let (get, delete) = (format!("GET {canary}"), format!("DELETE {canary}"));
    let site = site([
        answer("GET /version", 200, r#"{"minor":"33+"}"#),
        answer("GET /metrics", 200, "process_start_time_seconds 1.5\n"),
        answer("POST /api/v1/namespaces/kube-system/secrets", 201, "{}"),
        answer(
            "POST /v3/kv/range",
            200,
            r#"{"kvs":[{"key":"YQ==","value":"azhzOmVuYzpzZWNyZXRib3g6djE6azo="}]}"#,
        ),
        answer(get.leak(), 500, "{}"),
        answer(delete.leak(), 200, "{}"),
    ]);
    let config =
        "resources:\n- providers:\n  - secretbox:\n      keys:\n      - name: k\n        secret: eA==\n";
    std::fs::write(site.root.path().join("enc.yaml"), config).unwrap();
    let report = (&site.reach).encryption(&name("cp-1"), &"/enc.yaml".parse().unwrap()).unwrap();
    let EncryptionReport::Trial(trial) = report else { panic!("{report:?}") };
    let prefix = String::from("k8s:enc:secretbox:v1:k:");
    let expected = Trial {
        written_at: trial.written_at,
        read_at: Some(1),
        expected: prefix.clone(),
        stored: Some(prefix),
        unreadable: vec![name("cp-1")],
    };
    assert_eq!(trial, expected);
    site.server.assert_done();
}

#[test]
fn the_containers_of_a_static_pod_and_what_they_said_are_on_the_node() {
    let site = site([]);
    let folder = |uid: &str, name: &str| {
        let folder =
            site.root.path().join(format!("var/log/pods/kube-system_etcd-{name}_{uid}")).join("etcd");
        std::fs::create_dir_all(&folder).unwrap();
        folder
    };
    let write = |path: &PathBuf, text: &str, age: u64| {
        std::fs::write(path, text).unwrap();
        let then = std::time::SystemTime::now() - Duration::from_secs(age);
        std::fs::File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
    };
    assert!((&site.reach).container(&name("cp-1"), "etcd").unwrap().logs.is_empty());
    write(&folder("a", "cp-1").join("10.log"), "", 30);
    write(&folder("b", "cp-1").join("0.log"), "2026-11-24T08:00:00.1Z stderr F Error: x\n", 10);
    write(&folder("b", "cp-1").join("0.log.20261124-080000"), "", 20);
    write(&folder("c", "cp-10").join("0.log"), "", 5);
    let logs = (&site.reach).container(&name("cp-1"), "etcd").unwrap().logs;
    assert_eq!(logs.len(), 2, "{logs:?}");
    assert!(logs[0].ends_with("a/etcd/10.log") && logs[1].ends_with("b/etcd/0.log"), "{logs:?}");
    assert_eq!((&site.reach).last_words(&name("cp-1"), &logs[1]).unwrap(), ["Error: x"]);
}

#[test]
fn preflights_are_answered_by_node_etcd_and_api() {
    use harden::health::preflight::{Facts, Preflight, Scope, ask_api_for_images, ask_etcd, ask_node, judge};
    let site = site([
        answer(
            "POST /v3/maintenance/status",
            200,
            r#"{"header":{"member_id":"7"},"leader":"7","raftIndex":"10","raftAppliedIndex":"10"}"#,
        ),
        answer("POST /v3/kv/range", 200, r#"{"header":{}}"#),
        answer("POST /v3/cluster/member/list", 200, r#"{"members":[{"ID":"7","name":"cp-1"}]}"#),
        answer("POST /v3/maintenance/alarm", 200, r#"{"alarms":[{"memberID":"7","alarm":"NOSPACE"}]}"#),
        answer(
            "GET /api/v1/nodes/w-1",
            200,
            r#"{"metadata":{"name":"w-1"},"status":{"images":[{"names":["b@sha256:0","b:1"]}]}}"#,
        ),
    ]);
    let manifests = site.root.path().join("etc/kubernetes/manifests");
    std::fs::create_dir_all(&manifests).unwrap();
    std::fs::write(manifests.join("a.yaml"), "spec:\n  containers:\n  - image: a:1\n  - image: b:1\n")
        .unwrap();
    let scope: Scope = {
        let mut scope = Scope::default();
        scope.touched.entry(name("w-1")).or_default().restarts = true;
        let needs = &mut scope.touched.get_mut(&name("w-1")).unwrap().needs;
        needs.insert(String::from("/var/lib/harden"), harden::health::preflight::Need::default());
        scope
    };
    let mut facts = Facts::default();
    for node in ["cp-1", "w-1", "cp-9"] {
        let answer =
            ask_node(&site.reach, &name(node), scope.touched.get(&name(node)), true, Duration::from_secs(30));
        facts.nodes.insert(name(node), answer.map_err(|error| error.to_string()));
    }
    facts.etcd = ask_etcd(&site.reach);
    facts.listed = ask_api_for_images(&site.reach, &facts.nodes);
    let findings = judge(&scope, &facts);
    let refusals: Vec<String> = findings.refusals.iter().map(ToString::to_string).collect();
    assert_eq!(
        refusals,
        [
            "nodes, cp-9: it cannot be asked: ask node cp-9: there is no session to it",
            "etcd: cp-1 raises the alarm NOSPACE in etcd",
            "images, w-1: the image docker.io/library/a:1 is not there: a would not start again",
        ]
    );
    assert_eq!(findings.refusals[2].preflight, Preflight::Images);
    assert_eq!(findings.notices(), ["w-1: which pause image its runtime uses is not known"]);
    site.server.assert_done();
}
