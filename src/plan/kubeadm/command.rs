//! The command line that kubeadm writes into a component's manifest: its own flags, and those of ClusterConfiguration.

use super::configuration::{KubeadmError, place};
use super::defaults;
use crate::plan::yaml;
use serde_json::Value;

/// The command line that the next `kubeadm upgrade` gives a component, as far as kubeadm's defaults are known; `None` for a
/// component that kubeadm does not run.
pub fn command_line(configuration: &str, component: &str) -> Result<Option<Vec<String>>, KubeadmError> {
    let configuration = yaml::parse(configuration)?;
    let Some(extra) = extra_arguments(&configuration, component)? else { return Ok(None) };
    let is_replaced = |name: &str| extra.iter().any(|(other, _)| other == name);
    let own = defaults::flags(component)
        .filter(|(name, _)| !is_replaced(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut flags: Vec<(String, String)> = own.chain(extra.iter().cloned()).collect();
    flags.sort_by(|(left, _), (right, _)| left.cmp(right));
    let flags = flags.into_iter().map(|(name, value)| format!("--{name}={value}"));
    Ok(Some(std::iter::once(component.to_owned()).chain(flags).collect()))
}

/// A component's arguments in ClusterConfiguration, a mapping before v1beta4 and a list since.
fn extra_arguments(
    configuration: &Value,
    component: &str,
) -> Result<Option<Vec<(String, String)>>, KubeadmError> {
    let version = configuration["apiVersion"].as_str().unwrap_or_default();
    if !matches!(version, "kubeadm.k8s.io/v1beta2" | "kubeadm.k8s.io/v1beta3" | "kubeadm.k8s.io/v1beta4") {
        return Err(KubeadmError::Version { found: version.to_owned() });
    }
    let Some(place) = place(component) else { return Ok(None) };
    let section = place.split('.').try_fold(configuration, |value, key| value.get(key));
    // An etcd that kubeadm does not run has no section; the other components are always kubeadm's.
    if component == "etcd" && section.is_none_or(Value::is_null) {
        return Ok(None);
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Ok(Some(match section.and_then(|section| section.get("extraArgs")) {
        Some(Value::Object(arguments)) => {
            arguments.iter().map(|(name, value)| (name.clone(), text(value))).collect()
        }
        Some(Value::Array(arguments)) => {
            arguments.iter().map(|item| (text(&item["name"]), text(&item["value"]))).collect()
        }
        _ => Vec::new(),
    }))
}

/// Whether a key of the kubelet's configuration is of one node alone, so that it has no place in kubelet-config.
pub fn is_node_local(key: &str) -> bool {
    defaults::NODE_LOCAL_KUBELET_KEYS.contains(&key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_arguments_replace_kubeadms_own() {
        let mapping = "apiVersion: kubeadm.k8s.io/v1beta3\napiServer:\n  extraArgs: {profiling: \"false\", authorization-mode: RBAC}\n";
        let list = "apiVersion: kubeadm.k8s.io/v1beta4\napiServer:\n  extraArgs:\n  - {name: profiling, value: \"false\"}\n  - {name: authorization-mode, value: RBAC}\n";
        for text in [mapping, list] {
            let line = command_line(text, "kube-apiserver").unwrap().unwrap();
            assert_eq!(line[0], "kube-apiserver");
            assert!(line.contains(&String::from("--profiling=false")));
            assert!(line.contains(&String::from("--authorization-mode=RBAC")));
            assert!(!line.contains(&String::from("--authorization-mode=Node,RBAC")));
            assert!(line.contains(&String::from("--client-ca-file=/etc/kubernetes/pki/ca.crt")));
        }
        assert_eq!(command_line(list, "kubelet").unwrap(), None);
        assert_eq!(command_line(list, "etcd").unwrap(), None);
        assert!(command_line("apiVersion: v1\n", "kube-apiserver").is_err());
    }
}
