//! Inventories: what loads, what every mistake looks like, and that the schema, the reader and the scaffold agree.

use harden::inventory::{
    Connection, InventoryError, Limit, LimitError, Loaded, MaxUnavailable, Minor, Node, Role, Scaffold,
    ScaffoldNode, SshSettings, load, parse, scaffold, schema,
};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Reads a text as if it were `harden.toml` in the working directory.
fn read(text: impl Into<Vec<u8>>) -> Result<Loaded, InventoryError> {
    parse(Path::new("harden.toml"), text.into(), Some(PathBuf::from("/home/me")))
}

fn cases(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(project(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} has no case");
    files
}

/// What a case prints: the diagnostics of a failure; otherwise the warnings, the inventory and the connections.
fn printed(result: Result<Loaded, InventoryError>) -> String {
    match result {
        Err(error) => format!("{}\n{error}\n", error.render(false)),
        Ok(loaded) => {
            let warnings = loaded.warnings.iter().map(|warning| warning.render(false) + "\n");
            let mut text: String = warnings.collect();
            writeln!(text, "{:#}", serde_json::to_value(&loaded.inventory).unwrap()).unwrap();
            for node in &loaded.inventory.nodes {
                writeln!(text, "{} {:#?}", node.name, node.connection).unwrap();
            }
            for waiver in &loaded.inventory.waivers {
                writeln!(text, "{waiver:#?}").unwrap();
            }
            for switch in &loaded.inventory.switches {
                writeln!(text, "{switch:#?}").unwrap();
            }
            text
        }
    }
}

fn check_cases(folder: &str, must_load: bool) {
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    for case in cases(folder) {
        let result = read(fs::read(&case).unwrap());
        assert_eq!(result.is_ok(), must_load, "{}:\n{}", case.display(), printed(result));
        let found = printed(result);
        let expected = case.with_extension("txt");
        if update {
            fs::write(&expected, &found).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != found {
            wrong.push(format!("{}\n{found}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "differs from the .txt file (UPDATE=1 writes it):\n{}", wrong.join("\n"));
}

/// Every inventory that users may copy.
const EXAMPLES: [&str; 5] = ["quickstart", "single-node", "ha", "ha-external-etcd", "bastion"];

#[test]
fn sound_inventories_load() {
    check_cases("tests/inventory/ok", true);
}

#[test]
fn every_mistake_is_shown_where_it_is() {
    check_cases("tests/inventory/fail", false);
}

#[test]
fn the_examples_load_without_a_warning() {
    for example in EXAMPLES {
        let loaded = load(&project(&format!("inventories/{example}.toml"))).unwrap();
        assert!(loaded.warnings.is_empty(), "{example}");
        let root = project("inventories/quickstart/cp-1");
        if example == "quickstart" {
            assert!(
                matches!(&loaded.inventory.nodes[0].connection, Connection::Local { root: r } if *r == root)
            );
        }
    }
}

#[test]
fn the_examples_are_all_there_are_and_templates_render_for_them() {
    let files = fs::read_dir(project("inventories")).unwrap().map(|entry| entry.unwrap().file_name());
    let names: BTreeSet<String> =
        files.filter_map(|name| Some(name.to_str()?.strip_suffix(".toml")?.to_owned())).collect();
    assert_eq!(names, EXAMPLES.map(str::to_owned).into());
    let templates = harden::desired::Templates::load(harden::inventory::Profile::Default, None).unwrap();
    for example in EXAMPLES {
        let inventory = load(&project(&format!("inventories/{example}.toml"))).unwrap().inventory;
        let errors: Vec<String> = templates.validate(&inventory).iter().map(ToString::to_string).collect();
        assert!(errors.is_empty(), "{example}: {errors:?}");
    }
}

#[test]
fn how_many_workers_at_once_is_a_number_or_a_percentage() {
    let of = |apply: &str| {
        let node =
            "[[nodes]]\nname = \"cp-1\"\naddress = \"10.0.0.11\"\nroles = [\"control-plane\", \"etcd\"]\n";
        let text = format!("[cluster]\nname = \"x\"\nkubernetes = \"1.35\"\n{apply}\n{node}");
        read(text).map(|loaded| loaded.inventory.apply.max_unavailable)
    };
    for (apply, expected) in [
        ("", MaxUnavailable::Count(1)),
        ("[apply]", MaxUnavailable::Count(1)),
        ("[apply]\nmax-unavailable = 4", MaxUnavailable::Count(4)),
        ("[apply]\nmax-unavailable = \"4\"", MaxUnavailable::Count(4)),
        ("[apply]\nmax-unavailable = \"25%\"", MaxUnavailable::Percent(25)),
    ] {
        assert_eq!(of(apply).unwrap(), expected, "{apply}");
    }
    for wrong in ["0", "-1", "true", "2.5", "\"101%\"", "\"many\""] {
        assert!(of(&format!("[apply]\nmax-unavailable = {wrong}")).is_err(), "{wrong}");
    }
}

#[test]
fn how_many_transactions_a_node_keeps_is_a_number_from_one() {
    let of = |apply: &str| {
        let node =
            "[[nodes]]\nname = \"cp-1\"\naddress = \"10.0.0.11\"\nroles = [\"control-plane\", \"etcd\"]\n";
        let text = format!("[cluster]\nname = \"x\"\nkubernetes = \"1.35\"\n{apply}\n{node}");
        read(text).map(|loaded| loaded.inventory.apply.retention)
    };
    for (apply, expected) in
        [("", 10), ("[apply]", 10), ("[apply]\nretention = 1", 1), ("[apply]\nretention = 1000", 1000)]
    {
        assert_eq!(of(apply).unwrap(), expected, "{apply}");
    }
    for wrong in ["0", "-1", "1001", "true", "2.5", "\"10\""] {
        assert!(of(&format!("[apply]\nretention = {wrong}")).is_err(), "{wrong}");
    }
}

#[test]
fn a_missing_file_has_a_hint() {
    let error = load(&project("tests/inventory/none.toml")).unwrap_err();
    assert!(matches!(error, InventoryError::Read { .. }));
    assert!(harden::error::Hint::hint(&error).unwrap().contains("harden init"));
}

#[test]
fn not_utf8_is_an_error_with_a_place() {
    let error = read(b"[cluster]\nname = \"a\xff\"\n".as_slice()).unwrap_err();
    assert!(error.render(false).starts_with("harden.toml:2:10: error: this is not UTF-8"), "{error}");
}

#[test]
fn colour_only_if_asked() {
    let error = read("[cluster]\n").unwrap_err();
    assert!(!error.render(false).contains('\u{1b}'));
    assert!(error.render(true).contains('\u{1b}'));
}

#[test]
fn a_misplaced_password_is_not_printed() {
    for text in [
        "[ssh]\nbecome-password = \"hunter-2-hunter\"\n",
        "ssh = { become-password = \"hunter-2-hunter\" }\n",
        "[ssh]\nbecome-password = hunter-2-hunter\n",
        "[ssh]\npassword = 'hunter-2-hunter\n",
        "[ssh]\nxyz = \"\"\"hunter-2-hunter\nhunter-2-hunter\"\"\"\n",
        "[ssh]\nport = \"x\", xyz = \"hunter-2-hunter\"\n",
        "ssh = { port = \"x\", xyz = \"hunter-2-hunter\" }\n",
        "[ssh]\n\"become-password\" . x = \"hunter-2-hunter\"\n",
    ] {
        let shown = read(text).unwrap_err().render(false);
        assert!(!shown.contains("hunter"), "{shown}");
    }
    // The check can fail: a known key's value is shown.
    assert!(read("[ssh]\nport = \"hunter\"\n").unwrap_err().render(false).contains("hunter"));
}

/// Every key of the schema with its path; `NAME` stands for a key that the user chooses.
fn keys(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        assert!(inner["description"].is_string(), "{path} has no description");
        keys(inner, &path, found);
        keys(&inner["items"], &path, found);
        if inner["additionalProperties"].is_object() {
            keys(&inner["additionalProperties"], &format!("{path}.NAME"), found);
        }
        found.insert(path);
    }
    if schema["properties"].is_object() {
        assert_eq!(schema["additionalProperties"], false, "`{path}` lets unknown keys pass");
    }
}

/// Every key of an inventory in the same form.
fn used(value: &toml::Value, path: &str, schema: &Value, found: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let known = &schema["properties"][key];
                if known.is_object() {
                    let path = format!("{path}.{key}");
                    used(value, &path, known, found);
                    found.insert(path);
                } else if schema["additionalProperties"].is_object() {
                    used(value, &format!("{path}.NAME"), &schema["additionalProperties"], found);
                } else if schema["additionalProperties"] == false {
                    found.insert(format!("{path}.{key}"));
                }
            }
        }
        toml::Value::Array(items) => {
            for item in items {
                used(item, path, &schema["items"], found);
            }
        }
        _ => {}
    }
}

#[test]
fn the_schema_and_the_reader_know_the_same_keys() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert!(!schema.to_string().contains("\"null\""));
    let mut known = BTreeSet::new();
    keys(&schema, "", &mut known);

    // What the reader accepts is in the schema, and some accepted inventory uses every key of the schema.
    let mut accepted = BTreeSet::new();
    let examples = EXAMPLES.map(|name| project(&format!("inventories/{name}.toml")));
    for path in examples.into_iter().chain(cases("tests/inventory/ok")) {
        let text = fs::read_to_string(path).unwrap();
        assert!(read(text.clone()).is_ok());
        used(&toml::from_str(&text).unwrap(), "", &schema, &mut accepted);
    }
    assert_eq!(accepted, known);

    // What the reader calls unknown is not in the schema.
    let text = fs::read_to_string(project("tests/inventory/fail/unknown-keys.toml")).unwrap();
    let mut found = BTreeSet::new();
    used(&toml::from_str(&text).unwrap(), "", &schema, &mut found);
    let unknown = read(text).unwrap_err().render(false).matches("error: unknown key").count();
    assert_eq!(found.difference(&known).count(), unknown);
    assert!(unknown > 5);
}

#[test]
fn the_defaults_of_the_schema_are_those_of_the_reader() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let mut text = String::from(MINIMAL);
    for (table, inner) in schema["properties"].as_object().unwrap() {
        for (key, inner) in inner["properties"].as_object().into_iter().flatten() {
            let default = &inner["default"];
            if default.is_null() {
                continue;
            }
            text.insert_str(0, &format!("{table}.{key} = {default}\n"));
        }
    }
    let text = text.replace("[cluster]\n", "").replace("name = \"c\"", "cluster.name = \"c\"");
    let text = text.replace("kubernetes =", "cluster.kubernetes =");
    assert!(text.matches('\n').count() > MINIMAL.matches('\n').count() + 6, "{text}");
    assert_eq!(printed(read(text)), printed(read(MINIMAL)));
}

#[test]
fn the_schema_beside_the_examples_is_the_present_one() {
    let file = project("inventories/harden.schema.json");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, schema()).unwrap();
    }
    assert!(fs::read_to_string(file).unwrap() == schema(), "UPDATE=1 writes it");
}

#[test]
fn the_versions_of_the_schema_are_those_of_the_reader() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let pattern = schema["properties"]["cluster"]["properties"]["kubernetes"]["pattern"].as_str().unwrap();
    assert_eq!(pattern, format!(r"^1\.3[{}-{}]$", Minor::OLDEST.0 - 30, Minor::NEWEST.0 - 30));
}

const MINIMAL: &str = "[cluster]\nname = \"c\"\nkubernetes = \"1.35\"\n\n\
    [[nodes]]\nname = \"cp-1\"\naddress = \"192.0.2.1\"\nroles = [\"control-plane\", \"etcd\"]\n";

fn ssh(node: &Node) -> &SshSettings {
    match &node.connection {
        Connection::Ssh(settings) => settings,
        Connection::Local { .. } => panic!("{} is local", node.name),
    }
}

#[test]
fn a_bastion_chain_begins_at_the_outermost() {
    let loaded = load(&project("inventories/bastion.toml")).unwrap();
    let hosts: Vec<Vec<&str>> = loaded
        .inventory
        .nodes
        .iter()
        .map(|node| ssh(node).bastions.iter().map(|bastion| bastion.host.as_str()).collect())
        .collect();
    assert_eq!(hosts[0], ["jump.example.com", "10.20.0.5"]);
    assert_eq!(hosts[2], ["jump.example.com"]);
    assert!(hosts[3].is_empty());
    let inner = &ssh(&loaded.inventory.nodes[0]).bastions[1];
    assert_eq!((inner.user.as_str(), inner.port), ("ops", 22));
    assert_eq!(inner.timeouts.connect, Duration::from_secs(10));
}

#[test]
fn the_scaffold_loads_to_what_it_was_made_from() {
    for (endpoint, user, port, identity_file) in [
        (None, "root", 22, None),
        (Some("api.example.com:6443"), "ops", 2222, Some("~/.ssh/a \"quoted\" \\ key")),
    ] {
        let from = Scaffold {
            cluster: String::from("prod"),
            kubernetes: Minor(34),
            endpoint: endpoint.map(str::to_owned),
            user: user.to_owned(),
            port,
            identity_file: identity_file.map(str::to_owned),
            nodes: vec![
                ScaffoldNode {
                    name: String::from("cp-1"),
                    address: String::from("2001:db8::1"),
                    roles: vec![Role::ControlPlane, Role::Etcd],
                },
                ScaffoldNode {
                    name: String::from("w-1"),
                    address: String::from("192.0.2.2"),
                    roles: vec![Role::Worker],
                },
            ],
        };
        let text = scaffold(&from);
        assert!(text.starts_with("#:schema ./harden.schema.json\n"));
        let loaded = read(text.clone()).unwrap_or_else(|error| panic!("{}", error.render(false)));
        assert!(loaded.warnings.is_empty());
        let inventory = loaded.inventory;
        assert_eq!(inventory.cluster.name, "prod");
        assert_eq!(inventory.cluster.kubernetes, Minor(34));
        assert_eq!(inventory.cluster.endpoint.as_deref(), endpoint);
        for (node, from) in inventory.nodes.iter().zip(&from.nodes) {
            assert_eq!((node.name.as_str(), &node.address), (from.name.as_str(), &from.address));
            assert!(node.roles.iter().eq(&from.roles));
            let settings = ssh(node);
            assert_eq!((settings.user.as_str(), settings.port), (user, port));
            let expected = identity_file.map(|path| PathBuf::from(path.replacen('~', "/home/me", 1)));
            assert_eq!(settings.identity_file, expected);
        }
        // What the scaffold shows in comments are the defaults: without the `# `, nothing changes.
        let (head, tail) = text.split_once("different.\n").unwrap();
        let tail: String = tail.lines().map(|line| line.trim_start_matches("# ").to_owned() + "\n").collect();
        let tail = tail.replace("podPidsLimit = 4096\n", "");
        assert_eq!(read(format!("{head}\n{tail}")).unwrap().inventory.waivers.len(), 1);
        assert_eq!(read(format!("{head}\n{tail}")).unwrap().inventory.switches.len(), 1);
        let (tail, _) = tail.split_once("[controls]").unwrap();
        assert_eq!(printed(read(format!("{head}\n{tail}"))), printed(read(text.clone())));
    }
}

#[test]
fn limits_select() {
    let inventory = load(&project("inventories/ha.toml")).unwrap().inventory;
    let selected = |limit: &str| {
        let limit: Limit = limit.parse().unwrap();
        limit.check(&inventory).map(|()| {
            let nodes = inventory.nodes.iter().filter(|node| limit.selects(node));
            nodes.map(|node| node.name.to_string()).collect::<Vec<_>>().join(" ")
        })
    };
    let no_match = |term: &str, meant: Option<&str>| LimitError::NoMatch {
        term: term.to_owned(),
        meant: meant.map(str::to_owned),
    };
    for (limit, expected) in [
        ("cp-1", Ok("cp-1")),
        ("worker, cp-2", Ok("cp-2 w-1 w-2")),
        ("cp-*,!cp-1", Ok("cp-2 cp-3")),
        ("!control-plane", Ok("w-1 w-2")),
        ("!w-1,*", Ok("cp-1 cp-2 cp-3 w-2")),
        ("cp-[23]", Ok("cp-2 cp-3")),
        ("etcd", Ok("cp-1 cp-2 cp-3")),
        ("workers", Err(no_match("workers", Some("worker")))),
        ("cp-1,x-9", Err(no_match("x-9", None))),
        ("cp-1,!q-*", Err(no_match("q-*", None))),
        ("cp-1,!control-plane", Err(LimitError::Nothing)),
    ] {
        assert_eq!(selected(limit), expected.map(str::to_owned), "{limit}");
    }
}

/// A file of 2,000 nodes with a mistake in each is reported in reasonable time.
#[test]
fn many_mistakes_are_all_reported() {
    let mut text = String::from("[cluster]\nname = \"c\"\nkubernetes = \"1.35\"\n");
    for number in 0..2000 {
        let address = format!("a_{number}");
        write!(
            text,
            "[[nodes]]
name = \"n-{number}\"
address = \"{address}\"
roles = [\"worker\"]
"
        )
        .unwrap();
    }
    let error = read(text).unwrap_err();
    assert_eq!(error.render(false).matches("is not an IP address or a DNS name").count(), 2000);
}

/// Pieces that TOML cares about, to mutate sound inventories with.
const PIECES: &[&str] = &[
    "[",
    "]",
    "[[",
    "{",
    "}",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "=",
    ".",
    ",",
    "\n",
    "\r",
    "#",
    "\\",
    "\\u0000",
    "\t",
    "\u{0}",
    "é",
    "\u{202e}",
    "🦀",
    "1e999",
    "nan",
    "-9223372036854775809",
    "0x1F",
    "1979-05-27",
    "true",
    "[]",
    "{}",
    "[[nodes]]",
    "[ssh.bastions.a]",
    "ssh.port = 1\n",
    "bastion = \"a\"\n",
    "nodes = 3\n",
    "\"\" = 1\n",
    "[kubelet.config]\nx = nan\n",
    "roles = []\n",
];

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let sources: Vec<String> = EXAMPLES
        .iter()
        .map(|name| fs::read_to_string(project(&format!("inventories/{name}.toml"))).unwrap())
        .chain([fs::read_to_string(project("tests/inventory/ok/everything.toml")).unwrap()])
        .collect();
    let edit = (any::<prop::sample::Index>(), 0..20_usize, prop::sample::select(PIECES), any::<u8>());
    (prop::sample::select(sources), prop::collection::vec(edit, 1..8)).prop_map(|(source, edits)| {
        let mut bytes = source.into_bytes();
        for (at, remove, piece, byte) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            let end = (at + remove).min(bytes.len());
            // Now and then a raw byte, which mostly is not UTF-8.
            let insert = if byte > 250 { vec![byte] } else { piece.as_bytes().to_vec() };
            bytes.splice(at..end, insert);
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_makes_it_panic(bytes in mutated()) {
        match read(bytes) {
            Ok(loaded) => for warning in loaded.warnings {
                let _ = warning.render(true);
            },
            Err(error) => {
                let text = error.render(false);
                prop_assert!(text.starts_with("harden.toml:"), "{}", text);
                let _ = error.render(true);
            }
        }
    }
}
