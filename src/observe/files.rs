//! From the reply to the state of every path. The sections `stat`, `missing`, `sums`, `sent`, `content` and `masked`
//! each say one thing of the files; here they are put together.

use super::ObserveError;
use super::lines::Lines;
use super::probe::LARGEST_FILE;
use super::public::{Public, public};
use super::users::TreeNames;
use super::wish::{Wish, Wishes, sha256};
use crate::remote::Reply;
use crate::resource::{FileKind, FileState, Mode, NodePath, ObservedContent, PresentFile};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The reason given for a file that was written while it was read.
pub(super) const TORN: &str = "it changed while it was being read";
pub(super) const UNREADABLE: &str = "its content cannot be read";

/// What the reply says of files.
pub(super) struct Files<'a> {
    /// Every path that was asked for or matched a pattern.
    pub(super) states: BTreeMap<NodePath, FileState>,
    /// The content of those that were sent and are whole.
    pub(super) bytes: BTreeMap<NodePath, &'a [u8]>,
    /// What is public of those with a private key in them.
    pub(super) public: BTreeMap<NodePath, Public>,
    /// Whether a file was written while it was read: asking again gives a better answer.
    pub(super) torn: bool,
    /// The user id that the probe ran with.
    pub(super) user: u32,
    /// Seconds since 1970 on the node's clock.
    pub(super) clock: i64,
}

/// One line of `stat`.
pub(super) struct Stat<'a> {
    /// Type and permission bits, as in `st_mode`.
    pub(super) mode: u32,
    /// The number of the owner.
    pub(super) user: u32,
    group: &'a str,
    /// When it was last written, seconds since 1970.
    pub(super) modified: i64,
    /// In bytes.
    pub(super) size: u64,
    owner_name: &'a str,
    group_name: &'a str,
}

/// A text with secrets, as it left the node.
pub(super) enum Masked {
    /// With each secret replaced by its digest.
    Text(String),
    /// Not at all, since its secrets could not be told from the rest.
    Withheld,
}

/// Everything said of files, by path and not yet put together.
struct Said<'a> {
    stats: BTreeMap<NodePath, Stat<'a>>,
    missing: BTreeMap<NodePath, Option<String>>,
    sums: BTreeMap<NodePath, String>,
    bytes: BTreeMap<NodePath, Option<&'a [u8]>>,
    masked: BTreeMap<NodePath, Masked>,
    names: &'a TreeNames,
}

impl<'a> Files<'a> {
    /// Reads the sections on files; `root` is the value of `$R`.
    pub(super) fn parse(
        reply: &'a Reply,
        wishes: &Wishes,
        root: &str,
        names: &'a TreeNames,
    ) -> Result<Self, ObserveError> {
        let (process, stats) = stats(reply, root)?;
        let sums = sums(reply, root)?;
        let said = Said {
            missing: missing(reply, root)?,
            bytes: contents(reply, root, &stats, &sums)?,
            masked: masked(reply, root)?,
            stats,
            sums,
            names,
        };
        let mut files = Self {
            states: BTreeMap::new(),
            bytes: BTreeMap::new(),
            public: if wishes.has_public() { public(reply, root)? } else { BTreeMap::new() },
            torn: false,
            user: process.user,
            clock: process.modified,
        };
        for (path, wish) in &wishes.files {
            let found = said.state(path, wish);
            files.torn |= found == FileState::Unknown(TORN.to_owned());
            files.states.insert(path.clone(), found);
        }
        for path in said.stats.keys().filter(|path| !wishes.files.contains_key(path)) {
            files.states.insert(path.clone(), said.state(path, &Wish::Stat));
        }
        files.bytes = said.bytes.into_iter().filter_map(|(path, bytes)| Some((path, bytes?))).collect();
        Ok(files)
    }
}

impl Said<'_> {
    fn state(&self, path: &NodePath, wish: &Wish) -> FileState {
        let Some(stat) = self.stats.get(path) else {
            return match self.missing.get(path) {
                Some(Some(reason)) => match reason.as_str() {
                    "No such file or directory" | "Not a directory" => FileState::Absent,
                    _ => FileState::Unknown(reason.clone()),
                },
                Some(None) | None => FileState::Unknown(TORN.to_owned()),
            };
        };
        let kind = stat.kind();
        let sum = self.sums.get(path);
        let content = match (kind, wish) {
            (FileKind::File, _) if stat.size > LARGEST_FILE => match wish {
                Wish::Stat | Wish::Certificate | Wish::Public(_) => ObservedContent::NotRead,
                _ => ObservedContent::Opaque,
            },
            (FileKind::File, Wish::Stat) => ObservedContent::NotRead,
            (FileKind::File, _) => {
                let Some(sum) = sum else { return FileState::Unknown(UNREADABLE.to_owned()) };
                match self.content(path, wish, sum) {
                    Ok(content) => content,
                    Err(reason) => return FileState::Unknown(reason.to_owned()),
                }
            }
            _ => ObservedContent::NotRead,
        };
        FileState::Present(PresentFile {
            kind,
            mode: Mode(stat.mode & 0o7777),
            owner: self.names.user(stat.user, stat.owner()),
            group: self.names.group(stat.group, stat.group()),
            sha256: sum.cloned().unwrap_or_default(),
            modified: stat.modified,
            content,
        })
    }

    /// The content of a regular file that has a digest.
    fn content(&self, path: &NodePath, wish: &Wish, sum: &str) -> Result<ObservedContent, &'static str> {
        if let Wish::Masked { .. } = wish {
            return match self.masked.get(path) {
                Some(Masked::Text(text)) => Ok(ObservedContent::Text(text.clone())),
                Some(Masked::Withheld) => Ok(ObservedContent::Opaque),
                None => Err(UNREADABLE),
            };
        }
        match (self.bytes.get(path), wish) {
            (Some(None), _) => Err(TORN),
            (_, Wish::Certificate | Wish::Public(_)) => Ok(ObservedContent::NotRead),
            // A probe that is installed on the node does not know what is expected, and sends it all the same.
            (_, Wish::Content { expected: Some(expected) }) if expected == sum => {
                Ok(ObservedContent::AsExpected)
            }
            (Some(Some(bytes)), _) => Ok(match std::str::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => ObservedContent::Text(text.to_owned()),
                _ => ObservedContent::Opaque,
            }),
            (None, _) => Ok(ObservedContent::Opaque),
        }
    }
}

impl Stat<'_> {
    /// The owner's name, or number where it has none.
    pub(super) fn owner(&self) -> String {
        name_or_number(self.owner_name, &self.user.to_string())
    }

    /// The group's name, or number where it has none.
    pub(super) fn group(&self) -> String {
        name_or_number(self.group_name, self.group)
    }

    /// What it is.
    pub(super) fn kind(&self) -> FileKind {
        match self.mode & 0o170_000 {
            0o100_000 => FileKind::File,
            0o040_000 => FileKind::Directory,
            0o120_000 => FileKind::Symlink,
            _ => FileKind::Other,
        }
    }
}

/// stat prints `UNKNOWN` for a number that has no name.
fn name_or_number(name: &str, number: &str) -> String {
    if matches!(name, "" | "UNKNOWN") { number.to_owned() } else { name.to_owned() }
}

/// A name as the node says it, below the root; `None` for names that harden has no word for.
pub(super) fn below(root: &str, name: &str) -> Option<NodePath> {
    name.strip_prefix(root)?.parse().ok()
}

/// The line on the process that looked, and the lines on what it looked at.
pub(super) fn stats<'a>(
    reply: &'a Reply,
    root: &str,
) -> Result<(Stat<'a>, BTreeMap<NodePath, Stat<'a>>), ObserveError> {
    const EXPECTED: &str = "MODE:UID:GID:MTIME:SIZE:OWNER:GROUP:PATH";
    let lines = Lines::of(reply, "stat")?;
    let mut process = None;
    let mut stats = BTreeMap::new();
    for (number, line) in lines.numbered() {
        let (stat, name) = stat_line(line).ok_or_else(|| lines.malformed(number, EXPECTED, line))?;
        if number == 1 {
            process = Some(stat);
        } else if let Some(path) = below(root, name) {
            stats.insert(path, stat);
        }
    }
    let process = process.ok_or_else(|| lines.malformed(1, EXPECTED, ""))?;
    Ok((process, stats))
}

fn stat_line(line: &str) -> Option<(Stat<'_>, &str)> {
    let mut parts = line.splitn(8, ':');
    let stat = Stat {
        mode: u32::from_str_radix(parts.next()?, 16).ok()?,
        user: parts.next()?.parse().ok()?,
        group: parts.next()?,
        modified: parts.next()?.parse().ok()?,
        size: parts.next()?.parse().ok()?,
        owner_name: parts.next()?,
        group_name: parts.next()?,
    };
    Some((stat, parts.next()?))
}

/// For every path that is not there, what stat says of it. The reasons come in the order of the paths: a name inside a
/// reason is quoted differently by every stat. When they do not pair up, something appeared meanwhile.
fn missing(reply: &Reply, root: &str) -> Result<BTreeMap<NodePath, Option<String>>, ObserveError> {
    let lines = Lines::of(reply, "missing")?;
    let mut names = Vec::new();
    let mut reasons = Vec::new();
    for (number, line) in lines.numbered() {
        match line.strip_prefix('=') {
            Some(name) if reasons.is_empty() => names.push(name),
            Some(_) => return Err(lines.malformed(number, "a reason", line)),
            None => reasons.push(line.rsplit(": ").next().unwrap_or(line)),
        }
    }
    let paired = names.len() == reasons.len();
    let reason = |index: usize| reasons.get(index).filter(|_| paired).map(|reason| (*reason).to_owned());
    Ok(names
        .into_iter()
        .enumerate()
        .filter_map(|(index, name)| Some((below(root, name)?, reason(index))))
        .collect())
}

/// The digests of the files that have one.
pub(super) fn sums(reply: &Reply, root: &str) -> Result<BTreeMap<NodePath, String>, ObserveError> {
    let lines = Lines::of(reply, "sums")?;
    let mut sums = BTreeMap::new();
    for (number, line) in lines.numbered() {
        let malformed = || lines.malformed(number, "DIGEST  PATH", line);
        // GNU sha256sum marks a line in which it has escaped the name.
        let (escaped, rest) = match line.strip_prefix('\\') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let (digest, name) = rest.split_once("  ").ok_or_else(malformed)?;
        if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(malformed());
        }
        let name = if escaped { name.replace("\\\\", "\\") } else { name.to_owned() };
        if let Some(path) = below(root, &name) {
            sums.insert(path, digest.to_owned());
        }
    }
    Ok(sums)
}

/// The content of every file that was sent; `None` for one whose bytes are not those of its digest.
pub(super) fn contents<'a>(
    reply: &'a Reply,
    root: &str,
    stats: &BTreeMap<NodePath, Stat<'_>>,
    sums: &BTreeMap<NodePath, String>,
) -> Result<BTreeMap<NodePath, Option<&'a [u8]>>, ObserveError> {
    let lines = Lines::of(reply, "sent")?;
    let mut rest = Lines::of(reply, "content")?.bytes();
    let mut contents = BTreeMap::new();
    for (number, line) in lines.numbered() {
        let path = line.strip_prefix('=').and_then(|name| below(root, name));
        let path = path.ok_or_else(|| lines.malformed(number, "=PATH", line))?;
        let size = stats.get(&path).and_then(|stat| usize::try_from(stat.size).ok()).unwrap_or(0);
        let (bytes, after) = rest.split_at(size.min(rest.len()));
        rest = after;
        let whole = sums.get(&path).is_some_and(|sum| *sum == sha256(bytes));
        contents.insert(path, whole.then_some(bytes));
    }
    Ok(contents)
}

/// The files with secrets.
pub(super) fn masked(reply: &Reply, root: &str) -> Result<BTreeMap<NodePath, Masked>, ObserveError> {
    let lines = Lines::of(reply, "masked")?;
    let mut masked = BTreeMap::new();
    let mut open: Option<(NodePath, Masked)> = None;
    for (number, line) in lines.lossy() {
        if let Some(name) = line.strip_prefix("file ") {
            let path = below(root, name).ok_or_else(|| lines.malformed(number, "file PATH", &line))?;
            masked.extend(open.replace((path, Masked::Text(String::new()))));
            continue;
        }
        match (&mut open, line) {
            (Some((_, state)), Cow::Owned(_) | Cow::Borrowed("withheld")) => *state = Masked::Withheld,
            (Some((_, Masked::Withheld)), _) => {}
            (Some((_, Masked::Text(text))), Cow::Borrowed("open")) => {
                text.pop();
            }
            (Some((_, Masked::Text(text))), Cow::Borrowed(line)) if line.starts_with('>') => {
                text.push_str(&line[1..]);
                text.push('\n');
            }
            (_, line) => return Err(lines.malformed(number, "a file, a line of it or its end", &line)),
        }
    }
    masked.extend(open);
    Ok(masked)
}
