//! `harden check --explain`: one control in words. It reads no inventory and no node; what `harden apply` would do for the
//! control is asked of the templates that are part of the program, rendered for a node of every role.

use super::error::CheckError;
use super::selection::{id, ids, named, names};
use crate::check::{self, Benchmark, Control};
use crate::cli::Error;
use crate::desired::{self, EncryptionInput, EncryptionPhase, Inputs, ServingInput, Templates};
use crate::error::ExitCode;
use crate::inventory::{self, Minor, Profile};
use crate::resource::{ControlId, Desired, SecretRef};
use crate::ui::Output;
use crate::ui::check::Explained;
use std::collections::BTreeSet;
use std::path::Path;

/// Explains.
pub(super) fn run(name: &str, benchmark: Option<&str>, output: &Output) -> Result<ExitCode, Error> {
    let benchmark = benchmark.map(named).transpose().map_err(Error::hinted)?;
    let (benchmark, control) = find(name, benchmark).map_err(Error::hinted)?;
    let identity = id(benchmark, control);
    let fixed_by = fixed_by(&check::same_demands(&identity))?;
    let explained = Explained {
        control: &identity.to_string(),
        title: &control.title,
        section: &control.section,
        benchmark: &benchmark.title,
        scored: control.scored,
        why: &control.why,
        tested: &control.tested,
        remedy: &control.remedy,
        could_break: &control.could_break,
        fixed_by: &fixed_by,
    };
    output.result(&crate::ui::check::explain(&explained, output.view(false)))?;
    Ok(ExitCode::Success)
}

/// The control of that name; one without a benchmark is looked for in the one that is given, or in all of them in turn.
fn find(
    name: &str,
    given: Option<&'static Benchmark>,
) -> Result<(&'static Benchmark, &'static Control), CheckError> {
    let (benchmark, item) = match name.split_once(':') {
        Some((benchmark, item)) => (Some(named(benchmark)?), item),
        None => (given, name),
    };
    let candidates: Vec<&'static Benchmark> = match benchmark {
        Some(benchmark) => vec![benchmark],
        None => Benchmark::all().iter().collect(),
    };
    for candidate in &candidates {
        if let Some(control) = candidate.controls().find(|control| control.item == item) {
            return Ok((candidate, control));
        }
    }
    Err(unknown(name, item, &candidates))
}

/// What there is instead: the controls of the section that is named, or the sections.
fn unknown(name: &str, item: &str, candidates: &[&Benchmark]) -> CheckError {
    let name = name.to_owned();
    let all: Vec<ControlId> = candidates.iter().copied().flat_map(ids).collect();
    let section = item.rsplit_once('.').map_or(item, |(section, _)| section);
    let mut known: Vec<String> = all
        .iter()
        .filter(|control| control.section() == section)
        .map(|control| control.item.clone())
        .collect();
    if known.is_empty() {
        let of = |control: &ControlId| format!("{}:{}.*", control.benchmark, control.section());
        known = all.iter().map(of).collect();
    }
    if known.is_empty() {
        known = names();
    }
    known.dedup();
    CheckError::UnknownControl { name, known }
}

/// The resources, with the templates that bring it about.
fn fixed_by(controls: &[ControlId]) -> Result<Vec<String>, Error> {
    let desired = everything()?;
    let fixes = check::fixes(&desired);
    let mut templates = BTreeSet::new();
    for control in controls {
        templates.extend(check::templates(&desired, control));
    }
    let resources: BTreeSet<String> =
        controls.iter().filter_map(|control| fixes.get(control)).flatten().cloned().collect();
    if templates.is_empty() {
        return Ok(resources.into_iter().collect());
    }
    let join = |texts: BTreeSet<String>| texts.into_iter().collect::<Vec<_>>().join(", ");
    let templates = templates.into_iter().map(|template| format!("templates/{template}")).collect();
    Ok(vec![format!("{} ({})", join(resources), join(templates))])
}

/// What the program's own templates want on a node that does everything.
fn everything() -> Result<Vec<Desired>, Error> {
    let text = format!(
        "[cluster]\nname = \"example\"\nkubernetes = \"{}\"\n[[nodes]]\nname = \"node\"\naddress = \"192.0.2.1\"\n\
         roles = [\"control-plane\", \"etcd\", \"worker\"]\n",
        Minor::NEWEST
    );
    let loaded =
        inventory::parse(Path::new("example.toml"), text.into_bytes(), None).map_err(Error::hinted)?;
    let templates = Templates::load(Profile::Default, None).map_err(Error::hinted)?;
    let key = SecretRef { name: String::from("encryption/key"), sha256: None };
    let serving = ServingInput { certificate: true, trusted: true, names: BTreeSet::new() };
    let nodes = loaded.inventory.nodes.iter().map(|node| (node.name.clone(), serving.clone()));
    let inputs = Inputs {
        encryption: Some(EncryptionInput { key, phase: EncryptionPhase::Write }),
        serving: nodes.collect(),
        ..Inputs::default()
    };
    let rendered = desired::render(&templates, &loaded.inventory, &inputs).map_err(Error::hinted)?;
    Ok(rendered.into_values().map(|rendered| rendered.desired).collect())
}
