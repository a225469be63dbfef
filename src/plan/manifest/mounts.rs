//! Host paths in a pod: a mount of ours is known by its volume's name, anybody's mount by its path.

use super::{ManifestError, child_array_mut, container_mut, object_mut};
use crate::resource::{MountSpec, MountType};
use serde_json::{Value, json};

/// Brings one mount to what is wanted; says what was wrong with it.
pub(super) fn set(pod: &mut Value, component: &str, mount: &MountSpec) -> Result<Vec<String>, ManifestError> {
    let path = mount.path.as_str();
    let container = container_mut(pod, component)?;
    let mounts = child_array_mut(container, "volumeMounts", "volumeMounts")?;
    let at_path: Vec<&Value> = mounts.iter().filter(|other| other["mountPath"] == path).collect();
    if at_path.len() > 1 {
        return Err(ManifestError::Twice { path: mount.path.clone() });
    }
    let other = at_path.first().and_then(|other| other["name"].as_str()).filter(|name| *name != mount.name);
    if let Some(other) = other.map(str::to_owned) {
        return foreign(pod, component, mount, &other);
    }
    let mut reasons = Vec::new();
    let wanted = wanted_mount(mount);
    match mounts.iter_mut().find(|other| other["name"] == mount.name.as_str()) {
        None => {
            mounts.push(wanted);
            reasons.push(format!("mount {path} is missing"));
        }
        Some(present) => {
            if present["mountPath"] != path {
                reasons.push(format!(
                    "volume {} is mounted at {}, wanted {path}",
                    mount.name, present["mountPath"]
                ));
                present["mountPath"] = path.into();
            }
            if is_read_only(present) != mount.read_only {
                let (was, is) =
                    if mount.read_only { ("writable", "read-only") } else { ("read-only", "writable") };
                reasons.push(format!("mount {path}: {was} → {is}"));
                set_read_only(present, mount.read_only);
            }
        }
    }
    volume(pod, mount, &mut reasons)?;
    Ok(reasons)
}

/// Takes a mount of ours away, where it is there; says so.
pub(super) fn remove(
    pod: &mut Value,
    component: &str,
    mount: &MountSpec,
) -> Result<Option<String>, ManifestError> {
    let path = mount.path.as_str();
    let is_ours = |other: &Value| other["name"] == mount.name.as_str();
    let container = container_mut(pod, component)?;
    let mounts = child_array_mut(container, "volumeMounts", "volumeMounts")?;
    let count = mounts.len();
    mounts.retain(|other| !(is_ours(other) && other["mountPath"] == path));
    let gone = mounts.len() < count;
    if mounts.is_empty() {
        container.remove("volumeMounts");
    }
    let spec = object_mut(pod, "spec", "spec")?;
    let volumes = child_array_mut(spec, "volumes", "spec.volumes")?;
    let count = volumes.len();
    volumes.retain(|other| !(is_ours(other) && other["hostPath"]["path"] == path));
    let gone = gone || volumes.len() < count;
    if volumes.is_empty() {
        spec.remove("volumes");
    }
    Ok(gone.then(|| format!("mount {path} goes")))
}

/// Somebody else's mount at our path serves as well, as long as it shows the same place and can be written where it must.
fn foreign(
    pod: &mut Value,
    component: &str,
    mount: &MountSpec,
    name: &str,
) -> Result<Vec<String>, ManifestError> {
    let path = mount.path.as_str();
    let volume =
        pod["spec"]["volumes"].as_array().and_then(|all| all.iter().find(|other| other["name"] == name));
    if volume.is_none_or(|volume| volume["hostPath"]["path"] != path) {
        return Err(ManifestError::Taken {
            what: format!("mount {path}"),
            by: format!("volume {name} is mounted there, and it is not the host's {path}"),
        });
    }
    let container = container_mut(pod, component)?;
    let mounts = child_array_mut(container, "volumeMounts", "volumeMounts")?;
    match mounts.iter_mut().find(|other| other["mountPath"] == path) {
        Some(present) if is_read_only(present) && !mount.read_only => {
            set_read_only(present, false);
            Ok(vec![format!("mount {path}: read-only → writable")])
        }
        _ => Ok(Vec::new()),
    }
}

fn volume(pod: &mut Value, mount: &MountSpec, reasons: &mut Vec<String>) -> Result<(), ManifestError> {
    let path = mount.path.as_str();
    let volumes = child_array_mut(object_mut(pod, "spec", "spec")?, "volumes", "spec.volumes")?;
    let wanted = json!({"path": path, "type": type_name(mount.mount_type)});
    match volumes.iter_mut().find(|other| other["name"] == mount.name.as_str()) {
        None => {
            volumes.push(json!({"name": mount.name, "hostPath": wanted}));
            if reasons.is_empty() {
                reasons.push(format!("volume {} is missing", mount.name));
            }
        }
        Some(present) if present["hostPath"].is_object() => {
            if present["hostPath"] != wanted {
                reasons.push(format!(
                    "volume {}: {} → {path} ({})",
                    mount.name,
                    present["hostPath"]["path"].as_str().unwrap_or("nothing"),
                    type_name(mount.mount_type)
                ));
                present["hostPath"] = wanted;
            }
        }
        Some(_) => {
            return Err(ManifestError::Taken {
                what: format!("volume name {}", mount.name),
                by: String::from("the volume of that name is not a host path"),
            });
        }
    }
    Ok(())
}

fn wanted_mount(mount: &MountSpec) -> Value {
    let mut wanted = json!({"mountPath": mount.path.as_str(), "name": mount.name});
    set_read_only(&mut wanted, mount.read_only);
    wanted
}

fn is_read_only(mount: &Value) -> bool {
    mount["readOnly"].as_bool().unwrap_or(false)
}

/// Writable is the default, and kubeadm does not write it.
fn set_read_only(mount: &mut Value, read_only: bool) {
    if let Some(mount) = mount.as_object_mut() {
        if read_only {
            mount.insert(String::from("readOnly"), true.into());
        } else {
            mount.remove("readOnly");
        }
    }
}

/// As Kubernetes writes it.
pub(in crate::plan) fn type_name(mount_type: MountType) -> &'static str {
    match mount_type {
        MountType::File => "File",
        MountType::Directory => "Directory",
        MountType::DirectoryOrCreate => "DirectoryOrCreate",
    }
}
