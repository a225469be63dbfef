//! From what stands in the file to the validated inventory: checks every value and fills in every default.
//! Where a value is unsound it is reported and replaced by something harmless; the caller drops the result then.

use super::bootstrap::RawKubeVip;
use super::diagnostic::{Problem, Report};
use super::raw::{Flags, Located, RawAudit, RawCluster, RawEncryption, RawInventory, RawKubelet, Text};
use super::ssh::Ssh;
use super::structure::Damage;
use super::{
    ApiServer, Audit, Cluster, Component, Encryption, EncryptionProvider, Etcd, Inventory, KubeVip, Kubelet,
    Minor, Profile, admission, apply, bootstrap, drift, host, nodes, switch, text, waiver,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What paths in the file are relative to.
#[derive(Debug)]
pub(super) struct Places {
    /// The directory of the inventory.
    pub(super) directory: PathBuf,
    /// The user's home directory.
    pub(super) home: Option<PathBuf>,
}

impl Places {
    /// A path of this machine: `~` is the home directory, and what is relative begins at the inventory's directory.
    pub(super) fn resolve(&self, path: &Text, report: &mut Report) -> Option<PathBuf> {
        let text = path.value().as_str();
        let problem = match text.strip_prefix('~') {
            None if text.is_empty() => Problem::new("a path must not be empty"),
            None => return Some(self.directory.join(text)),
            Some(rest) if !rest.is_empty() && !rest.starts_with('/') => {
                Problem::new("`~` of another user is not supported").help("write the whole path")
            }
            Some(rest) => match &self.home {
                Some(home) => return Some(home.join(rest.trim_start_matches('/'))),
                None => Problem::new("`~` is unknown since HOME is not set").help("write the whole path"),
            },
        };
        report.error(path.span(), problem);
        None
    }
}

/// The value that a check makes of a text, where there is one and it is sound.
pub(super) fn checked<T>(
    text: Option<&Text>,
    check: impl Fn(&str) -> Result<T, Problem>,
    report: &mut Report,
) -> Option<T> {
    let text = text?;
    check(text.value()).map_err(|problem| report.error(text.span(), problem)).ok()
}

/// The validated inventory; it is sound only if the report has no errors.
pub(super) fn lower(
    raw: RawInventory,
    file: &Path,
    places: &Places,
    damage: &Damage,
    report: &mut Report,
) -> Inventory {
    let kube_vip = kube_vip(raw.kube_vip.as_ref(), raw.cluster.as_ref(), damage, report);
    let cluster = cluster(raw.cluster, report);
    let ssh = Ssh::read(raw.ssh.unwrap_or_default(), damage, places, report);
    let (nodes_span, raw_nodes) =
        raw.nodes.map(|nodes| (nodes.span(), nodes.into_value())).unwrap_or_default();
    let etcd = raw.etcd.unwrap_or_default();
    let topology = etcd.topology.unwrap_or_default();
    let nodes = nodes::lower(raw_nodes, &nodes_span, &ssh, places, topology, damage, report);
    let encryption = encryption(raw.encryption.unwrap_or_default(), cluster.profile, report);
    let waivers = waiver::lower(raw.waivers.as_deref().unwrap_or_default(), &nodes, damage, report);
    let drift = drift::lower(raw.drift.unwrap_or_default(), &nodes, places, damage, report);
    let switches = switch::lower(&raw.controls.unwrap_or_default(), report);
    let profile = cluster.profile;
    let apiserver = raw.apiserver.unwrap_or_default();
    let mut places_of_flags = BTreeMap::new();
    Inventory {
        file: file.to_owned(),
        cluster,
        nodes,
        etcd: Etcd {
            topology,
            program: checked(etcd.program.as_ref(), text::program, report)
                .unwrap_or_else(|| String::from("/usr/local/bin/etcd")),
            sans: sans(etcd.sans, report),
            certificate_lifetime_days: checked(
                etcd.certificate_lifetime.as_ref(),
                text::lifetime_days,
                report,
            )
            .unwrap_or(365),
            run_as_user: etcd.run_as_user.unwrap_or(false),
            flags: flags("etcd", etcd.flags, &mut places_of_flags, report),
        },
        apiserver: ApiServer {
            flags: flags("kube-apiserver", apiserver.flags, &mut places_of_flags, report),
            sans: sans(apiserver.sans, report),
            anonymous_cluster_info: apiserver.anonymous_cluster_info.unwrap_or(true),
        },
        controller_manager: Component {
            flags: flags(
                "kube-controller-manager",
                raw.controller_manager.unwrap_or_default().flags,
                &mut places_of_flags,
                report,
            ),
        },
        scheduler: Component {
            flags: flags(
                "kube-scheduler",
                raw.scheduler.unwrap_or_default().flags,
                &mut places_of_flags,
                report,
            ),
        },
        admission: admission::lower(raw.admission.unwrap_or_default(), report),
        audit: audit(&raw.audit.unwrap_or_default(), report),
        encryption,
        kubelet: kubelet(raw.kubelet.unwrap_or_default(), report),
        waivers,
        drift,
        switches,
        apply: apply::lower(&raw.apply.unwrap_or_default(), damage, report),
        host: host::host(&raw.host.unwrap_or_default()),
        kube_proxy: host::kube_proxy(raw.kube_proxy.unwrap_or_default(), profile),
        files: host::files(&raw.files.unwrap_or_default()),
        network: bootstrap::network(&raw.network.unwrap_or_default(), report),
        pki: bootstrap::pki(&raw.pki.unwrap_or_default(), report),
        bootstrap: bootstrap::bootstrap(raw.bootstrap.unwrap_or_default(), places, report),
        kube_vip,
        flag_places: places_of_flags,
    }
}

fn kubelet(raw: RawKubelet, report: &mut Report) -> Kubelet {
    let days = checked(raw.certificate_lifetime.as_ref(), text::lifetime_days, report).unwrap_or(365);
    Kubelet {
        serving_certificates: raw.serving_certificates.unwrap_or(true),
        certificate_lifetime_days: days,
        certificate_renew_before_days: days.div_ceil(4).min(90).min(days - 1),
        config: raw.config.unwrap_or_default(),
    }
}

/// kube-vip needs an endpoint that it can hold; what is wrong with the endpoint by itself is told elsewhere.
fn kube_vip(
    raw: Option<&Located<RawKubeVip>>,
    cluster: Option<&Located<RawCluster>>,
    damage: &Damage,
    report: &mut Report,
) -> Option<KubeVip> {
    let raw = raw?;
    let endpoint = cluster.and_then(|cluster| cluster.value().endpoint.as_ref());
    let wrong = match endpoint {
        None if damage.keys.contains("endpoint") || damage.keys.contains("cluster") => None,
        None => {
            Some((raw.span(), "there is no `endpoint` under [cluster] for kube-vip to hold the address of"))
        }
        Some(endpoint) => bootstrap::unfit_for_kube_vip(endpoint.value()).map(|why| (endpoint.span(), why)),
    };
    if let Some((span, why)) = wrong {
        let help = "write an unused address of the control planes' own network and the API servers' port: \
                    `endpoint = \"10.0.0.10:6443\"`";
        report.error(span, Problem::new(why).help(help));
    }
    Some(bootstrap::kube_vip(raw.value(), report))
}

fn cluster(raw: Option<Located<RawCluster>>, report: &mut Report) -> Cluster {
    let line = raw.as_ref().map_or(1, |raw| report.line(&raw.span()));
    let (name, kubernetes, endpoint, profile) = raw
        .map(Located::into_value)
        .map(|raw| (raw.name, raw.kubernetes, raw.endpoint, raw.profile))
        .unwrap_or_default();
    Cluster {
        name: checked(name.as_ref(), text::cluster_name, report).unwrap_or_default(),
        kubernetes: checked(kubernetes.as_ref(), text::minor, report).unwrap_or(Minor::NEWEST),
        endpoint: checked(endpoint.as_ref(), text::endpoint, report),
        profile: profile.unwrap_or_default(),
        line,
    }
}

/// Subject alternative names, each once.
fn sans(raw: Option<Vec<Text>>, report: &mut Report) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let sound = raw.unwrap_or_default();
    let sound = sound.iter().filter_map(|san| checked(Some(san), text::san, report));
    sound.filter(|san| seen.insert(san.clone())).collect()
}

fn flags(
    component: &'static str,
    raw: Option<Flags>,
    places: &mut BTreeMap<(&'static str, String), (usize, usize)>,
    report: &mut Report,
) -> BTreeMap<String, String> {
    let mut flags = BTreeMap::new();
    for (name, value) in raw.unwrap_or_default() {
        checked(Some(&name), text::flag_name, report);
        places.insert((component, name.value().clone()), report.source.place(name.span().start));
        flags.insert(name.into_value(), value.into_value().0);
    }
    flags
}

fn audit(raw: &RawAudit, report: &mut Report) -> Audit {
    let log_path = checked(raw.log_path.as_ref(), text::log_path, report);
    Audit {
        enabled: raw.enabled.unwrap_or(true),
        policy: raw.policy.unwrap_or_default(),
        log_path: log_path.unwrap_or_else(|| String::from("/var/log/kubernetes/audit/audit.log")),
        max_age: raw.max_age.unwrap_or(30),
        max_backup: raw.max_backup.unwrap_or(10),
        max_size: raw.max_size.unwrap_or(100),
    }
}

fn encryption(raw: RawEncryption, profile: Profile, report: &mut Report) -> Encryption {
    let provider = raw.provider.unwrap_or(match profile {
        Profile::Default => EncryptionProvider::default(),
        // Its templates are not there.
        Profile::Bare => EncryptionProvider::None,
    });
    let Some(list) = raw.resources else {
        return Encryption { provider, resources: vec![String::from("secrets")] };
    };
    let mut resources = Vec::new();
    for name in list {
        let Some(resource) = checked(Some(&name), text::resource, report) else { continue };
        if resources.contains(&resource) {
            report.error(name.span(), Problem::new(format!("`{resource}` is named twice")));
        }
        resources.push(resource);
    }
    Encryption { provider, resources }
}
