//! Files that must not be there.

use super::{Context, DiffError, Draft, present, prior};
use crate::plan::{Action, Operation};
use crate::resource::{AbsentSpec, FileKind, Resource};

pub(super) fn absent(
    resource: &Resource,
    spec: &AbsentSpec,
    context: &Context<'_>,
) -> Result<Option<Draft>, DiffError> {
    let path = &spec.path;
    let Some(file) = present(context.observed, path)? else { return Ok(None) };
    let found = match file.kind {
        FileKind::File => None,
        FileKind::Directory => Some("a directory"),
        FileKind::Symlink => Some("a symbolic link"),
        FileKind::Other => Some("not a regular file"),
    };
    if let Some(found) = found {
        return Err(DiffError::NotRemovable { path: path.clone(), found });
    }
    let mut draft = Draft::new(Action::Remove, path.as_str(), resource);
    draft.operations = vec![Operation::Remove { path: path.clone(), prior: prior(Some(file)) }];
    Ok(Some(draft))
}
