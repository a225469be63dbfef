//! Names of container images, as runtimes list them. Pure.

use serde_json::Value;
use std::collections::BTreeSet;

/// The names of all images in crictl's JSON; `None` where it is none.
pub fn images_of_crictl(text: &str) -> Option<BTreeSet<String>> {
    let reply: Value = serde_json::from_str(text).ok()?;
    let images = reply["images"].as_array()?;
    let names = images.iter().flat_map(|image| ["repoTags", "repoDigests"].map(|key| image[key].as_array()));
    Some(names.flatten().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect())
}

/// A reference in the one form that runtimes list: with registry, and with a digest or else a tag.
pub fn normal_image(reference: &str) -> String {
    let (name, digest) = match reference.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (reference, None),
    };
    let first = name.split('/').next().unwrap_or_default();
    let has_registry = name.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    let name = match (has_registry, name.contains('/')) {
        (true, _) => name.to_owned(),
        (false, true) => format!("docker.io/{name}"),
        (false, false) => format!("docker.io/library/{name}"),
    };
    let base = name.rfind('/').map_or(0, |at| at + 1);
    let tag = name[base..].find(':').map(|at| base + at);
    match (digest, tag) {
        (Some(digest), tag) => format!("{}@{digest}", &name[..tag.unwrap_or(name.len())]),
        (None, Some(_)) => name,
        (None, None) => format!("{name}:latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_one_form() {
        for (reference, expected) in [
            ("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"),
            ("nginx", "docker.io/library/nginx:latest"),
            ("kube/x:1", "docker.io/kube/x:1"),
            ("localhost/x", "localhost/x:latest"),
            ("registry:5000/x", "registry:5000/x:latest"),
            ("registry:5000/a/x:1@sha256:0a", "registry:5000/a/x@sha256:0a"),
            ("registry.k8s.io/etcd@sha256:0b", "registry.k8s.io/etcd@sha256:0b"),
        ] {
            assert_eq!(normal_image(reference), expected);
        }
    }
}
