//! `[admission]`: what the API server lets in. As it stands in the file, as it is once checked, and the way between.

use super::diagnostic::{Problem, Report};
use super::lower::checked;
use super::raw::Text;
use super::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The namespace whose pods are Kubernetes' own; many of them must be privileged.
const SYSTEM_NAMESPACE: &str = "kube-system";

/// What the API server lets in.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Admission {
    /// How many events it accepts.
    pub event_rate_limit: EventRateLimit,
    /// Whether images are pulled for every pod, even where the node has them; `None` leaves that as it is.
    pub always_pull_images: Option<bool>,
    /// What pods must meet in namespaces that do not say so themselves.
    pub pod_security: PodSecurity,
}

/// How many events the API server accepts. Above the limits it answers 429, and clients drop the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventRateLimit {
    /// Whether there are limits.
    pub enabled: bool,
    /// For all events together.
    pub server: RateLimit,
    /// For the events of each namespace.
    pub namespace: RateLimit,
    /// For the events of each client: a kubelet, a controller.
    pub user: RateLimit,
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RateLimit {
    /// Events a second.
    pub qps: u32,
    /// Events at once.
    pub burst: u32,
}

/// What pods must meet in namespaces that do not say so themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PodSecurity {
    /// Whether there are such defaults.
    pub enabled: bool,
    /// The level below which a pod is refused.
    pub enforce: PodSecurityLevel,
    /// The level below which a pod is noted in the audit log.
    pub audit: PodSecurityLevel,
    /// The level below which whoever creates a pod is warned.
    pub warn: PodSecurityLevel,
    /// The namespaces that all of this is not about, each once; kube-system is always among them.
    pub exempt_namespaces: Vec<String>,
}

/// A level of the Pod Security Standards, from the one that allows everything to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PodSecurityLevel {
    /// Everything is allowed.
    Privileged,
    /// What is known to lead to more privileges is refused.
    Baseline,
    /// Only what follows the present best practice is allowed.
    Restricted,
}

impl fmt::Display for PodSecurityLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        })
    }
}

/// Limits under which a cluster of thousands of nodes starts, drains and rolls out without losing an event: one client is
/// a kubelet (which sends 50 a second at most) or the scheduler (one event for each pod it places).
impl Default for EventRateLimit {
    fn default() -> Self {
        Self {
            enabled: true,
            server: RateLimit { qps: 2000, burst: 10_000 },
            namespace: RateLimit { qps: 200, burst: 2000 },
            user: RateLimit { qps: 200, burst: 1000 },
        }
    }
}

impl Default for PodSecurity {
    fn default() -> Self {
        Self {
            enabled: true,
            enforce: PodSecurityLevel::Baseline,
            audit: PodSecurityLevel::Restricted,
            warn: PodSecurityLevel::Restricted,
            exempt_namespaces: vec![SYSTEM_NAMESPACE.to_owned()],
        }
    }
}

impl Admission {
    /// Whether any of it stands in the API server's admission configuration file.
    pub fn is_configured(&self) -> bool {
        self.event_rate_limit.enabled || self.pod_security.enabled
    }
}

/// `[admission]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawAdmission {
    /// How many events the API server accepts.
    event_rate_limit: Option<RawEventRateLimit>,
    /// Whether images are pulled for every pod, even where the node has them. It breaks clusters whose images are
    /// pre-loaded or whose registry is not always there. Left as it is unless said.
    always_pull_images: Option<bool>,
    /// What pods must meet in namespaces without a `pod-security.kubernetes.io` label of their own.
    pod_security: Option<RawPodSecurity>,
}

/// `[admission.event-rate-limit]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawEventRateLimit {
    /// Whether there are limits.
    #[schemars(extend("default" = true))]
    enabled: Option<bool>,
    /// For all events together; 2000 a second and 10000 at once unless said otherwise.
    server: Option<RawRateLimit>,
    /// For the events of each namespace; 200 a second and 2000 at once unless said otherwise.
    namespace: Option<RawRateLimit>,
    /// For the events of each client, a kubelet or a controller; 200 a second and 1000 at once unless said otherwise.
    user: Option<RawRateLimit>,
}

/// A limit of events.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawRateLimit {
    /// Events a second.
    #[schemars(range(min = 1, max = 1_000_000))]
    qps: Option<u32>,
    /// Events at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    burst: Option<u32>,
}

/// `[admission.pod-security]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawPodSecurity {
    /// Whether there are such defaults.
    #[schemars(extend("default" = true))]
    enabled: Option<bool>,
    /// The level below which a pod is refused.
    #[schemars(extend("default" = "baseline"))]
    enforce: Option<PodSecurityLevel>,
    /// The level below which a pod is noted in the audit log.
    #[schemars(extend("default" = "restricted"))]
    audit: Option<PodSecurityLevel>,
    /// The level below which whoever creates a pod is warned.
    #[schemars(extend("default" = "restricted"))]
    warn: Option<PodSecurityLevel>,
    /// Namespaces that this is not about, beside kube-system.
    exempt_namespaces: Option<Vec<Text>>,
}

/// The checked form of `[admission]`.
pub(super) fn lower(raw: RawAdmission, report: &mut Report) -> Admission {
    Admission {
        event_rate_limit: event_rate_limit(raw.event_rate_limit.unwrap_or_default()),
        always_pull_images: raw.always_pull_images,
        pod_security: pod_security(raw.pod_security.unwrap_or_default(), report),
    }
}

fn event_rate_limit(raw: RawEventRateLimit) -> EventRateLimit {
    let default = EventRateLimit::default();
    let limit = |raw: Option<RawRateLimit>, default: RateLimit| {
        let raw = raw.unwrap_or_default();
        RateLimit { qps: raw.qps.unwrap_or(default.qps), burst: raw.burst.unwrap_or(default.burst) }
    };
    EventRateLimit {
        enabled: raw.enabled.unwrap_or(default.enabled),
        server: limit(raw.server, default.server),
        namespace: limit(raw.namespace, default.namespace),
        user: limit(raw.user, default.user),
    }
}

fn pod_security(raw: RawPodSecurity, report: &mut Report) -> PodSecurity {
    let default = PodSecurity::default();
    let mut exempt_namespaces = default.exempt_namespaces;
    for name in raw.exempt_namespaces.unwrap_or_default() {
        let Some(namespace) = checked(Some(&name), text::namespace, report) else { continue };
        if namespace != SYSTEM_NAMESPACE && exempt_namespaces.contains(&namespace) {
            report.error(name.span(), Problem::new(format!("`{namespace}` is named twice")));
        }
        if !exempt_namespaces.contains(&namespace) {
            exempt_namespaces.push(namespace);
        }
    }
    PodSecurity {
        enabled: raw.enabled.unwrap_or(default.enabled),
        enforce: raw.enforce.unwrap_or(default.enforce),
        audit: raw.audit.unwrap_or(default.audit),
        warn: raw.warn.unwrap_or(default.warn),
        exempt_namespaces,
    }
}
