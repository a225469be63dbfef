//! Imagined nodes: each is a directory tree, and scripts run there for real.

use super::cut::Fault;
use super::material::{Store, change, fill};
use super::pods::Pods;
use crate::support::matrix::End;
use harden::apply::{NodeOutcome, Report, Run, apply};
use harden::event::Event;
use harden::health::HealthError;
use harden::inventory::NodeName;
use harden::plan::{
    Action, ClusterChange, ClusterOperation, FORMAT_VERSION, Gate, NodePlan, Plan, StageTitle, Wave,
};
use harden::resource::{Kind, RenderedWith, ResourceId, Undo};
use harden::status::ProcessIdentity;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// How far harden has come with a node.
#[derive(Default)]
pub(super) struct Node {
    pub(super) calls: usize,
    pub(super) waits: usize,
    pub(super) broken: bool,
    pub(super) unreachable: usize,
    /// Connections that were refused; ten seconds lie between two.
    pub(super) refused: u64,
}

/// After so many seconds an imagined node puts its old state back by itself.
pub(super) const TIMER: u64 = 600;

/// What every script and every connection comes to.
pub(super) type Refusal = fn() -> HealthError;

/// What is to go wrong.
pub(super) struct Wrong {
    /// Faults by node and number of the script, counted from 0.
    pub(super) faults: BTreeMap<(&'static str, usize), Fault>,
    /// Faults by node and title of the script, each once.
    pub(super) cuts: Mutex<Vec<(&'static str, &'static str, Fault)>>,
    /// Gates that fail, by node and number of the wait: 0 before, 1 after, the next one after a rollback.
    pub(super) sick: Vec<(&'static str, usize)>,
    /// How many new connections fail, by node, after a fault there.
    pub(super) unreachable: BTreeMap<&'static str, usize>,
    /// Once all cuts have come, no connection comes about any more.
    pub(super) gone_after_cuts: bool,
    /// New logins fail with the new state.
    pub(super) no_login: Vec<&'static str>,
    /// With the new state nothing gets through any more, and why.
    pub(super) locked_out: Option<(&'static str, Refusal)>,
    /// After how many refused connections a node puts its old state back by itself, and which way.
    pub(super) own_rollback: (u64, &'static str),
    pub(super) stage_is_sick: bool,
    pub(super) cluster_refuses: bool,
    pub(super) store: Store,
    /// The user interrupts when so many nodes are done.
    pub(super) interrupted_after: usize,
    /// The user interrupts while gates are waited for that do not hold, by node and number of the wait.
    pub(super) interrupted_in: Option<(&'static str, usize)>,
    /// What runs beside harden waits for these files to go, which they do when the run is over.
    pub(super) holds: Vec<PathBuf>,
    /// What was mounted, and is unmounted when all is healed.
    pub(super) mounts: Vec<PathBuf>,
}

impl Default for Wrong {
    fn default() -> Self {
        Self {
            faults: BTreeMap::new(),
            cuts: Mutex::default(),
            sick: Vec::new(),
            unreachable: BTreeMap::new(),
            gone_after_cuts: false,
            no_login: Vec::new(),
            locked_out: None,
            own_rollback: (TIMER / 10, "alone"),
            stage_is_sick: false,
            cluster_refuses: false,
            store: Store::Open,
            interrupted_after: usize::MAX,
            interrupted_in: None,
            holds: Vec::new(),
            mounts: Vec::new(),
        }
    }
}

/// Imagined nodes and what is to go wrong on them.
pub(super) struct World {
    pub(super) roots: BTreeMap<NodeName, tempfile::TempDir>,
    pub(super) state: Mutex<BTreeMap<NodeName, Node>>,
    pub(super) running: Mutex<Vec<Child>>,
    pub(super) pauses: Mutex<usize>,
    pub(super) events: Mutex<Vec<Event>>,
    /// The scripts that were sent: title and sections.
    pub(super) sent: Mutex<BTreeMap<String, BTreeSet<String>>>,
    /// Whether units are restarted by a script of their own.
    pub(super) is_parted: bool,
    /// What the nodes had before.
    pub(super) old: BTreeMap<NodeName, Vec<String>>,
    pub(super) wrong: Wrong,
    pub(super) pods: Pods,
    pub(super) interrupted: AtomicBool,
    /// The process that harden says it is.
    pub(super) process: Option<ProcessIdentity>,
}

pub(super) fn name(text: &str) -> NodeName {
    serde_json::from_value(serde_json::Value::from(text)).unwrap()
}

impl World {
    pub(super) fn new(nodes: &[&str]) -> Self {
        let root = |node: &&str| {
            // In memory where that can be had: a transaction waits for the disk at each step.
            let memory = Path::new("/dev/shm");
            let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
            let root = tempfile::Builder::new().prefix("it's a node ").tempdir_in(place).unwrap();
            fill(root.path());
            (name(node), root)
        };
        let mut world = Self {
            roots: nodes.iter().map(root).collect(),
            state: Mutex::default(),
            running: Mutex::default(),
            pauses: Mutex::default(),
            events: Mutex::default(),
            sent: Mutex::default(),
            is_parted: false,
            old: BTreeMap::new(),
            wrong: Wrong::default(),
            pods: Pods::default(),
            interrupted: AtomicBool::new(false),
            process: None,
        };
        world.old = nodes.iter().map(|node| (name(node), world.listing(node))).collect();
        world
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
            between: if self.is_parted { vec![Gate::NodeReady { node: name(node) }] } else { Vec::new() },
            after: vec![Gate::ApiServerReady { node: name(node) }],
            rollback_after: Some(TIMER),
            rendered_with: RenderedWith::default(),
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
            joins: Vec::new(),
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
            materials: &self.wrong.store,
            by: "me@here",
            process: self.process.as_ref(),
            now: 1_795_478_400,
            retention: 10,
            listener: &|event| self.events.lock().unwrap().push(event),
            interrupted: &|| {
                self.interrupted.load(Ordering::Relaxed) || self.done() >= self.wrong.interrupted_after
            },
        };
        let report = apply(plan, &run);
        for hold in &self.wrong.holds {
            fs::remove_file(hold).unwrap();
        }
        for mut child in self.running.lock().unwrap().drain(..) {
            child.wait().unwrap();
        }
        report
    }

    /// A later run, with nothing wrong any more.
    pub(super) fn heal(&mut self) {
        for mount in &self.wrong.mounts {
            assert!(Command::new("umount").arg("-l").arg(mount).status().unwrap().success());
        }
        self.wrong = Wrong::default();
        self.interrupted = AtomicBool::new(false);
        self.state.lock().unwrap().clear();
        self.events.lock().unwrap().clear();
    }

    /// What the last transaction of a node came to, by what stands there.
    pub(super) fn end(&self, node: &str) -> End {
        let Ok(entries) = fs::read_dir(self.root(node).join("var/lib/harden/txn")) else {
            return End::Untouched;
        };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let last = names.filter(|name| !name.starts_with('.')).max();
        let Some(last) = last.map(|last| self.root(node).join("var/lib/harden/txn").join(last)) else {
            return End::Untouched;
        };
        let result = fs::read_to_string(last.join("result")).unwrap_or_default();
        let mode = result.lines().last().and_then(|line| line.split(' ').next());
        match ["committed", "reverted", "pending"].map(|marker| last.join(marker).exists()) {
            [true, ..] => End::Applied,
            [_, true, _] if mode == Some("asked") => End::PutBack,
            [_, true, _] if mode == Some("alone") => End::ByTimer,
            [_, true, _] if mode == Some("boot") => End::AtStart,
            [false, false, false] => End::Untouched,
            markers => panic!("{node}: {markers:?} {result}"),
        }
    }

    /// What a node has now is its old state.
    pub(super) fn remember(&mut self, node: &str) {
        self.old.insert(name(node), self.listing(node));
    }

    /// What must not be left behind.
    pub(super) fn strays(&self, node: &str) -> Vec<String> {
        let output = Command::new("find").arg(self.root(node)).args(["-name", ".*"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    pub(super) fn is_recorded(&self, node: &str) -> bool {
        self.root(node).join("var/lib/harden/state.json").exists()
    }

    fn lock(&self, node: &str) -> PathBuf {
        self.root(node).join("var/lib/harden/lock")
    }

    /// Whether the lock is that of somebody else, who is gone.
    pub(super) fn has_foreign_lock(&self, node: &str) -> bool {
        fs::read_link(self.lock(node)).is_ok_and(|target| target == Path::new("txn/t0"))
    }

    pub(super) fn free_foreign_lock(&self, node: &str) {
        if self.has_foreign_lock(node) {
            fs::remove_file(self.lock(node)).unwrap();
            fs::remove_dir_all(self.root(node).join("var/lib/harden/txn/t0")).unwrap();
        }
    }

    pub(super) fn is_pending(&self, node: &str) -> bool {
        self.root(node).join("var/lib/harden/lock/pending").exists()
    }

    /// The node's own rollback.
    pub(super) fn roll_back_alone(&self, node: &str, mode: &str) {
        let script = self.root(node).join("var/lib/harden/lock/rollback.sh");
        if script.exists() {
            assert!(Command::new("sh").arg(script).arg(mode).output().unwrap().status.success());
        }
    }

    /// What runs beside harden, and is waited for at the end.
    pub(super) fn beside(&self, child: Child) {
        self.running.lock().unwrap().push(child);
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
        fs::symlink_metadata(self.lock(node)).is_ok()
    }
}

/// The node's name as the tests write it.
pub(super) fn leaked(node: &NodeName) -> &'static str {
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
