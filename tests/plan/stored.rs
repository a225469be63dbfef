//! Certificates that the store signs, files that are one secret of it as a whole, and files that are kept or refused.

use super::fixture::*;
use harden::error::Hint as _;
use harden::inventory::Role::{ControlPlane, Etcd};
use harden::plan::{Action, Authority, Change, Operation, Plan, PlanError, build, file, sha256};
use harden::resource::*;

const CA: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const PATH: &str = "/etc/kubernetes/pki/ca.key";
const REASON: &str = "it belongs to another cluster";

fn pair() -> StoredPair {
    let key = SecretRef { name: "pki/kubernetes-ca".into(), sha256: Some(sha256(b"the key\n")) };
    StoredPair { public: CA.into(), key }
}

fn planned(resources: Vec<Resource>, change: impl FnOnce(&mut Observed)) -> Result<Plan, PlanError> {
    let inventory = inventory(&[("cp", &[ControlPlane, Etcd])]);
    let mut inputs = inputs(&inventory);
    let mut observed = observed();
    change(&mut observed);
    inputs.desired.get_mut(&name("cp")).unwrap().resources = resources;
    inputs.observed.insert(name("cp"), observed);
    build(inputs)
}

fn only(plan: &Plan) -> Change {
    let mut changes = plan.changes();
    let (_, change) = changes.next().unwrap();
    assert!(changes.next().is_none());
    change.clone()
}

/// A file whose content is this, and what becomes of another one.
fn file_of(content: Content, existing: Existing) -> Resource {
    let spec = FileSpec { path: path(PATH), content, sensitive_keys: Vec::new(), existing, ..secret_file() };
    resource("file.ca-key", Spec::File(spec), &[])
}

fn key_file() -> Resource {
    let key = pair().key;
    file_of(Content { text: key.token(), secrets: vec![key] }, Existing::Refused(REASON.into()))
}

/// What the probe of a node says of a file whose content it is not asked for.
fn unread(text: &str) -> FileState {
    let FileState::Present(file) = present(text, "0600") else { panic!() };
    FileState::Present(PresentFile { content: ObservedContent::NotRead, ..file })
}

#[test]
fn the_store_signs_whatever_is_on_the_nodes() {
    let spec = CertificateSpec { stored_issuer: Some(pair()), ..certificate() };
    let wanted = || vec![resource("certificate.etcd-server", Spec::Certificate(spec.clone()), &[])];
    // No node holds a key.
    let plan = planned(wanted(), |_| ()).unwrap();
    let change = only(&plan);
    let text = change.after.unwrap();
    assert!(
        text.contains("\nissuer: /etc/kubernetes/pki/etcd/ca.crt, with the key from the store\n"),
        "{text}"
    );
    let [Operation::Issue { authority, .. }] = change.operations.as_slice() else { panic!() };
    assert_eq!(*authority, Authority::Store(pair()));
    assert_eq!(file::from_json(&file::to_json(&plan).unwrap()).unwrap(), plan);
    // One on the node counts for nothing.
    let key = spec.issuer_key_path.clone();
    let plan = planned(wanted(), |seen| drop(seen.files.insert(key, present("another", "0600")))).unwrap();
    assert!(only(&plan).after.unwrap().contains("from the store"));
}

#[test]
fn a_key_of_the_store_is_told_by_its_digest_alone() {
    let state = |state: FileState| move |seen: &mut Observed| drop(seen.files.insert(path(PATH), state));
    let plan = planned(vec![key_file()], state(FileState::Absent)).unwrap();
    let change = only(&plan);
    assert_eq!((change.action, change.sensitive, change.before), (Action::Add, true, None));
    assert_eq!(change.after.unwrap(), format!("sha256:{}", sha256(b"the key\n")));
    assert!(!file::to_json(&plan).unwrap().contains("the key"));
    assert!(planned(vec![key_file()], state(unread("the key\n"))).unwrap().is_empty());
    // Another line end is another file.
    for other in ["the key", "another key\n"] {
        let error = planned(vec![key_file()], state(unread(other))).unwrap_err();
        let text = format!("{:?}", harden::error::Chain(&error).to_string());
        assert!(
            text.contains("compare /etc/kubernetes/pki/ca.key: this host has another one than the store: it belongs to another cluster"),
            "{text}"
        );
        assert!(!text.contains("another key"), "{text}");
        assert!(error.hint().unwrap().contains("kubeadm reset"));
    }
}

#[test]
fn a_certificate_that_must_not_be_replaced_is_the_same_one_whatever_stands_around_it() {
    let wanted = || vec![file_of(Content::plain(CA), Existing::Refused(REASON.into()))];
    let seen = |text: &str, mode: &str| {
        let state = present(text, mode);
        planned(wanted(), move |seen| drop(seen.files.insert(path(PATH), state)))
    };
    assert!(seen(CA, "0600").unwrap().is_empty());
    assert!(seen(&format!("# ours\n{}", CA.trim_end()), "0600").unwrap().is_empty());
    assert_eq!(only(&seen(CA, "0644").unwrap()).reasons, ["mode 0644 → 0600"]);
    for other in [CA.replace("AAAA", "BBBB"), format!("{CA}{}", CA.replace("AAAA", "BBBB")), String::new()] {
        assert!(seen(&other, "0600").is_err(), "{other}");
    }
}

#[test]
fn what_is_only_to_be_there_is_left_as_it_is() {
    let wanted = || vec![file_of(Content::plain("first\n"), Existing::Kept)];
    let seen = |state| planned(wanted(), |seen| drop(seen.files.insert(path(PATH), state))).unwrap();
    let change = only(&seen(FileState::Absent));
    assert_eq!((change.action, change.after.as_deref()), (Action::Add, Some("first\n")));
    assert!(seen(unread("something else")).is_empty());
    // Who may read it is harden's business all the same.
    let change = only(&seen(present("something else", "0644")));
    assert!(matches!(change.operations.as_slice(), [Operation::SetAttributes { .. }]));
    assert_eq!(change.before, None);
}

const SERVER: &str = "https://10.0.0.11:6443";

/// A kubeconfig of that CA, as a node has it.
fn seen_kubeconfig(
    spec: &CertificateSpec,
    change: impl FnOnce(&mut CertificateFacts, &mut KubeconfigFacts),
) -> Plan {
    let resource = resource("kubeconfig.admin", Spec::Certificate(spec.clone()), &[]);
    let mut said = KubeconfigFacts {
        servers: vec![SERVER.into()],
        authorities: harden::plan::certificates(CA.as_bytes()),
    };
    let mut found = facts(spec);
    change(&mut found, &mut said);
    planned(vec![resource], |seen| {
        seen.files.insert(spec.path.clone(), unread("mixed"));
        seen.certificates.insert(spec.path.clone(), CertificateState::Present(found));
        seen.kubeconfigs.insert(spec.path.clone(), said);
    })
    .unwrap()
}

#[test]
fn a_kubeconfig_is_compared_by_what_it_says() {
    let spec = CertificateSpec {
        path: path("/etc/kubernetes/admin.conf"),
        ownership: ownership("0600"),
        form: CertificateForm::Kubeconfig { server: SERVER.into() },
        stored_issuer: Some(pair()),
        ..certificate()
    };
    assert!(seen_kubeconfig(&spec, |_, _| ()).is_empty());
    let reasons = |change: &dyn Fn(&mut CertificateFacts, &mut KubeconfigFacts)| {
        only(&seen_kubeconfig(&spec, |facts, said| change(facts, said))).reasons
    };
    assert_eq!(
        reasons(&|_, said| said.servers = vec!["https://other:6443".into()]),
        [format!("leads to https://other:6443, wanted {SERVER}")]
    );
    assert_eq!(reasons(&|_, said| said.servers.clear()), [format!("leads to no server, wanted {SERVER}")]);
    assert_eq!(
        reasons(&|_, said| said.authorities.clear()),
        ["does not trust /etc/kubernetes/pki/etcd/ca.crt"]
    );
    assert_eq!(reasons(&|facts, _| facts.common_name = "x".into()), ["common name is x, wanted cp"]);
    let plan = seen_kubeconfig(&spec, |_, said| said.servers.clear());
    let change = only(&plan);
    assert!(change.after.unwrap().ends_with(&format!("\nserver: {SERVER}\n")));
    assert_eq!(file::from_json(&file::to_json(&plan).unwrap()).unwrap(), plan);
}

#[test]
fn every_form_survives_the_way_through_a_saved_plan() {
    let pair = certificate();
    let kubeconfig = CertificateForm::Kubeconfig { server: SERVER.into() };
    for form in [pair.form.clone(), kubeconfig, CertificateForm::ONE_FILE] {
        let spec = CertificateSpec { form, ..pair.clone() };
        let json = serde_json::to_value(&spec).unwrap();
        assert_eq!(serde_json::from_value::<CertificateSpec>(json.clone()).unwrap(), spec);
        // What has lost its form is none of them.
        let mut without = json;
        for key in ["key_path", "server", "key"] {
            without.as_object_mut().unwrap().remove(key);
        }
        assert!(serde_json::from_value::<CertificateSpec>(without).is_err());
    }
}
