//! The user that a static pod runs as, as templates ask for it: one template at most, which says consistent things, and
//! no flag beside it that says otherwise.

use super::body::Unusable;
use super::error::TemplateError;
use super::place::Place;
use crate::resource::{FlagSpec, FlagValue, NodePath, RunAsSpec};
use std::collections::BTreeMap;

/// What is asked for, and by which template.
#[derive(Debug, Default)]
pub(super) struct RunAs(Option<(RunAsSpec, String)>);

impl RunAs {
    /// Adds what a template asks for.
    pub(super) fn add(
        &mut self,
        component: &str,
        spec: RunAsSpec,
        template: &str,
        place: Place<'_>,
    ) -> Result<(), TemplateError> {
        let is_below = |path: &NodePath, directory: &NodePath| path.parent() == directory.as_str();
        if let Some(path) = spec.files().find(|path| !is_below(path, &spec.directory)) {
            let reason = format!("run-as: {path} is not in {}", spec.directory);
            return Err(place.shape(template, Unusable(reason)));
        }
        if let Some((known, first)) = self.0.as_ref().filter(|(known, _)| *known != spec) {
            let subject = format!("the user of {component}");
            return Err(place.conflict(subject, [first, &known.user], [template, &spec.user]));
        }
        self.0 = Some((spec, template.to_owned()));
        Ok(())
    }

    /// A flag that names one of the user's own files, and has another value too.
    pub(super) fn conflicts(
        &self,
        component: &str,
        flags: &BTreeMap<String, FlagSpec>,
        place: Place<'_>,
    ) -> Vec<TemplateError> {
        let Some((spec, template)) = self.0.as_ref().filter(|(spec, _)| spec.enabled) else {
            return Vec::new();
        };
        let own = spec.flags.iter().filter_map(|(name, file)| Some((flags.get(name)?, file)));
        own.map(|(flag, file)| {
            let value = match &flag.value {
                FlagValue::Is(value) => value,
                _ => "something else",
            };
            let subject = format!("--{} of {component}, which runs as {}", flag.name, spec.user);
            place.conflict(subject, [template, file.own.as_str()], [&place.asking(component, flag), value])
        })
        .collect()
    }

    pub(super) fn into_spec(self) -> Option<RunAsSpec> {
        self.0.map(|(spec, _)| spec)
    }
}
