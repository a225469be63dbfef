//! What harden does not touch, and what it reads out of an observed node.

use super::{CLEAN, PATH, PREFIX, Server, ask, cluster, config, goal, name, path};
use harden::desired::EncryptionPhase;
use harden::inventory::EncryptionProvider;
use harden::resource::{
    ClusterObserved, FileKind, FileState, Mode, NodePath, Observed, ObservedContent, PresentFile,
};
use harden::stage::{ControlPlane, EncryptionFile, EncryptionGoal, EncryptionState, StageInput, next};
use std::collections::BTreeMap;

const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";

fn text(content: &str) -> FileState {
    file(ObservedContent::Text(content.to_owned()))
}

fn file(content: ObservedContent) -> FileState {
    FileState::Present(PresentFile {
        kind: FileKind::File,
        mode: Mode(0o600),
        owner: String::from("root"),
        group: String::from("root"),
        sha256: String::from("00"),
        modified: 0,
        content,
    })
}

/// A node's state out of its encryption config and the command line of its API server.
fn state(config: FileState, command: &str) -> EncryptionState {
    let manifest: NodePath = MANIFEST.parse().unwrap();
    let pod =
        format!("spec:\n  containers:\n  - command: [kube-apiserver, {command}]\n    name: kube-apiserver\n");
    let files = BTreeMap::from([(path(), config), (manifest.clone(), text(&pod))]);
    EncryptionState::read(&Observed { files, ..Observed::default() }, &path(), &manifest)
}

fn refusal(goal: EncryptionGoal, state: EncryptionState) -> String {
    let control_planes = vec![ControlPlane { name: name("cp-1"), state: Some(state) }];
    next(&StageInput { goal: Some(goal), control_planes, cluster: None }).unwrap_err().to_string()
}

#[test]
fn somebody_elses_config_is_refused_with_the_reason() {
    let ours = config(EncryptionPhase::Read);
    let foreign = |reason: &str| format!("cp-1: {PATH} is not an encryption config of harden's: {reason}");
    let table = [
        (ours.replace("key-1", "theirs"), foreign("it has the secretbox key `theirs`")),
        (ours.replace("secretbox", "aescbc"), foreign("it has the aescbc key `key-1`")),
        (ours.replace("identity", "kms"), foreign("it has the provider kms")),
        (ours.replace("secrets", "configmaps"), foreign("it is for configmaps")),
        (format!("{ours}- resources: [x]\n"), foreign("it has 2 groups of resources instead of one")),
        (
            ours.replace("  - identity: {}\n", "  - identity: {}\n  - identity: {}\n"),
            foreign("its providers are not just the key and identity"),
        ),
        (
            ours.replace("sha256:aa", "sha256:bb"),
            String::from("cp-1: the key `key-1` is not the one in the store"),
        ),
        (
            ours.replace("sha256:aa", "(sensitive)"),
            String::from("cp-1: the key `key-1` is not the one in the store"),
        ),
        (
            String::from("{"),
            format!("cp-1: {PATH} cannot be judged: it is not the YAML of an EncryptionConfiguration"),
        ),
    ];
    for (content, expected) in table {
        // With and without the flag: a file of somebody's is not overwritten either.
        for command in ["--v=2", "--encryption-provider-config=/etc/kubernetes/encryption/config.yaml"] {
            assert_eq!(refusal(goal(), state(text(&content), command)), expected, "{content}");
        }
    }
}

#[test]
fn a_key_that_the_store_does_not_have_yet_cannot_be_on_a_node() {
    let goal = EncryptionGoal { key_sha256: None, ..goal() };
    let state = state(text(&config(EncryptionPhase::Read)), "--v=2");
    assert_eq!(refusal(goal, state), "cp-1: the key `key-1` is not the one in the store");
}

#[test]
fn what_cannot_be_read_is_refused() {
    for (content, reason) in [
        (
            file(ObservedContent::Opaque),
            "its secrets are written in a way that the node could not mask, so it was not sent",
        ),
        (file(ObservedContent::NotRead), "it is not a regular file, or was not asked for"),
        (FileState::Unknown(String::from("Permission denied")), "Permission denied"),
    ] {
        assert_eq!(
            refusal(goal(), state(content, "--v=2")),
            format!("cp-1: {PATH} cannot be judged: {reason}")
        );
    }
}

#[test]
fn another_file_in_use_is_refused() {
    for command in ["--encryption-provider-config=/etc/x.yaml", "--encryption-provider-config, /etc/x.yaml"] {
        assert_eq!(
            refusal(goal(), state(FileState::Absent, command)),
            format!("cp-1: its API server has the encryption config /etc/x.yaml, not {PATH}")
        );
    }
}

#[test]
fn flags_that_only_begin_alike_are_others() {
    let state = state(FileState::Absent, "--encryption-provider-config-automatic-reload=true");
    assert_eq!(state, EncryptionState { file: EncryptionFile::Absent, flag: None });
}

#[test]
fn values_of_an_unknown_key_are_refused() {
    let servers: [Server; 3] = [CLEAN; 3];
    let mut observed = cluster(&servers, 5, 0);
    let stored = observed.stored.get_mut("secrets").unwrap();
    stored.insert(String::from("k8s:enc:aescbc:v1:old:"), 3);
    assert_eq!(
        ask(&servers, Some(&observed)).unwrap_err().to_string(),
        "etcd holds 3 secrets written with `k8s:enc:aescbc:v1:old:`, which is not the key of this inventory"
    );
    assert_eq!(goal().prefix(), PREFIX);
}

#[test]
fn without_encryption_there_is_one_stage() {
    for goal in [None, Some(EncryptionGoal { provider: EncryptionProvider::None, ..goal() })] {
        let control_planes =
            vec![ControlPlane { name: name("cp-1"), state: Some(state(text("kind: Foreign\n"), "--v=2")) }];
        let cluster = ClusterObserved::default();
        let stage = next(&StageInput { goal, control_planes, cluster: Some(&cluster) }).unwrap();
        assert_eq!(stage.title.name, "declared");
        assert!(stage.remaining.is_empty() && stage.encryption.is_empty() && stage.gates.is_empty());
    }
}
