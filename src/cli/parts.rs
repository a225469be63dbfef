//! A run that is about a part of the hardening: what `--controls`, `--target` and `[controls]` say, held against the benchmarks
//! and the templates. What is chosen by mistake must be an error, since a part that selects nothing looks like a cluster that
//! is in order.

use super::{Error, waivers};
use crate::check::{self, Benchmark};
use crate::desired::{Selection, Templates};
use crate::error::Hint;
use crate::inventory::{Inventory, nearest};
use crate::plan::kube_proxy_control;
use crate::resource::{ControlId, ControlPattern, ControlPatternError, Kind, ResourceId};
use crate::ui::count;
use clap::Args;
use std::collections::BTreeSet;

/// kube-proxy's configuration is no template: it is one object of the cluster.
const KUBE_PROXY: &str = "kube-proxy";

/// Which part of the hardening a run is about
#[derive(Debug, Clone, Default, Args)]
pub struct Parts {
    /// Only what satisfies these controls, with what that needs, as in `cis-1.12:1.2.*`; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub controls: Vec<ControlPattern>,

    /// Only this resource, with what it needs, as in `static-pod.kube-apiserver`; may be repeated
    #[arg(long = "target", value_name = "RESOURCE")]
    pub targets: Vec<ResourceId>,
}

/// Why nothing is selected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PartsError {
    /// A pattern chooses no controls.
    #[error(transparent)]
    Pattern(#[from] ControlPatternError),
    /// No template satisfies the controls of a pattern.
    #[error("no template satisfies `{pattern}`")]
    NotApplied {
        /// The pattern.
        pattern: String,
        /// The sections of the controls that templates satisfy.
        sections: Vec<String>,
    },
    /// No template makes a resource.
    #[error("no template makes the resource `{target}`")]
    UnknownTarget {
        /// The resource.
        target: String,
        /// What was probably meant.
        meant: Option<String>,
        /// What there is of its kind.
        of_kind: Vec<String>,
    },
    /// The inventory switches off everything that is selected.
    #[error("everything that is selected is switched off under [controls]")]
    SwitchedOff,
}

impl Hint for PartsError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Pattern(error) => error.hint(),
            Self::NotApplied { sections, .. } if sections.is_empty() => None,
            Self::NotApplied { sections, .. } => {
                let patterns: Vec<String> = sections.iter().map(|section| format!("{section}.*")).collect();
                Some(format!(
                    "`harden check --explain CONTROL` names the remedy; there are templates for {}",
                    patterns.join(", ")
                ))
            }
            Self::UnknownTarget { meant: Some(meant), .. } => Some(format!("did you mean `{meant}`?")),
            Self::UnknownTarget { of_kind, .. } if of_kind.is_empty() => None,
            Self::UnknownTarget { of_kind, .. } => Some(format!("there are {}", of_kind.join(", "))),
            Self::SwitchedOff => Some(String::from("switch one of them on there for the time of a run")),
        }
    }
}

impl Parts {
    /// Whether a part is asked for.
    fn is_partial(&self) -> bool {
        !self.controls.is_empty() || !self.targets.is_empty()
    }

    /// As the user wrote them.
    fn in_words(&self) -> String {
        let controls = self.controls.iter().map(ToString::to_string);
        controls.chain(self.targets.iter().map(ToString::to_string)).collect::<Vec<_>>().join(", ")
    }

    /// Leaves out of templates and inventory what is not asked for. Returns what to say of it.
    pub(super) fn select(
        &self,
        mut inventory: Inventory,
        templates: Templates,
    ) -> Result<(Inventory, Templates, Option<String>), Error> {
        let selection = self.selection(&inventory, &templates).map_err(Error::hinted)?;
        let kube_proxy =
            selection.includes(&[kube_proxy_control()], &ResourceId::new(Kind::Object, KUBE_PROXY));
        let templates = templates.select(selection, &inventory).map_err(Error::hinted)?;
        if self.is_partial() && templates.count() == 0 && !kube_proxy {
            return Err(Error::hinted(PartsError::SwitchedOff));
        }
        inventory.kube_proxy.loopback_metrics &= kube_proxy;
        let left_out = match templates.left_out() {
            1 => String::from("1 template is"),
            many => format!("{} are", count(many, "template")),
        };
        let notice = || format!("Partial: only {}; {left_out} left out", self.in_words());
        let partial = self.is_partial().then(notice);
        Ok((inventory, templates, partial))
    }

    fn selection(&self, inventory: &Inventory, templates: &Templates) -> Result<Selection, PartsError> {
        let present = &Benchmark::for_version(inventory.cluster.kubernetes).name;
        let known = waivers::controls();
        let mut applied = templates.controls();
        let mut all = known.clone();
        // The user's templates may name controls of a benchmark of their own.
        all.extend(applied.iter().filter(|control| !known.contains(control)).cloned());
        applied.insert(kube_proxy_control());
        let mut controls = BTreeSet::new();
        for pattern in &self.controls {
            let matching = ControlPattern::select(std::slice::from_ref(pattern), present, &all)?;
            let claimed: BTreeSet<ControlId> =
                matching.iter().flat_map(check::same_demands).filter(|id| applied.contains(id)).collect();
            if claimed.is_empty() {
                let mut sections: Vec<String> =
                    applied.iter().map(|control| control.section().to_owned()).collect();
                sections.dedup();
                return Err(PartsError::NotApplied { pattern: pattern.to_string(), sections });
            }
            controls.extend(claimed);
        }
        let mut resources = templates.resources();
        resources.insert(ResourceId::new(Kind::Object, KUBE_PROXY));
        if let Some(target) = self.targets.iter().find(|target| !resources.contains(*target)) {
            return Err(unknown_target(target, &resources));
        }
        let off = check::switched_off(&inventory.switches, &known);
        let off = off.keys().flat_map(check::same_demands).collect();
        Ok(Selection { controls, targets: self.targets.iter().cloned().collect(), off })
    }
}

fn unknown_target(target: &ResourceId, resources: &BTreeSet<ResourceId>) -> PartsError {
    let names: Vec<String> = resources.iter().map(ToString::to_string).collect();
    let text = target.to_string();
    let of_kind = resources.iter().filter(|id| id.kind == target.kind).map(ToString::to_string).collect();
    let meant = nearest(&text, names.iter().map(String::as_str)).map(str::to_owned);
    PartsError::UnknownTarget { target: text, meant, of_kind }
}
