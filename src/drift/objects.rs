//! Objects of the cluster against the manifests that declare them. A manifest says a part of its object, and the rest is the cluster's
//! business: what the API fills in, and what controllers add.

use super::report::{Class, Item};
use crate::plan::Action;
use serde_json::Value;

/// More differences of one object than this are counted and not named.
const NAMED: usize = 8;
/// What only the cluster writes; and of a Secret what is never looked at.
const STATUS: &str = "status";
const VALUES: [&str; 2] = ["data", "stringData"];

/// An object that is not as its manifest declares it; `None` where it is. `by` says who wrote to it last, where that was not harden,
/// and when; `live` is `None` where there is no such object.
pub fn object(
    title: &str,
    declared: &Value,
    live: Option<&Value>,
    by: Option<(&str, Option<i64>)>,
) -> Option<Item> {
    let item = |what, action, class| Item {
        resource: format!("object.{}", title.replace(' ', ".")),
        subject: title.to_owned(),
        class,
        action,
        what,
        since: by.and_then(|(_, at)| at),
        ..Item::default()
    };
    let Some(live) = live else {
        return Some(item(vec![String::from("does not exist")], Action::Add, Class::Drift));
    };
    let mut what = Vec::new();
    compare(declared, live, "", &mut what);
    if what.is_empty() {
        return None;
    }
    let more = what.len().saturating_sub(NAMED);
    what.truncate(NAMED);
    if more > 0 {
        what.push(format!("{more} more fields differ"));
    }
    if let Some((manager, _)) = by {
        what.push(format!("last written by {manager}"));
    }
    // What harden itself wrote last was changed in the manifest since.
    Some(item(what, Action::Change, if by.is_some() { Class::Drift } else { Class::Pending }))
}

fn compare(declared: &Value, live: &Value, path: &str, what: &mut Vec<String>) {
    match (declared, live) {
        (Value::Object(declared), Value::Object(live)) => {
            for (key, wanted) in declared {
                let is_secret = live.get("kind").is_some_and(|kind| kind == "Secret");
                if path.is_empty() && (key == STATUS || (is_secret && VALUES.contains(&key.as_str()))) {
                    continue;
                }
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(wanted, live.get(key).unwrap_or(&Value::Null), &path, what);
            }
        }
        (Value::Array(declared), Value::Array(live)) => list(declared, live, path, what),
        (one, other) if is_nothing(one) && is_nothing(other) => {}
        (one, other) if one == other || is_same_quantity(one, other) => {}
        (one, other) => what.push(format!("{path} is {}, declared {}", shown(other), shown(one))),
    }
}

/// Lists of things that have a name are compared by it, since others may add to them; any other list is compared as it stands.
fn list(declared: &[Value], live: &[Value], path: &str, what: &mut Vec<String>) {
    let name = |value: &Value| value.get("name").and_then(Value::as_str).map(str::to_owned);
    if !declared.is_empty() && declared.iter().all(|value| name(value).is_some()) {
        for wanted in declared {
            let wanted_name = name(wanted);
            let found = live.iter().find(|value| name(value) == wanted_name);
            let path = format!("{path}[{}]", wanted_name.unwrap_or_default());
            match found {
                Some(found) => compare(wanted, found, &path, what),
                None => what.push(format!("{path} is missing")),
            }
        }
        return;
    }
    if declared.len() != live.len() {
        what.push(format!("{path} has {} entries, declared {}", live.len(), declared.len()));
        return;
    }
    for (index, (wanted, found)) in declared.iter().zip(live).enumerate() {
        compare(wanted, found, &format!("{path}[{index}]"), what);
    }
}

/// What the API drops when it stores it: null, the empty text, list and map, zero and false.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(is_nothing),
        Value::Bool(true) => false,
    }
}

/// `1000m` and `1`, `1024Mi` and `1Gi`: the API writes quantities in its own way.
fn is_same_quantity(one: &Value, other: &Value) -> bool {
    match (quantity(one), quantity(other)) {
        (Some(one), Some(other)) => (one - other).abs() <= f64::EPSILON * one.abs().max(1.0),
        _ => false,
    }
}

fn quantity(value: &Value) -> Option<f64> {
    const SUFFIXES: [(&str, f64); 13] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("", 1.0),
    ];
    let text = match value {
        Value::Number(number) => return number.as_f64(),
        Value::String(text) => text,
        _ => return None,
    };
    SUFFIXES.iter().find_map(|(suffix, factor)| {
        let number: f64 = text.strip_suffix(suffix)?.parse().ok()?;
        Some(number * factor)
    })
}

fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = match value {
        Value::Null => return String::from("missing"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() <= LONGEST { text } else { text.chars().take(LONGEST).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn differences(declared: &Value, live: &Value) -> Vec<String> {
        let mut what = Vec::new();
        compare(declared, live, "", &mut what);
        what
    }

    #[test]
    fn only_what_is_declared_is_compared() {
        let declared = json!({
            "kind": "Deployment",
            "metadata": {"name": "a", "creationTimestamp": null, "labels": {"x": "1"}},
            "spec": {
                "paused": false,
                "template": {"spec": {"containers": [{
                    "name": "c", "image": "i:1", "resources": {"limits": {"cpu": "1000m", "memory": "1Gi"}}, "args": ["--v=1"],
                }]}},
            },
            "status": {"x": 1},
        });
        let mut live = json!({
            "kind": "Deployment",
            "metadata": {"name": "a", "uid": "u", "labels": {"x": "1", "y": "2"}},
            "spec": {
                "replicas": 1,
                "template": {"spec": {"containers": [
                    {"name": "sidecar"},
                    {"name": "c", "image": "i:1", "resources": {"limits": {"cpu": 1, "memory": "1024Mi"}}, "args": ["--v=1"]},
                ]}},
            },
        });
        assert_eq!(differences(&declared, &live), [""; 0]);
        live["spec"]["template"]["spec"]["containers"][1]["image"] = json!("i:2");
        live["spec"]["template"]["spec"]["containers"][1]["args"] = json!(["--v=1", "--x"]);
        live["metadata"]["labels"]["x"] = json!("3");
        assert_eq!(
            differences(&declared, &live),
            [
                "metadata.labels.x is 3, declared 1",
                "spec.template.spec.containers[c].args has 2 entries, declared 1",
                "spec.template.spec.containers[c].image is i:2, declared i:1",
            ]
        );
    }

    #[test]
    fn the_values_of_secrets_are_not_looked_at() {
        let declared = json!({"kind": "Secret", "stringData": {"a": "hidden"}, "type": "Opaque"});
        assert_eq!(differences(&declared, &json!({"kind": "Secret", "type": "Opaque"})), [""; 0]);
        let config = json!({"kind": "ConfigMap", "data": {"a": "1"}});
        assert_eq!(
            differences(&config, &json!({"kind": "ConfigMap", "data": {"a": "2"}})),
            ["data.a is 2, declared 1"]
        );
    }

    #[test]
    fn who_wrote_last_tells_drift_from_a_newer_manifest() {
        let (declared, live) = (json!({"spec": {"x": 1}}), json!({"spec": {"x": 2}}));
        let class = |by| object("Thing a/b", &declared, Some(&live), by).unwrap().class;
        assert_eq!((class(Some(("kubectl", Some(7)))), class(None)), (Class::Drift, Class::Pending));
        assert_eq!(object("Thing a/b", &declared, None, None).unwrap().action, Action::Add);
        assert_eq!(object("Thing a/b", &declared, Some(&json!({"spec": {"x": 1, "y": 2}})), None), None);
    }
}
