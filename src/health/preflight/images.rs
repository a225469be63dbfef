//! Images of what starts again: running containers do not show that theirs are gone.

use super::{Facts, Findings, Images, Preflight, Scope};
use crate::cluster::NodeImages;
use crate::inventory::NodeName;
use crate::plan::yaml;
use crate::resource::normal_image;
use std::collections::{BTreeMap, BTreeSet};

/// The images that a pod's manifest names; none where it cannot be read.
pub(super) fn named_images(manifest: &str) -> BTreeSet<String> {
    let Ok(pod) = yaml::parse(manifest) else { return BTreeSet::new() };
    let lists = ["initContainers", "containers"].into_iter().filter_map(|list| pod["spec"][list].as_array());
    let images = lists.flatten().filter_map(|container| container["image"].as_str());
    images.map(str::to_owned).collect()
}

pub(super) fn judge(scope: &Scope, facts: &Facts, findings: &mut Findings) {
    for (node, touched) in scope.touched.iter().filter(|(_, touched)| touched.restarts) {
        let Some(Ok(answer)) = facts.nodes.get(node) else { continue };
        // A directory tree runs nothing.
        let Some(images) = &answer.images else { continue };
        let mut wanted: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for (component, named) in images.named.iter().chain(&touched.images) {
            for image in named {
                wanted.entry(normal_image(image)).or_default().insert(component);
            }
        }
        let present = Present::of(images, facts.listed.get(node));
        for (image, components) in &wanted {
            let components: Vec<&str> = components.iter().copied().collect();
            one(node, image, &components.join(" and "), &present, images, findings);
        }
        match &images.pause {
            Some(pause) => one(node, &normal_image(pause), "no pod", &present, images, findings),
            None => findings.note(Some(node), "which pause image its runtime uses is not known"),
        }
    }
}

fn one(
    node: &NodeName,
    image: &str,
    component: &str,
    present: &Present,
    images: &Images,
    findings: &mut Findings,
) {
    match present.has(image) {
        Some(true) => {}
        Some(false) => {
            let outcome = match component {
                "no pod" => String::from("no pod would start there again"),
                component => format!("{component} would not start again"),
            };
            let tool = if images.tool.is_empty() { "crictl" } else { images.tool };
            findings.refuse(
                Preflight::Images,
                Some(node),
                format!("the image {image} is not there: {outcome}"),
                format!("pull it there with `{tool} pull {image}`"),
            );
        }
        None => findings.note(Some(node), format!("whether the image {image} is there is not known")),
    }
}

/// What is known of the images that are there.
struct Present {
    names: BTreeSet<String>,
    /// Whether these are all.
    all: bool,
}

impl Present {
    fn of(images: &Images, listed: Option<&NodeImages>) -> Self {
        match (&images.present, listed) {
            (Some(present), _) => {
                Self { names: present.iter().map(|name| normal_image(name)).collect(), all: true }
            }
            (None, Some(listed)) => {
                Self { names: listed.names.iter().map(|name| normal_image(name)).collect(), all: listed.all }
            }
            (None, None) => Self { names: BTreeSet::new(), all: false },
        }
    }

    fn has(&self, image: &str) -> Option<bool> {
        match (self.names.contains(image), self.all) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_names_its_images() {
        let text = "spec:\n  containers:\n  - image: 'a:1'\n  - {image: b:2, name: image}\n  initContainers: [{image: c}]\n";
        assert_eq!(named_images(text), ["a:1", "b:2", "c"].map(String::from).into());
        assert!(named_images(": no").is_empty() && named_images("[]").is_empty());
    }
}
