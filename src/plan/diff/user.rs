//! System users.

use super::{Context, DiffError, Draft};
use crate::plan::{Action, Operation};
use crate::resource::{Resource, UserSpec};

pub(super) fn user(
    resource: &Resource,
    spec: &UserSpec,
    context: &mut Context<'_>,
) -> Result<Option<Draft>, DiffError> {
    let observed = context.observed;
    let name = &spec.name;
    let found =
        observed.users.get(name).ok_or_else(|| DiffError::NotRead { path: format!("user {name}") })?;
    let Some(state) = found else {
        context
            .notices
            .push(format!("there is no /etc/passwd: the user {name} and what it should own are not judged"));
        return Ok(None);
    };
    let (user, group) = (state.user.is_none(), state.group.is_none());
    // Without root no file could be given to it.
    if !observed.facts.owners || (!user && !group) {
        return Ok(None);
    }
    let mut draft = Draft::new(Action::Add, format!("user {name}"), resource);
    draft.reasons.push(String::from(match (user, group) {
        (true, true) => "there is neither user nor group",
        (true, false) => "there is a group and no user",
        _ => "there is a user and no group",
    }));
    draft.operations.push(Operation::AddUser { name: name.clone(), user, group, number: state.free });
    Ok(Some(draft))
}
