//! No secret ever leaves: not in any output of any verb, in any form, at any verbosity, nor in a saved plan.

use super::{Site, ran};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs;

/// Somebody put it into a file of which a template says that this key is secret; the other one stands beside it in the
/// open.
const PLANTED: &str = "S3cr3t-Planted-By-Hand-77";
const OPEN: &str = "0pen-And-In-Plain-Sight-78";

const TEMPLATE: &str = "+++\nkind = \"file\"\npath = \"/etc/agent.yaml\"\nmode = \"0600\"\nsensitive = [\"token\"]\n+++\n\
    url: https://example.org\nother: none\n";

/// What must not be seen.
fn secrets(site: &Site) -> Vec<String> {
    let mut secrets = vec![PLANTED.to_owned(), STANDARD.encode(PLANTED), super::KEY.to_owned()];
    for key in ["pki/ca.key", "pki/etcd/ca.key", "pki/sa.key", "pki/etcd/server.key"] {
        let pem = site.read(&format!("cp-1/etc/kubernetes/{key}"));
        let body: Vec<_> = pem.lines().filter(|line| !line.starts_with("-----")).map(str::to_owned).collect();
        assert!(!body.is_empty());
        // Each line by itself, and in base64 as it would stand in a Secret.
        secrets.extend(body.iter().filter(|line| line.len() > 20).cloned());
        secrets.push(STANDARD.encode(pem));
    }
    if let Some(key) = encryption_key(site) {
        let raw = STANDARD.decode(&key).unwrap();
        secrets.push(raw.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect());
        secrets.push(STANDARD.encode(&key));
        secrets.push(key);
    }
    secrets
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap()
}

fn encryption_key(site: &Site) -> Option<String> {
    let text = fs::read_to_string(site.node("cp-1/etc/kubernetes/encryption/config.yaml")).ok()?;
    text.lines().find_map(|line| line.trim().strip_prefix("secret: ").map(str::to_owned))
}

/// Everything that a run gave away.
pub(super) struct Seen(pub(super) Vec<(String, String)>);

impl Seen {
    pub(super) fn run(&mut self, site: &Site, arguments: &[&str]) {
        for log in ["warn", "trace"] {
            let mut command = site.command(arguments);
            let ran = ran(command.env("HARDEN_LOG", log).arg("-vv"));
            self.0.push((format!("{arguments:?} with {log}"), ran.stdout + &ran.stderr));
        }
        let ran = site.run(arguments);
        self.0.push((format!("{arguments:?}"), ran.stdout + &ran.stderr));
    }

    /// Every verb that only reads.
    pub(super) fn look(&mut self, site: &Site) {
        let file = site.outside("secrets.plan").display().to_string();
        for arguments in [
            &["plan"][..],
            &["plan", "-o", "json"],
            &["plan", "--progress", "json"],
            &["plan", "--out", &file],
            &["show", &file],
            &["show", &file, "-o", "json"],
            &["drift"],
            &["drift", "-o", "json"],
            &["validate"],
            &["apply"],
            &["hostkeys", "scan"],
        ] {
            self.run(site, arguments);
        }
        self.0.push((String::from("the saved plan"), fs::read_to_string(&file).unwrap()));
    }

    pub(super) fn holds(&self, text: &str) -> Vec<&str> {
        self.0.iter().filter(|(_, seen)| seen.contains(text)).map(|(what, _)| what.as_str()).collect()
    }
}

#[test]
fn no_secret_is_ever_seen() {
    let site = Site::new();
    site.template("site/agent.tera", TEMPLATE);
    let agent = format!("url: https://example.org\ntoken: {PLANTED}\nother: {OPEN}\n");
    fs::write(site.node("cp-1/etc/agent.yaml"), &agent).unwrap();
    let mut all = secrets(&site);
    let mut seen = Seen(Vec::new());
    seen.look(&site);
    // A failing apply, an apply, and one that repairs.
    fs::create_dir_all(site.node("w-1/var/lib/harden/lock")).unwrap();
    seen.run(&site, &["apply", "--yes"]);
    fs::remove_dir(site.node("w-1/var/lib/harden/lock")).unwrap();
    seen.run(&site, &["apply", "--yes", "-o", "json"]);
    assert_eq!(site.run(&["drift"]).code, 0);
    fs::write(site.node("cp-1/etc/agent.yaml"), &agent).unwrap();
    all.extend(secrets(&site));
    assert!(all.contains(&encryption_key(&site).unwrap()));
    seen.look(&site);
    // Somebody's own key in the encryption config is refused, and not quoted.
    let foreign = STANDARD.encode([7; 32]);
    let config = "cp-1/etc/kubernetes/encryption/config.yaml";
    site.replace(config, &encryption_key(&site).unwrap(), &foreign);
    all.push(foreign);
    seen.look(&site);

    for secret in &all {
        assert_eq!(seen.holds(secret), [""; 0], "{secret}");
    }
    // The positive control: what stands beside the planted secret is seen, so that the search can find something.
    assert!(seen.holds(OPEN).len() > 20, "{:?}", seen.holds(OPEN));
    assert!(site.read(config).contains(all.last().unwrap()));
}

#[test]
fn the_test_above_can_fail() {
    let site = Site::new();
    site.template("site/agent.tera", &TEMPLATE.replace("sensitive = [\"token\"]\n", ""));
    fs::write(site.node("cp-1/etc/agent.yaml"), format!("token: {PLANTED}\n")).unwrap();
    let mut seen = Seen(Vec::new());
    seen.look(&site);
    assert!(seen.holds(PLANTED).len() > 5, "{:?}", seen.holds(PLANTED));
}
