//! Kernel parameters: their file, their values in the running kernel, and what must not be done without them.

use super::file::Whole;
use super::{Context, DiffError, Draft};
use crate::plan::{Action, Operation};
use crate::resource::{Content, Existing, Mode, Resource, SysctlSpec};
use std::collections::BTreeMap;

/// Directories made for a kernel-parameter file.
const DIRECTORY_MODE: Mode = Mode(0o755);

/// Whether two values are the same: the kernel separates the parts of a value by tabs.
fn is(value: &str, wanted: &str) -> bool {
    value.split_whitespace().eq(wanted.split_whitespace())
}

pub(super) fn sysctl(
    resource: &Resource,
    spec: &SysctlSpec,
    context: &mut Context<'_>,
) -> Result<Option<Draft>, DiffError> {
    let text = Content::plain(spec.content());
    let whole = Whole {
        path: &spec.path,
        ownership: &spec.ownership,
        directory_mode: DIRECTORY_MODE,
        content: &text,
        sensitive: false,
        existing: &Existing::Replaced,
    };
    let draft = whole.diff(resource, context)?;
    if !context.observed.facts.live {
        return Ok(draft);
    }
    let mut values = BTreeMap::new();
    let mut reasons = Vec::new();
    for (name, wanted) in &spec.values {
        match context.observed.sysctls.get(name) {
            None => return Err(DiffError::NotRead { path: name.clone() }),
            Some(None) => {
                context.notices.push(format!("the kernel has no parameter {name}; only its file is written"));
            }
            Some(Some(value)) => {
                if !is(value, wanted) && context.observed.fixed_sysctls.contains(name) {
                    context.notices.push(format!(
                        "the kernel parameter {name} is {value}, wanted {wanted}, and cannot be set here; only its file is written"
                    ));
                } else if !is(value, wanted) {
                    reasons.push(format!("{name} is {value} in the running kernel, wanted {wanted}"));
                    values.insert(name.clone(), wanted.clone());
                }
            }
        }
    }
    if values.is_empty() {
        return Ok(draft);
    }
    let mut draft = draft.unwrap_or_else(|| Draft::new(Action::Change, spec.path.as_str(), resource));
    draft.reasons.extend(reasons);
    draft.operations.push(Operation::SetSysctls { values });
    Ok(Some(draft))
}

/// Why not all of these parameters have their value once the plan is carried out; `None` where they have.
pub(super) fn obstacle(
    needed: &BTreeMap<String, String>,
    context: &Context<'_>,
) -> Result<Option<String>, DiffError> {
    let observed = context.observed;
    if !observed.facts.live {
        return Ok(Some(String::from(
            "the kernel parameters that it needs cannot be told in a directory tree",
        )));
    }
    for (name, wanted) in needed {
        let found = observed.sysctls.get(name).ok_or_else(|| DiffError::NotRead { path: name.clone() })?;
        match found {
            None => return Ok(Some(format!("it needs {name}, and the kernel has no such parameter"))),
            Some(value) if is(value, wanted) => {}
            Some(value) if observed.fixed_sysctls.contains(name) => {
                return Ok(Some(format!("{name} is {value}, and cannot be set to {wanted} here")));
            }
            Some(_) if context.sysctls.get(name.as_str()).is_some_and(|set| is(set, wanted)) => {}
            Some(value) => {
                return Ok(Some(format!("{name} is {value}, and nothing sets it to {wanted}")));
            }
        }
    }
    Ok(None)
}
