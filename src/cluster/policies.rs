//! The objects that benchmarks ask for, listed page by page: of each page only what is asked for is kept, so that memory is bounded by
//! a page and not by the cluster. Secrets are never listed, and nothing is written.

use super::api::{parse, success};
use super::rewrite::{PageMetadata, escape, page_limit};
use super::{Api, ClusterError};
use crate::resource::{ClusterEvidence, ClusterObjects, ConfigMapKey};
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// How many objects are asked for at first; later pages depend on how large the first one was.
const FIRST_PAGE: usize = 500;
/// How often a list that the server has forgotten half-way is begun again.
const BEGINNINGS: usize = 5;

/// A pod that has ended is not created again by itself.
const NOT_ENDED: &str = "status.phase!=Succeeded,status.phase!=Failed";

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

/// A page of a list, of each object only what is asked for.
#[derive(Deserialize)]
struct Page<T> {
    #[serde(default)]
    metadata: PageMetadata,
    items: Option<Vec<T>>,
}

impl Api {
    /// Everything that benchmarks ask of the cluster as a whole. What only its nodes know is left open.
    pub fn policy_evidence(&self) -> Result<ClusterEvidence, ClusterError> {
        let mut config_maps = BTreeMap::new();
        for key in [ConfigMapKey::ClusterConfiguration, ConfigMapKey::KubeletConfiguration] {
            if let Some(observed) = self.observed_key(key)? {
                config_maps.insert(key, observed.value);
            }
        }
        Ok(ClusterEvidence { config_maps, objects: Some(self.objects()?), ..ClusterEvidence::default() })
    }

    /// The pods that have not ended, and the namespaces; the other kinds stay empty.
    pub fn running_pods(&self) -> Result<ClusterObjects, ClusterError> {
        Ok(ClusterObjects {
            pods: self.list_where("/api/v1", "pods", NOT_ENDED)?,
            namespaces: self.list("/api/v1", "namespaces")?,
            ..ClusterObjects::default()
        })
    }

    fn objects(&self) -> Result<ClusterObjects, ClusterError> {
        let mut roles = self.list(RBAC, "clusterroles")?;
        roles.append(&mut self.list(RBAC, "roles")?);
        let mut bindings = self.list(RBAC, "clusterrolebindings")?;
        bindings.append(&mut self.list(RBAC, "rolebindings")?);
        Ok(ClusterObjects {
            roles,
            bindings,
            service_accounts: self.list("/api/v1", "serviceaccounts")?,
            pods: self.list("/api/v1", "pods")?,
            namespaces: self.list("/api/v1", "namespaces")?,
            network_policies: self.list("/apis/networking.k8s.io/v1", "networkpolicies")?,
            validating_webhooks: self.list(ADMISSION, "validatingwebhookconfigurations")?,
            mutating_webhooks: self.list(ADMISSION, "mutatingwebhookconfigurations")?,
            admission_policies: self.list(ADMISSION, "validatingadmissionpolicies")?,
            admission_policy_bindings: self.list(ADMISSION, "validatingadmissionpolicybindings")?,
        })
    }

    fn list<T: DeserializeOwned>(&self, root: &str, resource: &str) -> Result<Vec<T>, ClusterError> {
        self.list_where(root, resource, "")
    }

    /// All objects of a kind that `fields` selects, as they were at one moment; none where the server may lack the kind and
    /// does.
    fn list_where<T: DeserializeOwned>(
        &self,
        root: &str,
        resource: &str,
        fields: &str,
    ) -> Result<Vec<T>, ClusterError> {
        let attempt = format!("list the {resource}");
        let (mut objects, mut limit) = (Vec::new(), FIRST_PAGE);
        let (mut next, mut beginnings) = (String::new(), 1);
        loop {
            let mut path = format!("{root}/{resource}?limit={limit}");
            if !fields.is_empty() {
                path.push_str("&fieldSelector=");
                path.push_str(&escape(fields));
            }
            if !next.is_empty() {
                path.push_str("&continue=");
                path.push_str(&escape(&next));
            }
            let answer = self.read_patiently(&attempt, &path)?;
            match answer.status {
                // What the list stood at was compacted away. Going on with the server's newer token would mix two moments, and a
                // binding of one would miss its role of the other.
                StatusCode::GONE if beginnings < BEGINNINGS => {
                    beginnings += 1;
                    objects.clear();
                    next.clear();
                    continue;
                }
                StatusCode::NOT_FOUND if root == ADMISSION => return Ok(Vec::new()),
                _ => {}
            }
            let body = success(&attempt, answer)?;
            let page: Page<T> = parse(&attempt, &body)?;
            objects.extend(page.items.unwrap_or_default());
            next = page.metadata.next;
            if next.is_empty() {
                objects.shrink_to_fit();
                return Ok(objects);
            }
            limit = page_limit(limit, body.len());
        }
    }
}
