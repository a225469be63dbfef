//! What is brought to a cluster beside its hosts: the network plugin, further manifests, labels. A run that was cut leaves some of it
//! undone although hosts have joined, so of a cluster that exists it is looked up what it does not have.

use crate::cli::Error;
use crate::cluster::Api;
use crate::health::Reach;
use crate::inventory::{Bootstrap, Inventory, NodeName};
use crate::manifests::{self, Manifest};
use std::collections::BTreeSet;

/// What is brought, in the order of the inventory.
pub(super) struct Brought {
    /// The manifests of the network plugin; `None` where the inventory names none.
    pub(super) cni: Option<Vec<Manifest>>,
    /// Further manifests.
    pub(super) manifests: Vec<Manifest>,
    /// Nodes of the cluster that lack labels.
    pub(super) unlabelled: BTreeSet<NodeName>,
}

impl Brought {
    /// Reads everything before anything is begun: a mistake in it must not be found half-way.
    pub(super) fn read(settings: &Bootstrap) -> Result<Self, Error> {
        let cni = settings.cni.as_deref().map(manifests::read).transpose().map_err(Error::hinted)?;
        let mut further = Vec::new();
        for path in &settings.manifests {
            further.extend(manifests::read(path).map_err(Error::hinted)?);
        }
        Ok(Self { cni, manifests: further, unlabelled: BTreeSet::new() })
    }

    /// What of it a cluster that exists does not have. What is there stays as it is, whoever changed it since.
    pub(super) fn missing(
        self,
        inventory: &Inventory,
        limit: &BTreeSet<NodeName>,
        reach: &Reach,
    ) -> Result<Self, Error> {
        let Some(node) = reach.control_planes().first() else { return Ok(self) };
        let absent = |objects: Vec<Manifest>| {
            let mut absent = Vec::new();
            for manifest in objects {
                let has = reach.any_api(node, |api| api.has_object(manifest.value()));
                if !has.map_err(Error::hinted)? {
                    absent.push(manifest);
                }
            }
            Ok::<_, Error>(absent)
        };
        let present = reach.any_api(node, Api::nodes).map_err(Error::hinted)?;
        let lacks = |name: &NodeName| {
            let declared = inventory.node(name).map(|node| &node.labels);
            let node = present.iter().find(|node| node.name == name.as_str());
            declared.zip(node).is_some_and(|(declared, node)| {
                declared.iter().any(|(key, value)| node.labels.get(key) != Some(value))
            })
        };
        Ok(Self {
            cni: self.cni.map(absent).transpose()?,
            manifests: absent(self.manifests)?,
            unlabelled: limit.iter().filter(|name| lacks(name)).cloned().collect(),
        })
    }

    /// What users read of it; `None` where there is nothing.
    pub(super) fn text(&self) -> Option<String> {
        let manifests = self.cni.iter().flatten().chain(&self.manifests).map(Manifest::title);
        let labels = self.unlabelled.iter().map(|node| format!("labels of {node}"));
        let titles: Vec<String> = manifests.chain(labels).collect();
        (!titles.is_empty()).then(|| titles.join(", "))
    }
}
