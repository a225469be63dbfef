//! The program as its users run it, on a copy of `inventories/quickstart`: no host, no network but loopback, nothing
//! shared between two tests.

mod accept;
mod apply;
mod check;
mod doctor;
mod etcd_user;
mod host;
mod kubeconfig;
mod left_behind;
mod managed;
mod mistakes;
mod parts;
mod pki;
mod plan;
mod preflight;
mod reading;
mod remove;
mod rollback;
mod saved;
mod secrets;
mod serving;
mod status;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The key that opens the store in all these tests.
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// An inventory with the file trees of its nodes, and beside it a key file.
pub(crate) struct Site {
    home: TempDir,
}

/// What came of one run of the program.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Site {
    pub(crate) fn new() -> Self {
        let site = Self { home: TempDir::new().unwrap() };
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("inventories");
        fs::create_dir(site.path("")).unwrap();
        fs::copy(from.join("quickstart.toml"), site.inventory()).unwrap();
        copy(&from.join("quickstart"), &site.path("quickstart"));
        fs::write(site.key(), KEY).unwrap();
        site
    }

    /// A path below the inventory's folder.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.home.path().join("site").join(below)
    }

    /// A path beside the inventory's folder, where nothing of harden's belongs.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn inventory(&self) -> PathBuf {
        self.path("quickstart.toml")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.outside("key")
    }

    /// A file of a node, `cp-1/etc/hostname`.
    pub(crate) fn node(&self, below: &str) -> PathBuf {
        self.path("quickstart").join(below)
    }

    pub(crate) fn read(&self, below: &str) -> String {
        fs::read_to_string(self.node(below)).unwrap()
    }

    /// Replaces a part of a file of a node, as somebody with an editor would.
    pub(crate) fn replace(&self, below: &str, from: &str, to: &str) {
        let text = self.read(below);
        assert!(text.contains(from), "{below} has no {from}");
        fs::write(self.node(below), text.replace(from, to)).unwrap();
    }

    /// Appends to the inventory.
    pub(crate) fn declare(&self, toml: &str) {
        let text = fs::read_to_string(self.inventory()).unwrap();
        fs::write(self.inventory(), format!("{text}\n{toml}\n")).unwrap();
    }

    /// Writes a template beside the inventory.
    pub(crate) fn template(&self, name: &str, text: &str) {
        let path = self.path("templates").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The program with the inventory and the key, and nothing else of the tests' own environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_harden"));
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", self.home.path());
        command.env("HARDEN_INVENTORY", self.inventory()).env("HARDEN_KEY_FILE", self.key()).args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ran(&mut self.command(arguments))
    }

    /// Applies, which has to succeed.
    pub(crate) fn applied(self) -> Self {
        self.applied_with(&[])
    }

    /// [`Self::applied`] with further options.
    pub(crate) fn applied_with(self, options: &[&str]) -> Self {
        let ran = self.run(&[&["apply", "--yes"][..], options].concat());
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        self
    }

    /// Everything below the inventory's folder.
    pub(crate) fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        record(&self.path(""), &mut tree);
        tree
    }
}

pub(crate) fn ran(command: &mut assert_cmd::Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Ran {
    /// The last line of the result.
    pub(crate) fn last(&self) -> &str {
        self.stdout.lines().last().unwrap_or_default()
    }
}

/// By path: mode, owner, time of the last change in nanoseconds, and content or target.
pub(crate) type Tree = BTreeMap<PathBuf, (u32, u32, i128, Vec<u8>)>;

fn record(path: &Path, tree: &mut Tree) {
    let metadata = fs::symlink_metadata(path).unwrap();
    let content = match metadata.file_type() {
        kind if kind.is_symlink() => fs::read_link(path).unwrap().into_os_string().into_encoded_bytes(),
        kind if kind.is_file() => fs::read(path).unwrap(),
        _ => Vec::new(),
    };
    let time = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    tree.insert(path.to_owned(), (metadata.mode(), metadata.uid(), time, content));
    if metadata.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            record(&entry.unwrap().path(), tree);
        }
    }
}

/// The paths that are not the same in both.
pub(crate) fn differing(before: &Tree, after: &Tree) -> Vec<PathBuf> {
    let all = before.keys().chain(after.keys().filter(|path| !before.contains_key(*path)));
    all.filter(|path| before.get(*path) != after.get(*path)).cloned().collect()
}

/// Copies a folder, with the modes that kubeadm would have given: those of a checkout depend on the umask.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o755)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path()).unwrap(), target).unwrap();
        } else if kind.is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).unwrap();
        }
    }
}
