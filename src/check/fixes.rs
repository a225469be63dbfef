//! Which controls `harden apply` satisfies, by what is desired of the nodes. It knows no benchmark.

use crate::resource::{ControlId, Desired, FlagSpec, Resource, Spec};
use std::collections::{BTreeMap, BTreeSet};

/// The resources that satisfy each control, by their names: `static-pod.kube-apiserver`. A control that nothing satisfies is
/// not in it.
pub fn fixes<'a>(desired: impl IntoIterator<Item = &'a Desired>) -> BTreeMap<ControlId, BTreeSet<String>> {
    let mut fixes: BTreeMap<ControlId, BTreeSet<String>> = BTreeMap::new();
    for resource in desired.into_iter().flat_map(|desired| &desired.resources) {
        let of_flags = flags(resource).flat_map(|flag| &flag.controls);
        for control in resource.controls.iter().chain(of_flags) {
            fixes.entry(control.clone()).or_default().insert(resource.id.to_string());
        }
    }
    fixes
}

/// The templates that satisfy a control, as paths below `templates/`: of a static pod those that ask for the flag.
pub fn templates<'a>(
    desired: impl IntoIterator<Item = &'a Desired>,
    control: &ControlId,
) -> BTreeSet<String> {
    let mut templates = BTreeSet::new();
    for resource in desired.into_iter().flat_map(|desired| &desired.resources) {
        let of_flags: Vec<&String> = flags(resource)
            .filter(|flag| flag.controls.contains(control))
            .flat_map(|flag| &flag.templates)
            .collect();
        if !of_flags.is_empty() {
            templates.extend(of_flags.into_iter().cloned());
        } else if resource.controls.contains(control) {
            templates.extend(resource.templates.iter().cloned());
        }
    }
    templates
}

fn flags(resource: &Resource) -> impl Iterator<Item = &FlagSpec> {
    let flags = match &resource.spec {
        Spec::StaticPod(spec) => spec.flags.as_slice(),
        _ => &[],
    };
    flags.iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{
        AttributesSpec, FlagValue, Kind, Mode, OnNode, Ownership, ResourceId, StaticPodSpec, Undo,
    };

    fn resource(id: ResourceId, controls: &[&str], templates: &[&str], spec: Spec) -> Resource {
        Resource {
            id,
            spec,
            restarts: Vec::new(),
            controls: controls.iter().map(|control| control.parse().unwrap()).collect(),
            undo: Undo::Full,
            templates: templates.iter().map(|template| (*template).to_owned()).collect(),
            on_node: OnNode::default(),
            notices: Vec::new(),
        }
    }

    fn desired() -> Desired {
        let flag = |name: &str, control: &str| FlagSpec {
            name: name.to_owned(),
            value: FlagValue::Absent,
            controls: vec![control.parse().unwrap()],
            templates: vec![format!("{name}.tera")],
        };
        let attributes = |pattern: &str| {
            Spec::Attributes(AttributesSpec {
                pattern: pattern.to_owned(),
                owner: None,
                group: None,
                mode: None,
                only_from_owner: None,
            })
        };
        let pod = Spec::StaticPod(StaticPodSpec {
            component: String::from("etcd"),
            path: "/etcd.yaml".parse().unwrap(),
            ownership: Ownership { owner: String::new(), group: String::new(), mode: Mode(0o600) },
            flags: vec![flag("one", "cis-1.12:2.1"), flag("two", "cis-1.12:2.2")],
            mounts: Vec::new(),
            annotations: BTreeMap::new(),
            run_as: None,
        });
        Desired {
            resources: vec![
                resource(
                    ResourceId::new(Kind::StaticPod, "etcd"),
                    &["cis-1.12:1.1.7", "cis-1.12:2.1", "cis-1.12:2.2"],
                    &["one.tera", "two.tera", "pod.tera"],
                    pod,
                ),
                resource(
                    ResourceId::new(Kind::Attributes, "a"),
                    &["cis-1.12:1.1.7"],
                    &["a.tera"],
                    attributes("/a"),
                ),
                resource(ResourceId::new(Kind::Attributes, "b"), &[], &["b.tera"], attributes("/b")),
            ],
        }
    }

    #[test]
    fn resources_and_their_flags_satisfy_controls() {
        let found = fixes([&desired(), &desired(), &Desired::default()]);
        let found: Vec<_> = found
            .iter()
            .map(|(control, by)| format!("{control} {}", by.iter().cloned().collect::<Vec<_>>().join(" ")))
            .collect();
        assert_eq!(
            found,
            [
                "cis-1.12:1.1.7 attributes.a static-pod.etcd",
                "cis-1.12:2.1 static-pod.etcd",
                "cis-1.12:2.2 static-pod.etcd"
            ]
        );
    }

    #[test]
    fn of_a_static_pod_the_flags_templates_count() {
        let of = |control: &str| -> Vec<String> {
            templates([&desired()], &control.parse().unwrap()).into_iter().collect()
        };
        assert_eq!(of("cis-1.12:2.1"), ["one.tera"]);
        assert_eq!(of("cis-1.12:1.1.7"), ["a.tera", "one.tera", "pod.tera", "two.tera"]);
        assert!(of("cis-1.12:9.9").is_empty());
    }
}
