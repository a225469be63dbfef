//! Manifests as they lie on a disk, and what is said of those that cannot be used.

use harden::error::{Chain, Hint as _};
use harden::manifests::{Manifest, ManifestError, read};
use std::fs;
use std::path::Path;

fn titles(manifests: &[Manifest]) -> Vec<String> {
    manifests.iter().map(Manifest::title).collect()
}

/// What is said of a file; the folder that the test made is left out.
fn refused(name: &str, text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, text).unwrap();
    let error = read(&file).unwrap_err();
    Chain(&error).to_string().replace(&format!("{}/", folder.path().display()), "")
}

const PLUGIN: &str = "\
# A network plugin.
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: plugin, namespace: network}
---
apiVersion: v1
kind: Namespace
metadata: {name: network}
---
# Only a comment.
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: pools.example.org}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: plugin, namespace: network}
spec: {template: {spec: {hostNetwork: on}}}
";

#[test]
fn namespaces_and_definitions_come_first_and_the_rest_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plugin.yaml");
    fs::write(&file, PLUGIN).unwrap();
    let manifests = read(&file).unwrap();
    assert_eq!(
        titles(&manifests),
        [
            "Namespace network",
            "CustomResourceDefinition pools.example.org",
            "ServiceAccount network/plugin",
            "DaemonSet network/plugin"
        ]
    );
    assert_eq!(manifests[3].value()["spec"]["template"]["spec"]["hostNetwork"], true);
    assert_eq!((manifests[3].place().document, manifests[3].place().line), (5, 16));
    assert!(manifests[1].is_definition() && !manifests[0].is_definition());
}

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

#[test]
fn a_folder_is_read_by_name_and_not_below() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("20-b.yml", &config_map("b"));
    write("10-a.yaml", &config_map("a"));
    write(
        "30-c.json",
        r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}} {"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n"}}"#,
    );
    write(".hidden.yaml", "no: kind\n");
    write("README.md", "no manifest");
    fs::create_dir(folder.path().join("below")).unwrap();
    fs::write(folder.path().join("below/d.yaml"), config_map("d")).unwrap();
    fs::create_dir(folder.path().join("folder.yaml")).unwrap();
    assert_eq!(
        titles(&read(folder.path()).unwrap()),
        ["Namespace n", "ConfigMap a", "ConfigMap b", "ConfigMap c"]
    );
}

#[test]
fn lists_are_taken_apart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list.yaml");
    let text = "\
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
- {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleList
items:
- {metadata: {name: r}, rules: []}
---
apiVersion: v1
kind: List
items: []
---
apiVersion: example.org/v1
kind: AllowList
metadata: {name: an-object-of-its-own}
";
    fs::write(&file, text).unwrap();
    let manifests = read(&file).unwrap();
    assert_eq!(
        titles(&manifests),
        ["Namespace shop", "ConfigMap a", "ClusterRole r", "AllowList an-object-of-its-own"]
    );
    assert_eq!(manifests[2].value()["apiVersion"], "rbac.authorization.k8s.io/v1");
}

#[test]
fn what_cannot_be_used_is_said_with_its_place() {
    let second = |text: &str| format!("{}---\n{text}", config_map("a"));
    let cases = [
        ("metadata: {name: b}\napiVersion: v1\n", "the object has no `kind`"),
        ("kind: Pod\nmetadata: {name: b}\n", "the object has no `apiVersion`"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {generateName: b-}\n", "the object has no `metadata.name`"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: 5}\n", "`metadata.name` is no text"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: 5}\n", "`metadata.namespace` is no text"),
        ("just words\n", "this is no Kubernetes object"),
        ("apiVersion: v1\nkind: List\nitems: [5]\n", "this is no Kubernetes object"),
    ];
    for (text, reason) in cases {
        assert_eq!(refused("m.yaml", &second(text)), format!("m.yaml, document 2 (line 4): {reason}"));
    }
    assert_eq!(
        refused("m.yaml", &second(&config_map("a").replace("name: a", "name: a, namespace: default"))),
        "m.yaml, document 2 (line 4): ConfigMap default/a is there already, in m.yaml, document 1 (line 1)"
    );
    let text = refused("m.yaml", &second("apiVersion: v1\n  kind: {{ .Values.kind }}\n"));
    assert!(text.starts_with("m.yaml, document 2 (line 4): this is no YAML ("), "{text}");
    let text = refused("m.json", "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"}}\n{");
    assert!(text.starts_with("m.json, document 2 (line 2): this is no JSON ("), "{text}");
    assert_eq!(
        refused("m.yaml", "# nothing\n---\n"),
        "read the manifests in m.yaml: there is no object in it"
    );
}

#[test]
fn what_is_not_there_is_said_too() {
    let folder = tempfile::tempdir().unwrap();
    let error = read(folder.path()).unwrap_err();
    assert!(matches!(error, ManifestError::NoFiles { .. }) && error.hint().is_some());
    let error = read(Path::new("/nonexistent/plugin.yaml")).unwrap_err();
    assert!(
        Chain(&error).to_string().starts_with("read the manifests in /nonexistent/plugin.yaml: No such file")
    );
}

#[test]
fn nothing_of_a_secret_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.yaml");
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2-hunter2}\n";
    fs::write(&file, secret).unwrap();
    assert!(!format!("{:?}", read(&file).unwrap()).contains("hunter2"));
    for broken in ["  x: [\n", "stringData: {password: hunter2-hunter2}\n"] {
        let text = refused("s.yaml", &format!("{secret}{broken}"));
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("this is no YAML"), "{text}");
    }
}
