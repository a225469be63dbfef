//! Owned keys of a YAML file: mappings are merged, everything else is replaced, `null` means absent; the rest of the file
//! stays byte for byte.

use super::yaml::{self, YamlError};
use serde_json::{Map, Value};

/// A file after its edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The new text; the old one where nothing had to change.
    pub text: String,
    /// What changed, one line each; empty where nothing did.
    pub reasons: Vec<String>,
}

/// The file brought to what the keys want.
pub fn edit(text: &str, keys: &Map<String, Value>) -> Result<Edited, YamlError> {
    let old = yaml::parse(text)?;
    let mut value = old.clone();
    if value.is_null() {
        value = Value::Object(Map::new());
    }
    let mut reasons = Vec::new();
    match &mut value {
        Value::Object(present) => merge(present, keys, "", &mut reasons),
        _ => {
            return Err(YamlError::Layout {
                place: String::from("the top"),
                reason: "a mapping is expected there",
            });
        }
    }
    if reasons.is_empty() {
        return Ok(Edited { text: text.to_owned(), reasons });
    }
    Ok(Edited { text: yaml::rewrite_from(text, &old, &value)?, reasons })
}

/// Merges wanted keys into a mapping, and says what was different.
pub(super) fn merge(
    present: &mut Map<String, Value>,
    wanted: &Map<String, Value>,
    place: &str,
    reasons: &mut Vec<String>,
) {
    for (key, value) in wanted {
        let here = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
        match value {
            Value::Null => match present.get(key) {
                // Written as null, it is absent to every reader.
                None | Some(Value::Null) => {}
                Some(before) => {
                    reasons.push(format!("{here}: {} must be absent", shown(before)));
                    present.remove(key);
                }
            },
            Value::Object(below) => {
                if !present.get(key).is_some_and(Value::is_object) {
                    if holds_nothing(below) && present.get(key).is_none_or(Value::is_null) {
                        continue;
                    }
                    present.insert(key.clone(), Value::Object(Map::new()));
                }
                if let Some(Value::Object(present)) = present.get_mut(key) {
                    merge(present, below, &here, reasons);
                }
            }
            other => {
                let before = present.insert(key.clone(), other.clone());
                match before {
                    Some(before) if before == *other => {}
                    None | Some(Value::Null) => {
                        reasons.push(format!("{here} is missing, wanted {}", shown(other)));
                    }
                    Some(before) => reasons.push(format!("{here}: {} → {}", shown(&before), shown(other))),
                }
            }
        }
    }
}

/// Whether a wanted mapping asks for nothing but absent keys.
fn holds_nothing(wanted: &Map<String, Value>) -> bool {
    wanted.values().all(|value| match value {
        Value::Null => true,
        Value::Object(below) => holds_nothing(below),
        _ => false,
    })
}

/// The keys that two sets of wanted keys have in common with the same value.
pub(super) fn common(a: &Map<String, Value>, b: &Map<String, Value>) -> Map<String, Value> {
    a.iter()
        .filter_map(|(key, value)| match (value, b.get(key)?) {
            (Value::Object(a), Value::Object(b)) => {
                let both = common(a, b);
                (!both.is_empty()).then(|| (key.clone(), Value::Object(both)))
            }
            (a, b) => (a == b).then(|| (key.clone(), a.clone())),
        })
        .collect()
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn edited(text: &str, keys: &Value) -> Edited {
        edit(text, keys.as_object().unwrap()).unwrap()
    }

    #[test]
    fn mappings_merge_and_the_rest_is_replaced() {
        let text = "authentication:\n  anonymous:\n    enabled: true # no\nclusterDNS:\n- 10.0.0.1\nreadOnlyPort: 10255\n";
        let keys = json!({
            "authentication": {"anonymous": {"enabled": false}, "webhook": {"enabled": true}},
            "clusterDNS": ["10.0.0.2"], "podPidsLimit": 4096, "readOnlyPort": null,
        });
        let once = edited(text, &keys);
        assert_eq!(
            once.text,
            "authentication:\n  anonymous:\n    enabled: false # no\n  webhook:\n    enabled: true\nclusterDNS:\n- \"10.0.0.2\"\npodPidsLimit: 4096\n"
        );
        assert_eq!(once.reasons[0], "authentication.anonymous.enabled: true → false");
        assert_eq!(edited(&once.text, &keys), Edited { text: once.text.clone(), reasons: vec![] });
    }

    #[test]
    fn what_asks_for_nothing_makes_nothing() {
        let keys = json!({"a": {"b": null}, "c": null});
        assert_eq!(edited("x: 1\n", &keys).text, "x: 1\n");
        assert_eq!(edited("", &json!({"a": {"b": 1}})).text, "a:\n  b: 1\n");
        assert!(edit("- x\n", &Map::new()).is_err());
    }

    #[test]
    fn common_keys_are_those_of_both() {
        let (a, b) = (
            json!({"a": {"x": 1, "y": 2}, "b": 1, "c": [1]}),
            json!({"a": {"x": 1, "y": 3}, "b": 2, "c": [1]}),
        );
        assert_eq!(
            Value::Object(common(a.as_object().unwrap(), b.as_object().unwrap())),
            json!({"a": {"x": 1}, "c": [1]})
        );
    }
}
