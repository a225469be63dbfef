//! What an audit policy logs of the benchmark's list. The first rule that matches a request decides about it, so a rule
//! counts here only if it matches whoever asks, wherever.

use crate::plan::yaml;
use serde_json::Value;

/// One point of the benchmark's list.
struct Point {
    what: &'static str,
    group: &'static str,
    resources: &'static [&'static str],
    verbs: &'static [&'static str],
}

const CHANGES: &[&str] = &["create", "update", "patch", "delete"];
const READS_AND_CHANGES: &[&str] = &["get", "list", "watch", "create", "update", "patch", "delete"];
const CONNECTS: &[&str] = &["create", "get"];

const POINTS: &[Point] = &[
    Point { what: "access to secrets", group: "", resources: &["secrets"], verbs: READS_AND_CHANGES },
    Point { what: "access to configmaps", group: "", resources: &["configmaps"], verbs: READS_AND_CHANGES },
    Point {
        what: "tokenreviews",
        group: "authentication.k8s.io",
        resources: &["tokenreviews"],
        verbs: &["create"],
    },
    Point { what: "changes of pods", group: "", resources: &["pods"], verbs: CHANGES },
    Point { what: "changes of deployments", group: "apps", resources: &["deployments"], verbs: CHANGES },
    Point { what: "pods/exec", group: "", resources: &["pods/exec"], verbs: CONNECTS },
    Point { what: "pods/portforward", group: "", resources: &["pods/portforward"], verbs: CONNECTS },
    Point { what: "pods/proxy", group: "", resources: &["pods/proxy"], verbs: CONNECTS },
    Point { what: "services/proxy", group: "", resources: &["services/proxy"], verbs: CONNECTS },
];

/// What of the benchmark's list a policy does not log; `None` for a text that is no audit policy.
pub(super) fn missing(text: &str) -> Option<Vec<&'static str>> {
    let policy = yaml::parse(text).ok()?;
    let rules = policy["rules"].as_array()?;
    let logged = |point: &Point, resource: &str, verb: &str| {
        let rule = rules.iter().find(|rule| matches(rule, point.group, resource, verb));
        rule.is_some_and(|rule| rule["level"].as_str().is_some_and(|level| level != "None"))
    };
    let is_missing = |point: &&Point| {
        let mut requests =
            point.resources.iter().flat_map(|resource| point.verbs.iter().map(move |verb| (resource, verb)));
        !requests.all(|(resource, verb)| logged(point, resource, verb))
    };
    Some(POINTS.iter().filter(is_missing).map(|point| point.what).collect())
}

/// Whether a rule matches this request of whoever asks, in whatever namespace.
fn matches(rule: &Value, group: &str, resource: &str, verb: &str) -> bool {
    let list = |value: &Value| value.as_array().filter(|list| !list.is_empty()).cloned();
    let narrow = ["users", "userGroups", "namespaces"].iter().any(|key| list(&rule[*key]).is_some());
    if narrow || list(&rule["verbs"]).is_some_and(|verbs| !names(&verbs, |name| name == verb || name == "*"))
    {
        return false;
    }
    let Some(kinds) = list(&rule["resources"]) else {
        return list(&rule["nonResourceURLs"]).is_none();
    };
    let (parent, child) = resource.split_once('/').unwrap_or((resource, ""));
    let named = |name: &str| match name.split_once('/') {
        _ if name == "*" => true,
        None => child.is_empty() && name == parent,
        Some((before, after)) => {
            !child.is_empty() && (before == "*" || before == parent) && (after == "*" || after == child)
        }
    };
    kinds.iter().any(|kind| {
        kind["group"].as_str().unwrap_or_default() == group
            && list(&kind["resourceNames"]).is_none()
            && list(&kind["resources"]).is_none_or(|resources| names(&resources, named))
    })
}

fn names(list: &[Value], matches: impl Fn(&str) -> bool) -> bool {
    list.iter().filter_map(Value::as_str).any(matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_for_everything_misses_nothing() {
        assert_eq!(missing("rules: [{level: Metadata}]"), Some(vec![]));
    }

    #[test]
    fn the_first_rule_that_matches_everybody_decides() {
        let policy = "rules:\n\
            - {level: None, users: [somebody], resources: [{group: '', resources: [secrets]}]}\n\
            - {level: None, verbs: [get, list, watch]}\n\
            - {level: None, resources: [{group: '', resources: ['pods/*']}]}\n\
            - {level: Metadata, nonResourceURLs: ['/api*']}\n\
            - {level: Metadata, resources: [{group: ''}, {group: authentication.k8s.io}]}\n";
        let expected = vec![
            "access to secrets",
            "access to configmaps",
            "changes of deployments",
            "pods/exec",
            "pods/portforward",
            "pods/proxy",
            "services/proxy",
        ];
        assert_eq!(missing(policy), Some(expected));
    }

    #[test]
    fn what_is_no_policy_says_nothing() {
        assert_eq!(missing("rules: many"), None);
        assert_eq!(missing("a: ["), None);
    }
}
