//! What an API server has been given already, by its manifest or by the inventory, and what that leaves for harden to do:
//! configuration files of somebody else are never replaced by harden's own, which know nothing of what is in them.

use crate::inventory::{Inventory, Node, Role};
use std::collections::BTreeMap;

/// Where the templates put the two files.
const ADMISSION_CONFIG: &str = "/etc/kubernetes/admission/config.yaml";
const AUTHENTICATION_CONFIG: &str = "/etc/kubernetes/authentication/config.yaml";

/// The template that gives it the latter.
pub(super) const AUTHENTICATION: &str = "kube-apiserver/authentication.tera";

/// Who says what an API server is configured with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// harden, or nobody yet.
    Harden,
    /// Nobody may, since these flags exclude the file.
    Flags(Vec<String>),
    /// Somebody else, with the file at this path.
    Foreign(String),
}

impl Owner {
    /// As templates see it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Harden => "harden",
            Self::Flags(_) => "flags",
            Self::Foreign(_) => "foreign",
        }
    }
}

/// Who owns what of one API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    /// Its AdmissionConfiguration.
    pub(super) admission: Owner,
    /// Its AuthenticationConfiguration.
    pub(super) authentication: Owner,
    /// The value of the flag in its manifest that the AuthenticationConfiguration takes the place of.
    anonymous: Option<String>,
    /// Whether anybody may read the ConfigMap cluster-info.
    cluster_info: bool,
}

impl Standing {
    /// `seen` are the flags in the manifest, of which none are known before the node was read.
    pub(super) fn of(inventory: &Inventory, seen: Option<&BTreeMap<String, String>>) -> Self {
        let asked = &inventory.apiserver.flags;
        let value = |name: &str| asked.get(name).or_else(|| seen.and_then(|seen| seen.get(name)));
        let file = |name: &str, own: &str| match value(name) {
            Some(path) if path != own => Owner::Foreign(path.clone()),
            _ => Owner::Harden,
        };
        let mut excluding: Vec<String> = asked
            .keys()
            .chain(seen.into_iter().flatten().map(|(name, _)| name))
            .filter(|name| name.starts_with("oidc-"))
            .cloned()
            .collect();
        // In a manifest it is what the file takes the place of; in the inventory it is somebody's will.
        excluding.extend(asked.keys().filter(|name| *name == "anonymous-auth").cloned());
        excluding.sort();
        excluding.dedup();
        let authentication = match file("authentication-config", AUTHENTICATION_CONFIG) {
            Owner::Harden if !excluding.is_empty() => Owner::Flags(excluding),
            owner => owner,
        };
        Self {
            admission: file("admission-control-config-file", ADMISSION_CONFIG),
            authentication,
            anonymous: seen.and_then(|seen| seen.get("anonymous-auth")).cloned(),
            cluster_info: inventory.apiserver.anonymous_cluster_info,
        }
    }

    /// What becomes of anonymous requests where the file takes the place of the flag, which kube-apiserver refuses beside it.
    fn replaced(&self, node: &Node) -> Option<String> {
        let value = self.anonymous.as_ref()?;
        let before = match value.as_str() {
            "false" => "were refused",
            _ => "were limited by RBAC alone",
        };
        let more = if self.cluster_info { ", and the ConfigMap that `kubeadm join` begins with" } else { "" };
        Some(format!(
            "{}: --anonymous-auth={value} is taken out of the manifest, since kube-apiserver does not start with it beside --authentication-config: anonymous requests {before}, and from now on reach /livez, /readyz and /healthz{more}, and nothing else; to keep the flag, set anonymous-auth under [apiserver.flags]",
            node.name
        ))
    }

    /// What the user should know about it. `has` tells whether a template takes part, `limits` whether the API
    /// server is of a version whose file can limit anonymous requests.
    pub(super) fn notices(&self, node: &Node, limits: bool, has: impl Fn(&str) -> bool) -> Vec<String> {
        let mut notices = Vec::new();
        if !node.roles.contains(&Role::ControlPlane) {
            return notices;
        }
        if has(AUTHENTICATION) {
            match &self.authentication {
                Owner::Harden => notices.extend(self.replaced(node).filter(|_| limits)),
                Owner::Flags(flags) => notices.push(format!(
                    "{}: anonymous access is left as it is: kube-apiserver has --{}, which --authentication-config excludes",
                    node.name,
                    flags.join(", --")
                )),
                Owner::Foreign(path) => notices.push(format!(
                    "{}: anonymous access is left to {path}, which is somebody else's --authentication-config",
                    node.name
                )),
            }
        }
        if let Owner::Foreign(path) = &self.admission
            && (has("kube-apiserver/pod-security.tera") || has("kube-apiserver/event-rate-limit.tera"))
        {
            notices.push(format!(
                "{}: event limits and Pod Security defaults are left to {path}, which is somebody else's --admission-control-config-file",
                node.name
            ));
        }
        notices
    }
}
