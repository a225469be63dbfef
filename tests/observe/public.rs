//! Files in which a private key stands beside what is public: the rest is read, and the key never leaves the node.

use super::node::{SHELLS, Tree, certificate, desired, path, read_certificate, snapshot};
use crate::support::shells;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harden::observe;
use harden::remote::Reader as _;
use harden::resource::{
    CertificateFacts, CertificateForm, CertificateSpec, CertificateState, Kind, Observed, ObservedContent,
    Resource, Spec,
};
use std::time::Duration;

/// The body of every private key here.
const SECRET: &str = "U2VjcmV0VGhhdFN0YXlzT25UaGVOb2Rl";
const SERVER: &str = "https://10.0.0.11:6443";

fn block(kind: &str, body: &str) -> String {
    format!("-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n")
}

fn pem(body: &str) -> String {
    block("CERTIFICATE", body)
}

fn key(kind: &str) -> String {
    block(kind, SECRET)
}

fn kubeconfig(server: &str, ca: &str, certificate: &str, key: &str) -> String {
    let [ca, certificate, key] = [ca, certificate, key].map(|text| STANDARD.encode(text));
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    certificate-authority-data: {ca}\n    server: {server}\n  \
         name: kubernetes\nusers:\n- name: x\n  user:\n    client-certificate-data: {certificate}\n    client-key-data: {key}\n"
    )
}

fn wanted(at: &str, form: CertificateForm) -> Resource {
    let made = certificate("/pki/x");
    let Spec::Certificate(spec) = made.spec.clone() else { panic!() };
    let kind = if form == CertificateForm::ONE_FILE { Kind::Certificate } else { Kind::Kubeconfig };
    let mut resource = super::node::resource(at, kind, made.spec);
    resource.spec = Spec::Certificate(CertificateSpec { path: path(at), form, ..spec });
    resource
}

/// Takes the bodies of the certificates for the name.
fn read(pem: &[u8], issuer: Option<&[u8]>) -> Result<CertificateFacts, String> {
    let text = String::from_utf8(pem.to_vec()).unwrap();
    let bodies: Vec<&str> = text.lines().filter(|line| !line.starts_with('-')).collect();
    if bodies.is_empty() {
        return Err(String::from("there is none"));
    }
    let facts = read_certificate(b"CN=x\n", issuer)?;
    Ok(CertificateFacts { common_name: bodies.join("+"), ..facts })
}

/// What all shells say of one file, and that none of them sends what must stay.
fn observed(text: &str, form: &CertificateForm) -> Observed {
    let tree = Tree::new();
    tree.write("/pki/it's mixed", text, 0o600);
    tree.write("/pki/ca.crt", "CN=ca\n", 0o644);
    let mut wanted = vec![wanted("/pki/it's mixed", form.clone())];
    // Somebody who asks for its content by mistake does not get it.
    wanted.push(super::node::yaml_keys("/pki/it's mixed"));
    let wanted = desired(wanted);
    shells::by_all(
        &SHELLS,
        || snapshot(&tree.root()),
        |shell| {
            let reply = tree.session(shell).read(&observe::probe(&wanted), Duration::from_secs(30)).unwrap();
            for (name, section) in &reply.sections {
                let text = String::from_utf8_lossy(&section.output).into_owned();
                for secret in
                    [SECRET.to_owned(), STANDARD.encode(SECRET), STANDARD.encode(key("PRIVATE KEY"))]
                {
                    assert!(!text.contains(&secret), "{shell:?} {name}: {text}");
                }
            }
            let mut observed = observe::parse(&reply, &wanted, &read).unwrap();
            shells::stop_clock(&mut observed.facts);
            observed
        },
    )
}

fn state(observed: &Observed) -> String {
    match &observed.certificates[&path("/pki/it's mixed")] {
        CertificateState::Present(facts) => facts.common_name.clone(),
        CertificateState::WithoutKey(facts) => format!("{} without key", facts.common_name),
        CertificateState::Unreadable(reason) => reason.clone(),
        CertificateState::Absent => String::from("absent"),
    }
}

#[test]
fn of_one_file_the_certificate_is_read() {
    let good = pem("QUJD") + &key("PRIVATE KEY");
    for (text, expected) in [
        (good.clone(), "QUJD"),
        (good.replace('\n', "\r\n"), "QUJD"),
        (key("EC PRIVATE KEY") + &pem("QUJD"), "QUJD"),
        (pem("QUJD") + &pem("REVG") + &key("RSA PRIVATE KEY"), "QUJD+REVG"),
        (pem("QUJD"), "QUJD without key"),
        (String::new(), "there is none"),
        (key("PRIVATE KEY"), "there is none"),
        // One that does not end: what follows is not part of it.
        (format!("-----BEGIN CERTIFICATE-----\nQUJD\n{}", key("PRIVATE KEY")), "there is none"),
        (format!("-----BEGIN CERTIFICATE-----\n\n{SECRET}\n-----END CERTIFICATE-----\n"), "there is none"),
        (format!("-----BEGIN CERTIFICATE-----\n{SECRET}"), "there is none"),
        (format!("x: {SECRET}\n{good}"), "QUJD"),
    ] {
        let observed = observed(&text, &CertificateForm::ONE_FILE);
        assert_eq!(state(&observed), expected, "{text}");
        let Some(harden::resource::FileState::Present(file)) = observed.files.get(&path("/pki/it's mixed"))
        else {
            panic!()
        };
        assert_eq!((&file.content, file.sha256.len()), (&ObservedContent::NotRead, 64));
        assert!(observed.kubeconfigs.is_empty());
    }
}

#[test]
fn of_a_kubeconfig_everything_but_the_key_is_read() {
    let good = kubeconfig(SERVER, &pem("Q0E="), &pem("QUJD"), &key("PRIVATE KEY"));
    let form = CertificateForm::Kubeconfig { server: SERVER.to_owned() };
    let one = |body: &str| harden::plan::certificates(pem(body).as_bytes());
    for (text, certificate, servers, authorities) in [
        (good.clone(), "QUJD", vec![SERVER], one("Q0E=")),
        (good.replace('\n', "\r\n"), "QUJD", vec![SERVER], one("Q0E=")),
        (good.replace(SERVER, &format!("\"{SERVER}\"")), "QUJD", vec![SERVER], one("Q0E=")),
        (
            kubeconfig("https://[fd00::1]:6443", &pem("Q0E="), &pem("QUJD"), "k"),
            "QUJD",
            vec!["https://[fd00::1]:6443"],
            one("Q0E="),
        ),
        (kubeconfig(SERVER, "", &pem("QUJD"), ""), "QUJD without key", vec![SERVER], [].into()),
        // What is no plain URL may hold a password.
        (good.replace(SERVER, &format!("https://a:{SECRET}@b")), "QUJD", vec!["?"], one("Q0E=")),
        (
            format!("{good}    server: https://other:6443\n"),
            "QUJD",
            vec![SERVER, "https://other:6443"],
            one("Q0E="),
        ),
        // The key in the wrong place.
        (
            kubeconfig(SERVER, &pem("Q0E="), &(pem("QUJD") + &key("PRIVATE KEY")), ""),
            "QUJD",
            vec![SERVER],
            one("Q0E="),
        ),
        (
            kubeconfig(SERVER, &key("PRIVATE KEY"), &key("PRIVATE KEY"), ""),
            "there is none",
            vec![SERVER],
            [].into(),
        ),
        (format!("token: {SECRET}\n"), "there is none", vec![], [].into()),
        (
            good.replace(
                "client-certificate-data: ",
                &format!("client-certificate-data: |\n      {SECRET}\n    x: "),
            ),
            "there is none",
            vec![SERVER],
            one("Q0E="),
        ),
    ] {
        let observed = observed(&text, &form);
        assert_eq!(state(&observed), certificate, "{text}");
        let facts = &observed.kubeconfigs[&path("/pki/it's mixed")];
        assert_eq!(
            (&facts.servers, &facts.authorities),
            (&servers.iter().map(ToString::to_string).collect(), &authorities),
            "{text}"
        );
    }
}

#[test]
fn what_is_not_there_is_absent_and_a_link_is_not_followed() {
    let tree = Tree::new();
    tree.write("/pki/target", pem("QUJD") + &key("PRIVATE KEY"), 0o600);
    tree.link("/pki/link", "target");
    let resources = ["/pki/link", "/pki/none"].map(|at| wanted(at, CertificateForm::ONE_FILE));
    let found = observe::observe(
        &mut tree.session(SHELLS[0]),
        &desired(resources.to_vec()),
        Duration::from_secs(30),
        &read,
    )
    .unwrap();
    assert_eq!(found.certificates[&path("/pki/none")], CertificateState::Absent);
    assert!(matches!(found.certificates[&path("/pki/link")], CertificateState::Unreadable(_)));
}
