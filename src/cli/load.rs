//! What lies on this machine, as every verb reads it: inventory, templates, clock. It talks to no node.

use super::{Error, Global, serving, waivers};
use crate::desired::Templates;
use crate::inventory::{self, Connection, Inventory};
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

/// `--ssh-known-hosts` takes the place of every known-hosts file of the inventory.
pub(super) fn override_known_hosts(inventory: &mut Inventory, global: &Global) {
    let Some(file) = &global.ssh_known_hosts else { return };
    for node in &mut inventory.nodes {
        if let Connection::Ssh(settings) = &mut node.connection {
            settings.known_hosts = vec![file.clone()];
            for bastion in &mut settings.bastions {
                bastion.known_hosts = vec![file.clone()];
            }
        }
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
