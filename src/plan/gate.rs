//! Gates as data: what must hold before and after a node is touched. `health` runs them.

use super::manifest::Probe;
use crate::inventory::NodeName;
use crate::resource::NodePath;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A condition that must hold, with a title that users read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "gate")]
pub enum Gate {
    /// A systemd unit is active and stays so. Not a proof that what it runs works.
    UnitActive {
        /// On which node.
        node: NodeName,
        /// The unit's full name.
        unit: String,
    },
    /// The node's own API server, asked by its own address, answers `/readyz`.
    ApiServerReady {
        /// On which node.
        node: NodeName,
    },
    /// The node's etcd member is healthy, has a leader, raises no alarm and has caught up; all members are there.
    EtcdHealthy {
        /// On which node.
        node: NodeName,
    },
    /// The node's etcd member is healthy, and the members that it knows are these and nobody else.
    EtcdWhole {
        /// On which node.
        node: NodeName,
        /// All members, by the names of their nodes.
        members: BTreeSet<NodeName>,
    },
    /// A process of the component runs with the manifest's command line, and answers as the manifest has the kubelet ask it.
    /// The node itself is asked: the mirror pod in the API tells the same a minute later, since the kubelet cannot bring it up to
    /// date while the node's API server is replaced.
    StaticPodRuns {
        /// On which node.
        node: NodeName,
        /// The component, `kube-apiserver`.
        component: String,
        /// The container's full command in the manifest.
        command: Vec<String>,
        /// The manifest, which the process must be younger than: where only what the pod read at its start has changed, the
        /// command line does not tell the old process from the new one. `None` where it may be either.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        manifest: Option<NodePath>,
        /// What the kubelet asks it; `None` where the manifest has nothing of the kind.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        probe: Option<Probe>,
    },
    /// The Kubernetes node is Ready.
    NodeReady {
        /// Which node.
        node: NodeName,
    },
    /// The kubelet serves with the certificate that is on the node's disk, and the CA on the node has signed it.
    KubeletServes {
        /// On which node.
        node: NodeName,
        /// The certificate.
        certificate: NodePath,
        /// The CA's certificate.
        issuer: NodePath,
    },
    /// The node's API server has loaded the encryption config that is on its disk, by its hash metric.
    EncryptionLoaded {
        /// On which node.
        node: NodeName,
        /// The file.
        path: NodePath,
    },
    /// The API answers at the cluster's endpoint, as the node sees it.
    EndpointAnswers {
        /// From which node.
        node: NodeName,
        /// What is asked.
        probe: Probe,
    },
}

impl Gate {
    /// What users read while it is waited for.
    pub fn title(&self) -> String {
        match self {
            Self::UnitActive { unit, .. } => format!("{unit} is active"),
            Self::ApiServerReady { .. } => String::from("kube-apiserver answers /readyz"),
            Self::EtcdHealthy { .. } => String::from("etcd is healthy and caught up"),
            Self::EtcdWhole { .. } => String::from("etcd is healthy and has all its members"),
            Self::StaticPodRuns { component, .. } => format!("{component} runs with its new manifest"),
            Self::NodeReady { .. } => String::from("node is Ready"),
            Self::KubeletServes { .. } => String::from("kubelet serves with its certificate"),
            Self::EncryptionLoaded { .. } => String::from("kube-apiserver has loaded the encryption config"),
            Self::EndpointAnswers { probe, .. } => {
                format!("the API answers at {}:{}", probe.host, probe.port)
            }
        }
    }

    /// The node that it looks at.
    pub fn node(&self) -> &NodeName {
        match self {
            Self::UnitActive { node, .. }
            | Self::ApiServerReady { node }
            | Self::EtcdHealthy { node }
            | Self::EtcdWhole { node, .. }
            | Self::StaticPodRuns { node, .. }
            | Self::NodeReady { node }
            | Self::KubeletServes { node, .. }
            | Self::EncryptionLoaded { node, .. }
            | Self::EndpointAnswers { node, .. } => node,
        }
    }
}
