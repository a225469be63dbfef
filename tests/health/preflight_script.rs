//! The script of the preflights, really run by every shell, with the programs of a container runtime as scripts of ours.

use crate::observe::node::{SHELLS, Shell, Tree, snapshot};
use crate::support::shells;
use harden::health::preflight::{Images, Need, NodeCertificate, NodeFacts, Touched, parse, script};
use harden::remote::Session as _;
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::x509::X509;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const UNTIL: i64 = 1_900_000_000;
const MANIFESTS: &str = "/etc/kubernetes/manifests";

fn touched(restarts: bool) -> Touched {
    let need = |directory: &str| (String::from(directory), Need::default());
    Touched {
        needs: BTreeMap::from([need(MANIFESTS), need("/etc/it's new/x"), need("/var/lib/harden")]),
        restarts,
        ..Touched::default()
    }
}

fn ask(tree: &Tree, touched: Option<&Touched>, is_live: bool) -> NodeFacts {
    let script = script(touched, is_live).unwrap();
    let ask = |shell: Shell| {
        let reply = tree.session(shell).run(&script, Duration::from_secs(30)).unwrap();
        assert_eq!(reply.code, 0, "{shell:?}");
        for (section, output) in &reply.sections {
            let text = output.text();
            assert!(
                !text.contains("PRIVATE") && !text.contains("c2VjcmV0"),
                "{section} sends a secret: {text}"
            );
        }
        let mut facts = parse(&reply, touched);
        for system in facts.file_systems.values_mut() {
            // Other tests write on it meanwhile.
            assert!(system.free > 0);
            system.free = 0;
            system.free_inodes = None;
        }
        facts
    };
    shells::by_all(&SHELLS, || snapshot(&tree.root()), ask)
}

fn certificate(until: i64) -> (String, String) {
    let key = PKey::generate_ed25519().unwrap();
    let mut builder = X509::builder().unwrap();
    builder.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(until).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.sign(&key, MessageDigest::null()).unwrap();
    let pem = String::from_utf8(builder.build().to_pem().unwrap()).unwrap();
    (pem, String::from_utf8(key.private_key_to_pem_pkcs8().unwrap()).unwrap())
}

fn control_plane() -> Tree {
    use base64::Engine as _;
    let tree = Tree::new();
    let (pem, key) = certificate(UNTIL);
    let manifest = |flags: &[&str], image: &str| {
        let flags = flags.iter().fold(String::new(), |all, flag| all + "    - " + flag + "\n");
        format!(
            "spec:\n  containers:\n  - command:\n    - x\n{flags}    env:\n    - {{name: A, value: c2VjcmV0}}\n    image: {image}\n"
        )
    };
    let flags =
        ["--tls-cert-file=/etc/kubernetes/pki/apiserver.crt", "--etcd-certfile=/etc/kubernetes/pki/none.crt"];
    tree.write(
        &format!("{MANIFESTS}/kube-apiserver.yaml"),
        manifest(&flags, "registry.k8s.io/kube-apiserver:v1.35.4"),
        0o600,
    );
    let flags = [
        "--cert-file=/etc/kubernetes/pki/etcd/server.crt",
        "--peer-cert-file=/etc/kubernetes/pki/etcd/peer.crt",
    ];
    tree.write(
        &format!("{MANIFESTS}/etcd.yaml"),
        manifest(&flags, "\"registry.k8s.io/etcd:3.6.6-0\" # why"),
        0o600,
    );
    tree.write(&format!("{MANIFESTS}/.kube-apiserver.yaml.old"), manifest(&[], "never:1"), 0o600);
    tree.write("/etc/kubernetes/pki/apiserver.crt", &pem, 0o644);
    tree.write("/etc/kubernetes/pki/etcd/server.crt", &pem, 0o644);
    tree.write(
        "/etc/kubernetes/pki/etcd/peer.crt",
        "-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n",
        0o644,
    );
    tree.write("/var/lib/kubelet/pki/kubelet-client-current.pem", format!("{pem}{key}"), 0o600);
    let data = base64::engine::general_purpose::STANDARD.encode(&pem);
    let config =
        format!("users:\n- user:\n    client-certificate-data: {data}\n    client-key-data: c2VjcmV0\n");
    tree.write("/etc/kubernetes/admin.conf", config, 0o600);
    tree
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_control_plane_with_crictl() {
    let tree = control_plane();
    tree.write(
        "/var/lib/kubelet/kubeadm-flags.env",
        "KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///run/a.sock --x=y\"\n",
        0o644,
    );
    tree.write("/var/lib/kubelet/config.yaml", "containerRuntimeEndpoint: unix:///run/b.sock\n", 0o644);
    tree.program(
        "crictl",
        "#!/bin/sh\ncase \"$*\" in\n'-r unix:///run/a.sock -t 10s images -o json') echo '{\"images\": [{\"id\": \"sha256:0\", \"repoTags\": [\"a:1\", \"b:2\"], \"repoDigests\": [\"a@sha256:1\"]}, {\"id\": \"sha256:2\"}]}' ;;\n'-r unix:///run/a.sock -t 10s info') printf '{\\n  \"config\": {\\n    \"sandboxImage\": \"registry.k8s.io/pause:3.10\"\\n  }\\n}\\n' ;;\n*) exit 1 ;;\nesac\n",
    );
    let touched = touched(true);
    let facts = ask(&tree, Some(&touched), true);
    assert_eq!(
        facts.images,
        Some(Images {
            named: BTreeMap::from([
                (String::from("etcd"), set(&["registry.k8s.io/etcd:3.6.6-0"])),
                (String::from("kube-apiserver"), set(&["registry.k8s.io/kube-apiserver:v1.35.4"])),
            ]),
            pause: Some(String::from("registry.k8s.io/pause:3.10")),
            present: Some(set(&["a:1", "b:2", "a@sha256:1"])),
            tool: "crictl",
        })
    );
    assert_eq!(facts.file_systems.keys().collect::<Vec<_>>(), touched.needs.keys().collect::<Vec<_>>());
    let devices: BTreeSet<u64> = facts.file_systems.values().map(|system| system.device).collect();
    assert_eq!(devices.len(), 1, "what does not exist is on the file system of what does");
    let (bad, good): (Vec<_>, Vec<_>) = facts
        .certificates
        .iter()
        .partition(|(_, certificate)| matches!(certificate, NodeCertificate::Unreadable(_)));
    assert_eq!(
        bad.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
        ["/etc/kubernetes/pki/etcd/peer.crt"]
    );
    assert!(good.iter().all(|(_, certificate)| **certificate == NodeCertificate::Until(UNTIL)));
    assert_eq!(
        good.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
        [
            "/etc/kubernetes/admin.conf",
            "/etc/kubernetes/pki/apiserver.crt",
            "/etc/kubernetes/pki/etcd/server.crt",
            "/var/lib/kubelet/pki/kubelet-client-current.pem",
        ]
    );
}

#[test]
fn a_node_with_ctr_alone() {
    let tree = Tree::new();
    tree.write(
        "/var/lib/kubelet/config.yaml",
        "a: b\ncontainerRuntimeEndpoint: \"unix:///run/containerd/containerd.sock\"\n",
        0o644,
    );
    tree.write("/etc/containerd/config.toml", "", 0o644);
    tree.program("crictl", "#!/bin/sh\nexit 1\n");
    tree.program(
        "ctr",
        "#!/bin/sh\n[ \"$*\" = '-a /run/containerd/containerd.sock -n k8s.io images ls -q' ] || exit 1\nprintf 'a:1\\nsha256:2\\n'\n",
    );
    // containerd 2 writes the key as a literal, and has others that begin alike.
    tree.program(
        "containerd",
        "#!/bin/sh\nprintf \"sandboxer = 'podsandbox'\\n    sandbox = 'registry.k8s.io/pause:3.10'\\n\"\n",
    );
    let images = ask(&tree, Some(&touched(true)), true).images.unwrap();
    assert_eq!(images.tool, "ctr -n k8s.io images");
    assert_eq!(images.present, Some(set(&["a:1", "sha256:2"])));
    assert_eq!(images.pause.as_deref(), Some("registry.k8s.io/pause:3.10"));
    assert!(images.named.is_empty());
    tree.program("containerd", "#!/bin/sh\nprintf '    sandbox_image = \"registry.k8s.io/pause:3.6\"\\n'\n");
    let images = ask(&tree, Some(&touched(true)), true).images.unwrap();
    assert_eq!(images.pause.as_deref(), Some("registry.k8s.io/pause:3.6"));
}

#[test]
fn another_runtime_is_not_containerd_s() {
    let tree = Tree::new();
    tree.write(
        "/var/lib/kubelet/instance-config.yaml",
        "containerRuntimeEndpoint: unix:///run/crio/crio.sock\n",
        0o644,
    );
    tree.program("crictl", "#!/bin/sh\nexit 1\n");
    tree.program("ctr", "#!/bin/sh\necho a:1\n");
    tree.program("crio", "#!/bin/sh\necho '# pause_image = \"registry.k8s.io/pause:3.10\"'\n");
    let images = ask(&tree, Some(&touched(true)), true).images.unwrap();
    assert_eq!((images.tool, images.present), ("", None));
    assert_eq!(images.pause.as_deref(), Some("registry.k8s.io/pause:3.10"));
}

#[test]
fn a_runtime_that_answers_nonsense_is_unknown() {
    let tree = Tree::new();
    tree.program("crictl", "#!/bin/sh\necho no json\n");
    let images = ask(&tree, Some(&touched(true)), true).images.unwrap();
    assert_eq!((images.present, images.pause), (None, None));
}

#[test]
fn no_more_is_asked_than_what_matters() {
    let tree = control_plane();
    assert!(script(None, false).is_none());
    let only = ask(&tree, None, true);
    assert!(only.images.is_none() && only.file_systems.is_empty() && !only.certificates.is_empty());
    let file = ask(&tree, Some(&touched(false)), true);
    assert!(file.images.is_none() && file.file_systems.len() == 3);
    let tree_only = ask(&tree, Some(&touched(true)), false);
    assert!(tree_only.images.is_none() && tree_only.certificates.is_empty());
}
