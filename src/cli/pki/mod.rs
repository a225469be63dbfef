//! `harden pki`: the cluster's own CAs in the store. They are made here, or taken over from a cluster that exists; no node is
//! changed.

mod sources;

pub(super) use sources::on_node;

use super::load::{load_inventory, now, override_ssh};
use super::{Error, Format, Global, keys};
use crate::error::ExitCode;
use crate::inventory::Inventory;
use crate::store::{self, NewSecret, Store, StoreError, Unlocked};
use crate::trust::{self, Listing};
use crate::ui::{self, Output, count};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The cluster's own CAs and its service-account key, sealed beside the inventory
///
/// The CAs of Kubernetes, of etcd and of the front proxy, and the key pair that service-account tokens are signed with. The
/// private keys are sealed in `secrets/` beside the inventory; what is public of them stands in the index there.
#[derive(Debug, Clone, Args)]
#[command(disable_help_subcommand = true)]
pub struct Pki {
    /// What to do with them.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with the CAs.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// Make those of a new cluster; offline, and what is there stays
    ///
    /// Algorithm and lifetime are those of `[pki]` in the inventory. Those of a cluster that exists are taken over by `harden
    /// pki import` instead. Run again it makes what is missing, or says that there is nothing to do.
    Init,
    /// Take over those of a cluster that exists; changes no node
    ///
    /// Certificates and private keys are read from a node into memory and sealed in the store. Each pair must belong together,
    /// each CA must be one and valid, and the store must have no other one of its name; otherwise nothing is sealed. A CA of
    /// etcd that is not there is looked for on the nodes with the role etcd.
    Import(Import),
    /// Show what the store has; it needs neither passphrase nor key file
    Show,
}

/// Where the CAs are.
#[derive(Debug, Clone, Args)]
pub struct Import {
    /// The node that has them in /etc/kubernetes/pki; otherwise the first control-plane node
    #[arg(long, value_name = "NODE", conflicts_with = "from")]
    pub node: Option<String>,
    /// A folder of this machine that is laid out like /etc/kubernetes/pki; no node is contacted
    #[arg(long, value_name = "FOLDER")]
    pub from: Option<PathBuf>,
}

/// Makes, takes over, or shows.
pub fn run(arguments: &Pki, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let mut inventory = load_inventory(global, output)?;
    override_ssh(&mut inventory, global);
    let site = Site::open(inventory, global, output)?;
    match &arguments.action {
        Action::Init => site.init(),
        Action::Import(import) => site.import(import),
        Action::Show => site.show(),
    }
}

/// A store and what goes with it.
struct Site<'a> {
    inventory: Inventory,
    folder: PathBuf,
    store: Store,
    global: &'a Global,
    output: &'a Output,
}

impl<'a> Site<'a> {
    fn open(inventory: Inventory, global: &'a Global, output: &'a Output) -> Result<Self, Error> {
        let folder = inventory.directory().join(store::FOLDER);
        let store = Store::open(&folder).map_err(Error::hinted)?;
        Ok(Self { inventory, folder, store, global, output })
    }

    fn init(self) -> Result<ExitCode, Error> {
        self.store.refuse_unsealed_pki().map_err(Error::hinted)?;
        if store::pki::NAMES.iter().all(|name| self.store.entries().contains_key(*name)) {
            return self.tell(&[], "Nothing to do: they are all there.\n");
        }
        let source = keys::store_key(&self.store, self.output)?;
        let mut unlocked = self.reopen()?.unlock(&source).map_err(Error::hinted)?;
        let now = now();
        let new = trust::missing(unlocked.store(), &self.inventory.pki, now).map_err(Error::hinted)?;
        self.seal(&mut unlocked, &new, now)?;
        self.sealed(unlocked, &new, "made")
    }

    fn import(self, import: &Import) -> Result<ExitCode, Error> {
        self.store.refuse_unsealed_pki().map_err(Error::hinted)?;
        let found = sources::find(import, &self.inventory, self.global, self.output)?;
        let now = now();
        let new = trust::take_over(found, &self.store, now).map_err(Error::hinted)?;
        if new.is_empty() {
            return self.tell(&[], "Nothing to do: the store has just these.\n");
        }
        let source = keys::store_key(&self.store, self.output)?;
        let mut unlocked = self.reopen()?.unlock(&source).map_err(Error::hinted)?;
        self.seal(&mut unlocked, &new, now)?;
        self.sealed(unlocked, &new, "taken over")
    }

    fn show(self) -> Result<ExitCode, Error> {
        let closing = match () {
            () if self.store.entries().keys().any(|name| store::pki::NAMES.contains(&name.as_str())) => "",
            () => {
                "`harden pki init` makes those of a new cluster, `harden pki import` takes over those of one that exists.\n"
            }
        };
        self.print(&self.store, &[], closing)?;
        // Half a set is shown, and is an error all the same.
        self.store.pki().map_err(Error::hinted)?;
        Ok(ExitCode::Success)
    }

    fn reopen(&self) -> Result<Store, Error> {
        Store::open(&self.folder).map_err(Error::hinted)
    }

    fn seal(&self, unlocked: &mut Unlocked, new: &[NewSecret], now: i64) -> Result<(), Error> {
        let mut seal = || -> Result<(), StoreError> {
            for secret in new {
                if let Some(path) = unlocked.set_aside(&secret.name)? {
                    let left = format!(
                        "a run that was cut off left a file for {} that nothing uses: it is {} now\n",
                        secret.name,
                        path.display()
                    );
                    self.output.message(&left);
                }
            }
            unlocked.create_all(new, now)
        };
        seal().map_err(Error::hinted)
    }

    fn sealed(&self, unlocked: Unlocked, new: &[NewSecret], how: &str) -> Result<ExitCode, Error> {
        let names: Vec<String> = new.iter().map(|secret| secret.name.clone()).collect();
        let closing = format!(
            "{} {how} and sealed in {}. Keep that folder in version control and what opens it elsewhere: whoever loses \
             the passphrase or key file loses them.\n",
            count(names.len(), "private key"),
            self.folder.display()
        );
        // As another process may have left it.
        self.print(unlocked.store(), &names, &closing)?;
        drop(unlocked);
        Ok(ExitCode::Success)
    }

    fn tell(&self, new: &[String], closing: &str) -> Result<ExitCode, Error> {
        self.print(&self.store, new, closing)?;
        Ok(ExitCode::Success)
    }

    fn print(&self, store: &Store, new: &[String], closing: &str) -> Result<(), Error> {
        let cluster = &self.inventory.cluster.name;
        let listing = Listing::of(store, &self.folder, cluster, new).map_err(Error::hinted)?;
        let text = match self.global.output {
            Format::Text => {
                let table = ui::pki::listing(&listing, self.output.view(self.global.verbose > 0));
                if closing.is_empty() { table } else { format!("{table}\n{closing}") }
            }
            Format::Json => ui::pki::listing_json(&listing)?,
        };
        self.output.result(&text)?;
        Ok(())
    }
}
