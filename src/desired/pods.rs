//! The static pods of one node: which template speaks of which, and where the inventory's flags go.

use super::body::{Unusable, ownership};
use super::error::TemplateError;
use super::flags::FlagLists;
use super::load::Entry;
use super::place::Place;
use super::selection::Selected;
use super::static_pod::{INVENTORY, Pod};
use crate::inventory::{EtcdTopology, Inventory, Role};
use crate::resource::{Mode, Ownership, Resource};
use std::collections::{BTreeMap, BTreeSet};

/// The static pods of one node, by component.
#[derive(Debug, Default)]
pub(super) struct Pods(BTreeMap<String, Pod>);

impl Pods {
    /// Adds what a template asks for.
    pub(super) fn add(
        &mut self,
        template: &str,
        entry: &Entry,
        text: &str,
        notice: Option<String>,
        place: Place<'_>,
    ) -> Result<(), TemplateError> {
        let front = &entry.front;
        let component = front.component.as_deref().unwrap_or_default();
        let made = ownership(front).and_then(|owner| Pod::new(component, front.path.clone(), owner));
        let new = made.map_err(|unusable| place.shape(template, unusable))?;
        let attributes = |pod: &Pod| {
            let Ownership { owner, group, mode } = &pod.ownership;
            format!("{} {owner}:{group} {mode}", pod.path)
        };
        let second = attributes(&new);
        let pod = self.0.entry(component.to_owned()).or_insert(new);
        let first = attributes(pod);
        if first != second {
            let from = pod.templates.first().map_or(INVENTORY, String::as_str);
            return Err(place.conflict(
                format!("the manifest of {component}"),
                [from, &first],
                [template, &second],
            ));
        }
        pod.add(template, entry, text, notice, place)
    }

    /// Lays the inventory's flags over the templates' where the component runs. In a run that is about a part only those that
    /// a template of that part speaks of too.
    pub(super) fn lay_over(
        &mut self,
        inventory: &Inventory,
        roles: &BTreeSet<Role>,
        selected: &Selected,
    ) -> Result<(), Unusable> {
        let none = BTreeMap::new();
        let etcd = match inventory.etcd.topology {
            EtcdTopology::Stacked => &inventory.etcd.flags,
            // It is no pod.
            EtcdTopology::External => &none,
        };
        let overlays = [
            ("etcd", Role::Etcd, etcd),
            ("kube-apiserver", Role::ControlPlane, &inventory.apiserver.flags),
            ("kube-controller-manager", Role::ControlPlane, &inventory.controller_manager.flags),
            ("kube-scheduler", Role::ControlPlane, &inventory.scheduler.flags),
        ];
        for (component, role, flags) in overlays {
            if flags.is_empty() || !roles.contains(&role) {
                continue;
            }
            let is_whole = selected.is_whole(component);
            if is_whole && !self.0.contains_key(component) {
                let root = String::from("root");
                let ownership = Ownership { owner: root.clone(), group: root, mode: Mode(0o600) };
                self.0.insert(component.to_owned(), Pod::new(component, None, ownership)?);
            }
            if let Some(pod) = self.0.get_mut(component) {
                pod.lay_over(flags, is_whole);
            }
        }
        Ok(())
    }

    /// Checks the pods and makes their resources; `files` are the node's other resources.
    pub(super) fn into_resources(
        self,
        lists: &FlagLists,
        files: &[Resource],
        place: Place<'_>,
    ) -> (Vec<Resource>, Vec<TemplateError>) {
        let mut resources = Vec::new();
        let mut errors = Vec::new();
        for (component, pod) in self.0 {
            let place = place.of(Some(component.as_str()));
            errors.extend(lists.of(&component).map(|list| pod.check(list, place)).unwrap_or_default());
            match pod.annotations(files, place) {
                Ok(annotations) => resources.push(pod.into_resource(annotations)),
                Err(error) => errors.push(error),
            }
        }
        (resources, errors)
    }
}
