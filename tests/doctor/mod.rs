//! `harden doctor`: the probe as every shell runs it, the judgement case by case, and what people see.

mod cases;
mod script;
mod table;

use harden::doctor::{Asked, DoctorError, HostFacts, Report, judge, parse};
use harden::inventory::{self, Inventory, Node, NodeName};
use harden::remote::fake::reply;
use std::collections::BTreeMap;
use std::path::Path;

/// A moment, in milliseconds since 1970; the hosts below have it on their clocks.
const NOW: i64 = 1_795_532_400_000;

const INVENTORY: &str = r#"
[cluster]
name = "prod"
kubernetes = "1.35"
endpoint = "api.example.com:6443"

[[nodes]]
name = "cp-1"
address = "192.0.2.11"
roles = ["control-plane", "etcd"]

[[nodes]]
name = "w-1"
address = "192.0.2.21"
roles = ["worker"]
"#;

/// What a host answers that is fit; NAME and ADDRESS are put in.
const FIT: &[(&str, &str)] = &[
    (
        "system",
        "clock 1795532400\nuser 0\nlive 1\nhostname NAME\nmachine-id id-of-NAME\nos \"Debian GNU/Linux 13 (trixie)\"\n\
         machine x86_64\nkernel 6.12.48-amd64\ninit systemd\ncpus 4\nmemory 8000000\naddress 127.0.0.1\naddress ADDRESS\n",
    ),
    (
        "kernel",
        "cgroup v2\nswaps known\nsysctl net.ipv4.ip_forward 1\nsysctl net.bridge.bridge-nf-call-iptables 1\n\
         module overlay loadable\nmodule br_netfilter there\n",
    ),
    ("ports", "ports known\n"),
    (
        "programs",
        "kubelet Kubernetes v1.35.4\nkubeadm v1.35.4\nsocket there\nruntime containerd\nversion v1.7.28\n",
    ),
    (
        "needed",
        "registry.k8s.io/kube-apiserver:v1.35.4\nregistry.k8s.io/kube-proxy:v1.35.4\nregistry.k8s.io/pause:3.10.1\n\
         registry.k8s.io/etcd:3.6.6-0\n",
    ),
    (
        "present",
        "ctr\nregistry.k8s.io/kube-apiserver:v1.35.4\nregistry.k8s.io/kube-proxy:v1.35.4\n\
         registry.k8s.io/pause:3.10.1\nregistry.k8s.io/etcd:3.6.6-0\n",
    ),
    (
        "disk",
        "disk /var/lib/etcd 1 4096 10000000 12000000\ndisk /var/lib/kubelet 1 4096 10000000 12000000\n\
         disk /var/lib/containerd 1 4096 10000000 12000000\n",
    ),
    ("names", "name api.example.com 192.0.2.1\nname registry.k8s.io 192.0.2.2\n"),
    ("standing", ""),
];

fn load(text: &str) -> Inventory {
    inventory::parse(Path::new("harden.toml"), text.as_bytes().to_vec(), None).unwrap().inventory
}

/// An inventory and what its hosts answer.
struct World {
    inventory: Inventory,
    replies: BTreeMap<String, BTreeMap<&'static str, String>>,
    lost: BTreeMap<String, DoctorError>,
    /// Who has kube-vip's address, as each host finds it.
    claimed: BTreeMap<String, String>,
}

impl World {
    fn new(text: &str) -> Self {
        let inventory = load(text);
        let replies = inventory
            .nodes
            .iter()
            .map(|node| {
                let put =
                    |text: &str| text.replace("NAME", node.name.as_str()).replace("ADDRESS", &node.address);
                (node.name.to_string(), FIT.iter().map(|(name, text)| (*name, put(text))).collect())
            })
            .collect();
        Self { inventory, replies, lost: BTreeMap::new(), claimed: BTreeMap::new() }
    }

    /// Puts a text in the place of another in the answer of a host; an empty one adds it to the end of a section.
    fn change(mut self, node: &str, section: &str, from: &str, to: &str) -> Self {
        let text = self.replies.get_mut(node).unwrap().get_mut(section).unwrap();
        if from.is_empty() {
            text.push_str(to);
        } else {
            assert!(text.contains(from), "{node} does not answer {from:?}");
            *text = text.replace(from, to);
        }
        self
    }

    fn lose(mut self, node: &str, error: impl Into<DoctorError>) -> Self {
        self.lost.insert(node.to_owned(), error.into());
        self
    }

    fn facts(&self, node: &Node) -> HostFacts {
        let sections = &self.replies[node.name.as_str()];
        let facts = parse(&reply(sections.iter().map(|(name, text)| (*name, text.as_str())))).unwrap();
        HostFacts { claimed: self.claimed.get(node.name.as_str()).cloned(), ..facts }
    }

    fn judge(mut self) -> Report {
        let mut answers: BTreeMap<NodeName, Asked> = BTreeMap::new();
        for node in &self.inventory.nodes {
            let lost = self.lost.remove(node.name.as_str());
            let answer = lost.map_or_else(|| Ok((self.facts(node), NOW, NOW + 900)), Err);
            answers.insert(node.name.clone(), answer);
        }
        judge(&self.inventory, answers, NOW / 1000)
    }
}
