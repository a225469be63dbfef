//! Imagined nodes: each is a directory tree, and scripts run there for real.

use super::material::{Store, change, fill};
use super::pods::{Draining, Pods};
use harden::apply::{Cordon, DrainError, Fleet, MaterialError, NodeOutcome, Report, Run, apply};
use harden::event::{Event, Listener};
use harden::health::{GateError, HealthError};
use harden::inventory::NodeName;
use harden::plan::{
    Action, ClusterChange, ClusterOperation, Drain, FORMAT_VERSION, Gate, NodePlan, Plan, StageTitle, Wave,
};
use harden::remote::{RemoteError, Reply, Script, quote};
use harden::resource::{Kind, ResourceId, Undo};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A fault at one script on one node; the connection is of no use afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is cut before the script is sent.
    Before,
    /// The script dies with the connection, before this section.
    Killed(&'static str),
    /// The connection is cut before this section, and the script goes on.
    Running(&'static str),
    /// The deadline comes before this section, and the script goes on.
    Deadline(&'static str),
    /// The script comes to its end, and the reply is lost.
    After,
}

#[derive(Default)]
struct Node {
    calls: usize,
    waits: usize,
    broken: bool,
    unreachable: usize,
}

/// Imagined nodes and what is to go wrong on them.
pub(super) struct World {
    roots: BTreeMap<NodeName, tempfile::TempDir>,
    state: Mutex<BTreeMap<NodeName, Node>>,
    running: Mutex<Vec<Child>>,
    pub(super) pauses: Mutex<usize>,
    pub(super) events: Mutex<Vec<Event>>,
    /// Faults by node and number of the script, counted from 0.
    pub(super) faults: BTreeMap<(&'static str, usize), Fault>,
    /// Gates that fail, by node and number of the wait: 0 before, 1 after, the next one after a rollback.
    pub(super) sick: Vec<(&'static str, usize)>,
    /// How many new connections fail, by node, after a fault there.
    pub(super) unreachable: BTreeMap<&'static str, usize>,
    /// New logins fail with the new state.
    pub(super) no_login: Vec<&'static str>,
    pub(super) stage_is_sick: bool,
    pub(super) cluster_refuses: bool,
    pub(super) pods: Pods,
    pub(super) store: Store,
    /// The user interrupts when so many nodes are done.
    pub(super) interrupted_after: usize,
    /// The user interrupts while gates are waited for that do not hold, by node and number of the wait.
    pub(super) interrupted_in: Option<(&'static str, usize)>,
    interrupted: AtomicBool,
}

pub(super) fn name(text: &str) -> NodeName {
    serde_json::from_value(serde_json::Value::from(text)).unwrap()
}

impl World {
    pub(super) fn new(nodes: &[&str]) -> Self {
        let root = |node: &&str| {
            let root = tempfile::Builder::new().prefix("it's a node ").tempdir().unwrap();
            fill(root.path());
            (name(node), root)
        };
        Self {
            roots: nodes.iter().map(root).collect(),
            state: Mutex::default(),
            running: Mutex::default(),
            pauses: Mutex::default(),
            events: Mutex::default(),
            faults: BTreeMap::new(),
            sick: Vec::new(),
            unreachable: BTreeMap::new(),
            no_login: Vec::new(),
            stage_is_sick: false,
            cluster_refuses: false,
            pods: Pods::default(),
            store: Store::Open,
            interrupted_after: usize::MAX,
            interrupted_in: None,
            interrupted: AtomicBool::new(false),
        }
    }

    pub(super) fn root(&self, node: &str) -> &Path {
        self.roots[&name(node)].path()
    }

    pub(super) fn node_plan(&self, node: &str, changes: &[usize]) -> NodePlan {
        NodePlan {
            node: name(node),
            changes: changes.iter().map(|number| change(self.root(node), *number)).collect(),
            unchanged: BTreeMap::from([(ResourceId::new(Kind::File, "other"), String::from("as it is"))]),
            restart_units: vec![String::from("kubelet.service")],
            restart_pods: Vec::new(),
            drain: None,
            before: vec![Gate::NodeReady { node: name(node) }],
            between: Vec::new(),
            after: vec![Gate::ApiServerReady { node: name(node) }],
            rollback_after: Some(600),
            undoes: None,
        }
    }

    /// A plan of these waves, with a gate of the stage and a change of the cluster.
    pub(super) fn plan(&self, waves: &[&[&str]], changes: &[usize]) -> Plan {
        let wave = |nodes: &&[&str]| Wave {
            title: nodes.join(" and "),
            nodes: nodes.iter().map(|node| self.node_plan(node, changes)).collect(),
        };
        Plan {
            format_version: FORMAT_VERSION.into(),
            harden_version: String::new(),
            cluster: String::from("test"),
            created: 0,
            inputs: String::new(),
            stage: StageTitle { name: String::new(), title: String::new() },
            remaining: Vec::new(),
            waves: waves.iter().map(wave).collect(),
            cluster_changes: vec![ClusterChange {
                resource: ResourceId::new(Kind::Object, "x"),
                action: Action::Change,
                subject: String::from("ConfigMap x"),
                reasons: Vec::new(),
                before: None,
                after: None,
                controls: Vec::new(),
                undo: Undo::Full,
                operation: ClusterOperation::RewriteEncrypted {
                    resources: Vec::new(),
                    prefix: String::new(),
                },
            }],
            gates: vec![Gate::EtcdHealthy { node: name("cp-1") }],
            in_sync: Vec::new(),
            unreachable: Vec::new(),
            partial: false,
            notices: Vec::new(),
        }
    }

    pub(super) fn apply(&self, plan: &Plan) -> Report {
        let run = Run {
            fleet: self,
            materials: &self.store,
            by: "me@here",
            now: 1_795_478_400,
            retention: 10,
            listener: &|event| self.events.lock().unwrap().push(event),
            interrupted: &|| {
                self.interrupted.load(Ordering::Relaxed) || self.done() >= self.interrupted_after
            },
        };
        let report = apply(plan, &run);
        for mut child in self.running.lock().unwrap().drain(..) {
            child.wait().unwrap();
        }
        report
    }

    /// A later run: new connections, no faults.
    pub(super) fn heal(&mut self) {
        self.faults.clear();
        self.state.lock().unwrap().clear();
    }

    fn done(&self) -> usize {
        self.events.lock().unwrap().iter().filter(|event| matches!(event, Event::Done { .. })).count()
    }

    /// Every file below `etc` of a node with its mode and content.
    pub(super) fn listing(&self, node: &str) -> Vec<String> {
        let root = self.root(node);
        let mut found = Vec::new();
        let mut folders = vec![root.join("etc")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let file = entry.unwrap().path();
                let mode = fs::symlink_metadata(&file).unwrap().mode() & 0o7777;
                let shown = file.strip_prefix(root).unwrap().display().to_string();
                if file.is_dir() {
                    found.push(format!("{shown}/ {mode:o}"));
                    folders.push(file);
                } else {
                    found.push(format!("{shown} {mode:o} {:?}", fs::read_to_string(&file).unwrap()));
                }
            }
        }
        found.sort();
        found
    }

    pub(super) fn is_locked(&self, node: &str) -> bool {
        fs::symlink_metadata(self.root(node).join("var/lib/harden/lock")).is_ok()
    }

    fn shell(text: &str) -> Child {
        let mut child = Command::new("sh")
            .arg("-s")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child
    }

    /// Starts a script, and comes back when it has come to a section.
    fn leave(&self, root: &Path, text: &str, section: &str) {
        let here = root.join("here");
        // It goes on when the rollback has decided, or when there is nothing to decide.
        let pending = "ls \"$R\"/var/lib/harden/txn/*/pending >/dev/null 2>&1";
        let wait = format!(
            "touch {}\nsleep 0.15\ntries=0\nwhile {pending} && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done\n",
            quote(here.to_str().unwrap())
        );
        let child = Self::shell(&before(text, section, &wait));
        while !here.exists() {
            std::thread::sleep(Duration::from_millis(2));
        }
        fs::remove_file(here).unwrap();
        self.running.lock().unwrap().push(child);
    }
}

/// A script with something in front of a section; of the first one, where it has none of that name.
fn before(text: &str, section: &str, what: &str) -> String {
    let at = text.find(&format!("harden_section={section}\n")).unwrap_or_else(|| {
        let mut marks = text.match_indices("\nharden_section=").map(|(at, _)| at + 1);
        marks.find(|at| !text[*at..].starts_with("harden_section=\n")).unwrap()
    });
    format!("{}{what}{}", &text[..at], &text[at..])
}

fn refused() -> HealthError {
    HealthError::Remote(RemoteError::Connect {
        host: String::from("imagined"),
        port: 22,
        source: std::io::ErrorKind::ConnectionRefused.into(),
    })
}

fn sick(node: &NodeName) -> GateError {
    GateError::Timeout {
        node: node.clone(),
        gate: String::from("imagined"),
        deadline: Duration::from_secs(1),
        last: String::from("it is sick"),
        said: Vec::new(),
    }
}

impl Fleet for World {
    fn run(&self, node: &NodeName, script: &Script, deadline: Duration) -> Result<Reply, HealthError> {
        let title = script.title().to_owned();
        let fault = {
            let mut state = self.state.lock().unwrap();
            let state = state.entry(node.clone()).or_default();
            if state.broken {
                return Err(refused());
            }
            // This looks whether the connection is alive, and is no step of its own.
            let counts = title != "look whether the connection is alive";
            let fault = self.faults.get(&(leaked(node), state.calls)).copied().filter(|_| counts);
            state.calls += usize::from(counts);
            if fault.is_some() {
                state.broken = true;
                state.unreachable = self.unreachable.get(node.as_str()).copied().unwrap_or_default();
            }
            fault
        };
        let root = self.roots[node].path();
        let text = script.render("NONCE", root.to_str().unwrap());
        let lost = || RemoteError::Unknown { script: title.clone(), reason: String::from("imagined") };
        match fault {
            None => {
                let output = Self::shell(&text).wait_with_output().unwrap();
                let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
                Reply::parse(&output.stdout, "NONCE", stderr).ok_or_else(|| lost().into())
            }
            Some(Fault::Before) => Err(refused()),
            Some(Fault::Killed(section)) => {
                let text = before(&text, section, "kill -KILL $$\n");
                Self::shell(&text).wait_with_output().unwrap();
                Err(lost().into())
            }
            Some(Fault::Running(section)) => {
                self.leave(root, &text, section);
                Err(lost().into())
            }
            Some(Fault::Deadline(section)) => {
                self.leave(root, &text, section);
                Err(RemoteError::Deadline { script: title, deadline }.into())
            }
            Some(Fault::After) => {
                Self::shell(&text).wait_with_output().unwrap();
                Err(lost().into())
            }
        }
    }

    fn reconnect(&self, node: &NodeName) -> Result<(), HealthError> {
        let mut state = self.state.lock().unwrap();
        let state = state.entry(node.clone()).or_default();
        // With the new state nobody may log in anew; the old connection stays.
        if state.waits == 1 && self.no_login.contains(&node.as_str()) {
            return Err(refused());
        }
        if state.unreachable > 0 {
            state.unreachable -= 1;
            return Err(refused());
        }
        state.broken = false;
        Ok(())
    }

    fn wait(
        &self,
        gates: &[Gate],
        _: Duration,
        _: &Listener<'_>,
        cancel: &dyn Fn() -> bool,
    ) -> Result<(), GateError> {
        let node = gates[0].node();
        if matches!(gates[0], Gate::EtcdHealthy { .. }) {
            return if self.stage_is_sick { Err(sick(node)) } else { Ok(()) };
        }
        let mut state = self.state.lock().unwrap();
        let waits = &mut state.entry(node.clone()).or_default().waits;
        *waits += 1;
        if self.interrupted_in == Some((leaked(node), *waits - 1)) {
            self.interrupted.store(true, Ordering::Relaxed);
            assert!(cancel());
            return Err(GateError::Cancelled { node: node.clone() });
        }
        // Whether the old state is healthy is asked to the end.
        assert!(!self.interrupted.load(Ordering::Relaxed) || !cancel());
        if self.sick.contains(&(leaked(node), *waits - 1)) { Err(sick(node)) } else { Ok(()) }
    }

    fn cordon(&self, node: &NodeName, _: &Drain, mark: &str, _: &Listener<'_>) -> Result<Cordon, DrainError> {
        self.pods.cordon(node, mark)
    }

    fn evict_pods(
        &self,
        node: &NodeName,
        settings: &Drain,
        _: &Listener<'_>,
        cancel: &dyn Fn() -> bool,
    ) -> Result<(), DrainError> {
        assert!(!self.is_locked(node.as_str()), "drained before anything is done there");
        if self.pods.draining.get(node.as_str()) == Some(&Draining::Interrupted) {
            self.interrupted.store(true, Ordering::Relaxed);
        }
        self.pods.evict(node, settings, cancel)
    }

    fn uncordon(&self, node: &NodeName, mark: &str) -> Result<(), HealthError> {
        if self.pods.uncordon(node, mark) { Ok(()) } else { Err(refused()) }
    }

    fn change_cluster(&self, _: &ClusterOperation, _: &Listener<'_>) -> Result<(), MaterialError> {
        if self.cluster_refuses { Err("imagined".into()) } else { Ok(()) }
    }

    fn pause(&self, time: Duration) {
        assert!(time >= Duration::from_secs(1));
        *self.pauses.lock().unwrap() += 1;
    }
}

/// The node's name as the tests write it.
fn leaked(node: &NodeName) -> &'static str {
    ["cp-1", "cp-2", "w-1", "w-2"].into_iter().find(|name| *name == node.as_str()).unwrap()
}

/// An outcome in one word.
pub(super) fn word(outcome: &NodeOutcome) -> &'static str {
    match outcome {
        NodeOutcome::Applied => "applied",
        NodeOutcome::Untouched(_) => "untouched",
        NodeOutcome::RolledBack(_) => "rolled-back",
        NodeOutcome::Broken { .. } => "broken",
        NodeOutcome::NotBegun => "not-begun",
    }
}
