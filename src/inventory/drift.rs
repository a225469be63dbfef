//! `[drift]`: what a drift check leaves aside, and how it logs in. As it stands in the file, as it is once checked, and the way between. A plan and
//! an apply know nothing of it: what is ignored here is put back by the next apply all the same.

use super::diagnostic::{Problem, Report, shown};
use super::glob::{brackets_close, glob};
use super::lower::{Places, checked};
use super::raw::{DayText, Located, Text};
use super::structure::Damage;
use super::waiver::{all_known, choose, day, reason};
use super::{Connection, Day, Node, NodeName, SshSettings};
use schemars::JsonSchema;
use serde::Deserialize;
use std::ops::Range;
use std::path::PathBuf;

/// What a drift check leaves aside, and how it logs in.
#[derive(Debug, Clone, Default)]
pub struct Drift {
    /// Differences that do not count.
    pub ignores: Vec<DriftIgnore>,
    /// The key that is locked to the probe, where there is one.
    pub locked_key: Option<LockedKey>,
}

/// A key for drift checks alone, locked to the probe that is installed on the nodes.
#[derive(Debug, Clone)]
pub struct LockedKey {
    /// The user who logs in with it.
    pub user: String,
    /// The private key; `None` for the agent's identities and then the usual files.
    pub identity_file: Option<PathBuf>,
    /// The nodes that it counts on; `None` for all that are reached over SSH.
    pub nodes: Option<Vec<NodeName>>,
}

/// The user of a locked key, where the inventory names none.
const DEFAULT_USER: &str = "drift";

impl Drift {
    /// How a drift check logs in to a node with the locked key; `None` where it logs in like every other verb.
    pub fn locked_login(&self, node: &Node) -> Option<SshSettings> {
        let key = self.locked_key.as_ref()?;
        if key.nodes.as_ref().is_some_and(|nodes| !nodes.contains(&node.name)) {
            return None;
        }
        match &node.connection {
            Connection::Ssh(settings) => Some(SshSettings {
                user: key.user.clone(),
                identity_file: key.identity_file.clone(),
                ..settings.as_ref().clone()
            }),
            Connection::Local { .. } => None,
        }
    }

    /// The user who logs in with the locked key, or would.
    pub fn locked_user(&self) -> &str {
        self.locked_key.as_ref().map_or(DEFAULT_USER, |key| &key.user)
    }
}

/// Differences that do not count in a drift check.
#[derive(Debug, Clone)]
pub struct DriftIgnore {
    /// What it is about.
    pub of: IgnoredThing,
    /// The nodes that it counts on; `None` for all, and for the cluster as a whole.
    pub nodes: Option<Vec<NodeName>>,
    /// Why.
    pub reason: String,
    /// The last day on which it counts; `None` for ever.
    pub expires: Option<Day>,
}

/// What is ignored: a shell glob each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IgnoredThing {
    /// Paths, or what else is the subject of a difference: the name of a unit or of a process.
    Path(String),
    /// Resources, `static-pod.kube-apiserver`.
    Resource(String),
}

impl IgnoredThing {
    /// The pattern.
    pub fn pattern(&self) -> &str {
        match self {
            Self::Path(pattern) | Self::Resource(pattern) => pattern,
        }
    }

    /// Whether it is about the difference of a resource with that subject.
    pub fn is_about(&self, resource: &str, subject: &str) -> bool {
        match self {
            Self::Path(pattern) => glob(pattern, subject),
            Self::Resource(pattern) => glob(pattern, resource),
        }
    }
}

/// `[drift]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawDrift {
    /// Differences that do not make `harden drift` fail, one `[[drift.ignore]]` each. A plan shows them all the same.
    ignore: Option<Vec<Located<RawIgnore>>>,
    /// An SSH key for drift checks alone, locked on the nodes to the probe that `harden drift --print-probe` prints.
    locked_key: Option<RawLockedKey>,
}

/// `[drift.locked-key]`: `harden drift` logs in with a key that can do nothing but run the probe installed on the nodes. Every other
/// verb logs in as `[ssh]` says.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawLockedKey {
    /// The user who logs in with it.
    #[schemars(extend("default" = DEFAULT_USER))]
    user: Option<Text>,
    /// The private key, and then only that one; the agent's identities and then the usual files unless said otherwise. A path begins at
    /// the inventory's directory.
    identity_file: Option<Text>,
    /// The nodes that it counts on, as `--limit` names them: node names, roles and patterns. All that are reached over SSH unless
    /// said otherwise.
    #[schemars(length(min = 1))]
    nodes: Option<Vec<Text>>,
}

/// `[[drift.ignore]]`: differences that do not make `harden drift` fail. It counts and names them; `plan` and `apply` know
/// nothing of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawIgnore {
    /// The path, or the name of the unit or process; `*`, `?` and `[…]` stand for more than one. Either this or `resource`.
    #[schemars(extend("examples" = ["/etc/kubernetes/pki/*.crt"]))]
    path: Option<Text>,
    /// The resource, as a plan's JSON and `--target` name it; `*`, `?` and `[…]` stand for more than one. Either this or `path`.
    #[schemars(extend("examples" = ["static-pod.kube-apiserver"]))]
    resource: Option<Text>,
    /// The nodes that it counts on, as `--limit` names them: node names, roles and patterns. Everywhere unless said otherwise.
    #[schemars(length(min = 1))]
    nodes: Option<Vec<Text>>,
    /// Why; every report shows it.
    #[schemars(required, length(min = 1))]
    reason: Option<Text>,
    /// The last day on which it counts; from the next on the difference fails the check again.
    expires: Option<Located<DayText>>,
}

pub(super) fn lower(
    raw: RawDrift,
    nodes: &[Node],
    places: &Places,
    damage: &Damage,
    report: &mut Report,
) -> Drift {
    let known = all_known(nodes, damage);
    let ignores = raw.ignore.unwrap_or_default();
    let ignores = ignores.iter().filter_map(|located| {
        ignore(located.value(), &located.span(), nodes.iter().filter(|_| known), damage, report)
    });
    let ignores = ignores.collect();
    let locked_key = raw.locked_key.map(|raw| LockedKey {
        user: checked(raw.user.as_ref(), plain_user, report).unwrap_or_else(|| DEFAULT_USER.to_owned()),
        identity_file: raw.identity_file.as_ref().and_then(|path| places.resolve(path, report)),
        nodes: raw.nodes.as_deref().and_then(|list| choose(list, nodes.iter().filter(|_| known), report)),
    });
    Drift { ignores, locked_key }
}

/// One of them; `None` where nothing can be said of it.
fn ignore<'a>(
    raw: &RawIgnore,
    header: &Range<usize>,
    nodes: impl Iterator<Item = &'a Node> + Clone,
    damage: &Damage,
    report: &mut Report,
) -> Option<DriftIgnore> {
    let of = thing(raw, header, damage, report);
    let reason = checked(raw.reason.as_ref(), reason, report);
    let chosen = raw.nodes.as_deref().and_then(|list| choose(list, nodes, report));
    let expires = raw.expires.as_ref().and_then(|text| day(text, report));
    Some(DriftIgnore { of: of?, nodes: chosen, reason: reason?, expires })
}

fn thing(
    raw: &RawIgnore,
    header: &Range<usize>,
    damage: &Damage,
    report: &mut Report,
) -> Option<IgnoredThing> {
    match (&raw.path, &raw.resource) {
        (Some(path), None) => checked(Some(path), path_pattern, report).map(IgnoredThing::Path),
        (None, Some(resource)) => {
            checked(Some(resource), resource_pattern, report).map(IgnoredThing::Resource)
        }
        (Some(_), Some(resource)) => {
            let problem = Problem::new("`path` and `resource` are both given");
            report.error(resource.span(), problem.help("keep one of the two"));
            None
        }
        (None, None) => {
            // A key that was mistyped is a mistake of its own.
            if damage.keys.is_empty() {
                let problem = Problem::new("it is not said what is to be ignored");
                report.error(header.clone(), problem.help("add `path = \"…\"` or `resource = \"…\"`"));
            }
            None
        }
    }
}

/// The name stands in sudoers too, where one in capitals is an alias and much else has a meaning.
fn plain_user(text: &str) -> Result<String, Problem> {
    let is_plain = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"_-.".contains(&c));
    if is_plain {
        return Ok(text.to_owned());
    }
    let problem = Problem::new(format!("{} is not the name of a user", shown(text)));
    Err(problem.help("use small letters, digits, `-`, `_` and `.`"))
}

fn path_pattern(text: &str) -> Result<String, Problem> {
    match text {
        "" => Err(Problem::new("`path` must not be empty")),
        _ => closed(text),
    }
}

fn resource_pattern(text: &str) -> Result<String, Problem> {
    if text.split_once('.').is_none_or(|(kind, name)| kind.is_empty() || name.is_empty()) {
        let problem = Problem::new(format!("{} is not a resource", shown(text)));
        return Err(problem.help("write kind and name: `resource = \"static-pod.kube-apiserver\"`"));
    }
    closed(text)
}

fn closed(text: &str) -> Result<String, Problem> {
    if brackets_close(text) {
        Ok(text.to_owned())
    } else {
        Err(Problem::new(format!("{} has a `[` without its `]`", shown(text))))
    }
}
