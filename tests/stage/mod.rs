//! The stages: kubelet serving certificates, and the first enabling of encryption; a table of states, every combination of them, and a cluster in which
//! runs are cut short at any point.

mod combinations;
mod refusals;
mod serving;
mod table;

use harden::desired::EncryptionPhase;
use harden::inventory::{EncryptionProvider, NodeName};
use harden::resource::{ClusterObserved, NodePath};
use harden::stage::{
    ControlPlane, EncryptionConfig, EncryptionFile, EncryptionGoal, EncryptionState, Refusal, Stage,
    StageInput, next,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

const PATH: &str = "/etc/kubernetes/encryption/config.yaml";
const PREFIX: &str = "k8s:enc:secretbox:v1:key-1:";
const NAMES: [&str; 3] = ["cp-1", "cp-2", "cp-3"];

fn path() -> NodePath {
    PATH.parse().unwrap()
}

fn name(text: &str) -> NodeName {
    serde_json::from_value(serde_json::Value::from(text)).unwrap()
}

fn goal() -> EncryptionGoal {
    EncryptionGoal {
        provider: EncryptionProvider::Secretbox,
        key: String::from("key-1"),
        key_sha256: Some(String::from("aa")),
        resources: BTreeSet::from([String::from("secrets")]),
        path: path(),
    }
}

/// The masked text of one of harden's two configs.
fn config(phase: EncryptionPhase) -> String {
    let key = "  - secretbox:\n      keys:\n      - name: key-1\n        secret: sha256:aa\n";
    let identity = "  - identity: {}\n";
    let providers = match phase {
        EncryptionPhase::Read => format!("{identity}{key}"),
        EncryptionPhase::Write => format!("{key}{identity}"),
    };
    format!(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources:\n  - secrets\n  providers:\n{providers}"
    )
}

fn hash(phase: EncryptionPhase) -> String {
    format!("hash of {phase:?}")
}

/// Parsed once: every combination asks for them again.
fn present(phase: EncryptionPhase) -> EncryptionFile {
    static CONFIGS: LazyLock<[EncryptionConfig; 2]> = LazyLock::new(|| {
        [EncryptionPhase::Read, EncryptionPhase::Write]
            .map(|phase| EncryptionConfig::parse(&config(phase)).unwrap())
    });
    EncryptionFile::Present { config: CONFIGS[phase as usize].clone(), sha256: hash(phase) }
}

/// One control-plane node and what its API server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Server {
    reached: bool,
    file: Option<EncryptionPhase>,
    flag: bool,
    loaded: Option<EncryptionPhase>,
}

const CLEAN: Server = Server { reached: true, file: None, flag: false, loaded: None };

fn ask(servers: &[Server], cluster: Option<&ClusterObserved>) -> Result<Stage, Refusal> {
    let control_planes = NAMES
        .iter()
        .zip(servers)
        .map(|(node, server)| ControlPlane {
            name: name(node),
            state: server.reached.then(|| EncryptionState {
                file: server.file.map_or(EncryptionFile::Absent, present),
                flag: server.flag.then(|| PATH.to_owned()),
            }),
        })
        .collect();
    next(&StageInput { goal: Some(goal()), control_planes, cluster })
}

/// A running cluster with so many Secrets in plain text and so many written with the key.
fn cluster(servers: &[Server], plain: usize, written: usize) -> ClusterObserved {
    ClusterObserved {
        loaded_encryption: NAMES
            .iter()
            .zip(servers)
            .map(|(node, server)| ((*node).to_owned(), server.loaded.map(hash)))
            .collect(),
        stored: BTreeMap::from([(
            String::from("secrets"),
            BTreeMap::from([(String::new(), plain), (PREFIX.to_owned(), written)]),
        )]),
        ..ClusterObserved::default()
    }
}
