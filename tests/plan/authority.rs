//! Which node's CA key signs a certificate, and the proof that a kubelet serves with it.

use super::fixture::*;
use harden::error::Hint as _;
use harden::inventory::Role::{ControlPlane, Etcd, Worker};
use harden::plan::{Authority, Gate, Inputs, Operation, Plan, build};
use harden::resource::*;
use serde_json::json;

const CA: &str = "/etc/kubernetes/pki/ca.crt";
const KEY: &str = "/etc/kubernetes/pki/ca.key";
const SERVING: &str = "/var/lib/kubelet/pki/serving.crt";

fn serving() -> CertificateSpec {
    CertificateSpec {
        path: path(SERVING),
        form: CertificateForm::Pair {
            key_path: path("/var/lib/kubelet/pki/serving.key"),
            key_ownership: ownership("0600"),
        },
        issuer_path: path(CA),
        issuer_key_path: path(KEY),
        ..certificate()
    }
}

/// What a node has of the cluster's CA.
fn with_authority(observed: &mut Observed, key: FileState, digests: &[&str]) {
    observed.files.insert(path(KEY), key);
    observed.authorities.insert(path(CA), digests.iter().map(ToString::to_string).collect());
}

/// Two control planes and a worker; only the worker lacks its certificate.
fn plan(change: impl FnOnce(&mut Inputs<'_>)) -> Result<Plan, harden::plan::PlanError> {
    let inventory =
        inventory(&[("cp-1", &[ControlPlane, Etcd]), ("cp-2", &[ControlPlane, Etcd]), ("w", &[Worker])]);
    let mut inputs = inputs(&inventory);
    for node in ["cp-1", "cp-2", "w"] {
        let key = if node == "cp-2" { present("key", "0600") } else { FileState::Absent };
        let seen = inputs.observed.get_mut(&name(node)).unwrap();
        with_authority(seen, key, &["the CA"]);
        seen.files.insert(path(SERVING), FileState::Absent);
        seen.certificates.insert(path(SERVING), CertificateState::Absent);
    }
    let keys =
        YamlKeysSpec { keys: json!({"tlsCertFile": SERVING}).as_object().unwrap().clone(), ..yaml_keys() };
    inputs.desired.get_mut(&name("w")).unwrap().resources = vec![
        resource("certificate.kubelet-serving", Spec::Certificate(serving()), &[]),
        resource("yaml-keys.kubelet", Spec::YamlKeys(keys), &["kubelet.service"]),
    ];
    change(&mut inputs);
    inputs.limit = [name("w")].into();
    build(inputs)
}

fn signer(plan: &Plan) -> &str {
    let operations = plan.changes().flat_map(|(_, change)| &change.operations);
    let mut signers = operations.filter_map(|operation| match operation {
        Operation::Issue { authority: Authority::Node(node), .. } => Some(node.as_str()),
        _ => None,
    });
    signers.next().unwrap()
}

#[test]
fn a_worker_s_certificate_is_signed_where_the_key_is() {
    let found = plan(|_| ()).unwrap();
    assert_eq!(signer(&found), "cp-2");
    let change = found.changes().next().unwrap().1;
    assert!(
        change
            .after
            .as_ref()
            .unwrap()
            .contains("\nissuer: /etc/kubernetes/pki/ca.crt, with the key on cp-2\n")
    );
    // Its own key comes first, and a bundle with one CA in common is of the same CA.
    let own = plan(|inputs| {
        with_authority(inputs.observed.get_mut(&name("w")).unwrap(), present("key", "0600"), &["the CA"]);
    });
    assert_eq!(signer(&own.unwrap()), "w");
    let bundle = plan(|inputs| {
        with_authority(inputs.observed.get_mut(&name("w")).unwrap(), FileState::Absent, &["older", "the CA"]);
    });
    assert_eq!(signer(&bundle.unwrap()), "cp-2");
    // A key of another cluster's CA on one node, and the right one on the next.
    let second = plan(|inputs| {
        with_authority(inputs.observed.get_mut(&name("cp-1")).unwrap(), present("key", "0600"), &["another"]);
    });
    assert_eq!(signer(&second.unwrap()), "cp-2");
}

#[test]
fn a_node_with_another_ca_is_refused() {
    let error = plan(|inputs| {
        with_authority(inputs.observed.get_mut(&name("w")).unwrap(), FileState::Absent, &["another"]);
    })
    .unwrap_err();
    assert!(
        error.to_string().ends_with(
            "w: certificate.kubelet-serving: issue with the CA /etc/kubernetes/pki/ca.crt: it is another CA than on cp-2, whose key would sign"
        ),
        "{error}"
    );
    assert!(error.hint().unwrap().starts_with("find out which cluster this node belongs to"));
}

#[test]
fn a_key_that_is_nowhere_is_named() {
    let error = plan(|inputs| {
        with_authority(inputs.observed.get_mut(&name("cp-2")).unwrap(), FileState::Absent, &["the CA"]);
    })
    .unwrap_err();
    assert!(
        error.to_string().ends_with(
            "issue /var/lib/kubelet/pki/serving.crt: the key of its CA, /etc/kubernetes/pki/ca.key, is neither on this node nor on a control-plane node"
        ),
        "{error}"
    );
    assert!(error.hint().unwrap().starts_with("put /etc/kubernetes/pki/ca.key on a control-plane node"));
}

/// A node that joins has no such files yet, and may get its certificate from the API until it has.
#[test]
fn kubelet_config_never_gets_the_keys_of_one_node() {
    let text = "kind: KubeletConfiguration\nserverTLSBootstrap: true\n";
    let keys = json!({
        "podPidsLimit": 4096,
        "serverTLSBootstrap": null,
        "tlsCertFile": "/x.crt",
        "tlsPrivateKeyFile": "/x.key",
    });
    let edited = harden::plan::kubeadm::kubelet_configuration(text, keys.as_object().unwrap()).unwrap();
    assert_eq!(edited.text, "kind: KubeletConfiguration\npodPidsLimit: 4096\nserverTLSBootstrap: true\n");
}

#[test]
fn a_kubelet_must_prove_what_it_serves_with() {
    let gates = |plan: &Plan| plan.waves[0].nodes[0].after.clone();
    let gate = Gate::KubeletServes { node: name("w"), certificate: path(SERVING), issuer: path(CA) };
    let first = plan(|_| ()).unwrap();
    assert!(gates(&first).contains(&gate), "{:?}", gates(&first));
    assert_eq!(first.waves[0].nodes[0].restart_units, ["kubelet.service"]);
    // A renewal restarts nothing, and is proven all the same.
    let keys = |inputs: &mut Inputs<'_>, text: &str| {
        let seen = inputs.observed.get_mut(&name("w")).unwrap();
        seen.files.insert(path(KUBELET_PATH), present(text, "0600"));
    };
    let renewed = plan(|inputs| keys(inputs, &format!("tlsCertFile: {SERVING}\n"))).unwrap();
    assert!(gates(&renewed).contains(&gate) && renewed.waves[0].nodes[0].restart_units.is_empty());
    // A restart for other reasons too: it must still find its certificate.
    let restarted = plan(|inputs| {
        let seen = inputs.observed.get_mut(&name("w")).unwrap();
        seen.files.insert(path(SERVING), present("certificate", "0644"));
        seen.files.insert(path("/var/lib/kubelet/pki/serving.key"), present("key", "0600"));
        seen.certificates.insert(path(SERVING), CertificateState::Present(facts(&serving())));
    })
    .unwrap();
    assert_eq!((restarted.changes().count(), gates(&restarted).contains(&gate)), (1, true));
    // Nothing of it changes: nothing is to be proven.
    let other = plan(|inputs| {
        keys(inputs, &format!("tlsCertFile: {SERVING}\n"));
        let resources = &mut inputs.desired.get_mut(&name("w")).unwrap().resources;
        resources.remove(0);
        resources.push(resource("sysctl.kernel", Spec::Sysctl(sysctl()), &[]));
    })
    .unwrap();
    assert!(!gates(&other).contains(&gate));
    // In a directory tree no kubelet runs.
    let tree = plan(|inputs| inputs.observed.get_mut(&name("w")).unwrap().facts.live = false).unwrap();
    assert!(gates(&tree).is_empty());
}
