//! The fleet: N sshd on this machine with one key for all, the files that harden manages there, and the inventories.

use super::sshd::{Options, Sshd, keygen};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Managed files per node.
pub(super) const FILES: usize = 20;

/// Whether the nodes are as the inventory wants them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    InSync,
    Differing,
}

/// The fleet; it ends with the value.
pub(super) struct Hosts {
    folder: tempfile::TempDir,
    servers: Vec<Sshd>,
}

impl Hosts {
    pub(super) fn start(nodes: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        keygen(&folder.path().join("identity"), &["-t", "ed25519", "-N", ""]);
        let keys = folder.path().join("identity.pub");
        // The first of two lines counts for `AuthorizedKeysFile`, and both for `ListenAddress`. Without a home the shells
        // have no start files: what somebody's .bashrc does here is not to be measured.
        let server = |at| {
            let keys = keys.display();
            let config =
                format!("AuthorizedKeysFile {keys}\nListenAddress {}\nSetEnv HOME=/nonexistent", address(at));
            Sshd::with(&Options { config: vec![config], ..Options::default() })
        };
        let hosts = Self { servers: (0..nodes).map(server).collect(), folder };
        hosts.write_files();
        hosts.write_inventory(State::InSync);
        hosts.write_inventory(State::Differing);
        hosts
    }

    /// Address and port of each.
    pub(super) fn addresses(&self) -> impl ExactSizeIterator<Item = (String, u16)> {
        self.servers.iter().enumerate().map(|(at, server)| (address(at), server.port))
    }

    /// The private key that all let in.
    pub(super) fn identity(&self) -> PathBuf {
        self.folder.path().join("identity")
    }

    /// The inventory by which the fleet is in that state.
    pub(super) fn inventory(&self, state: State) -> PathBuf {
        self.folder.path().join(format!("{state:?}")).join("harden.toml")
    }

    fn file(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("node/etc/file-{number}.conf"))
    }

    /// All nodes are this machine, and so share the files.
    fn write_files(&self) {
        fs::create_dir_all(self.folder.path().join("node/etc")).unwrap();
        for number in 0..FILES {
            write(&self.file(number), &content(number, State::InSync));
        }
    }

    fn write_inventory(&self, state: State) {
        let inventory = self.inventory(state);
        let folder = inventory.parent().unwrap();
        fs::create_dir_all(folder.join("templates")).unwrap();
        // An inventory has a control plane; this one is an empty directory and has none of the files.
        fs::create_dir_all(folder.join("control-plane")).unwrap();
        let mut text = format!(
            "[cluster]\nname = \"fleet\"\nkubernetes = \"1.35\"\nprofile = \"bare\"\n\n\
             [ssh]\nuser = \"root\"\nidentity-file = \"{}\"\nknown-hosts = [\"{}\"]\n\n\
             [[nodes]]\nname = \"cp-1\"\naddress = \"127.0.0.1\"\nroles = [\"control-plane\", \"etcd\"]\n\
             connection = \"local\"\nroot = \"control-plane\"\n",
            self.identity().display(),
            folder.join("known_hosts").display()
        );
        let mut known_hosts = String::new();
        for (at, ((address, port), server)) in self.addresses().zip(&self.servers).enumerate() {
            write!(
                text,
                "\n[[nodes]]\nname = \"w-{at}\"\naddress = \"{address}\"\nroles = [\"worker\"]\nssh.port = {port}\n"
            )
            .unwrap();
            let key = fs::read_to_string(server.folder().join("host_ed25519.pub")).unwrap();
            write!(known_hosts, "[{address}]:{port} {key}").unwrap();
        }
        fs::write(&inventory, text).unwrap();
        fs::write(folder.join("known_hosts"), known_hosts).unwrap();
        for number in 0..FILES {
            let template = format!(
                "+++\nkind = \"file\"\npath = \"{}\"\nmode = \"0644\"\nroles = [\"worker\"]\n+++\n{}",
                self.file(number).display(),
                content(number, state)
            );
            fs::write(folder.join(format!("templates/file-{number}.tera")), template).unwrap();
        }
    }
}

/// Linux answers for all of 127.0.0.0/8.
fn address(at: usize) -> String {
    format!("127.77.{}.{}", at / 250, at % 250 + 1)
}

/// A kilobyte, of which one line differs.
pub(super) fn content(number: usize, state: State) -> String {
    let mut text = format!("# file {number}\n");
    for line in 0..40 {
        writeln!(text, "setting-{line} = \"{number} {line}\"").unwrap();
    }
    match state {
        State::InSync => text,
        State::Differing => text.replace("setting-20 =", "setting-20 = \"changed\" #"),
    }
}

pub(super) fn write(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}
