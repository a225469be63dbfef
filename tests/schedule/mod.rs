//! `harden schedule`: what it prints and writes for a small inventory and for one with everything in it that could break out of
//! a unit, a manifest or a pipeline.

mod dashboard;
mod manifests;
mod pipelines;
mod rules;
mod units;

use insta::assert_snapshot;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const SMALL: &str = r#"[cluster]
name = "prod"
kubernetes = "1.35"

[[nodes]]
name = "cp-1"
address = "192.0.2.11"
roles = ["control-plane", "etcd"]

[[nodes]]
name = "w-1"
address = "192.0.2.21"
roles = ["worker"]
"#;

const NASTY: &str = r#"# "quotes", 'single', %n, $HOME, ${{ secrets.X }}, {{ cluster }}, {% raw %}, $(reboot), back\slash
[cluster]
name = "prod_eu.west-"
kubernetes = "1.35"

[ssh]
user = "ops"
identity-file = "keys/a b'\"%i$(x).key"
bastion = "edge"

[ssh.bastions.inner]
address = "10.20.0.5"
bastion = "edge"

[ssh.bastions.edge]
address = "2001:db8::5"
port = 2222

[[nodes]]
name = "cp-1"
address = "10.20.0.11"
roles = ["control-plane", "etcd"]

[[nodes]]
name = "w-1"
address = "10.20.0.21"
roles = ["worker"]
bastion = "inner"

[[nodes]]
name = "w-2"
address = "w-2.example.com"
roles = ["worker"]
bastion = "none"

[[nodes]]
name = "w-3"
address = "198.51.100.23"
roles = ["worker"]
bastion = "none"

[[nodes]]
name = "image"
address = "192.0.2.99"
roles = ["worker"]
connection = "local"
root = "trees/image"
"#;

/// A template of the user's, with what YAML stumbles over.
const TEMPLATE: &str = "+++\nkind = \"file\"\npath = \"/etc/motd\"\nowner = \"root\"\ngroup = \"root\"\nmode = \"0644\"\n+++\n  --- \n%YAML\n\tkey: |\n\"'\n";

/// The kinds that need no more than an inventory.
const KINDS: [&[&str]; 7] = [
    &["systemd"],
    &["cronjob", "--image", "registry.example.com/harden:1"],
    &["containerfile"],
    &["prometheus"],
    &["grafana"],
    &["github", "--image", "registry.example.com/harden-pipeline:1"],
    &["gitlab", "--image", "registry.example.com/harden-pipeline:1"],
];

/// A folder with an inventory of that name.
fn folder(name: &str, inventory: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    write(&folder.path().join(name), inventory);
    folder
}

/// The nasty one, with a template and a store.
fn nasty() -> (TempDir, String) {
    let name = "a b%n$HOME/'q' {{ x }}/\"inventory\".toml";
    let folder = folder(name, NASTY);
    let beside = folder.path().join(name).parent().unwrap().to_owned();
    write(&beside.join("templates/site/motd & more.tera"), TEMPLATE);
    write(&beside.join("templates/schedule/.gitlab.yaml.tera.swp"), "an editor's");
    write(&beside.join("secrets/index.toml"), "format = 1\n");
    write(&beside.join("secrets/pki/ca.key.sealed"), "SEALED");
    fs::create_dir_all(beside.join("trees/image")).unwrap();
    (folder, name.to_owned())
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

fn schedule(folder: &Path, inventory: &str, arguments: &[&str]) -> Ended {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_harden"));
    let output = command
        .current_dir(folder)
        .env_clear()
        .env("HOME", "/nonexistent")
        .args(["schedule", "-i", inventory])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        let resolved = folder.canonicalize().unwrap();
        let text =
            text.replace(resolved.to_str().unwrap(), "/FOLDER").replace(folder.to_str().unwrap(), "/FOLDER");
        text.replace(env!("CARGO_PKG_VERSION"), "VERSION")
    };
    Ended { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// What is printed; nothing else may go wrong.
fn printed(inventory: &str, arguments: &[&str]) -> String {
    let folder = folder("harden.toml", inventory);
    let ended = schedule(folder.path(), "harden.toml", arguments);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    ended.stdout
}

fn printed_nasty(arguments: &[&str]) -> String {
    let (folder, name) = nasty();
    let ended = schedule(folder.path(), &name, arguments);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.stdout
}

#[test]
fn every_kind_is_printed() {
    for kind in KINDS {
        let name = kind[0];
        assert_snapshot!(format!("small_{name}"), printed(SMALL, kind));
    }
}

#[test]
fn what_is_chosen_is_in_it() {
    assert_snapshot!(
        "nasty_systemd",
        printed_nasty(&[
            "systemd",
            "--every",
            "1h",
            "--name",
            "prod-eu",
            "--credentials",
            "/etc/harden/prod eu"
        ])
    );
    assert_snapshot!(
        "nasty_cronjob",
        printed_nasty(&[
            "cronjob",
            "--image",
            "r.example:5000/a/harden@sha256:00",
            "--namespace",
            "security",
            "--shards",
            "2",
            "--claim",
            "harden-reports",
            "--cron",
            "7 8-18 * * MON-FRI",
            "--secret",
            "ssh.key",
        ])
    );
    assert_snapshot!("nasty_prometheus", printed_nasty(&["prometheus", "--every", "6h", "--shards", "8"]));
    let chosen =
        ["--image", "r/h:1", "--inventory-path", "clusters/prod eu/harden.toml", "--branch", "release/1"];
    let rest = ["--runner", "nodes", "--environment", "live", "--every", "1d"];
    for kind in ["github", "gitlab"] {
        let arguments = [&[kind], &chosen[..], &rest[..]].concat();
        assert_snapshot!(format!("nasty_{kind}"), printed_nasty(&arguments));
    }
}

#[test]
fn what_it_cannot_bring_about_is_said() {
    let (folder, name) = nasty();
    let ended = schedule(folder.path(), &name, &["cronjob", "--image", "r/h:1"]);
    assert_eq!(
        ended.stderr,
        "warning: image is read from a folder of this machine (`connection = \"local\"`), which scheduled checks do not see\n\
         warning: the NetworkPolicy leaves the SSH port open to every address: some hosts are known by name alone, and it knows no names\n"
    );
    let refused = schedule(folder.path(), &name, &["github", "--image", "r/h:1"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("--inventory-path"), "{}", refused.stderr);
}

#[test]
fn wrong_choices_are_refused() {
    let folder = folder("harden.toml", SMALL);
    for arguments in [
        &["cronjob"][..],
        &["cronjob", "--image", "a b"],
        &["cronjob", "--image", "a", "--shards", "0"],
        &["cronjob", "--image", "a", "--namespace", "A"],
        &["systemd", "--every", "7m"],
        &["systemd", "--name", "x\nUser=root"],
        &["systemd", "--on-calendar", "hourly\nUser=root"],
        &["systemd", "--program", "harden"],
        &["gitlab", "--image", "a", "--inventory-path", "${{ x }}.toml"],
        &["grafana", "--force"],
    ] {
        let ended = schedule(folder.path(), "harden.toml", arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{arguments:?}");
    }
}

#[test]
fn files_are_written_and_never_overwritten_in_passing() {
    let folder = folder("harden.toml", SMALL);
    let mut said = Vec::new();
    for kind in KINDS {
        let ended = schedule(folder.path(), "harden.toml", &[kind, &["--out", "out folder"]].concat());
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        said.push(format!("$ harden schedule {} --out 'out folder'\n{}", kind.join(" "), ended.stdout));
    }
    assert_snapshot!("written", said.join("\n"));
    let service = folder.path().join("out folder/harden-drift.service");
    assert_eq!(fs::read_to_string(&service).unwrap().lines().nth(1), Some("[Unit]"));

    fs::write(&service, "mine").unwrap();
    fs::remove_file(folder.path().join("out folder/harden-drift.timer")).unwrap();
    let refused = schedule(folder.path(), "harden.toml", &["systemd", "--out", "out folder"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("harden-drift.service"), "{}", refused.stderr);
    assert!(!folder.path().join("out folder/harden-drift.timer").exists(), "all or nothing");
    assert_eq!(fs::read_to_string(&service).unwrap(), "mine");

    let forced = schedule(folder.path(), "harden.toml", &["systemd", "--out", "out folder", "--force"]);
    assert_eq!(forced.code, 0);
    assert_ne!(fs::read_to_string(&service).unwrap(), "mine");
}

#[test]
fn templates_beside_the_inventory_take_the_place_of_built_in_ones() {
    let folder = folder("harden.toml", SMALL);
    let own = |name: &str, text: &str| write(&folder.path().join("templates/schedule").join(name), text);
    let run = |arguments: &[&str]| schedule(folder.path(), "harden.toml", arguments);
    own("harden-drift.timer.tera", "# {{ run.calendar }} {{ cluster.name }}\n");
    own("harden-drift.sysusers.tera", "\n");
    let ended = run(&["systemd"]);
    assert!(ended.stdout.ends_with("### harden-drift.timer\n# *-*-* *:00/15:00 prod\n"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("sysusers"));

    own("harden-drift.timer.tera", "#\n{% if clutser.name %}{% endif %}");
    let ended = run(&["systemd"]);
    assert!(
        ended
            .stderr
            .contains("templates/schedule/harden-drift.timer.tera:2:7: there is no variable `clutser`"),
        "{}",
        ended.stderr
    );

    own("harden-drift.timer.tera", "");
    own("harden.rules.yaml.tera", "a: b: c\n");
    assert!(run(&["prometheus"]).stderr.contains("cannot be read"));
    own("harden.rules.yml.tera", "a: b\n");
    assert!(run(&["prometheus"]).stderr.contains("takes the place of no template"));

    // They are none of the resources of a node.
    let mut validate = assert_cmd::Command::new(env!("CARGO_BIN_EXE_harden"));
    validate.current_dir(folder.path()).env_clear().arg("validate").assert().success();
}
