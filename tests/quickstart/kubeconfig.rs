//! `harden kubeconfig`: for persons and for emergencies, and that no key is ever seen.

use super::{Ran, Site, ran};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

fn read(path: &Path) -> Value {
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn decoded(value: &Value) -> String {
    String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap()
}

fn issued(site: &Site, arguments: &[&str]) -> Ran {
    let mut command = site.command(&[&["kubeconfig"], arguments].concat());
    ran(command.current_dir(site.outside("")))
}

#[test]
fn a_person_gets_one_with_the_ca_of_the_store() {
    let site = Site::new();
    assert_eq!(site.run(&["pki", "init"]).code, 0);
    let ran = issued(&site, &["--user", "alice", "--group", "dev", "--group", "ops", "--ttl", "7d"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.starts_with("alice.kubeconfig: https://10.0.0.11:6443 as alice (dev, ops), valid until ")
    );
    assert!(ran.last().contains("cannot be revoked"));
    let file = site.outside("alice.kubeconfig");
    let kubeconfig = read(&file);
    assert_eq!(kubeconfig["clusters"][0]["cluster"]["server"], "https://10.0.0.11:6443");
    let certificate = decoded(&kubeconfig["users"][0]["user"]["client-certificate-data"]);
    let authority = decoded(&kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"]);
    let facts = harden::pki::read(certificate.as_bytes(), Some(authority.as_bytes())).unwrap();
    assert!(facts.signed_by_issuer);
    assert_eq!(facts.not_after - facts.not_before, 7 * 86_400 + 300);
    assert!(fs::read_to_string(site.path("secrets/index.toml")).unwrap().contains(&authority));

    // Nothing is overwritten, unless it was asked for.
    let before = fs::read(&file).unwrap();
    let again = issued(&site, &["--user", "alice"]);
    assert!(again.code == 1 && again.stderr.contains("--force"), "{}", again.stderr);
    assert_eq!(fs::read(&file).unwrap(), before);
    let forced = issued(&site, &["--user", "alice", "--force", "-o", "json"]);
    let document: Value = serde_json::from_str(&forced.stdout).unwrap();
    assert_eq!((&document["user"], &document["file"]), (&"alice".into(), &"alice.kubeconfig".into()));
    assert_ne!(fs::read(&file).unwrap(), before);
    read(&file);
    // A folder that is not there, and a name that is no file's.
    let nowhere = issued(&site, &["--user", "alice", "none/x"]);
    assert!(nowhere.code == 1 && nowhere.stderr.contains("write none/x"), "{}", nowhere.stderr);
    let name = issued(&site, &["--user", "../alice"]);
    assert!(name.code == 1 && name.stderr.contains("hint: name the file"), "{}", name.stderr);
}

#[test]
fn a_store_without_a_ca_leads_to_the_control_plane() {
    let site = Site::new();
    let ran = issued(&site, &["--user", "alice"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let kubeconfig = read(&site.outside("alice.kubeconfig"));
    let authority = decoded(&kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"]);
    assert_eq!(authority, site.read("cp-1/etc/kubernetes/pki/ca.crt"));
    assert!(!site.path("secrets").exists());
    fs::remove_file(site.node("cp-1/etc/kubernetes/pki/ca.key")).unwrap();
    let none = issued(&site, &["--user", "bob"]);
    assert_eq!(none.code, 1);
    assert!(none.stderr.contains("its key is on none of cp-1\nhint: "), "{}", none.stderr);
}

#[test]
fn whom_none_is_issued_for() {
    let site = Site::new();
    for arguments in [
        &["--user", "system:admin"][..],
        &["--user", "alice", "--group", "system:masters"],
        &["--user", "alice", "--group", "dev", "--group", "system:masters", "x"],
    ] {
        let ran = issued(&site, arguments);
        assert!(ran.code == 1 && ran.stderr.contains("--break-glass"), "{}", ran.stderr);
    }
    for arguments in [&[][..], &["--user", "alice", "--ttl", "31d"], &["--user", "alice", "--break-glass"]] {
        let ran = issued(&site, arguments);
        assert!(ran.code == 1 && ran.stdout.is_empty(), "{}", ran.stderr);
    }
    let without = issued(&site, &["--break-glass"]);
    assert!(without.code == 1 && without.stderr.contains("harden pki import"), "{}", without.stderr);
    assert!(!site.path("secrets").exists());
}

#[test]
fn the_one_for_emergencies_comes_out_of_the_store_with_a_warning() {
    let site = Site::new();
    assert_eq!(site.run(&["pki", "import"]).code, 0);
    let first = issued(&site, &["--break-glass"]);
    assert_eq!(first.code, 0, "{}{}", first.stdout, first.stderr);
    assert!(
        first
            .stderr
            .starts_with("warning: whoever has break-glass.kubeconfig can do everything in quickstart")
    );
    let file = site.outside("break-glass.kubeconfig");
    let kubeconfig = read(&file);
    let certificate = decoded(&kubeconfig["users"][0]["user"]["client-certificate-data"]);
    let facts = harden::pki::read(certificate.as_bytes(), None).unwrap();
    assert!(facts.organizations.contains("system:masters"));
    // It is the same each time.
    let again = issued(&site, &["--break-glass", "again"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(fs::read(site.outside("again")).unwrap(), fs::read(&file).unwrap());
    let shown = site.run(&["pki", "show"]);
    assert!(shown.stdout.contains("kubeconfig/break-glass  harden:break-glass"), "{}", shown.stdout);
}

/// Of every verb that has to do with them, at the most talkative: not a line of a key, in no form.
#[test]
fn no_key_is_ever_seen() {
    let site = Site::new();
    let (taken, emergency) =
        (site.outside("alice").display().to_string(), site.outside("bg").display().to_string());
    let mut seen = Vec::new();
    for arguments in [
        &["pki", "import"][..],
        &["pki", "import", "-o", "json"],
        &["pki", "show"],
        &["pki", "init"],
        &["kubeconfig", "--user", "alice", "--force", &taken],
        &["kubeconfig", "--user", "alice", "--force", &taken, "-o", "json"],
        &["kubeconfig", "--break-glass", "--force", &emergency],
        &["kubeconfig", "--break-glass", "--force", &emergency, "-o", "json"],
    ] {
        let mut command = site.command(arguments);
        let ran = ran(command.env("HARDEN_LOG", "trace").arg("-vv"));
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.stderr);
        seen.push(ran.stdout + &ran.stderr);
    }
    // What lies in the store, but for the sealed files.
    seen.push(fs::read_to_string(site.path("secrets/index.toml")).unwrap());
    let mut secrets = vec![super::KEY.to_owned()];
    let keys = ["ca.key", "etcd/ca.key", "front-proxy-ca.key", "sa.key"];
    let mut pems: Vec<String> =
        keys.iter().map(|key| site.read(&format!("cp-1/etc/kubernetes/pki/{key}"))).collect();
    for file in ["alice", "bg"] {
        let kubeconfig = read(&site.outside(file));
        let key = &kubeconfig["users"][0]["user"]["client-key-data"];
        secrets.push(key.as_str().unwrap().to_owned());
        pems.push(decoded(key));
    }
    for pem in &pems {
        assert!(pem.contains("PRIVATE KEY"));
        secrets.push(STANDARD.encode(pem));
        secrets.extend(
            pem.lines().filter(|line| line.len() > 20 && !line.starts_with("---")).map(str::to_owned),
        );
    }
    for text in &seen {
        for secret in &secrets {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    // The positive control: the search finds what is there.
    assert!(secrets.iter().any(|secret| fs::read_to_string(site.outside("bg")).unwrap().contains(secret)));
}
