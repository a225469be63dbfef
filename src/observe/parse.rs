//! From the reply of the probe to [`Observed`]: a pure function on bytes that come from a machine which may be broken
//! or hostile. It never panics, and what it cannot read it names.

use super::ObserveError;
use super::files::{Files, below};
use super::lines::Lines;
use super::running::running;
use super::users::{TreeNames, users};
use super::wish::{CertificateWish, KeyPlace, Mixed, STATE_FILE, Wishes};
use crate::plan::certificates as certificates_in;
use crate::remote::Reply;
use crate::resource::{
    Applied, CertificateFacts, CertificateState, Desired, Facts, FileKind, FileState, KubeconfigFacts, Made,
    NodePath, Observed, UnitState,
};
use std::collections::{BTreeMap, BTreeSet};

/// Reads a certificate, PEM, and checks it against that of its issuer, PEM, where there is one. The error is the
/// reason in words.
pub type ReadCertificate<'a> = dyn Fn(&[u8], Option<&[u8]>) -> Result<CertificateFacts, String> + Sync + 'a;

/// Kernel parameters by name, and those that cannot be set.
type Sysctls = (BTreeMap<String, Option<String>>, BTreeSet<String>);

/// What the probe of `desired` found.
pub fn parse(
    reply: &Reply,
    desired: &Desired,
    read_certificate: &ReadCertificate<'_>,
) -> Result<Observed, ObserveError> {
    parse_reply(reply, desired, read_certificate).map(|(observed, _)| observed)
}

/// What the probe found, and whether a file was written while it was read.
pub(super) fn parse_reply(
    reply: &Reply,
    desired: &Desired,
    read_certificate: &ReadCertificate<'_>,
) -> Result<(Observed, bool), ObserveError> {
    succeeded(reply)?;
    let wishes = Wishes::of(desired);
    let (mut facts, root) = facts(reply)?;
    let users = users(reply, &wishes)?;
    let names = if facts.live { TreeNames::default() } else { TreeNames::of(&users) };
    let mut files = Files::parse(reply, &wishes, &root, &names)?;
    facts.owners = files.user == 0;
    facts.clock = files.clock;
    let patterns = patterns(reply, &wishes, &root, &files.states)?;
    let certificates = wishes
        .certificates
        .iter()
        .map(|wish| (wish.path.clone(), certificate(wish, &files, read_certificate)))
        .collect();
    let kubeconfigs = wishes.certificates.iter().filter_map(|wish| kubeconfig(wish, &files)).collect();
    let authorities = wishes.certificates.iter().filter_map(|CertificateWish { issuer_path, .. }| {
        files.bytes.get(issuer_path).map(|bytes| (issuer_path.clone(), certificates_in(bytes)))
    });
    let authorities = authorities.collect();
    let applied = applied(&wishes, &mut files)?;
    let (sysctls, fixed_sysctls) = sysctls(reply, &wishes)?;
    let strays = strays(reply, &wishes, &root)?;
    let observed = Observed {
        units: units(reply, &wishes)?,
        running: if wishes.running.is_empty() { BTreeMap::new() } else { running(reply, facts.clock)? },
        sysctls,
        fixed_sysctls,
        users,
        strays,
        facts,
        patterns,
        certificates,
        kubeconfigs,
        authorities,
        applied,
        files: files.states,
    };
    Ok((observed, files.torn))
}

/// Whether the script ran to its end.
pub(super) fn succeeded(reply: &Reply) -> Result<(), ObserveError> {
    if reply.code == 0 {
        return Ok(());
    }
    let stderr = reply.stderr.lines().next_back().unwrap_or_default().to_owned();
    Err(ObserveError::Failed { code: reply.code, stderr })
}

/// What the node says of itself, and the value of `$R`.
pub(super) fn facts(reply: &Reply) -> Result<(Facts, String), ObserveError> {
    let lines = Lines::of(reply, "facts")?;
    let mut facts = Facts::default();
    let mut root = None;
    for (number, line) in lines.numbered() {
        let (name, value) =
            line.split_once(' ').ok_or_else(|| lines.malformed(number, "NAME VALUE", line))?;
        match name {
            "root" => root = Some(value.to_owned()),
            "live" => facts.live = value == "1",
            "systemd" => facts.systemd = value == "1",
            "hostname" => value.clone_into(&mut facts.hostname),
            "kubelet" => {
                facts.kubelet_version = value.strip_prefix("Kubernetes ").map(|text| text.trim().to_owned());
            }
            "made" => facts.made = made(value),
            _ => return Err(lines.malformed(number, "the name of a fact", line)),
        }
    }
    Ok((facts, root.ok_or_else(|| lines.malformed(1, "the fact `root`", ""))?))
}

fn made(words: &str) -> Made {
    let has = |word| words.split(' ').any(|other| other == word);
    Made { kubernetes: has("kubernetes"), etcd: has("etcd"), joining: has("joining") }
}

fn patterns(
    reply: &Reply,
    wishes: &Wishes,
    root: &str,
    states: &BTreeMap<NodePath, FileState>,
) -> Result<BTreeMap<String, Vec<NodePath>>, ObserveError> {
    let lines = Lines::of(reply, "patterns")?;
    let mut patterns: BTreeMap<String, Vec<NodePath>> = BTreeMap::new();
    for path in &wishes.plain {
        let present = matches!(states.get(path), Some(FileState::Present(_)));
        patterns.insert(path.to_string(), if present { vec![path.clone()] } else { Vec::new() });
    }
    let mut open: Option<&mut Vec<NodePath>> = None;
    for (number, line) in lines.numbered() {
        if let Some(index) = line.strip_prefix("pattern ") {
            let pattern = index.parse().ok().and_then(|index| wishes.patterns.iter().nth(index));
            let pattern = pattern.ok_or_else(|| lines.malformed(number, "pattern NUMBER", line))?;
            open = Some(patterns.entry(pattern.clone()).or_default());
        } else if let (Some(name), Some(open)) = (line.strip_prefix('='), &mut open) {
            open.extend(below(root, name));
        } else {
            return Err(lines.malformed(number, "pattern NUMBER or =PATH", line));
        }
    }
    Ok(patterns)
}

/// Of each tree with something in it that is not its user's, one such path; the tree itself where the path has no sound name.
fn strays(reply: &Reply, wishes: &Wishes, root: &str) -> Result<BTreeMap<NodePath, NodePath>, ObserveError> {
    if wishes.trees.is_empty() {
        return Ok(BTreeMap::new());
    }
    let lines = Lines::of(reply, "trees")?;
    let mut strays = BTreeMap::new();
    for (number, line) in lines.lossy() {
        let malformed = || lines.malformed(number, "NUMBER PATH", &line);
        let (index, name) = line.split_once(' ').ok_or_else(malformed)?;
        let index: usize = index.parse().map_err(|_| malformed())?;
        let tree = wishes.trees.keys().nth(index).ok_or_else(malformed)?;
        strays.insert(tree.clone(), below(root, name).unwrap_or_else(|| tree.clone()));
    }
    Ok(strays)
}

fn certificate(
    CertificateWish { path, key, issuer_path, issuer }: &CertificateWish,
    files: &Files<'_>,
    read: &ReadCertificate<'_>,
) -> CertificateState {
    match files.states.get(path) {
        None | Some(FileState::Absent) => return CertificateState::Absent,
        Some(FileState::Unknown(reason)) => return CertificateState::Unreadable(reason.clone()),
        Some(FileState::Present(file)) if file.kind != FileKind::File => {
            return CertificateState::Unreadable(String::from("it is not a regular file"));
        }
        Some(FileState::Present(_)) => {}
    }
    let bytes = match key {
        KeyPlace::Own(_) => files.bytes.get(path).copied(),
        KeyPlace::Within(_) => files.public.get(path).map(|public| public.certificates.as_bytes()),
    };
    let Some(bytes) = bytes else {
        return CertificateState::Unreadable(String::from(
            "it holds secrets or is too large for a certificate",
        ));
    };
    let issuer = issuer.as_ref().map(String::as_bytes).or_else(|| files.bytes.get(issuer_path).copied());
    match read(bytes, issuer) {
        Err(reason) => CertificateState::Unreadable(reason),
        Ok(facts) if has_key(path, key, files) => CertificateState::Present(facts),
        Ok(facts) => CertificateState::WithoutKey(facts),
    }
}

/// Whether a certificate has its key. One that cannot be looked at is not one that is missing.
fn has_key(path: &NodePath, key: &KeyPlace, files: &Files<'_>) -> bool {
    match key {
        KeyPlace::Within(_) => files.public.get(path).is_some_and(|public| public.has_key),
        KeyPlace::Own(key) => match files.states.get(key) {
            Some(FileState::Unknown(_)) => true,
            Some(FileState::Present(file)) => file.kind == FileKind::File,
            Some(FileState::Absent) | None => false,
        },
    }
}

/// What a kubeconfig says beside its certificate.
fn kubeconfig(wish: &CertificateWish, files: &Files<'_>) -> Option<(NodePath, KubeconfigFacts)> {
    let KeyPlace::Within(Mixed::Kubeconfig) = wish.key else { return None };
    let public = files.public.get(&wish.path)?;
    let authorities = certificates_in(public.authorities.as_bytes());
    let servers = public.servers.clone();
    Some((wish.path.clone(), KubeconfigFacts { servers, authorities }))
}

/// The record of the last apply; its file is not reported among the files.
fn applied(wishes: &Wishes, files: &mut Files<'_>) -> Result<Option<Applied>, ObserveError> {
    let Some(path) = &wishes.state else { return Ok(None) };
    files.states.remove(path);
    match files.bytes.get(path) {
        None => Ok(None),
        Some(bytes) => serde_json::from_slice(bytes)
            .map(Some)
            .map_err(|source| ObserveError::Applied { path: STATE_FILE, source }),
    }
}

/// systemctl answers in the order of the question, one paragraph each; an alias is answered under another name.
fn units(reply: &Reply, wishes: &Wishes) -> Result<BTreeMap<String, UnitState>, ObserveError> {
    let lines = Lines::of(reply, "units")?;
    let text = String::from_utf8_lossy(lines.bytes());
    let mut answers = Vec::new();
    for paragraph in text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        let mut state = unknown_unit();
        let mut id = "";
        for line in paragraph.lines() {
            match line.split_once('=') {
                Some(("Id", value)) => id = value,
                Some(("LoadState", value)) => value.clone_into(&mut state.load),
                Some(("ActiveState", value)) => value.clone_into(&mut state.active),
                Some(("UnitFileState", value)) => value.clone_into(&mut state.enabled),
                _ => {
                    let number = text.lines().position(|other| other == line).unwrap_or(0) + 1;
                    return Err(lines.malformed(number, "a property of a unit", line));
                }
            }
        }
        answers.push((id, state));
    }
    let in_order = answers.len() == wishes.units.len();
    Ok(wishes
        .units
        .iter()
        .enumerate()
        .map(|(index, unit)| {
            let found = match answers.get(index) {
                Some(answer) if in_order => Some(answer),
                _ => answers.iter().find(|(id, _)| id == unit),
            };
            (unit.clone(), found.map_or_else(unknown_unit, |(_, state)| state.clone()))
        })
        .collect())
}

/// Where no systemd runs, in a directory tree for one, nothing is known of units.
fn unknown_unit() -> UnitState {
    let unknown = || String::from("unknown");
    UnitState { load: unknown(), active: unknown(), enabled: unknown() }
}

/// The value of each kernel parameter, and those that cannot be set.
fn sysctls(reply: &Reply, wishes: &Wishes) -> Result<Sysctls, ObserveError> {
    let lines = Lines::of(reply, "sysctls")?;
    let mut values = BTreeMap::new();
    let mut fixed = BTreeSet::new();
    let mut path = None;
    for (number, line) in lines.numbered() {
        match (line.split_at_checked(1), path.take()) {
            (Some(("=", name)), None) => path = Some(name),
            (Some(("!", name)), None) => {
                fixed.insert(name);
            }
            (Some((":", value)), Some(name)) => {
                values.insert(name, value.trim().to_owned());
            }
            _ => return Err(lines.malformed(number, "=PATH and :VALUE in turn, or !PATH", line)),
        }
    }
    let fixed = wishes.sysctls.iter().filter(|(_, path)| fixed.contains(path.as_str()));
    let fixed = fixed.map(|(name, _)| name.clone()).collect();
    let values = wishes.sysctls.iter().map(|(name, path)| (name.clone(), values.get(path.as_str()).cloned()));
    Ok((values.collect(), fixed))
}
