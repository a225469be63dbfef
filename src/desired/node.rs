//! Rendering for one node: which templates apply, what each makes of it, and whether the whole is sound.

use super::body::Unusable;
use super::context::{Shared, Variables};
use super::engine::place;
use super::load::{Entry, Templates, notice_name};
use super::pki::Known;
use super::place::Place;
use super::pods::Pods;
use super::standing::{AUTHENTICATION, Standing};
use super::{Inputs, Rendered, TemplateError, body, etcd};
use crate::inventory::{EtcdTopology, Inventory, Minor, Node, Role};
use crate::resource::{Desired, Kind, Notice, Resource, ResourceId, Spec};
use serde_json::Value;
use std::collections::BTreeMap;

/// What templates are rendered with.
struct Pass<'a> {
    node: &'a Node,
    place: Place<'a>,
    variables: Variables<'a>,
    known: &'a Known,
}

impl Templates {
    /// Everything that one node should have, and everything that is wrong with it.
    pub(super) fn render_node(
        &self,
        inventory: &Inventory,
        node: &Node,
        inputs: &Inputs,
        shared: &Shared,
    ) -> (Rendered, Vec<TemplateError>) {
        let (minor, versions) = (inventory.cluster.kubernetes, inputs.versions.get(&node.name));
        let place = Place { node: &node.name, minor, versions, inventory }.of(None);
        let standing = Standing::of(inventory, inputs.api_server_flags.get(&node.name));
        let pass = |minor| Pass {
            node,
            place: Place { minor, ..place },
            variables: Variables::of(shared, inventory, node, minor, &standing, inputs),
            known: &shared.known,
        };
        let others: BTreeMap<Minor, Pass<'_>> =
            place.other_minors().into_iter().map(|minor| (minor, pass(minor))).collect();
        let of_kubelet = pass(place.minor);
        let mut resources = Vec::new();
        let mut errors = Vec::new();
        let mut pods = Pods::default();
        let mut told = notices(place);
        let limits = self.entries.get(AUTHENTICATION).is_some_and(|entry| {
            entry.front.kubernetes.contains(place.of(entry.front.component.as_deref()).minor)
        });
        told.extend(standing.notices(node, limits, |template| self.entries.contains_key(template)));
        for (path, entry) in &self.entries {
            let version = place.of(entry.front.component.as_deref()).minor;
            let pass = others.get(&version).unwrap_or(&of_kubelet);
            told.extend(otherwise(entry, pass));
            match self.render_one(path, entry, pass, &mut pods) {
                Ok(resource) => resources.extend(resource),
                Err(error) => errors.push(error),
            }
        }
        if let Err(unusable) = pods.lay_over(inventory, &node.roles, &self.selected) {
            errors.push(place.shape("inventory", unusable));
        }
        if inventory.etcd.topology == EtcdTopology::External && node.roles.contains(&Role::Etcd) {
            errors.extend(etcd::check_flags(&self.flags, place));
        }
        let (pods, pod_errors) = pods.into_resources(&self.flags, &resources, place);
        resources.extend(pods);
        errors.extend(pod_errors);
        told.extend(self.resolve_needs(&mut resources, place));
        errors.extend(doubles(&resources, place));
        resources.sort_by(|a, b| (order(a.id.kind), &a.id.name).cmp(&(order(b.id.kind), &b.id.name)));
        (Rendered { desired: Desired { resources }, notices: told }, errors)
    }

    /// Gives the keys that need kernel parameters the values of these, and takes out those whose parameters nothing sets.
    /// Returns what the user should know about it.
    fn resolve_needs(&self, resources: &mut [Resource], place: Place<'_>) -> Vec<String> {
        let sysctls: BTreeMap<ResourceId, BTreeMap<String, String>> = resources
            .iter()
            .filter_map(|resource| match &resource.spec {
                Spec::Sysctl(spec) => Some((resource.id.clone(), spec.values.clone())),
                _ => None,
            })
            .collect();
        let mut notices = Vec::new();
        for resource in resources {
            let front = resource.templates.first().and_then(|path| self.entries.get(path));
            let (Spec::YamlKeys(spec), Some(entry)) = (&mut resource.spec, front) else { continue };
            for (key, needed) in &entry.front.needs_sysctls {
                // Only what is switched on is dangerous.
                if spec.keys.get(key) != Some(&Value::Bool(true)) {
                    continue;
                }
                if let Some(values) = sysctls.get(needed) {
                    spec.needs.insert(key.clone(), values.clone());
                } else {
                    spec.keys.remove(key);
                    notices.push(format!(
                        "{}: {key} in {} is left as it is: it needs {needed}, which is switched off",
                        place.node, spec.path
                    ));
                }
            }
        }
        notices
    }

    /// Renders one template; `None` where it does not apply or is part of a static pod.
    fn render_one(
        &self,
        path: &str,
        entry: &Entry,
        pass: &Pass<'_>,
        pods: &mut Pods,
    ) -> Result<Option<Resource>, TemplateError> {
        let front = &entry.front;
        let shape = |unusable| pass.place.shape(path, unusable);
        let holds = pass.variables.holds(&front.when).map_err(|condition| {
            shape(Unusable(format!("`when` names `{condition}`, and there is no such variable")))
        })?;
        let role = front.roles.is_empty() || !front.roles.is_disjoint(&pass.node.roles);
        if !holds || !role || !front.kubernetes.contains(pass.place.minor) {
            return Ok(None);
        }
        let wrong = |line, column, reason| {
            let (template, node) = (path.to_owned(), pass.node.name.clone());
            TemplateError::Render { template, line, column, node, reason }
        };
        let text = self.tera.render(path, &pass.variables.context).map_err(|error| {
            let (line, column, reason) = place(&error);
            wrong(line + entry.lines_before, column, reason)
        })?;
        let notice = entry.notice.as_ref().map(|notice| {
            self.tera.render(&notice_name(path), &pass.variables.context).map_err(|error| {
                let (line, column, reason) = place(&error);
                let (line, column) = notice.place(line, column);
                wrong(line, column, format!("its notice: {reason}"))
            })
        });
        let notice = notice.transpose()?.filter(|text| !text.trim().is_empty());
        if *front.kind.get_ref() == Kind::StaticPod {
            pods.add(path, entry, &text, notice, pass.place)?;
            return Ok(None);
        }
        let merge = match front.merge.as_deref() {
            Some(merge) => {
                let values = pass.variables.lookup(merge).and_then(Value::as_object);
                let reason = || format!("`merge` names `{merge}`, and there is no such mapping");
                Some(values.ok_or_else(|| shape(Unusable(reason())))?)
            }
            None => None,
        };
        let (spec, of_keys) = body::spec(entry, &text, merge, pass.known).map_err(shape)?;
        let mut controls = front.controls.clone();
        controls.extend(of_keys);
        Ok(Some(Resource {
            id: ResourceId::new(*front.kind.get_ref(), &entry.name),
            spec,
            restarts: front.restarts.clone(),
            controls,
            undo: front.undo,
            templates: vec![path.to_owned()],
            on_node: front.on_node(),
            notices: notice.into_iter().map(|text| Notice { text, flags: Vec::new() }).collect(),
        }))
    }
}

/// What the user is told where a template is not for the node's version.
fn otherwise(entry: &Entry, pass: &Pass<'_>) -> Option<String> {
    let front = &entry.front;
    let role = front.roles.is_empty() || !front.roles.is_disjoint(&pass.node.roles);
    let holds = pass.variables.holds(&front.when).unwrap_or_default();
    let told = role && holds && !front.kubernetes.contains(pass.place.minor);
    let text = front.otherwise.as_ref().filter(|_| told)?;
    Some(format!("Kubernetes {}: {text}", pass.place.minor))
}

fn notices(place: Place<'_>) -> Vec<String> {
    let (oldest, newest) = (Minor::OLDEST, Minor::NEWEST);
    let minors = place.other_minors().into_iter().chain([place.minor]);
    let unknown = minors.filter(|minor| !(oldest..=newest).contains(minor));
    let told = |minor| {
        format!("{} runs Kubernetes {minor}; harden knows the flags of {oldest} to {newest}", place.node)
    };
    unknown.map(told).collect()
}

/// Pairs of resources that have the same name or write the same file.
fn doubles(resources: &[Resource], place: Place<'_>) -> Vec<TemplateError> {
    let mut seen: BTreeMap<String, &Resource> = BTreeMap::new();
    let mut errors = Vec::new();
    for resource in resources {
        let paths = written(&resource.spec).into_iter().map(|path| format!("who writes {path}"));
        for subject in paths.chain([format!("the name {}", resource.id)]) {
            if let Some(first) = seen.insert(subject.clone(), resource) {
                let name = |of: &Resource| (of.templates.join(", "), describe(of));
                let ((first, first_id), (second, second_id)) = (name(first), name(resource));
                errors.push(place.conflict(subject, [&first, &first_id], [&second, &second_id]));
            }
        }
    }
    errors
}

fn describe(resource: &Resource) -> String {
    match written(&resource.spec).first() {
        Some(path) => format!("{} at {path}", resource.id),
        None => resource.id.to_string(),
    }
}

/// The files that a resource writes.
fn written(spec: &Spec) -> Vec<&str> {
    match spec {
        Spec::File(file) => vec![file.path.as_str()],
        Spec::StaticPod(pod) => vec![pod.path.as_str()],
        Spec::YamlKeys(keys) => vec![keys.path.as_str()],
        Spec::Certificate(certificate) => certificate.files().map(|(path, _)| path.as_str()).collect(),
        Spec::Sysctl(sysctl) => vec![sysctl.path.as_str()],
        Spec::Absent(absent) => vec![absent.path.as_str()],
        Spec::User(_) | Spec::Attributes(_) | Spec::Unit(_) => Vec::new(),
    }
}

/// What is used comes before what uses it; static pods use all the rest.
fn order(kind: Kind) -> u8 {
    match kind {
        Kind::User => 0,
        Kind::Sysctl => 1,
        Kind::File => 2,
        Kind::Certificate | Kind::Kubeconfig => 3,
        Kind::Attributes => 4,
        Kind::YamlKeys | Kind::Absent => 5,
        Kind::Unit => 6,
        Kind::StaticPod => 7,
        Kind::Object => 8,
    }
}
