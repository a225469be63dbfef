//! Kind `yaml-keys`: the keys that a template owns in a YAML file, of which single ones can be left out, as single flags of a
//! static pod can. Which ones are is chosen in `selection`.

use super::body::{Unusable, ownership, path, yaml};
use super::context::lay_over;
use super::front_matter::FrontMatter;
use super::load::Entry;
use crate::resource::{ControlId, YamlKeysSpec};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Which keys of a template take part; all by default. Keys are dotted paths, as in the front matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Keys {
    /// Those with controls of their own that do not.
    pub(super) off: BTreeSet<String>,
    /// Whether those without do not either.
    pub(super) only_named: bool,
}

impl Keys {
    /// Whether a key takes part.
    pub(super) fn takes(&self, front: &FrontMatter, key: &str) -> bool {
        if front.key_controls.contains_key(key) { !self.off.contains(key) } else { !self.only_named }
    }
}

/// The keys, and the controls that they satisfy. `merge` are values of the inventory that are laid over them: of a part only
/// those that the part speaks of too. Controls stay only where the value does.
pub(super) fn yaml_keys(
    entry: &Entry,
    text: &str,
    merge: Option<&Map<String, Value>>,
) -> Result<(YamlKeysSpec, Vec<ControlId>), Unusable> {
    let front = &entry.front;
    let mut own: Map<String, Value> = yaml(text)?;
    for key in &entry.keys.off {
        take(&mut own, key);
    }
    let mut keys = own.clone();
    for (path, value) in merge.into_iter().flatten() {
        lay_over(&mut keys, path, value)
            .map_err(|path| Unusable(format!("`{path}` runs through a value that is no mapping")))?;
    }
    let named = front.key_controls.iter().filter(|(key, _)| entry.keys.takes(front, key));
    let present = named.filter_map(|(key, controls)| Some((key, controls, take(&mut own.clone(), key)?)));
    let mut all = keys.clone();
    let mut satisfied = BTreeSet::new();
    if entry.keys.only_named {
        keys = Map::new();
    }
    for (key, controls, wanted) in present {
        let Some(value) = take(&mut all, key) else { continue };
        if value == wanted {
            satisfied.extend(controls.iter().cloned());
        }
        if entry.keys.only_named {
            lay_over(&mut keys, key, &value)
                .map_err(|path| Unusable(format!("`{path}` runs through a value that is no mapping")))?;
        }
    }
    // What its keys need is known when all resources are.
    let spec =
        YamlKeysSpec { path: path(front)?, ownership: ownership(front)?, keys, needs: BTreeMap::new() };
    let mut satisfied: Vec<ControlId> = satisfied.into_iter().collect();
    satisfied.sort_by_cached_key(numbers);
    Ok((spec, satisfied))
}

/// A control's place in its benchmark: 4.2.9 comes before 4.2.10.
fn numbers(control: &ControlId) -> (String, Vec<u32>) {
    let numbers = control.item.split('.').map(|part| part.parse().unwrap_or(u32::MAX));
    (control.benchmark.clone(), numbers.collect())
}

/// Takes a key out of nested mappings, and the mappings that are empty then.
fn take(keys: &mut Map<String, Value>, path: &str) -> Option<Value> {
    let Some((first, rest)) = path.split_once('.') else { return keys.remove(path) };
    let below = keys.get_mut(first)?.as_object_mut()?;
    let taken = take(below, rest);
    if below.is_empty() {
        keys.remove(first);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_is_taken_with_what_is_empty_then() {
        let mut keys = json!({"a": {"b": {"c": 1}, "d": null}, "e": 2}).as_object().unwrap().clone();
        assert_eq!(take(&mut keys, "a.b.x"), None);
        assert_eq!(take(&mut keys, "a.b.c"), Some(json!(1)));
        assert_eq!(Value::Object(keys.clone()), json!({"a": {"d": null}, "e": 2}));
        assert_eq!(take(&mut keys, "e.f"), None);
        assert_eq!(take(&mut keys, "a.d"), Some(Value::Null));
        assert_eq!(Value::Object(keys), json!({"e": 2}));
    }
}
