//! The lab's hosts, as the cluster tests use them. `tests/run` starts those of the cluster suite and says where
//! they are in `HARDEN_LAB_INVENTORY`; a bootstrap begins with hosts of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The running lab.
pub(crate) struct Lab {
    inventory: PathBuf,
    names: Vec<String>,
    addresses: Vec<String>,
}

impl Lab {
    /// The lab that `tests/run` started.
    ///
    /// # Panics
    /// When there is none: a cluster test that cannot run has failed.
    pub(crate) fn from_env() -> Self {
        let inventory = std::env::var_os("HARDEN_LAB_INVENTORY")
            .map(PathBuf::from)
            .expect("HARDEN_LAB_INVENTORY is not set: cluster tests are run by tests/run");
        Self::of(inventory)
    }

    /// The hosts of an inventory.
    pub(crate) fn of(inventory: PathBuf) -> Self {
        let text = std::fs::read_to_string(&inventory).unwrap();
        let document: toml::Table = text.parse().unwrap();
        let of_nodes = |key: &str| {
            let nodes = document["nodes"].as_array().unwrap();
            nodes.iter().map(|node| node[key].as_str().unwrap().to_owned()).collect()
        };
        Self { inventory, names: of_nodes("name"), addresses: of_nodes("address") }
    }

    /// The inventory of the running hosts.
    pub(crate) fn inventory(&self) -> &Path {
        &self.inventory
    }

    /// The names of the running hosts, in the inventory's order.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The address of a host.
    ///
    /// # Panics
    /// When no such host runs.
    pub(crate) fn address(&self, name: &str) -> &str {
        let at = self.names.iter().position(|known| known == name).expect("no such host");
        &self.addresses[at]
    }

    /// Runs a shell command on a host, as root, and returns what it printed.
    ///
    /// # Panics
    /// When it fails, with what it said.
    pub(crate) fn output(&self, host: &str, command: &str) -> String {
        let output = self.ssh(host, command);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{host}: {command}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a shell command on a host: as root, or as the user of `user@name`.
    ///
    /// # Panics
    /// When no such host runs.
    pub(crate) fn ssh(&self, host: &str, command: &str) -> Output {
        let name = host.rsplit('@').next().unwrap_or(host);
        assert!(self.names.iter().any(|known| known == name), "the lab has no host {name}");
        Command::new(program())
            .args(["ssh", host, command])
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap()
    }

    /// Copies a file of this machine to a host, with its mode.
    ///
    /// # Panics
    /// When that fails.
    pub(crate) fn put(&self, host: &str, file: &Path, path: &str, mode: &str) {
        assert!(self.names.iter().any(|known| known == host), "the lab has no host {host}");
        let command = format!(
            "umask 077 && mkdir -p -m 755 \"$(dirname {path})\" && cat >{path} && chmod {mode} {path}"
        );
        let file = std::fs::File::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let status = Command::new(program()).args(["ssh", host, &command]).stdin(file).status().unwrap();
        assert!(status.success(), "{host}: {command}");
    }

    /// Runs kubectl as the cluster's administrator, on the first control plane, and returns its output.
    ///
    /// # Panics
    /// When it fails, with what it said.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        let quoted: Vec<_> = arguments.iter().map(|argument| harden::remote::quote(argument)).collect();
        let command = format!("kubectl --kubeconfig /etc/kubernetes/admin.conf {}", quoted.join(" "));
        let output = self.ssh(&self.names[0], &command);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {}: {errors}", arguments.join(" "));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn program() -> PathBuf {
    beside("lab")
}

fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab").join(name)
}

/// What the lab's own tool prints.
///
/// # Panics
/// When it fails, with what it said.
pub(crate) fn tool(arguments: &[&str]) -> String {
    run("lab", arguments)
}

/// What another tool of the lab prints.
///
/// # Panics
/// When it fails, with what it said.
pub(crate) fn run(name: &str, arguments: &[&str]) -> String {
    let output =
        Command::new(beside(name)).args(arguments).stdin(std::process::Stdio::null()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {}: {errors}", arguments.join(" "));
    String::from_utf8(output.stdout).unwrap()
}

/// The folder with the lab's state.
pub(crate) fn state() -> PathBuf {
    std::env::var_os("HARDEN_LAB").map_or_else(|| PathBuf::from("/var/tmp/harden-lab"), PathBuf::from)
}
