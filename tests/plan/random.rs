//! Random manifests, several edits each; the result is compared with a model of its own that knows nothing of YAML.
//! `PROPTEST_CASES` sets how many.

use harden::plan::{manifest, yaml};
use harden::resource::{FlagSpec, FlagValue, MountSpec, MountType, Ownership, RunAsSpec, StaticPodSpec};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A sequence of choices from one number: a failing case is named by it.
struct Choices(u64);

impl Choices {
    fn below(&mut self, limit: usize) -> usize {
        // xorshift64*, https://www.jstatsoft.org/article/view/v008i14
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % limit
    }

    fn one_in(&mut self, limit: usize) -> bool {
        self.below(limit) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const NAMES: &[&str] =
    &["profiling", "audit-log-path", "tls-min-version", "a", "plugins", "v", "zz-last", "bind-address"];
const VALUES: &[&str] =
    &["false", "/var/log/a b", "VersionTLS12", "1", "A,B", "*,x", "a: b", "c #d", "", "it's", "\"q\"", "no"];

struct Sample {
    text: String,
    flags: Vec<(String, String)>,
    mounts: BTreeMap<String, bool>,
}

fn comment(choices: &mut Choices) -> &'static str {
    if choices.one_in(4) { " # a comment: - with --flags" } else { "" }
}

fn own_line(choices: &mut Choices, text: &mut String, indent: usize) {
    if choices.one_in(6) {
        let _ = writeln!(text, "{:indent$}# - about the next line: x", "");
    }
    if choices.one_in(12) {
        text.push('\n');
    }
}

fn quoted(choices: &mut Choices, word: &str) -> String {
    let plain = !word.contains(['#', '"', '\'', '*']) && !word.contains(": ");
    match choices.below(4) {
        0 => Value::from(word).to_string(),
        1 => format!("'{}'", word.replace('\'', "''")),
        _ if plain => word.to_owned(),
        _ => Value::from(word).to_string(),
    }
}

fn sample(choices: &mut Choices) -> Sample {
    let mut flags = Vec::new();
    for name in NAMES {
        if choices.one_in(2) {
            flags.push(((*name).to_owned(), choices.pick(VALUES).to_owned()));
        }
    }
    if choices.one_in(3) {
        flags.reverse();
    }
    let list = if choices.one_in(2) { 2 } else { 0 };
    let step = if choices.one_in(4) { 4 } else { 2 };
    let mut text = String::new();
    own_line(choices, &mut text, 0);
    text.push_str(choices.pick(&["", "---\n"]));
    let _ = writeln!(text, "apiVersion: v1{}\nkind: Pod\nmetadata:", comment(choices));
    if choices.one_in(2) {
        let _ = writeln!(
            text,
            "{:step$}annotations:{}\n{:width$}kept/one: \"1\"",
            "",
            comment(choices),
            "",
            width = step * 2
        );
    }
    let _ = writeln!(
        text,
        "{:step$}name: api{}\nspec:\n{:step$}containers:{}",
        "",
        comment(choices),
        "",
        comment(choices)
    );
    let dash = step + list;
    let inner = dash + 2;
    let head = |key: &str, text: &mut String| {
        let _ = write!(text, "{:dash$}- {key}", "");
    };
    command(choices, &mut text, &flags, inner, list, head);
    let _ = writeln!(text, "{:inner$}image: x/api:v1.35.4{}\n{:inner$}name: api", "", comment(choices), "");
    let mounts = mounts(choices, &mut text, inner, list, step);
    if choices.one_in(4) {
        text.push_str("# tail");
    } else if choices.one_in(2) {
        text.push_str("status: {}");
    }
    while choices.one_in(2) && text.ends_with('\n') {
        text.pop();
    }
    if choices.one_in(2) && !text.ends_with('\n') {
        text.push('\n');
    }
    if choices.one_in(8) {
        text = text.replace('\n', "\r\n");
    }
    Sample { text, flags, mounts }
}

fn command(
    choices: &mut Choices,
    text: &mut String,
    flags: &[(String, String)],
    inner: usize,
    list: usize,
    head: impl Fn(&str, &mut String),
) {
    let mut words = vec![String::from("api")];
    for (name, value) in flags {
        let word = format!("--{name}={value}");
        words.push(word);
    }
    if choices.one_in(6) {
        let words: Vec<_> = words.iter().map(|word| Value::from(word.as_str()).to_string()).collect();
        head(&format!("command: [{}]{}\n", words.join(", "), comment(choices)), text);
        return;
    }
    head(&format!("command:{}\n", comment(choices)), text);
    let indent = inner + list;
    for word in words {
        own_line(choices, text, indent);
        let word = quoted(choices, &word);
        let _ = writeln!(text, "{:indent$}- {word}{}", "", comment(choices));
    }
}

fn mounts(
    choices: &mut Choices,
    text: &mut String,
    inner: usize,
    list: usize,
    step: usize,
) -> BTreeMap<String, bool> {
    let mut present = BTreeMap::new();
    let kind = choices.below(4);
    if kind >= 2 {
        present.insert(String::from("kept"), true);
        if choices.one_in(2) {
            present.insert(String::from("m0"), choices.one_in(2));
        }
    }
    match kind {
        0 => {}
        1 => {
            let _ = writeln!(text, "{:inner$}volumeMounts: []{}", "", comment(choices));
        }
        _ => {
            let _ = writeln!(text, "{:inner$}volumeMounts:{}", "", comment(choices));
            let indent = inner + list;
            for (name, read_only) in &present {
                own_line(choices, text, indent);
                let _ = writeln!(text, "{:indent$}- mountPath: /h/{name}{}", "", comment(choices));
                let _ = writeln!(text, "{:indent$}  name: {name}", "");
                if *read_only {
                    let _ = writeln!(text, "{:indent$}  readOnly: true{}", "", comment(choices));
                }
            }
        }
    }
    match kind {
        0 => {}
        1 => {
            let _ = writeln!(text, "{:step$}volumes: []{}", "", comment(choices));
        }
        _ => {
            let _ = writeln!(text, "{:step$}volumes:{}", "", comment(choices));
            let indent = step + list;
            for name in present.keys() {
                let _ = writeln!(
                    text,
                    "{:indent$}- name: {name}{}\n{:indent$}  hostPath: {{path: /h/{name}, type: Directory}}",
                    "",
                    comment(choices),
                    ""
                );
            }
        }
    }
    present
}

fn wanted(choices: &mut Choices) -> StaticPodSpec {
    let mut flags = Vec::new();
    for name in NAMES.iter().chain(&["new-flag", "0-first"]) {
        let value = match choices.below(8) {
            0 | 1 => FlagValue::Is(choices.pick(VALUES).to_owned()),
            2 => FlagValue::List { includes: vec![String::from("B"), String::from("C")], excludes: vec![] },
            3 => FlagValue::Absent,
            _ => continue,
        };
        flags.push(FlagSpec { name: (*name).to_owned(), value, controls: vec![], templates: Vec::new() });
    }
    let mut mounts = Vec::new();
    for name in ["m0", "m1"] {
        if choices.one_in(2) {
            mounts.push(MountSpec {
                name: name.to_owned(),
                path: format!("/h/{name}").parse().unwrap(),
                mount_type: MountType::Directory,
                read_only: choices.one_in(2),
            });
        }
    }
    let mut annotations = BTreeMap::new();
    if choices.one_in(2) {
        annotations.insert(String::from("harden/file.x"), choices.pick(&["1", "abc", "0123"]).to_owned());
    }
    StaticPodSpec {
        component: String::from("api"),
        path: "/etc/kubernetes/manifests/api.yaml".parse().unwrap(),
        ownership: Ownership { owner: "root".into(), group: "root".into(), mode: "0600".parse().unwrap() },
        flags,
        mounts,
        annotations,
        run_as: None,
    }
}

/// What the flags must be afterwards.
fn model(sample: &Sample, spec: &StaticPodSpec) -> BTreeMap<String, String> {
    let mut flags: BTreeMap<String, String> = sample.flags.iter().cloned().collect();
    for flag in &spec.flags {
        match &flag.value {
            FlagValue::Is(value) => {
                flags.insert(flag.name.clone(), value.clone());
            }
            FlagValue::Existing(path) => {
                flags.entry(flag.name.clone()).or_insert_with(|| path.to_string());
            }
            FlagValue::Absent => {
                flags.remove(&flag.name);
            }
            FlagValue::List { includes: parts, .. } => {
                let value = flags.entry(flag.name.clone()).or_default();
                for part in parts {
                    if !value.split(',').any(|other| other == part) {
                        let comma = if value.is_empty() { "" } else { "," };
                        *value = format!("{value}{comma}{part}");
                    }
                }
            }
        }
    }
    flags
}

fn check(seed: u64) {
    let mut choices = Choices(seed | 1);
    let sample = sample(&mut choices);
    let spec = wanted(&mut choices);
    let before = yaml::parse(&sample.text).unwrap_or_else(|error| panic!("{error:?}\n{}", sample.text));
    let edited = manifest::edit(&sample.text, &spec)
        .unwrap_or_else(|error| panic!("{}\n{}", harden::error::Chain(&error), sample.text));
    let shown = format!("{}\n=>\n{}", sample.text, edited.text);
    let after = yaml::parse(&edited.text).unwrap();

    let container = &after["spec"]["containers"][0];
    let command: Vec<&str> =
        container["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let flags: Vec<_> = command[1..].iter().map(|word| word[2..].split_once('=').unwrap()).collect();
    let as_map: BTreeMap<String, String> =
        flags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!((as_map, flags.len()), (model(&sample, &spec), model(&sample, &spec).len()), "{shown}");
    // The flags that stay keep their order.
    let kept: Vec<&String> = sample
        .flags
        .iter()
        .map(|(name, _)| name)
        .filter(|name| flags.iter().any(|flag| flag.0 == *name))
        .collect();
    let order: Vec<&str> =
        flags.iter().map(|flag| flag.0).filter(|name| kept.iter().any(|other| other == name)).collect();
    assert_eq!(kept, order, "{shown}");

    let mut mounts = sample.mounts.clone();
    mounts.extend(spec.mounts.iter().map(|mount| (mount.name.clone(), mount.read_only)));
    let found: BTreeMap<String, bool> = container["volumeMounts"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|mount| (mount["name"].as_str().unwrap().to_owned(), mount["readOnly"] == true))
        .collect();
    assert_eq!(found, mounts, "{shown}");
    assert_eq!(after["spec"]["volumes"].as_array().map_or(0, Vec::len), mounts.len(), "{shown}");
    for (name, value) in &spec.annotations {
        assert_eq!(after["metadata"]["annotations"][name], json!(value), "{shown}");
    }
    assert_eq!(rest(before), rest(after), "{shown}");

    assert_eq!(sample.text.ends_with('\n'), edited.text.ends_with('\n'), "{shown}");
    assert_eq!(sample.text.contains('\r'), edited.text.contains('\r'), "{shown}");
    assert_eq!(
        edited.text.matches('\n').count(),
        edited.text.matches(if sample.text.contains('\r') { "\r\n" } else { "\n" }).count()
    );
    let own = |text: &str| text.lines().filter(|line| line.trim_start().starts_with('#')).count();
    assert_eq!(own(&sample.text), own(&edited.text), "a comment is lost\n{shown}");
    let again = manifest::edit(&edited.text, &spec).unwrap();
    assert_eq!((again.text, again.reasons), (edited.text, vec![]), "{shown}");
    there_and_back(&sample.text);
}

/// A pod that ran as another user and does not any more is what it was, to the letter.
fn there_and_back(text: &str) {
    let spec: RunAsSpec = serde_json::from_value(json!({
        "enabled": true, "user": "x", "directory": "/h/x", "volume": "harden-x",
        "flags": {"a-file": {"own": "/h/x/a", "otherwise": "/a"}, "z-file": {"own": "/h/x/z", "otherwise": "/z"}},
        "data": {"path": "/data", "flag": "data-dir", "held": "/data/db"}, "reads": [],
    }))
    .unwrap();
    let flag = |name: &str, value: &str| FlagSpec {
        name: name.to_owned(),
        value: FlagValue::Is(value.to_owned()),
        controls: vec![],
        templates: Vec::new(),
    };
    let root = StaticPodSpec {
        flags: vec![flag("a-file", "/a"), flag("z-file", "/z")],
        mounts: vec![],
        annotations: BTreeMap::new(),
        ..wanted(&mut Choices(1))
    };
    let before = manifest::edit(text, &root).unwrap().text;
    assert!(!manifest::is_own(&before, "api", &spec).unwrap());
    let user = manifest::PodUser { user: 998, group: 997 };
    let there =
        manifest::run_as(&before, "api", &spec, user).unwrap_or_else(|error| panic!("{error}\n{before}"));
    assert_eq!(manifest::user(&there.text, "api").unwrap(), Some(998));
    assert!(manifest::is_own(&there.text, "api", &spec).unwrap());
    let again = manifest::run_as(&there.text, "api", &spec, user).unwrap();
    assert_eq!((&again.text, again.reasons.len()), (&there.text, 0), "{before}");
    let back = manifest::run_as_root(&there.text, "api", &spec).unwrap();
    // A list that was there and empty is no list afterwards: to Kubernetes that is the same.
    if !before.contains("[]") && !before.contains("volumes:\n") {
        assert_eq!(back.text, before, "{}", there.text);
    }
    let mut after = yaml::parse(&back.text).unwrap();
    let mut wanted = yaml::parse(&before).unwrap();
    for pod in [&mut after, &mut wanted] {
        let empty = |list: Option<&Value>| list.is_some_and(|list| list.as_array().is_none_or(Vec::is_empty));
        if empty(pod["spec"].get("volumes")) {
            pod["spec"].as_object_mut().unwrap().remove("volumes");
        }
        let container = pod["spec"]["containers"][0].as_object_mut().unwrap();
        if empty(container.get("volumeMounts")) {
            container.remove("volumeMounts");
        }
    }
    assert_eq!(after, wanted, "{}", there.text);
}

/// The pod without what an edit may touch.
fn rest(mut pod: Value) -> Value {
    let mut remove = |place: &str, key: &str| {
        pod.pointer_mut(place)
            .and_then(Value::as_object_mut)
            .map(|object: &mut Map<String, Value>| object.remove(key))
    };
    remove("/spec/containers/0", "command");
    remove("/spec/containers/0", "volumeMounts");
    remove("/spec", "volumes");
    remove("/metadata/annotations", "harden/file.x");
    if remove("/metadata", "annotations").flatten() == Some(json!({"kept/one": "1"})) {
        pod["metadata"]["kept"] = true.into();
    }
    pod
}

/// Most of the time goes into parsing.
const THREADS: u32 = 4;

#[test]
fn random_manifests_say_what_was_wanted() {
    let cases =
        std::env::var("PROPTEST_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(5_000_u32);
    let config = Config { cases: cases / THREADS + 1, failure_persistence: None, ..Config::default() };
    let run = || {
        TestRunner::new(config.clone()).run(&proptest::num::u64::ANY, |seed| {
            check(seed);
            Ok(())
        })
    };
    std::thread::scope(|scope| {
        for thread in (0..THREADS).map(|_| scope.spawn(run)).collect::<Vec<_>>() {
            thread.join().unwrap().unwrap();
        }
    });
}
