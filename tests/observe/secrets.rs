//! Secrets leave a node as digests, or not at all.

use super::node::{SHELLS, Tree, desired, secret_file, yaml_keys};
use super::probe::{by_all_shells, digest_of, present, text};
use harden::resource::{FileState, ObservedContent};

const SECRET: &str = "c2VjcmV0LW9mLXRoZS1wcm9iZS10ZXN0cy1vbmx5ISE=";

#[test]
fn secrets_leave_the_node_as_digests() {
    let tree = Tree::new();
    let config = |value: &str| {
        format!(
            "# secrets of k8s\nkind: EncryptionConfiguration\nresources:\n- resources:\n  - secrets\n\n  providers:\n  \
             - secretbox:\n      keys:\n      - name: key-1\n        secret: {value}\n      - secret: \"{value}\"\n        \
             name: 'old'\n  #   secret: {value}\n  - identity: {{}}"
        )
    };
    tree.write("/etc/enc.yaml", config(SECRET), 0o600);
    let observed = by_all_shells(&tree, &desired(vec![secret_file("/etc/enc.yaml", "", &["secret"])]));
    let digest = digest_of(SECRET);
    assert_eq!(text(&observed, "/etc/enc.yaml"), config(&digest));
    assert_eq!(present(&observed, "/etc/enc.yaml").sha256.len(), 64);
}

#[test]
fn a_secret_in_a_shape_that_is_not_understood_stays_on_the_node() {
    let shapes = [
        format!("keys: [{{name: a, secret: {SECRET}}}]\n"),
        format!("{{\"name\":\"a\",\"secret\":\"{SECRET}\"}}\n"),
        format!("secret:\n  {SECRET}\n"),
        format!("secret: |\n  {SECRET}\n"),
        format!("secret: abc\n  {SECRET}\n"),
        format!("secret: \"abc\n  {SECRET}\"\n"),
        format!("secret: &anchor {SECRET}\n"),
        format!("other: &anchor {SECRET}\nsecret: *anchor\n"),
        format!("secret: abc # was {SECRET}\n"),
        format!("secret: abc {SECRET}\n"),
        format!("secret: !!str {SECRET}\n"),
        format!("secret : {SECRET}\n"),
        format!("? secret\n: {SECRET}\n"),
        format!("# the old one, secret: {SECRET}\n"),
        format!("secret:\t{SECRET},\n"),
        format!("{{\n  secret:\n    '{SECRET}'\n}}\n"),
    ];
    let tree = Tree::new();
    let mut resources = Vec::new();
    for (index, shape) in shapes.iter().enumerate() {
        let name = format!("/etc/{index:02}.yaml");
        tree.write(&name, shape, 0o600);
        resources.push(secret_file(&name, "", &["secret"]));
    }
    let wanted = desired(resources);
    for shell in SHELLS {
        let reply = harden::remote::Reader::read(
            &mut tree.session(shell),
            &harden::observe::probe(&wanted),
            std::time::Duration::from_secs(30),
        )
        .unwrap();
        for (name, section) in &reply.sections {
            assert!(!section.text().contains(SECRET), "{shell:?} {name}: {}", section.text());
        }
    }
    let observed = by_all_shells(&tree, &wanted);
    for state in observed.files.values() {
        assert!(
            matches!(state, FileState::Present(file) if file.content == ObservedContent::Opaque),
            "{state:?}"
        );
    }
}

#[test]
fn the_search_for_the_secret_can_find_it() {
    let tree = Tree::new();
    tree.write("/etc/enc.yaml", format!("secret: {SECRET}\n"), 0o600);
    let observed = by_all_shells(&tree, &desired(vec![yaml_keys("/etc/enc.yaml")]));
    assert!(text(&observed, "/etc/enc.yaml").contains(SECRET));
}
