//! The certificates that kubelets serve with, on the way from an inventory to a plan: what the nodes, the API and the kubelets
//! themselves say of them is brought to `stage`, and what that decides to the templates.

use super::Error;
use super::pipeline::{API_SERVER_MANIFEST, Observation, Pipeline};
use crate::desired::{self, ServingInput as Rendering};
use crate::error::{Chain, Hint};
use crate::event::{Event, Listener, Outcome};
use crate::health::{self, HealthError, Reach};
use crate::inventory::{Inventory, Node, NodeName, Profile, Role};
use crate::observe::fleet;
use crate::plan::Plan;
use crate::remote::{self, Script, rooted};
use crate::resource::{CertificateSpec, CertificateState, Desired, Kind, NodePath, ResourceId, Spec};
use crate::stage::{self, Served, ServingInput, ServingNode, ServingState, ServingStep, ServingWish};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::Duration;

/// The name of the template's certificate.
const CERTIFICATE: &str = "kubelet-serving";
/// The template of the API servers' flag.
const AUTHORITY_TEMPLATE: &str = "kube-apiserver/kubelet-authority.tera";
const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";
const AUTHORITY: &str = "/etc/kubernetes/pki/ca.crt";
const AUTHORITY_FLAG: &str = "kubelet-certificate-authority";

/// Keys of the kubelet's configuration with which users make certificates their own business.
const CONFIG_KEYS: [&str; 3] = ["serverTLSBootstrap", "tlsCertFile", "tlsPrivateKeyFile"];

/// To read one certificate.
const READ_DEADLINE: Duration = Duration::from_secs(15);

/// The inventory asks for the flag at once, whatever the kubelets serve with.
#[derive(Debug, thiserror::Error)]
#[error(
    "{place}: [apiserver.flags] sets {AUTHORITY_FLAG}, which harden sets by itself once every kubelet is proven"
)]
struct TooEarly {
    place: String,
}

impl Hint for TooEarly {
    fn hint(&self) -> Option<String> {
        Some(String::from(
            "leave it out, or set `serving-certificates = false` under [kubelet] where every kubelet serves with a certificate of that CA already",
        ))
    }
}

/// Refuses the flag in the inventory where harden is to set it: from there it would reach the API servers before the kubelets
/// are ready for it, and logs and exec would break.
pub(super) fn refuse_flag(inventory: &Inventory) -> Result<(), Error> {
    let is_asked = inventory.apiserver.flags.get(AUTHORITY_FLAG).is_some_and(|value| value == AUTHORITY);
    let is_ours = inventory.kubelet.serving_certificates && inventory.cluster.profile == Profile::Default;
    if is_asked && is_ours && owned_by_the_user(inventory).is_none() {
        let place = inventory.flag_place("kube-apiserver", AUTHORITY_FLAG);
        let place = place.unwrap_or_else(|| inventory.file.display().to_string());
        return Err(Error::hinted(TooEarly { place }));
    }
    Ok(())
}

/// What the inventory says of these certificates by other means.
fn owned_by_the_user(inventory: &Inventory) -> Option<String> {
    let config = &inventory.kubelet.config;
    let key = CONFIG_KEYS.into_iter().find(|key| config.contains_key(*key));
    let flag = inventory.apiserver.flags.get(AUTHORITY_FLAG).filter(|value| *value != AUTHORITY);
    let what = match (key, flag) {
        (Some(key), _) => format!("[kubelet.config] sets {key}"),
        (None, Some(_)) => format!("[apiserver.flags] sets {AUTHORITY_FLAG}"),
        (None, None) => return None,
    };
    Some(format!("{what}, so kubelet serving certificates are left alone"))
}

/// Where things are, as paths on a node.
struct Places {
    config: NodePath,
    manifest: NodePath,
    authority: NodePath,
}

impl Places {
    /// The constants; that they are paths is known to a test.
    fn known() -> Option<Self> {
        Some(Self {
            config: KUBELET_CONFIG.parse().ok()?,
            manifest: API_SERVER_MANIFEST.parse().ok()?,
            authority: AUTHORITY.parse().ok()?,
        })
    }
}

/// The certificate that each node's kubelet would serve with, as far as a template makes one.
pub(super) fn certificates(wishes: &BTreeMap<NodeName, Desired>) -> BTreeMap<NodeName, CertificateSpec> {
    let id = ResourceId::new(Kind::Certificate, CERTIFICATE);
    let of_node = |desired: &Desired| {
        desired.resources.iter().find_map(|resource| match &resource.spec {
            Spec::Certificate(spec) if resource.id == id => Some(spec.clone()),
            _ => None,
        })
    };
    wishes.iter().filter_map(|(node, desired)| Some((node.clone(), of_node(desired)?))).collect()
}

impl Pipeline {
    /// The nodes with a kubelet in the cluster.
    fn kubelets(&self) -> impl Iterator<Item = &Node> {
        let has_one =
            |node: &&Node| [Role::ControlPlane, Role::Worker].iter().any(|role| node.roles.contains(role));
        self.inventory.nodes.iter().filter(has_one)
    }

    /// Whether the inventory asks for these certificates, and the run is about them.
    pub(super) fn wants_serving(&self) -> bool {
        self.inventory.kubelet.serving_certificates
            && self.templates.wants(&ResourceId::new(Kind::Certificate, CERTIFICATE))
    }

    /// Whether the run is about the API servers that trust them.
    pub(super) fn takes_authority(&self) -> bool {
        self.templates.takes(AUTHORITY_TEMPLATE)
    }

    /// Every certificate that the procedure could ever make, so that all of them are read.
    pub(super) fn all_serving(&self) -> BTreeMap<NodeName, Rendering> {
        let all = Rendering { certificate: true, trusted: false, names: BTreeSet::new() };
        self.kubelets().map(|node| (node.name.clone(), all.clone())).collect()
    }

    /// What is rendered in a step.
    pub(super) fn serving(
        &self,
        observation: &Observation,
        step: &ServingStep,
    ) -> BTreeMap<NodeName, Rendering> {
        let joining = self.joining(observation).nodes;
        let is_ours = self.wants_serving() && owned_by_the_user(&self.inventory).is_none();
        let of_node = |node: &Node| {
            if joining.contains(&node.name) {
                // From its first second: there is no kubelet yet that an API server could be cut off from.
                let names = [node.name.as_str(), &node.address].map(str::to_owned);
                return Rendering { certificate: is_ours, trusted: is_ours, names: names.into() };
            }
            Rendering {
                certificate: step.certificates.contains(&node.name),
                trusted: step.trusting.contains(&node.name),
                names: names(observation, &node.name),
            }
        };
        self.kubelets().map(|node| (node.name.clone(), of_node(node))).collect()
    }

    /// The step that comes next.
    pub(super) fn serving_step(&self, observation: &Observation) -> ServingStep {
        let Some(places) = Places::known() else { return ServingStep::default() };
        let owned = owned_by_the_user(&self.inventory);
        let joining = self.joining(observation).nodes;
        let node = |node: &Node| ServingNode {
            name: node.name.clone(),
            control_plane: node.roles.contains(&Role::ControlPlane),
            state: observation.nodes.get(&node.name).map(|seen| {
                let names = names(observation, &node.name);
                let wish = ServingWish {
                    certificate: observation.certificates.get(&node.name),
                    config: &places.config,
                    manifest: &places.manifest,
                    names: &names,
                    now: self.now,
                };
                ServingState::read(seen, &wish)
            }),
            served: observation.served.get(&node.name).cloned(),
        };
        let mut step = stage::serving(&ServingInput {
            wanted: self.wants_serving() && owned.is_none(),
            nodes: self.kubelets().filter(|node| !joining.contains(&node.name)).map(node).collect(),
            cluster: observation.cluster.as_ref(),
            authority: places.authority,
        });
        step.notices.extend(owned.filter(|_| self.wants_serving()));
        step
    }

    /// The nodes on which a saved plan lets the API server trust no other kubelets, and that is not proven to be safe now.
    pub(super) fn unproven(&self, plan: &Plan, observation: &Observation) -> Vec<String> {
        let step = self.serving_step(observation);
        let has_flag = |text: &Option<String>| {
            text.as_ref().is_some_and(|text| text.contains(&format!("--{AUTHORITY_FLAG}={AUTHORITY}")))
        };
        let id = ResourceId::new(Kind::StaticPod, "kube-apiserver");
        let begins = plan.changes().filter(|(_, change)| {
            change.resource == id && has_flag(&change.after) && !has_flag(&change.before)
        });
        begins
            .filter(|(node, _)| !step.trusting.contains(*node))
            .map(|(node, _)| {
                format!(
                    "{node}: not every kubelet is seen to serve as --{AUTHORITY_FLAG} of its API server asks"
                )
            })
            .collect()
    }

    /// Asks every kubelet for the certificate that it serves with. This is done when all of them should have one and some API
    /// server does not rely on it yet: once in a cluster's life, if nothing goes wrong.
    pub(super) fn ask_kubelets(
        &self,
        observation: &Observation,
        listener: &Listener<'_>,
    ) -> BTreeMap<NodeName, Served> {
        let authorities = match authorities(&observation.reach) {
            Ok(authorities) => authorities,
            Err(error) => {
                let text = format!("the cluster's CA cannot be read: {}", Chain(&error));
                listener(Event::Warning { node: None, text: text.clone() });
                let unknown = Err(format!("cannot be judged: {text}"));
                return self.kubelets().map(|node| (node.name.clone(), unknown.clone())).collect();
            }
        };
        let joining = self.joining(observation).nodes;
        let nodes: Vec<&Node> = self.kubelets().filter(|node| !joining.contains(&node.name)).collect();
        let asked = fleet::each_node(
            &nodes,
            self.parallelism,
            "ask its kubelet for its certificate",
            |node| Ok::<_, Infallible>(self.ask_kubelet(node, observation, &authorities)),
            |served| {
                Outcome::Finished(match served {
                    Ok(()) => String::from("its kubelet serves with a certificate of the cluster's CA"),
                    Err(reason) => format!("its kubelet {reason}"),
                })
            },
            listener,
        );
        asked.into_iter().map(|(node, Ok(served))| (node, served)).collect()
    }

    fn ask_kubelet(
        &self,
        node: &Node,
        observation: &Observation,
        authorities: &BTreeMap<NodeName, Vec<u8>>,
    ) -> Served {
        let certificate = match observation.reach.serving_certificate(&node.name) {
            // Its connection was closed when it had been read.
            Err(HealthError::NoSession { .. }) => remote::connect(node, &self.access)
                .map_err(HealthError::from)
                .and_then(|mut session| health::serving_certificate(&node.name, session.as_mut())),
            asked => asked,
        };
        let certificate = certificate.map_err(|error| format!("cannot be asked: {}", Chain(&error)))?;
        stage::judge(&certificate, authorities, &names(observation, &node.name), self.now)
    }
}

/// The certificate of the cluster's CA, as each control-plane node has it, PEM.
fn authorities(reach: &Reach) -> Result<BTreeMap<NodeName, Vec<u8>>, HealthError> {
    let script =
        Script::new("read the cluster's CA").section("certificate", format!("cat -- {}", rooted(AUTHORITY)));
    let read = |node: &NodeName| {
        let reply = reach.run(node, &script, READ_DEADLINE)?;
        Ok((node.clone(), reply.section("certificate").output))
    };
    if reach.control_planes().is_empty() {
        return Err(HealthError::NoCluster);
    }
    reach.control_planes().iter().map(read).collect()
}

/// The names that the API knows a node by: API servers reach its kubelet by one of them. While the API does not answer, those of
/// the present certificate are kept.
fn names(observation: &Observation, node: &NodeName) -> BTreeSet<String> {
    if let Some(cluster) = &observation.cluster {
        let names = cluster.nodes.get(node.as_str()).into_iter().flatten();
        return names.filter(|name| desired::is_alternative_name(name)).cloned().collect();
    }
    let present = observation
        .nodes
        .get(node)
        .filter(|seen| seen.facts.live)
        .and_then(|seen| seen.certificates.get(&observation.certificates.get(node)?.path));
    match present {
        Some(CertificateState::Present(facts) | CertificateState::WithoutKey(facts)) => {
            let addresses = facts.addresses.iter().map(ToString::to_string);
            facts.dns_names.iter().cloned().chain(addresses).collect()
        }
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_a_path() {
        assert!(Places::known().is_some());
    }
}
