//! On which node something is asked for, and in which version: what every message about a template names.

use super::Versions;
use super::body::Unusable;
use super::error::{Claim, TemplateError};
use super::static_pod::INVENTORY;
use crate::inventory::{Inventory, Minor, NodeName};
use crate::resource::FlagSpec;
use std::collections::BTreeSet;

/// On which node something is asked for, and in which version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) node: &'a NodeName,
    pub(super) minor: Minor,
    /// What the node was seen to run.
    pub(super) versions: Option<&'a Versions>,
    pub(super) inventory: &'a Inventory,
}

impl Place<'_> {
    /// The same place in the version of a component; in the kubelet's where there is none, or it does not say.
    pub(super) fn of(self, component: Option<&str>) -> Self {
        let version = self.versions.and_then(|versions| {
            component.and_then(|component| versions.components.get(component)).copied().or(versions.kubelet)
        });
        Self { minor: version.unwrap_or(self.inventory.cluster.kubernetes), ..self }
    }

    /// The versions of all components, beside the present one.
    pub(super) fn other_minors(&self) -> BTreeSet<Minor> {
        let components = self.versions.into_iter().flat_map(|versions| versions.components.values());
        components.copied().filter(|minor| *minor != self.minor).collect()
    }

    pub(super) fn shape(&self, template: &str, unusable: Unusable) -> TemplateError {
        TemplateError::Shape { template: template.to_owned(), node: self.node.clone(), reason: unusable.0 }
    }

    /// Who asks for a flag, as a reader can find it: the template, or the place in the inventory.
    pub(super) fn asking(&self, component: &str, flag: &FlagSpec) -> String {
        let is_inventory = flag.templates.iter().any(|template| template == INVENTORY);
        let place = is_inventory.then(|| self.inventory.flag_place(component, &flag.name));
        place.flatten().unwrap_or_else(|| flag.templates.join(", "))
    }

    /// Two templates differ about something.
    pub(super) fn conflict(&self, subject: String, first: [&str; 2], second: [&str; 2]) -> TemplateError {
        let claim = |[by, value]: [&str; 2]| Claim { by: by.to_owned(), value: value.to_owned() };
        let claims = Box::new([claim(first), claim(second)]);
        TemplateError::Conflict { node: self.node.clone(), subject, claims }
    }
}
