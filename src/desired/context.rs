//! The variables that templates see, and the conditions in front matter, which speak of the same variables.

use super::pki::{self, Known};
use super::standing::Standing;
use super::{EncryptionPhase, Inputs, TemplateError, etcd};
use crate::inventory::{
    CaKeys, Connection, EncryptionProvider, EtcdTopology, Inventory, Minor, Node, NodeName, Role,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Where kubeadm's API servers listen.
const API_PORT: u16 = 6443;

/// The names of all variables at the top level.
pub(super) const VARIABLES: [&str; 17] = [
    "admission",
    "apiserver",
    "audit",
    "cluster",
    "controller_manager",
    "encryption",
    "etcd",
    "files",
    "host",
    "kube_proxy",
    "kube_vip",
    "kubelet",
    "network",
    "node",
    "nodes",
    "pki",
    "scheduler",
];

/// The variables that all nodes share, the inventory's sections: made once, since a fleet's inventory is as long as the
/// fleet.
#[derive(Debug)]
pub(super) struct Shared {
    /// For front matter.
    variables: Value,
    /// The same for bodies; a clone shares the values.
    context: tera::Context,
    /// What bodies can name of the store.
    pub(super) known: Known,
    /// The nodes whose kubelets get a client certificate.
    kubelet_clients: KubeletClients,
}

/// The nodes whose kubelets get a client certificate of harden's.
#[derive(Debug)]
enum KubeletClients {
    /// All: nobody in the cluster could renew theirs.
    All,
    /// Those that are about to join: from then on the cluster renews it. None where the CAs are not in the store.
    Joining(BTreeSet<NodeName>),
}

impl KubeletClients {
    fn of(inventory: &Inventory, inputs: &Inputs) -> Self {
        match (&inputs.pki, inventory.pki.ca_keys) {
            (Some(_), CaKeys::Store) => Self::All,
            (Some(_), CaKeys::Nodes) => Self::Joining(inputs.joining.clone()),
            (None, _) => Self::Joining(BTreeSet::new()),
        }
    }

    fn include(&self, node: &Node) -> bool {
        let has_kubelet = [Role::ControlPlane, Role::Worker].iter().any(|role| node.roles.contains(role));
        has_kubelet
            && match self {
                Self::All => true,
                Self::Joining(joining) => joining.contains(&node.name),
            }
    }
}

impl Shared {
    pub(super) fn of(inventory: &Inventory, inputs: &Inputs) -> Result<Self, TemplateError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| TemplateError::Variables { source };
        let mut variables = serde_json::to_value(inventory).map_err(|error| failed(error.into()))?;
        let members: Vec<Value> = inventory
            .with_role(Role::Etcd)
            .map(|member| json!({"name": member.name, "address": member.address, "host": member.url_host()}))
            .collect();
        variables["etcd"]["members"] = Value::from(members);
        variables["etcd"]["client_urls"] = Value::from(etcd::client_urls(inventory, &inputs.joining));
        variables["etcd"]["environment"] = etcd::environment(&inventory.etcd.flags);
        variables["admission"]["configured"] = Value::from(inventory.admission.is_configured());
        let input =
            inputs.encryption.as_ref().filter(|_| inventory.encryption.provider != EncryptionProvider::None);
        variables["encryption"]["active"] = Value::from(input.is_some());
        variables["encryption"]["key"] = input.map(|input| input.key_name().to_owned()).into();
        variables["encryption"]["token"] = input.map(|input| input.key.token()).into();
        variables["encryption"]["phase"] = input
            .map(|input| match input.phase {
                EncryptionPhase::Read => "read",
                EncryptionPhase::Write => "write",
            })
            .into();
        pki::variables(inputs.pki.as_ref(), &mut variables["pki"]);
        // Front matter asks whether it is there, and it may be null.
        if inventory.kube_vip.is_none() {
            variables["kube_vip"] = json!({"image": null, "interface": null});
        }
        variables["kube_vip"]["configured"] = Value::from(inventory.kube_vip.is_some());
        // The Service of the API server itself.
        variables["network"]["api_address"] =
            Value::from(inventory.network.service_subnet.address(1).to_string());
        let endpoint = inventory.api_endpoint();
        variables["cluster"]["server"] = Value::from(format!("https://{endpoint}"));
        variables["cluster"]["endpoint_host"] = Value::from(host(&endpoint));
        let context = tera::Context::from_serialize(&variables).map_err(|error| failed(error.into()))?;
        let known = Known::of(inventory, inputs);
        Ok(Self { variables, context, known, kubelet_clients: KubeletClients::of(inventory, inputs) })
    }

    /// Whether conditions can hold on any node: what is not the same for all nodes and stages is left open.
    pub(super) fn may_hold(&self, when: &BTreeMap<String, toml::Value>) -> bool {
        let is_open = |path: &str| path.starts_with("encryption.") || path == "pki.managed";
        when.iter().filter(|(path, _)| !is_open(path)).all(|(path, expected)| {
            let actual = path.split('.').try_fold(&self.variables, |value, part| value.get(part));
            actual.is_none_or(|actual| serde_json::to_value(expected).ok().as_ref() == Some(actual))
        })
    }
}

/// The variables for one node: the shared ones, and `node`.
#[derive(Debug)]
pub(super) struct Variables<'a> {
    shared: &'a Shared,
    node: Value,
    /// For bodies.
    pub(super) context: tera::Context,
}

impl<'a> Variables<'a> {
    pub(super) fn of(
        shared: &'a Shared,
        inventory: &Inventory,
        node: &Node,
        minor: Minor,
        standing: &Standing,
        inputs: &Inputs,
    ) -> Self {
        let serving = inputs.serving.get(&node.name);
        let joins = inputs.etcd_joins.get(&node.name);
        let is = |role| node.roles.contains(&role);
        let is_external = inventory.etcd.topology == EtcdTopology::External;
        let node = json!({
            "name": node.name,
            "address": node.address,
            // As it stands before the port in a URL.
            "host": node.url_host(),
            "ip": node.ip(),
            "roles": node.roles,
            "labels": node.labels,
            "taints": node.taints,
            // Null where nobody logs in.
            "login_user": login_user(node),
            "admission": standing.admission.word(),
            "authentication": standing.authentication.word(),
            "kubernetes": minor,
            "minor": minor.0,
            "serving": {
                "certificate": serving.is_some_and(|serving| serving.certificate),
                "trusted": serving.is_some_and(|serving| serving.trusted),
                "names": serving.map(|serving| &serving.names).into_iter().flatten().collect::<Vec<_>>(),
            },
            // Its own API server's, not by way of the endpoint.
            "server": format!("https://{}:{API_PORT}", node.url_host()),
            "kubelet_client": shared.kubelet_clients.include(node),
            // etcd beside the API server, as kubeadm sets it up unless it is told of an external one.
            "stacked_etcd": !is_external && is(Role::ControlPlane) && is(Role::Etcd),
            // An API server whose etcd is one of the inventory's.
            "etcd_client": is(Role::ControlPlane) && (is_external || is(Role::Etcd)),
            // A host of etcd alone has no kubelet, unless that is what runs etcd there.
            "kubelet": !is_external || is(Role::ControlPlane) || is(Role::Worker),
            "etcd": etcd::first_start(inventory, node, joins),
        });
        let mut context = shared.context.clone();
        context.insert("node", &node);
        Self { shared, node, context }
    }

    /// The value at a dotted path.
    pub(super) fn lookup(&self, path: &str) -> Option<&Value> {
        let mut parts = path.split('.');
        let first = match parts.next()? {
            "node" => &self.node,
            name => self.shared.variables.get(name)?,
        };
        parts.try_fold(first, |value, part| value.get(part))
    }

    /// Whether all conditions hold; the error is the path that leads nowhere.
    pub(super) fn holds(&self, when: &BTreeMap<String, toml::Value>) -> Result<bool, String> {
        for (path, expected) in when {
            let actual = self.lookup(path).ok_or_else(|| path.clone())?;
            if serde_json::to_value(expected).ok().as_ref() != Some(actual) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The host of `host:port`, an IPv6 address without its brackets.
fn host(endpoint: &str) -> &str {
    let host = endpoint.rsplit_once(':').map_or(endpoint, |(host, _)| host);
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// The user that harden logs in as.
fn login_user(node: &Node) -> Option<&str> {
    match &node.connection {
        Connection::Ssh(settings) => Some(&settings.user),
        Connection::Local { .. } => None,
    }
}

/// Lays a mapping of dotted path to value over nested mappings; the error is a path that runs through a value that is no
/// mapping.
pub(super) fn lay_over(keys: &mut Map<String, Value>, path: &str, value: &Value) -> Result<(), String> {
    match path.split_once('.') {
        None => {
            keys.insert(path.to_owned(), value.clone());
            Ok(())
        }
        Some((first, rest)) => {
            let inner = keys.entry(first).or_insert_with(|| Value::Object(Map::new()));
            match inner.as_object_mut() {
                Some(inner) => lay_over(inner, rest, value),
                None => Err(path.to_owned()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_strict_about_paths() {
        let shared = Shared {
            variables: json!({"audit": {"enabled": true, "policy": "default"}}),
            context: tera::Context::new(),
            known: Known::default(),
            kubelet_clients: KubeletClients::Joining(BTreeSet::new()),
        };
        let node = json!({"name": "w-1"});
        let variables = Variables { shared: &shared, node, context: tera::Context::new() };
        let when = |text: &str| toml::from_str(text).unwrap();
        assert_eq!(variables.holds(&when("\"audit.enabled\" = true")), Ok(true));
        assert_eq!(
            variables.holds(&when("\"audit.enabled\" = true\n\"audit.policy\" = \"strict\"")),
            Ok(false)
        );
        assert_eq!(variables.holds(&when("\"audit.enable\" = true")), Err(String::from("audit.enable")));
        assert_eq!(variables.holds(&when("\"node.name\" = \"w-1\"")), Ok(true));
        assert_eq!(variables.holds(&when("\"node.nam\" = \"w-1\"")), Err(String::from("node.nam")));
    }

    #[test]
    fn dotted_paths_reach_into_mappings() {
        let mut keys = Map::new();
        keys.insert(String::from("port"), json!(1));
        lay_over(&mut keys, "authentication.webhook.cacheTTL", &json!("2m")).unwrap();
        lay_over(&mut keys, "port", &json!(0)).unwrap();
        assert_eq!(
            Value::Object(keys.clone()),
            json!({"authentication": {"webhook": {"cacheTTL": "2m"}}, "port": 0})
        );
        assert_eq!(lay_over(&mut keys, "port.x", &json!(0)), Err(String::from("port.x")));
    }
}
