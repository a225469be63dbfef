//! The user that a static pod runs as: its security context, and the files of its own that come with it. What harden did of
//! this is marked by an annotation, so that only that is ever taken back.

use super::{ManifestError, annotate, arguments, child_object_mut, container_mut, mounts};
use crate::plan::yaml;
use crate::resource::{FlagSpec, FlagValue, RunAsSpec};
use serde_json::{Map, Value};

/// The annotation of a pod whose user is harden's doing; its value is the user's name.
const MARK: &str = "harden/run-as-user";

const USER: &str = "runAsUser";
const GROUP: &str = "runAsGroup";

/// Who a pod runs as, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodUser {
    /// The user.
    pub user: u32,
    /// The group.
    pub group: u32,
}

/// A manifest after its edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAs {
    /// The new text; the old one where nothing had to change.
    pub text: String,
    /// What changed, one line each; empty where nothing did.
    pub reasons: Vec<String>,
}

/// The number of the user that a pod's component runs as: what the container says counts before what the pod says. `None`
/// where neither does, which is root in Kubernetes' own images.
pub fn user(text: &str, component: &str) -> Result<Option<u64>, ManifestError> {
    let mut pod = yaml::parse(text)?;
    let of_pod = pod["spec"]["securityContext"][USER].as_u64();
    let container = container_mut(&mut pod, component)?;
    Ok(container.get("securityContext").and_then(|context| context[USER].as_u64()).or(of_pod))
}

/// Whether the user is harden's doing.
pub fn is_own(text: &str, component: &str, spec: &RunAsSpec) -> Result<bool, ManifestError> {
    let mut pod = yaml::parse(text)?;
    let marked = !pod["metadata"]["annotations"][MARK].is_null();
    let arguments = arguments::Arguments::read(container_mut(&mut pod, component)?, component)?;
    // Nobody else has files there, and without its user the program could not read them.
    let names_own = |(name, file): (&String, &crate::resource::OwnFile)| {
        arguments.value(name).is_some_and(|value| value == file.own.as_str())
    };
    Ok(marked || spec.flags.iter().any(names_own))
}

/// The manifest of a pod that runs as a user, with the files that are made for it.
pub fn run_as(text: &str, component: &str, spec: &RunAsSpec, user: PodUser) -> Result<RunAs, ManifestError> {
    let old = yaml::parse(text)?;
    let mut pod = old.clone();
    let mut reasons = Vec::new();
    for (name, file) in &spec.flags {
        reasons.extend(set_flag(&mut pod, component, name, &|_| Some(file.own.as_str()))?);
    }
    reasons.extend(mounts::set(&mut pod, component, &spec.mount())?);
    let of_pod = pod["spec"]["securityContext"].clone();
    let context = context_mut(&mut pod, component)?;
    // Written into the container's own context: there it counts whatever the pod's says, and can be taken back without a trace.
    for (key, wanted) in [(USER, user.user), (GROUP, user.group)] {
        let present = context.get(key).or_else(|| of_pod.get(key)).filter(|value| !value.is_null());
        if present.and_then(Value::as_u64) != Some(u64::from(wanted)) {
            reasons.push(match present {
                None => format!("{key} is missing, wanted {wanted} ({})", spec.user),
                Some(before) => format!("{key}: {before} → {wanted} ({})", spec.user),
            });
            context.insert(key.to_owned(), wanted.into());
        }
    }
    drop_empty_context(&mut pod, component)?;
    reasons.extend(annotate(&mut pod, MARK, &spec.user)?);
    Ok(RunAs { text: yaml::rewrite_from(text, &old, &pod)?, reasons })
}

/// The manifest of a pod that runs as root again, with root's files; only where its user [`is_own`].
pub fn run_as_root(text: &str, component: &str, spec: &RunAsSpec) -> Result<RunAs, ManifestError> {
    let old = yaml::parse(text)?;
    let mut pod = old.clone();
    let mut reasons = Vec::new();
    for (name, file) in &spec.flags {
        let back =
            |present: Option<&str>| (present == Some(file.own.as_str())).then_some(file.otherwise.as_str());
        reasons.extend(set_flag(&mut pod, component, name, &back)?);
    }
    reasons.extend(mounts::remove(&mut pod, component, &spec.mount())?);
    let context = context_mut(&mut pod, component)?;
    for key in [USER, GROUP] {
        reasons.extend(context.remove(key).map(|before| format!("{key}={before} goes")));
    }
    drop_empty_context(&mut pod, component)?;
    if let Some(metadata) = pod.get_mut("metadata").and_then(Value::as_object_mut)
        && let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut)
        && annotations.remove(MARK).is_some()
    {
        reasons.push(format!("annotation {MARK} goes"));
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
    Ok(RunAs { text: yaml::rewrite_from(text, &old, &pod)?, reasons })
}

/// Brings a flag to what is wanted by its present value; `None` leaves it alone. Says what was wrong with it.
fn set_flag<'a>(
    pod: &mut Value,
    component: &str,
    name: &str,
    wanted: &dyn Fn(Option<&str>) -> Option<&'a str>,
) -> Result<Option<String>, ManifestError> {
    let container = container_mut(pod, component)?;
    let mut arguments = arguments::Arguments::read(container, component)?;
    let Some(value) = wanted(arguments.value(name).as_deref()) else { return Ok(None) };
    let flag = FlagSpec {
        name: name.to_owned(),
        value: FlagValue::Is(value.to_owned()),
        controls: Vec::new(),
        templates: Vec::new(),
    };
    let reason = arguments.set(&flag);
    arguments.write(container);
    Ok(reason)
}

fn context_mut<'a>(pod: &'a mut Value, component: &str) -> Result<&'a mut Map<String, Value>, ManifestError> {
    child_object_mut(container_mut(pod, component)?, "securityContext", "securityContext")
}

fn drop_empty_context(pod: &mut Value, component: &str) -> Result<(), ManifestError> {
    if context_mut(pod, component)?.is_empty() {
        container_mut(pod, component)?.remove("securityContext");
    }
    Ok(())
}
