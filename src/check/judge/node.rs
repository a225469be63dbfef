//! One node as the judge sees it: its evidence, with each component's flags read once.

use super::super::control::{Control, FlagOf, FlagsTest, OwnAuthority, Test};
use super::super::finding::Difference;
use super::super::places::PLACES;
use super::kubeadm::Kubeadm;
use super::outcome::Outcome;
use super::source::{Kind, Source};
use super::test;
use crate::inventory::{NodeName, Role};
use crate::pki;
use crate::plan::kubeadm::is_node_local;
use crate::resource::Evidence;
use std::collections::{BTreeMap, BTreeSet};

/// One node.
pub(super) struct Node<'a> {
    /// Its name.
    pub name: &'a NodeName,
    /// Its roles.
    pub roles: &'a BTreeSet<Role>,
    /// What was seen of it.
    pub evidence: &'a Evidence,
    components: BTreeMap<&'static str, Sources>,
}

/// Where a component's flags stand on a node.
#[derive(Default)]
struct Sources {
    /// The process, or where nothing runs at all what takes its place.
    process: Option<Source>,
    /// The manifest or what a unit starts it with, where it is not in the process's place.
    manifest: Option<Source>,
}

impl<'a> Node<'a> {
    /// Reads a node's flags.
    pub(super) fn new((name, roles, evidence): &'a (NodeName, BTreeSet<Role>, Evidence)) -> Self {
        let live = evidence.facts.live;
        let sources = |(name, component)| {
            let sources = if live {
                let process = Source::running(name, component, evidence);
                let manifest = Source::manifest(name, component, evidence)
                    .or_else(|| Source::unit(component, Some(process.as_ref()?), evidence));
                Sources { process, manifest }
            } else {
                Sources { process: Source::at_rest(name, component, evidence), manifest: None }
            };
            (name, sources)
        };
        Self { name, roles, evidence, components: PLACES.components().map(sources).collect() }
    }

    /// Where a component's flags stand that count for the verdict.
    pub(super) fn process(&self, component: &str) -> Option<&Source> {
        self.components.get(component)?.process.as_ref()
    }

    /// What a control comes to here.
    pub(super) fn judge(&self, control: &Control, kubeadm: &Kubeadm) -> Outcome {
        let mut outcome = match &control.test {
            Test::Mode(test) => test::mode(test, self.evidence),
            Test::Owner(test) => test::owner(test, self.evidence),
            Test::Flags(flags) => {
                let mut outcome = self.flags(&control.test, &flags.of, kubeadm);
                if let Some(wanted) = &flags.own_authority {
                    self.own_authority(wanted, flags, &mut outcome);
                }
                outcome
            }
            Test::Encryption(encryption) => self.flags(&control.test, &encryption.of, kubeadm),
            Test::Shown(flag) => self.shown(flag),
            Test::Manual | Test::Policy | Test::AuditPolicy | Test::Items(_) => Outcome::default(),
        };
        self.mind_unread(&control.test, &mut outcome);
        outcome
    }

    /// Whether a CA is shared with another program; nothing is said where one of them cannot be read.
    fn own_authority(&self, wanted: &OwnAuthority, flags: &FlagsTest, outcome: &mut Outcome) {
        let keys = |component: &str, flag: &str| {
            let command = &self.process(component)?.command;
            let check = flags.checks.iter().find(|check| component == flags.of && check.flag == flag);
            let variable = check.and_then(|check| command.variable(check.variable.as_deref()?));
            let path = command.value(flag).or_else(|| variable.map(str::to_owned))?;
            let text = self.evidence.documents.get(&path.parse().ok()?)?;
            Some((path, pki::key_digests(text.as_bytes()).ok()?))
        };
        let (Some((own, own_keys)), Some((other, other_keys))) =
            (keys(&flags.of, &wanted.flag), keys(&wanted.other.of, &wanted.other.flag))
        else {
            return;
        };
        let shared = !own_keys.is_disjoint(&other_keys);
        let verb = if shared { "holds a key that is in" } else { "holds other keys than" };
        outcome
            .evidence
            .push(format!("{own} {verb} {other}, the {} of {}", wanted.other.flag, wanted.other.of));
        outcome.clean = Some(!shared);
    }

    fn shown(&self, shown: &FlagOf) -> Outcome {
        let seen = match self.process(&shown.of) {
            None => format!("no {} runs", shown.of),
            Some(source) => match source.command.value(&shown.flag) {
                Some(value) => format!("{} has {}={value}", shown.of, shown.flag),
                None => format!("{} has no {}: its default applies", shown.of, shown.flag),
            },
        };
        let mut outcome = Outcome::against(seen);
        outcome.evidence.push(String::from("a person must say whether that is right"));
        outcome
    }

    /// The process decides; the manifest and kubeadm's record are compared with it.
    fn flags(&self, control: &Test, component: &str, kubeadm: &Kubeadm) -> Outcome {
        let at = |source: &Source| test::at(control, source, self.evidence);
        let sources = self.components.get(component);
        let Some(process) = sources.and_then(|sources| sources.process.as_ref()) else {
            let mut outcome = Outcome::against(format!("no {component} runs"));
            self.mind_rest(&mut outcome);
            return outcome;
        };
        let Some(mut outcome) = at(process) else { return Outcome::default() };
        self.mind_rest(&mut outcome);
        let manifest = sources.and_then(|sources| sources.manifest.as_ref());
        let manifest = manifest.and_then(at);
        let on_disk = manifest.as_ref().map(|manifest| manifest.passes);
        match (outcome.passes, on_disk) {
            (false, Some(true)) => outcome.differs(Difference::NotRestarted, manifest),
            (true, Some(false)) => outcome.differs(Difference::LostAtRestart, manifest),
            _ => {}
        }
        if outcome.passes || on_disk == Some(true) {
            let record = record(control, component, process, kubeadm).and_then(|record| at(&record));
            if record.as_ref().is_some_and(|record| !record.passes) {
                outcome.differs(Difference::LostAtUpgrade, record);
            }
        }
        outcome
    }

    /// Of a directory tree it is said why no process was looked at.
    fn mind_rest(&self, outcome: &mut Outcome) {
        if !self.evidence.facts.live {
            outcome.evidence.push(String::from("nothing runs in a directory tree: judged by its files"));
        }
    }

    /// What could not be read does not pass, and says so.
    fn mind_unread(&self, test: &Test, outcome: &mut Outcome) {
        let place = match test {
            Test::Mode(test) => PLACES.place(&test.of),
            Test::Owner(test) => PLACES.place(&test.of),
            _ => None,
        };
        let Some(place) = place else { return };
        let paths: Vec<_> = place.candidates().chain(&place.every).chain(&place.below).collect();
        let concerns = |line: &&String| {
            let mut words = line.split(|c: char| c.is_whitespace() || matches!(c, ':' | ',' | '`' | '\''));
            words.any(|word| paths.iter().any(|path| path.as_str() == word))
        };
        let unread: Vec<_> = self.evidence.unread.iter().filter(concerns).cloned().collect();
        outcome.passes &= unread.is_empty();
        outcome.evidence.extend(unread);
    }
}

/// The component as the next `kubeadm upgrade` makes it.
fn record(control: &Test, component: &str, process: &Source, kubeadm: &Kubeadm) -> Option<Source> {
    let Some(config) = &process.config else {
        return kubeadm.component(component);
    };
    // kubeadm writes this file and no other; what is of one node alone has no place in its record.
    let local = |key: &Option<String>| key.as_deref().is_some_and(is_node_local);
    let has_local = matches!(control, Test::Flags(test) if test.checks.iter().any(|check| local(&check.key)));
    if config.name != "/var/lib/kubelet/config.yaml" || has_local {
        return None;
    }
    let record = kubeadm.kubelet()?;
    Some(Source {
        kind: Kind::Kubeadm("kubelet-config"),
        command: process.command.clone(),
        config: Some(record.clone()),
    })
}

impl Outcome {
    /// Adds a difference, with what the other place says.
    fn differs(&mut self, difference: Difference, other: Option<Outcome>) {
        let means = match difference {
            Difference::NotRestarted => "written, but the process was not restarted",
            Difference::LostAtRestart => "lost when the process starts again",
            Difference::LostAtUpgrade => "lost at the next `kubeadm upgrade`",
        };
        let lines = other.into_iter().flat_map(|other| other.evidence);
        self.evidence.extend(lines.map(|line| format!("{line}: {means}")));
        self.differences.push(difference);
    }
}
