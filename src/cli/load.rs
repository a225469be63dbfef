//! What lies on this machine, as every verb reads it: inventory, templates, clock. It talks to no node.

use super::{Error, Global, serving, waivers};
use crate::desired::Templates;
use crate::inventory::{self, Connection, Inventory, SshSettings};
use crate::ui::Output;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// Loads the inventory and prints its warnings; its errors are all in one [`Error`].
pub(super) fn load_inventory(global: &Global, output: &Output) -> Result<Inventory, Error> {
    let color = output.stderr_paint().color;
    match inventory::load(&global.inventory) {
        Ok(loaded) => {
            if !global.quiet {
                for warning in &loaded.warnings {
                    output.message(&warning.render(color));
                }
            }
            waivers::refuse_unknown(&loaded.inventory, output)?;
            serving::refuse_flag(&loaded.inventory)?;
            Ok(loaded.inventory)
        }
        Err(error) => {
            let diagnostics = error.render(color);
            if !diagnostics.is_empty() {
                output.message(&diagnostics);
            }
            Err(Error::hinted(error))
        }
    }
}

/// `--ssh-known-hosts` and `--ssh-identity-file` take the place of what the inventory says, on every node and bastion.
pub(super) fn override_ssh(inventory: &mut Inventory, global: &Global) {
    for node in &mut inventory.nodes {
        let Connection::Ssh(settings) = &mut node.connection else { continue };
        settings.bastions.iter_mut().for_each(|bastion| override_login(bastion, global));
        override_login(settings, global);
    }
    if let (Some(file), Some(key)) = (&global.ssh_identity_file, &mut inventory.drift.locked_key) {
        key.identity_file = Some(file.clone());
    }
}

fn override_login(settings: &mut SshSettings, global: &Global) {
    if let Some(file) = &global.ssh_known_hosts {
        settings.known_hosts = vec![file.clone()];
    }
    if let Some(file) = &global.ssh_identity_file {
        settings.identity_file = Some(file.clone());
    }
}

/// Where the user's templates are looked for.
pub(super) fn overrides(inventory: &Inventory) -> PathBuf {
    inventory.directory().join("templates")
}

/// Reads the templates: those of the profile and those beside the inventory.
pub(super) fn load_templates(inventory: &Inventory) -> Result<Templates, Error> {
    let overrides = overrides(inventory);
    let overrides = overrides.exists().then_some(overrides.as_path());
    Templates::load(inventory.cluster.profile, overrides).map_err(Error::hinted)
}

/// Seconds since 1970; 0 on a clock before that.
pub(super) fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;
    use std::path::Path;

    const INVENTORY: &str = r#"
[cluster]
name = "prod"
kubernetes = "1.35"

[ssh]
bastion = "edge"
identity-file = "key"

[ssh.bastions.edge]
address = "192.0.2.1"
identity-file = "edge-key"

[[nodes]]
name = "cp-1"
address = "192.0.2.11"
roles = ["control-plane", "etcd"]
"#;

    /// The keys and known hosts of the node and of its bastion.
    fn logins(arguments: &[&str]) -> Vec<(PathBuf, Vec<PathBuf>)> {
        let global = super::super::Cli::parse_from([&["harden", "validate"], arguments].concat()).global;
        let parsed = inventory::parse(Path::new("/i/harden.toml"), INVENTORY.into(), Some("/h".into()));
        let mut inventory = parsed.unwrap().inventory;
        override_ssh(&mut inventory, &global);
        let Connection::Ssh(settings) = &inventory.nodes[0].connection else { return Vec::new() };
        let all = std::iter::once(&**settings).chain(&settings.bastions);
        all.map(|one| (one.identity_file.clone().unwrap_or_default(), one.known_hosts.clone())).collect()
    }

    #[test]
    fn flags_take_the_place_of_the_inventorys_key_and_known_hosts_everywhere() {
        let usual = vec!["/h/.ssh/known_hosts".into(), "/etc/ssh/ssh_known_hosts".into()];
        let expected = ["/i/key", "/i/edge-key"].map(|key| (key.into(), usual.clone()));
        assert_eq!(logins(&[]), expected);
        let given = logins(&["--ssh-identity-file", "/c/key", "--ssh-known-hosts", "/c/known_hosts"]);
        assert_eq!(given, vec![("/c/key".into(), vec![PathBuf::from("/c/known_hosts")]); 2]);
    }
}
