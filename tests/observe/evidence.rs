//! The evidence probe under sh, dash, bash and busybox: the same answer from each, and nothing changed.

use super::node::{Local, SHELLS, Tree, path, snapshot};
use super::probe::digest_of;
use crate::support::shells;
use harden::observe::{evidence, evidence_probe};
use harden::remote::Reader as _;
use harden::resource::{Evidence, Mode, Questions};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

pub(super) const SECRET: &str = "c2VjcmV0LW9mLXRoZS1ldmlkZW5jZS10ZXN0cyE=";
const DEADLINE: Duration = Duration::from_secs(30);

pub(super) fn strings<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

/// Asks for files; a document with a key has secrets.
fn files(patterns: &[&str], trees: &[&str], documents: &[(&str, &[&str])]) -> Questions {
    Questions {
        patterns: patterns.iter().map(|pattern| (*pattern).to_owned()).collect(),
        trees: trees.iter().map(|tree| path(tree)).collect(),
        documents: documents
            .iter()
            .map(|(at, keys)| (path(at), keys.iter().map(|key| (*key).to_owned()).collect()))
            .collect(),
        ..Questions::default()
    }
}

pub(super) fn ask(session: &mut Local, questions: &Questions) -> Evidence {
    let mut found = evidence(session, questions, DEADLINE).unwrap();
    shells::stop_clock(&mut found.facts);
    found
}

/// What every shell says, which must be one thing.
pub(super) fn by_all_shells(tree: &Tree, questions: &Questions) -> Evidence {
    shells::by_all(&SHELLS, || snapshot(&tree.root()), |shell| ask(&mut tree.session(shell), questions))
}

fn names(found: &Evidence) -> Vec<&str> {
    found.files.keys().map(harden::resource::NodePath::as_str).collect()
}

#[test]
fn modes_and_owners_of_whatever_is_there() {
    let tree = Tree::new();
    tree.write("/etc/hostname", "image-1\n", 0o644);
    tree.write("/etc/kubernetes/it's \"a\" $(touch x) `y`.conf", "x", 0o600);
    tree.write("/etc/kubernetes/admin.conf", "x", 0o640);
    tree.write("/etc/kubernetes/pki/ca.crt", "x", 0o644);
    tree.write("/etc/kubernetes/pki/etcd/-n.key", "x", 0o4600);
    tree.write("/etc/kubernetes/pki/evil\n81a4:0:0:1:1:root:root:/etc.crt", "x", 0o600);
    tree.link("/etc/kubernetes/pki/link.crt", "ca.crt");
    tree.link("/etc/kubernetes/pki/dangling.crt", "/nowhere");
    let questions = files(
        &[
            "/etc/kubernetes/*.conf",
            "/etc/kubernetes/pki/*.crt",
            "/etc/kubernetes/admin.conf/below",
            "/etc/absent",
            "/etc/none*",
            "/etc/kubernetes",
        ],
        &["/etc/kubernetes/pki", "/var/lib/cni/networks"],
        &[],
    );
    let found = by_all_shells(&tree, &questions);
    assert_eq!(
        names(&found),
        [
            "/etc/kubernetes",
            "/etc/kubernetes/admin.conf",
            "/etc/kubernetes/it's \"a\" $(touch x) `y`.conf",
            "/etc/kubernetes/pki",
            "/etc/kubernetes/pki/ca.crt",
            "/etc/kubernetes/pki/etcd",
            "/etc/kubernetes/pki/etcd/-n.key",
            "/etc/kubernetes/pki/link.crt",
        ]
    );
    assert_eq!(found.facts.hostname, "image-1");
    assert!(!found.facts.live && found.processes.is_empty() && found.documents.is_empty());
    assert_eq!(found.unread, [""; 0]);
    assert_eq!(found.files[&path("/etc/kubernetes/admin.conf")].mode, Mode(0o640));
    assert_eq!(found.files[&path("/etc/kubernetes/pki/etcd/-n.key")].mode, Mode(0o4600));
    assert_eq!(found.files[&path("/etc/kubernetes/pki/link.crt")].mode, Mode(0o644), "of its target");
    assert!(found.files[&path("/etc/kubernetes/pki")].is_directory);
    let owner = Command::new("stat").args(["-c", "%U:%G"]).arg(tree.root()).output().unwrap().stdout;
    let file = &found.files[&path("/etc/kubernetes/admin.conf")];
    assert_eq!(format!("{}:{}\n", file.owner, file.group), String::from_utf8(owner).unwrap());
    assert!(!tree.root().join("x").exists());
}

#[test]
fn texts_are_sent_whole() {
    let tree = Tree::new();
    let odd = "no newline, an é and a\ttab";
    tree.write("/etc/a", "0123456789abcdef END\nx END 0\n\n\n", 0o600);
    tree.write("/etc/b c", odd, 0o600);
    tree.write("/etc/binary", [0xff, 0, 1], 0o600);
    tree.write("/etc/empty", "", 0o600);
    tree.write("/etc/large", vec![b'x'; 5 * 1024 * 1024], 0o600);
    tree.write("/etc/folder/x", "", 0o600);
    tree.link("/etc/link", "b c");
    let documents: Vec<(&str, &[&str])> =
        ["a", "b c", "binary", "empty", "large", "folder", "link", "absent"]
            .iter()
            .map(|name| (&*format!("/etc/{name}").leak(), [].as_slice()))
            .collect();
    let found = by_all_shells(&tree, &files(&[], &[], &documents));
    let texts: Vec<_> = found.documents.iter().map(|(at, text)| (at.as_str(), text.as_str())).collect();
    let whole = [
        ("/etc/a", "0123456789abcdef END\nx END 0\n\n\n"),
        ("/etc/b c", odd),
        ("/etc/empty", ""),
        ("/etc/link", odd),
    ];
    assert_eq!(texts, whole);
    assert_eq!(
        found.unread,
        [
            "/etc/binary: it is not UTF-8 text",
            "/etc/folder: it is not a regular file",
            "/etc/large: it is too large to be a configuration file"
        ]
    );
    assert_eq!(found.files.len(), 7, "what is asked for its text is asked for its mode as well");
}

pub(super) fn encryption(value: &str) -> String {
    format!(
        "kind: EncryptionConfiguration\nresources:\n- resources:\n  - secrets\n  providers:\n  - secretbox:\n      keys:\n      \
         - name: key-1\n        secret: {value}\n  - identity: {{}}\n"
    )
}

/// No section of any reply holds the secret.
fn nowhere(tree: &Tree, questions: &Questions) {
    for shell in SHELLS {
        let reply = tree.session(shell).read(&evidence_probe(questions), DEADLINE).unwrap();
        for (name, section) in &reply.sections {
            assert!(!section.text().contains(SECRET), "{shell:?} {name}: {}", section.text());
        }
    }
}

#[test]
fn a_secret_leaves_as_its_digest_whatever_its_file_is_called() {
    let tree = Tree::new();
    tree.write("/etc/enc/config.yaml", encryption(SECRET), 0o600);
    tree.write("/etc/enc/copy.yaml", encryption(SECRET), 0o600);
    tree.write("/etc/enc/audit.yaml", "rules: []\n", 0o600);
    tree.link("/etc/enc/link.yaml", "config.yaml");
    let questions = files(
        &["/etc/enc/*"],
        &["/etc/enc"],
        &[
            ("/etc/enc/audit.yaml", &[]),
            ("/etc/enc/config.yaml", &["secret"]),
            // Those who ask do not know that these are the same.
            ("/etc/enc/copy.yaml", &[]),
            ("/etc/enc/link.yaml", &[]),
        ],
    );
    nowhere(&tree, &questions);
    let found = by_all_shells(&tree, &questions);
    for name in ["config", "copy", "link"] {
        assert_eq!(found.documents[&path(&format!("/etc/enc/{name}.yaml"))], encryption(&digest_of(SECRET)));
    }
    assert_eq!(found.documents[&path("/etc/enc/audit.yaml")], "rules: []\n");
    assert_eq!(found.unread, [""; 0]);
}

#[test]
fn a_secret_that_cannot_be_told_apart_stays_on_the_node() {
    let tree = Tree::new();
    tree.write("/etc/enc.json", format!("{{\"keys\":[{{\"secret\":\"{SECRET}\"}}]}}\n"), 0o600);
    let questions = files(&[], &[], &[("/etc/enc.json", &["secret"])]);
    nowhere(&tree, &questions);
    let found = by_all_shells(&tree, &questions);
    assert!(found.documents.is_empty());
    assert_eq!(
        found.unread,
        ["/etc/enc.json: it stays on the node, since its secrets cannot be told from the rest of it"]
    );
}

#[test]
fn the_search_for_the_secret_can_find_it() {
    let tree = Tree::new();
    tree.write("/etc/enc.yaml", encryption(SECRET), 0o600);
    let found = by_all_shells(&tree, &files(&[], &[], &[("/etc/enc.yaml", &[])]));
    assert!(found.documents[&path("/etc/enc.yaml")].contains(SECRET));
}

#[test]
fn nothing_asked_is_nothing_found() {
    let tree = Tree::new();
    let found = by_all_shells(&tree, &Questions::default());
    assert!(found.files.is_empty() && found.documents.is_empty() && found.unread.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Whatever is asked of whatever tree: nothing changes, and every shell says the same.
    #[test]
    fn any_question_changes_nothing(
        files_there in prop::collection::vec(("[a-c '$*;&\"]{1,6}", "[ -~\n]{0,40}"), 0..6),
        asked in prop::collection::vec("[a-c '$*?;&\"]{1,6}", 0..6),
    ) {
        let tree = Tree::new();
        for (name, content) in &files_there {
            tree.write(&format!("/etc/{name}"), content, 0o600);
        }
        let mut questions = Questions::default();
        for name in &asked {
            questions.patterns.insert(format!("/etc/{name}"));
            questions.trees.insert(path(&format!("/etc/{name}")));
            questions.documents.insert(path(&format!("/etc/{name}")), BTreeSet::new());
            questions.programs.insert(format!("harden-{name}"));
        }
        let found = by_all_shells(&tree, &questions);
        for (name, content) in &files_there {
            let at = path(&format!("/etc/{name}"));
            if asked.contains(name) && !tree.root().join(format!("etc/{name}")).is_dir() {
                let last = files_there.iter().rfind(|(other, _)| other == name).map_or(content, |(_, text)| text);
                prop_assert_eq!(&found.documents[&at], last);
            }
        }
    }
}
