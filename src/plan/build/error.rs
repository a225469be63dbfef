//! Why no plan can be made: every problem, not the first.

use crate::error::{Chain, Hint};
use crate::inventory::NodeName;
use crate::plan::DiffError;
use crate::plan::join::JoinError;
use crate::plan::kubeadm::KubeadmError;
use crate::plan::manifest::ManifestError;
use crate::plan::yaml::YamlError;
use crate::resource::{NodePath, ResourceId};
use std::fmt;

/// No plan can be made.
#[derive(Debug)]
pub struct PlanError {
    /// Every problem, by node in the inventory's order.
    pub problems: Vec<Problem>,
}

/// One thing that cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A resource on a node.
    #[error("{node}: {resource}")]
    Resource {
        /// Which node.
        node: NodeName,
        /// Which resource.
        resource: ResourceId,
        /// Why.
        #[source]
        source: Box<DiffError>,
    },
    /// Two resources of a node write one path.
    #[error("{node}: {first} and {second} both write {path}")]
    SamePath {
        /// Which node.
        node: NodeName,
        /// One resource.
        first: ResourceId,
        /// The other resource.
        second: ResourceId,
        /// The path.
        path: NodePath,
    },
    /// A new manifest cannot be read back.
    #[error("{node}: read the new manifest of {component}")]
    Manifest {
        /// Which node.
        node: NodeName,
        /// Which component.
        component: String,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// kubeadm's record of the control plane.
    #[error("ConfigMap kube-system/kubeadm-config")]
    ClusterConfiguration(#[source] KubeadmError),
    /// kubeadm's record of the kubelets.
    #[error("ConfigMap kube-system/kubelet-config")]
    KubeletConfiguration(#[source] YamlError),
    /// The configuration of kube-proxy.
    #[error("ConfigMap kube-system/kube-proxy")]
    KubeProxyConfiguration(#[source] YamlError),
    /// A host cannot become a node.
    #[error(transparent)]
    Join(JoinError),
    /// What kubeadm would be given cannot be written.
    #[error("write kubeadm's configuration")]
    KubeadmDocument(#[source] YamlError),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.problems.iter().map(|problem| Chain(problem).to_string()).collect();
        write!(f, "no plan can be made:\n  {}", lines.join("\n  "))
    }
}

// The problems are part of the text already, so none of them is the one source.
impl std::error::Error for PlanError {}

impl From<Problem> for PlanError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl PlanError {
    /// Hosts cannot become nodes.
    pub(in crate::plan) fn of_joins(errors: Vec<JoinError>) -> Self {
        Self { problems: errors.into_iter().map(Problem::Join).collect() }
    }
}

impl Hint for PlanError {
    fn hint(&self) -> Option<String> {
        self.problems.iter().find_map(|problem| match problem {
            Problem::Resource { source, .. } => source.hint(),
            Problem::Manifest { source, .. } => source.hint(),
            Problem::KubeletConfiguration(source)
            | Problem::KubeProxyConfiguration(source)
            | Problem::KubeadmDocument(source) => source.hint(),
            Problem::Join(error) => error.hint(),
            Problem::SamePath { .. } => Some(String::from("let one template write the path")),
            Problem::ClusterConfiguration(_) => None,
        })
    }
}
