//! The front matter of a template: the TOML between its `+++` lines, which says everything about the managed thing but
//! its content. It checks that a template says what its kind needs and nothing that its kind has no use for.

use super::error::TemplateError;
use super::flags::FlagLists;
use super::load::EXTENSION;
use super::notice::Notice;
use super::version::VersionRange;
use crate::inventory::Role;
use crate::resource::{ControlId, Inclusion, Kind, Mode, NodePath, OnNode, ResourceId, Undo};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use toml::Spanned;

/// The line before and after the front matter.
const FENCE: &str = "+++";

/// What a template says about the thing that it manages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FrontMatter {
    /// What it manages.
    pub(super) kind: Spanned<Kind>,
    /// The resource's name within its kind; the file's name without `.tera` when it is not said.
    pub(super) name: Option<String>,
    /// Where it goes. For `attributes` the last parts may hold `*` and `?`.
    pub(super) path: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) group: Option<String>,
    /// Owner and group change only where this is the owner now.
    pub(super) only_from_owner: Option<String>,
    /// Exact mode; for `attributes` the most that is allowed.
    pub(super) mode: Option<Mode>,
    /// Mode of directories that have to be made for a file; of a certificate's directory the mode that it must have, with the
    /// certificate's owner.
    pub(super) directory_mode: Option<Mode>,
    /// The program of a static pod, or the one that reads a file: its version is the one that counts.
    pub(super) component: Option<String>,
    /// Nodes with one of these roles have it; all nodes when it is empty.
    #[serde(default)]
    pub(super) roles: BTreeSet<Role>,
    /// The versions in which it applies.
    #[serde(default)]
    pub(super) kubernetes: VersionRange,
    /// Dotted path into the template's variables to the value that must be there; all must hold.
    #[serde(default)]
    pub(super) when: BTreeMap<String, toml::Value>,
    /// systemd units to restart when it changes.
    #[serde(default)]
    pub(super) restarts: Vec<String>,
    /// Controls that it satisfies.
    #[serde(default)]
    pub(super) controls: Vec<ControlId>,
    /// Controls that single flags of a static pod satisfy.
    #[serde(default)]
    pub(super) flag_controls: BTreeMap<String, Vec<ControlId>>,
    /// Controls that single keys of yaml-keys satisfy, by the keys' dotted paths.
    #[serde(default)]
    pub(super) key_controls: BTreeMap<String, Vec<ControlId>>,
    #[serde(default)]
    pub(super) undo: Undo,
    /// YAML keys of a file whose values are secret.
    #[serde(default)]
    pub(super) sensitive: Vec<String>,
    /// A file that is there already stays, whatever is in it.
    #[serde(default)]
    pub(super) keep: bool,
    /// A file that is there already with another content must stay, and nothing is planned for its host: what such a file
    /// means, as in `it belongs to another cluster`.
    pub(super) refuse: Option<String>,
    /// What the user should know when it changes something, a Tera template of its own; nothing where it renders to nothing.
    pub(super) notice: Option<Spanned<String>>,
    /// What the user should know on nodes whose version is not among those in which it applies.
    pub(super) otherwise: Option<String>,
    /// Dotted path into the template's variables to a mapping of dotted path to value that is laid over yaml-keys.
    pub(super) merge: Option<String>,
    /// Top-level keys of yaml-keys that must not be `true` without the kernel parameters of a sysctl resource.
    #[serde(default)]
    pub(super) needs_sysctls: BTreeMap<String, ResourceId>,
    /// What it does not work without: a run that is about a part of the hardening brings that too.
    #[serde(default)]
    needs: Vec<Need>,
    /// It is managed only on nodes where all of these exist.
    #[serde(default)]
    only_where: Vec<NodePath>,
    /// It is managed only on nodes where none of these exists.
    #[serde(default)]
    only_without: Vec<NodePath>,
    /// The line that another file must have, or it would have no effect.
    included_by: Option<Inclusion>,
    /// The command of the node that must accept the new file, `{staged}`, before anything is changed.
    #[serde(default)]
    validate: Vec<String>,
    /// The command that makes the new file effective.
    #[serde(default)]
    activate: Vec<String>,
}

/// What a template does not work without.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Need {
    /// A resource, by its name.
    Resource(ResourceId),
    /// A template, by its path below `templates/`: a part of a static pod.
    Template(String),
}

impl FrontMatter {
    /// Whether it does not work without another template, by that one's path and resource, when of its keys those that
    /// `takes` says take part.
    pub(super) fn needs(&self, template: &str, resource: &ResourceId, takes: impl Fn(&str) -> bool) -> bool {
        self.needs_sysctls.iter().any(|(key, needed)| needed == resource && takes(key))
            || self.needs.iter().any(|need| match need {
                Need::Resource(needed) => needed == resource,
                Need::Template(path) => path == template,
            })
    }

    /// What the node itself has to say to it.
    pub(super) fn on_node(&self) -> OnNode {
        OnNode {
            only_where: self.only_where.clone(),
            only_without: self.only_without.clone(),
            included_by: self.included_by.clone(),
            validate: self.validate.clone(),
            activate: self.activate.clone(),
        }
    }
}

/// A template, taken apart.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) front: FrontMatter,
    /// The Tera source.
    pub(super) body: &'a str,
    /// How many lines of the file are before the body.
    pub(super) lines_before: usize,
    /// What the user should know.
    pub(super) notice: Option<Notice>,
}

/// Takes a template apart. `template` is its path below `templates/`.
pub(super) fn split<'a>(template: &str, text: &'a str) -> Result<Parts<'a>, TemplateError> {
    let at = |line: usize, column: usize, reason: String| TemplateError::Syntax {
        template: template.to_owned(),
        line,
        column,
        reason,
    };
    let start = text
        .strip_prefix(FENCE)
        .and_then(|rest| rest.strip_prefix('\n'))
        .ok_or_else(|| at(1, 1, format!("a template begins with a line `{FENCE}`")))?;
    let end = if start.starts_with(FENCE) { Some(0) } else { start.find("\n+++\n").map(|end| end + 1) };
    let end = end.ok_or_else(|| at(1, 1, format!("the front matter is not closed by a line `{FENCE}`")))?;
    let toml_text = &start[..end];
    let body = start[end + FENCE.len()..].strip_prefix('\n').unwrap_or_default();
    let front: FrontMatter = toml::from_str(toml_text).map_err(|error| {
        let (line, column) = position(toml_text, error.span().map_or(0, |span| span.start));
        at(line + 1, column, error.message().to_owned())
    })?;
    let lines_before = 2 + toml_text.lines().count();
    if let Some(reason) = unfit(&front) {
        let (line, column) = position(toml_text, front.kind.span().start);
        return Err(at(line + 1, column, reason));
    }
    let before = text.len() - start.len();
    let notice = front.notice.as_ref().map(|notice| {
        let Range { start, end } = notice.span();
        Notice::new(notice.get_ref(), text, before + start..before + end)
    });
    Ok(Parts { front, body, lines_before, notice })
}

/// Line and column, from 1, of a byte of a text. Columns are characters.
pub(super) fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// What is missing for the kind, or has no use there.
fn unfit(front: &FrontMatter) -> Option<String> {
    let kind = *front.kind.get_ref();
    if kind == Kind::Object {
        return Some(String::from("objects of the Kubernetes API are not rendered from templates"));
    }
    for (key, present, may, must) in rules(front) {
        if present && !may.contains(&kind) {
            return Some(format!("kind `{kind}` has no use for `{key}`"));
        }
        if !present && must.contains(&kind) {
            return Some(format!("kind `{kind}` needs `{key}`"));
        }
    }
    if front.keep && front.refuse.is_some() {
        return Some(String::from(
            "a file that is there can be left to stay, `keep`, or be an error, `refuse`: not both",
        ));
    }
    if let Some(Need::Template(path)) =
        front.needs.iter().find(|need| matches!(need, Need::Template(path) if !path.ends_with(EXTENSION)))
    {
        return Some(format!(
            "`needs` names `{path}`: neither a resource, as in `user.etcd`, nor a template, as in `kube-apiserver/audit.tera`"
        ));
    }
    if kind == Kind::Attributes && front.mode.is_none() && front.owner.is_none() && front.group.is_none() {
        return Some(String::from("kind `attributes` needs `mode`, `owner` or `group`"));
    }
    let unknown = |component: &&String| !FlagLists::components().any(|known| known == **component);
    if let Some(component) = front.component.as_ref().filter(unknown).filter(|_| kind == Kind::File) {
        return Some(format!("`{component}` is not a component that harden knows"));
    }
    unfit_commands(front)
}

/// Key, whether it is there, the kinds that may have it, the kinds that must.
type Rule = (&'static str, bool, &'static [Kind], &'static [Kind]);

fn rules(front: &FrontMatter) -> [Rule; 20] {
    use Kind::{Absent, Attributes, Certificate, File, Kubeconfig, StaticPod, Sysctl, Unit, User, YamlKeys};
    const PLACED: &[Kind] = &[File, Attributes, YamlKeys, Certificate, Kubeconfig, Sysctl, StaticPod, Absent];
    const OWNED: &[Kind] = &[File, Attributes, YamlKeys, Certificate, Kubeconfig, Sysctl, StaticPod];
    const OF_TEMPLATE: &[Kind] = &[User, File, Attributes, YamlKeys, Certificate, Kubeconfig, Sysctl, Unit];
    [
        (
            "path",
            front.path.is_some(),
            PLACED,
            &[File, Attributes, YamlKeys, Certificate, Kubeconfig, Sysctl, Absent],
        ),
        ("mode", front.mode.is_some(), OWNED, &[File, YamlKeys, Certificate, Kubeconfig, Sysctl, StaticPod]),
        ("owner", front.owner.is_some(), OWNED, &[]),
        ("group", front.group.is_some(), OWNED, &[]),
        ("only-from-owner", front.only_from_owner.is_some(), &[Attributes], &[]),
        ("directory-mode", front.directory_mode.is_some(), &[File, Certificate], &[]),
        ("component", front.component.is_some(), &[StaticPod, File], &[StaticPod]),
        ("flag-controls", !front.flag_controls.is_empty(), &[StaticPod], &[]),
        ("key-controls", !front.key_controls.is_empty(), &[YamlKeys], &[]),
        ("sensitive", !front.sensitive.is_empty(), &[File], &[]),
        ("keep", front.keep, &[File], &[]),
        ("refuse", front.refuse.is_some(), &[File], &[]),
        ("merge", front.merge.is_some(), &[YamlKeys], &[]),
        ("needs-sysctls", !front.needs_sysctls.is_empty(), &[YamlKeys], &[]),
        ("only-where", !front.only_where.is_empty(), OF_TEMPLATE, &[]),
        ("only-without", !front.only_without.is_empty(), OF_TEMPLATE, &[]),
        ("included-by", front.included_by.is_some(), &[File], &[]),
        ("validate", !front.validate.is_empty(), &[File, YamlKeys], &[]),
        ("activate", !front.activate.is_empty(), &[File, YamlKeys, Certificate, Kubeconfig, Sysctl], &[]),
        (
            "restarts",
            !front.restarts.is_empty(),
            &[File, YamlKeys, Certificate, Kubeconfig, Sysctl, Unit],
            &[],
        ),
    ]
}

/// Commands are written to scripts and records line by line, and a check that is not told the file checks nothing.
fn unfit_commands(front: &FrontMatter) -> Option<String> {
    let mut words = front.validate.iter().chain(&front.activate);
    if let Some(word) = words.find(|word| word.is_empty() || word.chars().any(char::is_control)) {
        return Some(format!("the word {word:?} of a command is empty or holds a control character"));
    }
    if !front.validate.is_empty() && !front.validate.iter().any(|word| word.contains("{staged}")) {
        return Some(String::from("`validate` does not name the file that it checks, `{staged}`"));
    }
    front
        .activate
        .iter()
        .any(|word| word.contains("{staged}"))
        .then(|| String::from("`activate` runs when nothing is staged any more"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        split("a.tera", text).unwrap_err().to_string()
    }

    #[test]
    fn a_template_is_taken_apart() {
        let text = "+++\nkind = \"file\"\npath = \"/etc/x\"\nmode = \"0600\"\n+++\nbody\n+++\n";
        let parts = split("a.tera", text).unwrap();
        assert_eq!((parts.body, parts.lines_before), ("body\n+++\n", 5));
        assert_eq!(parts.front.mode, Some(Mode(0o600)));
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        assert_eq!(error("kind"), "a.tera:1:1: a template begins with a line `+++`");
        assert_eq!(error("+++\nkind"), "a.tera:1:1: the front matter is not closed by a line `+++`");
        assert!(error("+++\nkind = \"unit\"\nmod = 1\n+++\n").starts_with("a.tera:3:1: unknown field `mod`"));
        assert!(error("+++\nkind = \"fil\"\n+++\n").starts_with("a.tera:2:8: unknown variant"));
        assert_eq!(
            error("+++\nkind = \"file\"\npath = \"/x\"\n+++\n"),
            "a.tera:2:8: kind `file` needs `mode`"
        );
        assert_eq!(
            error("+++\nkind = \"unit\"\nmode = \"0600\"\n+++\n"),
            "a.tera:2:8: kind `unit` has no use for `mode`"
        );
    }
}
