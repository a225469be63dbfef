//! `[controls]`: what `harden apply` leaves alone although a template would do it. Whether a control of that name exists is not
//! known here: no benchmark is.

use super::diagnostic::{Place, Report};
use super::lower::checked;
use super::raw::{Located, Text};
use super::waiver;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A switch for one control or more.
#[derive(Debug, Clone)]
pub struct Switch {
    /// The control, or a pattern of controls: `cis-1.12:1.2.9`.
    pub control: String,
    /// Whether it is applied.
    pub apply: bool,
    /// Why.
    pub reason: String,
    /// Where its control stands.
    pub place: Place,
}

/// A control under `[controls]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawSwitch {
    /// Whether it is applied. `true` takes single controls out of what a pattern switches off.
    #[schemars(required)]
    pub(super) apply: Option<bool>,
    /// Why; every report shows it.
    #[schemars(required, length(min = 1))]
    pub(super) reason: Option<Text>,
}

pub(super) fn lower(raw: &BTreeMap<Text, Located<RawSwitch>>, report: &mut Report) -> Vec<Switch> {
    let mut switches = Vec::new();
    for (name, located) in raw {
        let switch = located.value();
        let control = checked(Some(name), waiver::control, report);
        let reason = checked(switch.reason.as_ref(), waiver::reason, report);
        let place = report.place(name.span());
        if let (Some(control), Some(apply), Some(reason)) = (control, switch.apply, reason) {
            switches.push(Switch { control, apply, reason, place });
        }
    }
    switches
}
