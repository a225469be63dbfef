//! `[drift]`: what a drift check leaves aside. As it stands in the file, as it is once checked, and the way between. A plan and
//! an apply know nothing of it: what is ignored here is put back by the next apply all the same.

use super::diagnostic::{Problem, Report, shown};
use super::glob::{brackets_close, glob};
use super::lower::checked;
use super::raw::{DayText, Located, Text};
use super::structure::Damage;
use super::waiver::{all_known, choose, day, reason};
use super::{Day, Node, NodeName};
use schemars::JsonSchema;
use serde::Deserialize;
use std::ops::Range;

/// What a drift check leaves aside.
#[derive(Debug, Clone, Default)]
pub struct Drift {
    /// Differences that do not count.
    pub ignores: Vec<DriftIgnore>,
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

pub(super) fn lower(raw: RawDrift, nodes: &[Node], damage: &Damage, report: &mut Report) -> Drift {
    let known = all_known(nodes, damage);
    let ignores = raw.ignore.unwrap_or_default();
    let ignores = ignores.iter().filter_map(|located| {
        ignore(located.value(), &located.span(), nodes.iter().filter(|_| known), damage, report)
    });
    Drift { ignores: ignores.collect() }
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
