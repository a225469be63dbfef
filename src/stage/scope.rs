//! Which resources a stage is about.

use super::Stage;
use crate::plan::StageTitle;
use crate::resource::{NodePath, Resource, Spec};

/// Where static pods and what they read is kept.
const OF_STATIC_PODS: &str = "/etc/kubernetes/";

const KUBELETS: (&str, &str) = (
    "kubelet-serving",
    "every kubelet serves with a certificate of the cluster's CA; no static pod is touched",
);

/// Which resources a stage is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All.
    All,
    /// Everything but static pods, and the files and certificates that they read.
    BesideStaticPods,
}

impl Scope {
    /// Whether the stage is about this resource.
    pub fn covers(self, resource: &Resource) -> bool {
        let is_beside = |path: &NodePath| !path.as_str().starts_with(OF_STATIC_PODS);
        match (self, &resource.spec) {
            (Self::All, _)
            | (
                Self::BesideStaticPods,
                Spec::Attributes(_)
                | Spec::YamlKeys(_)
                | Spec::Unit(_)
                | Spec::Sysctl(_)
                // Files that are given to it may be among the attributes.
                | Spec::User(_),
            ) => true,
            (Self::BesideStaticPods, Spec::StaticPod(_)) => false,
            (Self::BesideStaticPods, Spec::File(spec)) => is_beside(&spec.path),
            (Self::BesideStaticPods, Spec::Absent(spec)) => is_beside(&spec.path),
            (Self::BesideStaticPods, Spec::Certificate(spec)) => is_beside(&spec.path),
        }
    }
}

impl Stage {
    /// The stage of the kubelets, which comes before this one and leaves it to be asked for again.
    ///
    /// Whatever else a kubelet is restarted for comes with it, so that it is restarted once.
    #[must_use]
    pub fn behind_kubelets(self) -> Self {
        let (name, title) = KUBELETS;
        let mut remaining = self.remaining;
        remaining.insert(0, self.title);
        Self {
            title: StageTitle { name: name.to_owned(), title: title.to_owned() },
            remaining,
            scope: Scope::BesideStaticPods,
            encryption: self.encryption,
            gates: Vec::new(),
            operations: Vec::new(),
        }
    }
}
