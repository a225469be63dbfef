//! The script that makes a node of a host. Pure: it builds text; the shell's parts stand in files of their own beside this one.

use crate::plan::{Join, JoinKind};
use crate::remote::Script;
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;

const FUNCTIONS: &str = include_str!("place.sh");
const RUN: &str = include_str!("run.sh");

/// The script that runs kubeadm on a host, and comes back when it has ended. `super_admin` is the kubeconfig with which the
/// cluster's first rules are made; it is taken away again.
pub(super) fn kubeadm(join: &Join, config: &str, super_admin: &Secret<String>) -> Script {
    let title = join.kind.title();
    let mut place = String::from("begin || exit 70\n");
    file(&mut place, "config.yaml", config.as_bytes());
    for (name, patch) in &join.patches {
        file(&mut place, &format!("patches/{name}"), patch.as_bytes());
    }
    let directories = join.directories.iter().fold(String::new(), |mut text, (path, owner)| {
        let _ = writeln!(text, "{owner} {path}");
        text
    });
    file(&mut place, "directories", directories.as_bytes());
    file(&mut place, "run.sh", RUN.as_bytes());
    if join.kind == JoinKind::Init {
        file(&mut place, "kubeconfig", super_admin.expose().as_bytes());
    }
    let verb = if join.kind == JoinKind::Init { "init" } else { "join" };
    Script::new(title)
        .section("wait", format!("{FUNCTIONS}\nawait\n"))
        .section("place", place)
        .section("run", format!("run {verb}\n"))
}

/// The script that waits until a kubeadm that an earlier run began has ended; it says `joined` where that end was a good one.
pub(super) fn awaited() -> Script {
    let body = format!("{FUNCTIONS}\nawait\n[ -e \"$R/var/lib/harden/joining\" ] || echo {JOINED}\n");
    Script::new("wait for an earlier attempt").section("wait", body)
}

/// What [`awaited`] says.
pub(super) const JOINED: &str = "joined";

/// Names and contents are ours; a patch's name is of kubeadm's grammar, and holds nothing that a shell would read.
fn file(text: &mut String, name: &str, content: &[u8]) {
    let _ = writeln!(
        text,
        "place {} <<'END_OF_FILE' || exit 70\n{}\nEND_OF_FILE",
        crate::remote::quote(name),
        STANDARD.encode(content)
    );
}
