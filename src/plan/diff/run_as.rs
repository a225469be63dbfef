//! A static pod that runs as a user of its own: its manifest, the owner of its data, and the way back.
//!
//! The numbers of a user differ from node to node. Those of one that exists were read; one that is yet to be made gets a number
//! that was seen to be free, which is pinned when it is made. So one plan says exactly what is written, and the program is
//! restarted once. Were the number taken meanwhile, making the user would fail before anything is changed.

use super::{Context, DiffError, present, prior, regular};
use crate::error::Hint;
use crate::plan::Operation;
use crate::plan::manifest::{self, PodUser};
use crate::resource::{FileKind, Mode, NodePath, RunAsSpec, StaticPodSpec};

/// A static pod cannot run as a user of its own.
#[derive(Debug, thiserror::Error)]
pub enum RunAsError {
    /// It runs as somebody else already.
    #[error("run {component} as {user}: it runs as user {found} already, by somebody else's choice")]
    OtherUser {
        /// The component.
        component: String,
        /// The user that is wanted.
        user: String,
        /// The number of the user that it runs as.
        found: u64,
    },
    /// There is no such user, and none is made.
    #[error(
        "run {component} as {user}: there is no such user with a group of its own on this node, and none can be made"
    )]
    NoUser {
        /// The component.
        component: String,
        /// The user.
        user: String,
    },
    /// Its data is elsewhere.
    #[error("run {component} as {user}: its --{flag} is {found}, and only {path} is known to harden")]
    OtherData {
        /// The component.
        component: String,
        /// The user.
        user: String,
        /// The flag.
        flag: String,
        /// What it says.
        found: String,
        /// What it should say.
        path: NodePath,
    },
    /// The data directory is none.
    #[error("run {component} as {user}: {path} is {found}, and a directory is wanted there")]
    NoData {
        /// The component.
        component: String,
        /// The user.
        user: String,
        /// The directory.
        path: NodePath,
        /// What is there.
        found: &'static str,
    },
    /// It could not read what it needs.
    #[error("run {component} as {user}: that user could not read {path} (mode {mode})")]
    Unreadable {
        /// The component.
        component: String,
        /// The user.
        user: String,
        /// The file or directory.
        path: NodePath,
        /// Its mode.
        mode: Mode,
    },
}

impl Hint for RunAsError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::OtherUser { .. } => String::from(
                "kubeadm's feature gate RootlessControlPlane does the same: take either that or `run-as-user` under [etcd] back",
            ),
            Self::NoUser { user, .. } => {
                format!("make the system user {user} and its group by hand, as root")
            }
            Self::OtherData { .. } => String::from(
                "take `run-as-user` under [etcd] back, since the owner of that directory would not follow",
            ),
            Self::NoData { path, .. } => format!("look at what became of {path}"),
            Self::Unreadable { path, mode, .. } => {
                let readable = if mode.0 & 0o111 == 0 { "0644" } else { "0755" };
                format!(
                    "if there is nothing secret in it, `chmod {readable} {path}`; the key of the CA stays root's"
                )
            }
        })
    }
}

/// What it takes.
pub(super) struct Planned {
    /// The manifest.
    pub(super) text: String,
    /// What changes in it.
    pub(super) edits: Vec<String>,
    /// What changes beside it.
    pub(super) reasons: Vec<String>,
    /// What is done beside writing the manifest.
    pub(super) operations: Vec<Operation>,
}

/// `old` is the manifest as it is, `text` as its other parts will be.
pub(super) fn run_as(
    pod: &StaticPodSpec,
    spec: &RunAsSpec,
    old: &str,
    text: String,
    context: &mut Context<'_>,
) -> Result<Planned, DiffError> {
    let manifest = |source| DiffError::Manifest { path: pod.path.clone(), source };
    let now = manifest::user(old, &pod.component).map_err(manifest)?;
    if spec.enabled {
        return as_user(pod, spec, now, &text, context);
    }
    let mut planned = Planned { text, edits: Vec::new(), reasons: Vec::new(), operations: Vec::new() };
    if manifest::is_own(old, &pod.component, spec).map_err(manifest)? {
        let back = manifest::run_as_root(&planned.text, &pod.component, spec).map_err(manifest)?;
        (planned.text, planned.edits) = (back.text, back.reasons);
        // The owners of its data stay: root may use every file.
        if now.is_some_and(|user| user != 0) {
            planned.reasons.push(stopped(&spec.user, "root"));
            planned.operations.push(stop(pod, spec));
        }
    } else if let Some(user) = now.filter(|user| *user != 0) {
        context
            .notices
            .push(format!("{} runs as user {user}, by somebody else's choice: it stays so", pod.component));
    }
    for path in spec.files() {
        let Some(file) = regular(context.observed, path)? else { continue };
        planned.reasons.push(format!("{path} goes: nothing uses it any more"));
        planned.operations.push(Operation::Remove { path: path.clone(), prior: prior(Some(file)) });
    }
    Ok(planned)
}

/// Why it is stopped: for people.
fn stopped(from: &str, to: &str) -> String {
    format!("runs as {from} → {to}: it is stopped first, and started with the new manifest")
}

fn stop(pod: &StaticPodSpec, spec: &RunAsSpec) -> Operation {
    Operation::StopPod { manifest: pod.path.clone(), held: spec.data.held.clone() }
}

fn as_user(
    pod: &StaticPodSpec,
    spec: &RunAsSpec,
    now: Option<u64>,
    text: &str,
    context: &Context<'_>,
) -> Result<Planned, DiffError> {
    let manifest = |source| DiffError::Manifest { path: pod.path.clone(), source };
    let user = number(pod, spec, context)?;
    if let Some(found) = now.filter(|now| *now != 0 && *now != u64::from(user.user)) {
        let (component, user) = names(pod, spec);
        return Err(RunAsError::OtherUser { component, user, found }.into());
    }
    usable(pod, spec, text, context)?;
    let edited = manifest::run_as(text, &pod.component, spec, user).map_err(manifest)?;
    let mut planned =
        Planned { text: edited.text, edits: edited.reasons, reasons: Vec::new(), operations: Vec::new() };
    let (name, data) = (&spec.user, &spec.data.path);
    // Until it has ended, a program that runs as root makes new files that are root's.
    let as_root = now != Some(u64::from(user.user));
    if as_root {
        planned.reasons.push(stopped("root", name));
        planned.operations.push(stop(pod, spec));
    }
    let stray = context.observed.strays.get(data);
    if !context.observed.facts.owners || !(as_root || stray.is_some()) {
        return Ok(planned);
    }
    if let Some(stray) = stray {
        planned.reasons.push(format!("{stray} does not belong to {name}:{name}"));
    }
    planned.reasons.push(format!("{data} and every file below it are given to {name}:{name}"));
    planned.operations.push(Operation::SetOwners {
        path: data.clone(),
        owner: name.clone(),
        group: name.clone(),
    });
    Ok(planned)
}

/// The component and the user, for errors.
fn names(pod: &StaticPodSpec, spec: &RunAsSpec) -> (String, String) {
    (pod.component.clone(), spec.user.clone())
}

/// The numbers of the user, or those that it will have.
fn number(pod: &StaticPodSpec, spec: &RunAsSpec, context: &Context<'_>) -> Result<PodUser, DiffError> {
    let observed = context.observed;
    let found = observed
        .users
        .get(&spec.user)
        .ok_or_else(|| DiffError::NotRead { path: format!("user {}", spec.user) })?;
    let is_made = observed.facts.owners && context.users.contains(spec.user.as_str());
    let numbers = found.and_then(|state| {
        let free = state.free.filter(|_| is_made);
        Some(PodUser { user: state.user.or(free)?, group: state.group.or(free)? })
    });
    numbers.ok_or_else(|| {
        let (component, user) = names(pod, spec);
        RunAsError::NoUser { component, user }.into()
    })
}

/// Whether the user would find its data, and could read what it needs.
fn usable(pod: &StaticPodSpec, spec: &RunAsSpec, text: &str, context: &Context<'_>) -> Result<(), DiffError> {
    let data = &spec.data;
    let manifest = |source| DiffError::Manifest { path: pod.path.clone(), source };
    let found = manifest::flag(text, &pod.component, &data.flag).map_err(manifest)?;
    if found.as_deref() != Some(data.path.as_str()) {
        let (component, user) = names(pod, spec);
        let found = found.unwrap_or_else(|| String::from("not set"));
        let (flag, path) = (data.flag.clone(), data.path.clone());
        return Err(RunAsError::OtherData { component, user, flag, found, path }.into());
    }
    let found = match present(context.observed, &data.path)?.map(|file| file.kind) {
        Some(FileKind::Directory) => None,
        Some(FileKind::Symlink) => Some("a symbolic link"),
        Some(FileKind::File | FileKind::Other) => Some("a file"),
        None => Some("not there"),
    };
    if let Some(found) = found {
        let (component, user) = names(pod, spec);
        return Err(RunAsError::NoData { component, user, path: data.path.clone(), found }.into());
    }
    for path in &spec.reads {
        let Some(file) = present(context.observed, path)? else { continue };
        let wanted = if file.kind == FileKind::Directory { 0o5 } else { 0o4 };
        // A link's target is not known here; the program will tell.
        if file.kind != FileKind::Symlink && file.mode.0 & wanted != wanted {
            let (component, user) = names(pod, spec);
            return Err(
                RunAsError::Unreadable { component, user, path: path.clone(), mode: file.mode }.into()
            );
        }
    }
    Ok(())
}
