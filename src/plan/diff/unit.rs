//! systemd units.

use super::{Context, DiffError, Draft, process};
use crate::plan::{Action, Operation};
use crate::resource::{NodePath, Resource, UnitSpec, UnitState};

/// systemd's words for a unit that starts at boot, or that is started by others and cannot be enabled.
const STARTS: &[&str] = &["enabled", "static", "alias", "indirect", "generated"];
/// systemd's words for a unit that can start at boot only if somebody enables it.
const DOES_NOT_START: &[&str] =
    &["disabled", "static", "indirect", "generated", "masked", "masked-runtime", "transient", ""];
/// Where an administrator's units are.
const UNITS: &str = "/etc/systemd/system/";
const MASKED: &str = "masked";
const RUNS: &[&str] = &["active", "reloading", "refreshing"];
const STARTING: &str = "activating";

pub(super) fn unit(
    resource: &Resource,
    spec: &UnitSpec,
    context: &Context<'_>,
) -> Result<Option<Draft>, DiffError> {
    if !context.observed.facts.live {
        return Ok(None);
    }
    let name = &spec.unit;
    let state = context.observed.units.get(name).ok_or_else(|| DiffError::NotRead { path: name.clone() })?;
    let wants = spec.enabled == Some(true) || spec.active == Some(true);
    let is_new = state.load == "not-found" && is_made(name, context);
    let is_masked = wants && state.load == MASKED;
    if wants && state.load != "loaded" && !is_new && !is_masked {
        return Err(DiffError::NoUnit { unit: name.clone(), load: state.load.clone() });
    }
    let enabled = spec.enabled.filter(|wanted| !is_enabled_as(state, *wanted));
    let active = spec.active.filter(|wanted| !is_active_as(state, *wanted));
    if enabled.is_none() && active.is_none() {
        return Ok(process::process(resource, name, context));
    }
    let mut draft = Draft::new(Action::Change, name.as_str(), resource);
    draft.operations = vec![Operation::SetUnit { unit: name.clone(), enabled, active }];
    if is_new {
        draft.action = Action::Add;
        draft.edits.push(String::from("does not exist"));
        return Ok(Some(draft));
    }
    if is_masked {
        draft.reasons.push(String::from("masked: nobody and nothing can start it"));
    }
    if let Some(wanted) = enabled {
        let wanted = if wanted { "enabled" } else { "disabled" };
        draft.reasons.push(format!("at boot: {} → {wanted}", state.enabled));
    }
    if let Some(wanted) = active {
        let wanted = if wanted { "active" } else { "inactive" };
        draft.reasons.push(format!("now: {} → {wanted}", state.active));
    }
    Ok(Some(draft))
}

/// Whether the node's resources make the file of the unit.
fn is_made(unit: &str, context: &Context<'_>) -> bool {
    let file = format!("{UNITS}{unit}").parse();
    file.is_ok_and(|file: NodePath| context.made.contains(&file))
}

fn is_enabled_as(state: &UnitState, wanted: bool) -> bool {
    if wanted {
        STARTS.contains(&state.enabled.as_str())
    } else {
        state.load == "not-found" || DOES_NOT_START.contains(&state.enabled.as_str())
    }
}

fn is_active_as(state: &UnitState, wanted: bool) -> bool {
    let runs = RUNS.contains(&state.active.as_str());
    if wanted { runs } else { !runs && state.active != STARTING }
}
