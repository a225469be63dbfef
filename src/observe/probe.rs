//! The script that reads a node. It writes nothing, and starts a constant number of programs however many files there
//! are: on a fleet the processes cost more than the reading.
//!
//! The shell's parts stand in files of their own beside this one, in the order in which [`probe`] joins them. They run
//! under any POSIX sh with coreutils or busybox.

use super::wish::{Mixed, Wish, Wishes};
use crate::remote::{Probe, Script, quote, rooted};
use crate::resource::Desired;
use std::fmt::Write as _;

/// Larger files are not hashed and not read: no configuration is, and a log must not be.
pub(super) const LARGEST_FILE: u64 = 4 * 1024 * 1024;

/// Properties asked of every unit.
const UNIT_PROPERTIES: &str = "Id,LoadState,ActiveState,UnitFileState";

/// The one script that reads everything of a node that `desired` speaks of.
///
/// Private keys are only looked at from outside (owner, mode, digest); files with secrets are sent with each secret
/// replaced by its digest, and of those with a private key in
/// them just what is public.
pub fn probe(desired: &Desired) -> Probe {
    let wishes = Wishes::of(desired);
    let script = Script::new("read state")
        .section("facts", include_str!("facts.sh"))
        .section("patterns", patterns(&wishes))
        .section(Probe::KNOWN, known(&wishes))
        .section("missing", format!("{}{}", wish_list(&wishes), include_str!("missing.sh")))
        .section("stat", include_str!("stat.sh"))
        .section("sums", include_str!("sums.sh"))
        .section("sent", include_str!("sent.sh"))
        .section("content", include_str!("content.sh"))
        .section("masked", masked(&wishes))
        .section("units", units(&wishes))
        .section("sysctls", sysctls(&wishes))
        .section("users", users(&wishes));
    let script = if wishes.has_public() { script.section("public", public(&wishes)) } else { script };
    let script = if wishes.running.is_empty() { script } else { script.section("running", running(&wishes)) };
    let script = if wishes.trees.is_empty() { script } else { script.section("trees", trees(&wishes)) };
    Probe::that_only_reads(script)
}

fn patterns(wishes: &Wishes) -> String {
    let mut text = String::from(include_str!("patterns.sh"));
    for (index, pattern) in wishes.patterns.iter().enumerate() {
        let _ = writeln!(text, "harden_pattern {index} {}", glob(pattern));
    }
    text.push_str("printf %s \"$harden_patterns\"\n");
    text
}

/// The pattern below `$R` with everything quoted but its `*` and `?`.
pub(super) fn glob(pattern: &str) -> String {
    let mut text = String::from("\"$R\"");
    for part in pattern.split_inclusive(['*', '?']) {
        let (literal, wildcard) = match part.strip_suffix(['*', '?']) {
            Some(literal) => (literal, &part[literal.len()..]),
            None => (part, ""),
        };
        if !literal.is_empty() {
            text.push_str(&quote(literal));
        }
        text.push_str(wildcard);
    }
    text
}

/// The digests of contents that need not come back, each under the number that its path has in the list of wishes.
fn known(wishes: &Wishes) -> String {
    let mut text = String::new();
    for (index, wish) in wishes.files.values().enumerate() {
        if let Wish::Content { expected: Some(digest) } = wish {
            let _ = writeln!(text, "harden_known_{index}={digest}");
        }
    }
    text
}

fn wish_list(wishes: &Wishes) -> String {
    let mut text = format!("harden_limit={LARGEST_FILE}\nharden_wishes=");
    for (index, (path, wish)) in wishes.files.iter().enumerate() {
        let known = format!("'\"${{harden_known_{index}:-send}}\"'");
        let word = match wish {
            Wish::Stat => "stat",
            Wish::Content { .. } => &known,
            Wish::Certificate => "send",
            Wish::Masked { .. } => "mask",
            Wish::Public(_) => "public",
        };
        let _ = write!(text, "{}'\n{word}\n'", rooted(path.as_str()));
    }
    text.push('\n');
    text
}

fn masked(wishes: &Wishes) -> String {
    let is_masked = |wish: &Wish| matches!(wish, Wish::Masked { .. });
    if !wishes.files.values().any(is_masked) {
        return String::from(":\n");
    }
    let mut text = String::from(include_str!("mask.sh"));
    text.push_str("for harden_path in $harden_hide; do\n  case $harden_path in\n");
    for (path, wish) in &wishes.files {
        if let Wish::Masked { keys } = wish {
            let keys: Vec<String> = keys.iter().map(|key| quote(key)).collect();
            let _ = writeln!(
                text,
                "    {}) harden_mask \"$harden_path\" {} ;;",
                rooted(path.as_str()),
                keys.join(" ")
            );
        }
    }
    text.push_str("  esac\ndone\n:\n");
    text
}

fn public(wishes: &Wishes) -> String {
    let mut text = String::from(include_str!("public.sh"));
    text.push_str("for harden_path in $harden_public; do\n  case $harden_path in\n");
    for (path, wish) in &wishes.files {
        let Wish::Public(mixed) = wish else { continue };
        let function = match mixed {
            Mixed::OneFile => "harden_one_file",
            Mixed::Kubeconfig => "harden_kubeconfig",
        };
        let _ = writeln!(text, "    {}) {function} \"$harden_path\" ;;", rooted(path.as_str()));
    }
    text.push_str("  esac\ndone\n:\n");
    text
}

fn units(wishes: &Wishes) -> String {
    if wishes.units.is_empty() {
        return String::from(":\n");
    }
    let names: Vec<String> = wishes.units.iter().map(|unit| quote(unit)).collect();
    format!(
        "[ \"$harden_systemd\" = 0 ] || systemctl show -p {UNIT_PROPERTIES} -- {} </dev/null 2>/dev/null\n:\n",
        names.join(" ")
    )
}

fn running(wishes: &Wishes) -> String {
    let names = lines(wishes.running.iter().map(String::as_str));
    format!("harden_running={names}\n{}", include_str!("running.sh"))
}

/// A list for the shell, one a line.
pub(super) fn lines<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.fold(String::new(), |mut list, text| {
        // Writing to a string cannot fail.
        let _ = write!(list, "{}'\n'", quote(text));
        list
    })
}

fn sysctls(wishes: &Wishes) -> String {
    let mut text = String::from("harden_sysctls=\n[ -n \"$R\" ] || harden_sysctls=");
    for path in wishes.sysctls.values() {
        let _ = write!(text, "{}'\n'", quote(path));
    }
    text.push('\n');
    text.push_str(include_str!("sysctls.sh"));
    text
}

fn users(wishes: &Wishes) -> String {
    if wishes.users.is_empty() {
        return String::from(":\n");
    }
    let names: Vec<String> = wishes.users.iter().map(|name| quote(name)).collect();
    format!("{}harden_users {}\n:\n", include_str!("users.sh"), names.join(" "))
}

/// After [`users`], whose functions it calls: whoever wants a tree wants its user.
fn trees(wishes: &Wishes) -> String {
    let mut text = String::from(include_str!("trees.sh"));
    for (index, (path, user)) in wishes.trees.iter().enumerate() {
        let _ = writeln!(text, "harden_tree {index} {} {}", rooted(path.as_str()), quote(user));
    }
    text.push_str(":\n");
    text
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn only_wildcards_stand_outside_quotes() {
        assert_eq!(glob("/etc/k 8s/*.key"), r#""$R"'/etc/k 8s/'*'.key'"#);
        assert_eq!(glob("/a/$(x)/b?"), r#""$R"'/a/$(x)/b'?"#);
        assert_eq!(glob("/it's/*"), r#""$R"'/it'\''s/'*"#);
    }
}
