//! What `harden schedule systemd` renders, as systemd reads it.

use super::{SMALL, folder, nasty, schedule, write};
use std::path::Path;
use std::process::Command;

/// Writes the units for an inventory with a program that exists, and has systemd look at them.
fn verified(folder: &Path, inventory: &str, spoil: impl Fn(String) -> String) -> Option<(bool, String)> {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        println!("skipped: systemd-analyze is not installed");
        return None;
    }
    let ended = schedule(folder, inventory, &["systemd", "--program", "/bin/true", "--out", "units"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let units = folder.join("units");
    let service = units.join("harden-drift.service");
    write(&service, &spoil(std::fs::read_to_string(&service).unwrap()));
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .args([&service, &units.join("harden-drift.timer")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // What it says of other units of this machine.
    let said = said.lines().filter(|line| line.contains("harden-drift")).collect::<Vec<_>>().join("\n");
    Some((output.status.success(), said))
}

#[test]
fn systemd_takes_them() {
    let small = folder("harden.toml", SMALL);
    let (nasty, name) = nasty();
    for (folder, inventory) in [(&small, "harden.toml"), (&nasty, name.as_str())] {
        let Some(ended) = verified(folder.path(), inventory, |text| text) else { return };
        assert_eq!(ended, (true, String::new()));
    }
}

#[test]
fn the_check_can_fail() {
    let small = folder("harden.toml", SMALL);
    let spoil = |text: String| text.replace("NoNewPrivileges=yes", "NoNewPrivilege=yes");
    let Some((_, said)) = verified(small.path(), "harden.toml", spoil) else { return };
    assert!(said.contains("NoNewPrivilege"), "{said}");
}

#[test]
fn a_nasty_path_is_one_word_with_nothing_to_expand() {
    let (folder, name) = nasty();
    let service = schedule(folder.path(), &name, &["systemd"]).stdout;
    assert!(
        service.contains(r#"    --inventory "/FOLDER/a b%%n$$HOME/'q' {{ x }}/\"inventory\".toml" \"#),
        "{service}"
    );
}
