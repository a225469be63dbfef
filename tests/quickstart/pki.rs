//! `harden pki`: making, taking over and showing the cluster's own CAs, and that none of their keys is ever seen.

use super::{Ran, Site, differing, ran};
use serde_json::Value;
use std::fs;

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr))
}

fn fingerprints(ran: &Ran) -> Vec<String> {
    let document = json(ran);
    let entries = document["entries"].as_array().unwrap().iter();
    entries.map(|entry| entry["sha256"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn those_of_a_new_cluster_are_made_once() {
    let site = Site::new();
    site.declare("[pki]\nalgorithm = \"ecdsa-p256\"\nca-lifetime = \"700d\"");
    let none = site.run(&["pki", "show"]);
    assert_eq!(none.code, 0);
    assert!(none.stdout.contains("harden pki init") && none.stdout.contains("harden pki import"));
    assert!(!site.path("secrets").exists());

    let before = site.tree();
    let made = site.run(&["pki", "init"]);
    assert_eq!(made.code, 0, "{}{}", made.stdout, made.stderr);
    assert_eq!(made.stdout.matches("  new\n").count(), 4, "{}", made.stdout);
    assert_eq!(made.stdout.matches("    SHA-256 ").count(), 4);
    assert!(made.stdout.contains("4 private keys made and sealed in "), "{}", made.stdout);
    assert!(made.last().contains("loses the passphrase or key file"));
    let changed = differing(&before, &site.tree());
    assert!(changed.iter().all(|path| path.starts_with(site.path("secrets")) || *path == site.path("")));

    let before = site.tree();
    // Nothing is to be opened.
    let again = ran(site.command(&["pki", "init"]).env_remove("HARDEN_KEY_FILE"));
    assert_eq!((again.code, again.last()), (0, "Nothing to do: they are all there."));
    let shown = ran(site.command(&["pki", "show"]).env_remove("HARDEN_KEY_FILE"));
    assert_eq!(shown.stdout, made.stdout.replace("  new\n", "\n").split("\n4 private keys").next().unwrap());
    assert_eq!(differing(&before, &site.tree()), Vec::<std::path::PathBuf>::new());
    let document = json(&site.run(&["pki", "show", "-o", "json"]));
    assert_eq!(document["format_version"], "1.0");
    assert_eq!(document["entries"][0]["subject"], "kubernetes");
    assert_eq!(document["entries"][0]["algorithm"], "ecdsa-p256");
    assert_eq!(document["entries"][3]["expires"], Value::Null);
    assert_eq!(document["missing"], serde_json::json!([]));
}

#[test]
fn half_a_set_is_told_and_completed() {
    let site = Site::new();
    assert_eq!(site.run(&["pki", "init"]).code, 0);
    let whole = fingerprints(&site.run(&["pki", "show", "-o", "json"]));
    let index = site.path("secrets/index.toml");
    let text = fs::read_to_string(&index).unwrap();
    let cut = text.find("[secrets.\"pki/service-account\"]").unwrap();
    fs::write(&index, &text[..cut]).unwrap();
    let half = site.run(&["pki", "show"]);
    assert_eq!(half.code, 1);
    assert!(half.stdout.contains("pki/service-account  MISSING"), "{}", half.stdout);
    assert!(half.stderr.contains("hint: ") && half.stderr.contains("harden pki init"), "{}", half.stderr);
    let done = site.run(&["pki", "init"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stdout.contains("1 private key made"), "{}", done.stdout);
    // What the cut-off run left is kept.
    assert!(done.stderr.contains("pki/service-account.sealed.aside-1"), "{}", done.stderr);
    assert!(site.path("secrets/pki/service-account.sealed.aside-1").exists());
    let now = fingerprints(&site.run(&["pki", "show", "-o", "json"]));
    assert_eq!(now[..3], whole[..3]);
    assert_ne!(now[3], whole[3]);
}

#[test]
fn those_of_a_cluster_are_taken_over_from_its_node_or_a_copy_of_its_folder() {
    let (over_ssh, by_copy) = (Site::new(), Site::new());
    let before = over_ssh.tree();
    let taken = over_ssh.run(&["pki", "import"]);
    assert_eq!(taken.code, 0, "{}{}", taken.stdout, taken.stderr);
    assert!(taken.stdout.contains("4 private keys taken over and sealed in "));
    let changed = differing(&before, &over_ssh.tree());
    let is_node = |path: &std::path::PathBuf| path.starts_with(over_ssh.path("quickstart"));
    assert!(!changed.iter().any(is_node), "{changed:?}");
    assert_eq!(over_ssh.run(&["pki", "import"]).last(), "Nothing to do: the store has just these.");

    let folder = by_copy.outside("copy");
    super::copy(&by_copy.node("cp-1/etc/kubernetes/pki"), &folder);
    let from = folder.to_str().unwrap();
    let copied = by_copy.run(&["pki", "import", "--from", from, "-o", "json"]);
    assert_eq!(copied.code, 0, "{}{}", copied.stdout, copied.stderr);
    assert_eq!(fingerprints(&copied), fingerprints(&over_ssh.run(&["pki", "show", "-o", "json"])));

    // A store with CAs of its own takes no others.
    let other = Site::new();
    assert_eq!(other.run(&["pki", "init"]).code, 0);
    let own = fingerprints(&other.run(&["pki", "show", "-o", "json"]));
    let refused = other.run(&["pki", "import", "--node", "cp-1"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains(&own[0]) && refused.stderr.contains(&fingerprints(&copied)[0]));
    assert!(refused.stderr.contains("cp-1:/etc/kubernetes/pki/ca.crt"), "{}", refused.stderr);

    let missing = other.run(&["pki", "import", "--node", "cp-9"]);
    assert!(missing.code == 1 && missing.stderr.contains("no node `cp-9`"), "{}", missing.stderr);
    // A worker has none of them.
    let worker = Site::new().run(&["pki", "import", "--node", "w-1"]);
    assert!(worker.code == 1 && worker.stderr.contains("is missing\nhint: "), "{}", worker.stderr);
    let both = other.run(&["pki", "import", "--node", "cp-1", "--from", from]);
    assert_eq!(both.code, 1);
}

/// With an external etcd the key of its CA is on one of its hosts.
#[test]
fn the_ca_of_etcd_is_looked_for_on_its_own_nodes() {
    let site = Site::new();
    let etcd = |below: &str| site.node(&format!("{below}/etc/kubernetes/pki/etcd"));
    for (name, keys) in [("etcd-1", false), ("etcd-2", true)] {
        let folder = etcd(name);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(etcd("cp-1").join("ca.crt"), folder.join("ca.crt")).unwrap();
        if keys {
            fs::copy(etcd("cp-1").join("ca.key"), folder.join("ca.key")).unwrap();
        }
        site.declare(&format!(
            "[[nodes]]\nname = \"{name}\"\naddress = \"10.0.0.3{}\"\nroles = [\"etcd\"]\nconnection = \"local\"\n\
             root = \"quickstart/{name}\"",
            &name[5..]
        ));
    }
    let text = fs::read_to_string(site.inventory()).unwrap();
    fs::write(site.inventory(), text.replace("[\"control-plane\", \"etcd\"]", "[\"control-plane\"]"))
        .unwrap();
    fs::remove_file(etcd("cp-1").join("ca.key")).unwrap();
    // The members' CA must be the one that the API servers trust.
    let own = fs::read(etcd("cp-1").join("ca.crt")).unwrap();
    fs::copy(site.node("cp-1/etc/kubernetes/pki/ca.crt"), etcd("cp-1").join("ca.crt")).unwrap();
    let refused = site.run(&["pki", "import"]);
    assert!(refused.code == 1 && refused.stderr.contains("is another CA than"), "{}", refused.stderr);
    fs::write(etcd("cp-1").join("ca.crt"), own).unwrap();
    let taken = site.run(&["pki", "import"]);
    assert_eq!(taken.code, 0, "{}{}", taken.stdout, taken.stderr);
    assert_eq!(fingerprints(&site.run(&["pki", "show", "-o", "json"])).len(), 4);
}

#[test]
fn a_missing_or_foreign_key_is_refused_and_nothing_is_sealed() {
    let site = Site::new();
    let key = site.node("cp-1/etc/kubernetes/pki/front-proxy-ca.key");
    let own = fs::read(&key).unwrap();
    fs::copy(site.node("cp-1/etc/kubernetes/pki/ca.key"), &key).unwrap();
    let foreign = site.run(&["pki", "import"]);
    assert_eq!(foreign.code, 1);
    assert!(foreign.stderr.contains("does not belong to its certificate"), "{}", foreign.stderr);
    fs::remove_file(&key).unwrap();
    let missing = site.run(&["pki", "import"]);
    assert_eq!(missing.code, 1);
    let expected =
        "take over the CA of the front proxy: cp-1:/etc/kubernetes/pki/front-proxy-ca.key is missing\nhint: ";
    assert!(missing.stderr.contains(expected), "{}", missing.stderr);
    assert!(!site.path("secrets").exists());
    fs::write(&key, own).unwrap();
    assert_eq!(site.run(&["pki", "import"]).code, 0);
}

#[test]
fn a_wrong_key_a_cut_or_changed_file_and_nobody_to_ask_are_told_and_lose_nothing() {
    let site = Site::new();
    let nobody = ran(site.command(&["pki", "init"]).env_remove("HARDEN_KEY_FILE"));
    assert!(nobody.code == 1 && nobody.stderr.contains("HARDEN_KEY_FILE=KEYFILE"), "{}", nobody.stderr);
    assert_eq!(site.run(&["pki", "init"]).code, 0);
    let kubeconfig = |site: &Site| {
        let file = site.outside("alice.kubeconfig");
        let ran = site.run(&["kubeconfig", "--user", "alice", "--force", file.to_str().unwrap()]);
        (ran.code, ran.stderr)
    };
    assert_eq!(kubeconfig(&site).0, 0);
    let sealed = site.path("secrets/pki/kubernetes-ca.sealed");
    let whole = fs::read(&sealed).unwrap();
    fs::write(&sealed, &whole[..whole.len() / 2]).unwrap();
    let (code, text) = kubeconfig(&site);
    assert!(code == 1 && text.contains("is cut off") && text.contains("hint: "), "{text}");
    fs::copy(site.path("secrets/pki/etcd-ca.sealed"), &sealed).unwrap();
    let (code, text) = kubeconfig(&site);
    assert!(code == 1 && text.contains("was changed after it was sealed"), "{text}");
    fs::write(&sealed, &whole).unwrap();
    // The certificate of another CA in the index.
    let index = site.path("secrets/index.toml");
    let text = fs::read_to_string(&index).unwrap();
    let block = |from: usize| {
        let from = from + text[from..].find("-----BEGIN CERTIFICATE-----").unwrap();
        let end = "-----END CERTIFICATE-----";
        text[from..from + text[from..].find(end).unwrap() + end.len()].to_owned()
    };
    let own = block(text.find("[secrets.\"pki/kubernetes-ca\"]").unwrap());
    let other = block(text.find("[secrets.\"pki/etcd-ca\"]").unwrap());
    fs::write(&index, text.replace(&own, &other)).unwrap();
    let (code, complaint) = kubeconfig(&site);
    assert!(code == 1 && complaint.contains("the public part of `pki/kubernetes-ca`"), "{complaint}");
    fs::write(&index, &text).unwrap();
    fs::write(site.outside("wrong"), "ff".repeat(32)).unwrap();
    let file = site.outside("x").display().to_string();
    let mut wrong = site.command(&["kubeconfig", "--user", "bob", &file]);
    let wrong = ran(wrong.env("HARDEN_KEY_FILE", site.outside("wrong")));
    assert!(
        wrong.code == 1 && wrong.stderr.contains("not the one that it was sealed with"),
        "{}",
        wrong.stderr
    );
    assert!(!site.outside("x").exists());
    assert_eq!(kubeconfig(&site).0, 0);
}

/// A certificate that was changed, in each of its parts, and a public key.
#[test]
fn an_index_that_was_changed_is_named_with_what_to_do() {
    let site = Site::new();
    assert_eq!(site.run(&["pki", "init"]).code, 0);
    let index = site.path("secrets/index.toml");
    let whole = fs::read_to_string(&index).unwrap();
    let after = |mark: &str, text: &str| {
        let at = whole.find("[secrets.\"pki/service-account\"]").unwrap();
        let (others, own) = if mark == "PUBLIC KEY-----\n" { whole.split_at(at) } else { ("", &whole[..]) };
        format!("{others}{}", own.replacen(mark, &format!("{mark}{text}"), 1))
    };
    for (name, changed) in [
        ("pki/etcd-ca", after("CERTIFICATE-----\n", "AAAA")),
        ("pki/etcd-ca", after("CERTIFICATE-----\n", "?")),
        ("pki/etcd-ca", after("-----BEGIN", " A")),
        ("pki/service-account", after("PUBLIC KEY-----\n", "AAAA")),
    ] {
        assert_ne!(changed, whole);
        fs::write(&index, &changed).unwrap();
        for verb in ["show", "init"] {
            let ran = site.run(&["pki", verb]);
            let said = format!("index.toml: what is public of `{name}` is neither");
            assert!(ran.code == 1 && ran.stderr.contains(&said), "{}", ran.stderr);
            assert!(
                ran.stderr.contains("\nhint: put the index back") && !ran.stderr.contains("asn1"),
                "{}",
                ran.stderr
            );
        }
        assert_eq!(fs::read_to_string(&index).unwrap(), changed);
    }
    fs::write(&index, &whole).unwrap();
    assert_eq!(site.run(&["pki", "show"]).code, 0);
}

#[test]
fn a_sealed_file_that_is_gone_is_named_with_what_to_do() {
    let site = Site::new();
    assert_eq!(site.run(&["pki", "import"]).code, 0);
    let taken = fingerprints(&site.run(&["pki", "show", "-o", "json"]));
    let sealed = site.path("secrets/pki/etcd-ca.sealed");
    let kept = fs::read(&sealed).unwrap();
    fs::remove_file(&sealed).unwrap();
    let before = site.tree();
    for arguments in [&["pki", "init"][..], &["pki", "import"], &["bootstrap", "--yes"]] {
        let ran = site.run(arguments);
        assert!(
            ran.code == 1 && ran.stderr.contains("pki/etcd-ca.sealed is missing\nhint: "),
            "{}",
            ran.stderr
        );
        assert!(
            ran.stderr.contains("take its entry out of the index") && ran.stdout.is_empty(),
            "{}",
            ran.stdout
        );
    }
    assert_eq!(differing(&before, &site.tree()), Vec::<std::path::PathBuf>::new());
    // As the hint says, with a backup and without one.
    fs::write(&sealed, kept).unwrap();
    assert_eq!(site.run(&["pki", "init"]).last(), "Nothing to do: they are all there.");
    fs::remove_file(&sealed).unwrap();
    let index = site.path("secrets/index.toml");
    let text = fs::read_to_string(&index).unwrap();
    let from = text.find("[secrets.\"pki/etcd-ca\"]").unwrap();
    let to = from + 1 + text[from + 1..].find("[secrets.").unwrap();
    fs::write(&index, format!("{}{}", &text[..from], &text[to..])).unwrap();
    assert_eq!(site.run(&["pki", "import"]).code, 0);
    assert_eq!(fingerprints(&site.run(&["pki", "show", "-o", "json"])), taken);
}

/// With new CAs in its store every later plan of a cluster that has its own would be refused.
#[test]
fn bootstrap_makes_none_beside_a_cluster_that_has_its_own() {
    let site = Site::new();
    let before = site.tree();
    let ran = site.run(&["bootstrap", "--yes"]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("part of a cluster already"), "{}", ran.stderr);
    assert!(ran.stderr.contains("harden pki import"), "{}", ran.stderr);
    assert_eq!(differing(&before, &site.tree()), [""; 0].map(std::path::PathBuf::from));
}
