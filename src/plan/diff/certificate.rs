//! Certificates, compared by meaning: what they say, who signed them and how long they last, never their bytes.

use super::authority::authority;
use super::{Context, DiffError, Draft, ownership_reasons, present, prior, regular, set_ownership};
use crate::inventory::NodeName;
use crate::plan::date::date;
use crate::plan::digest::certificates;
use crate::plan::{Action, Authority, Operation};
use crate::resource::{
    CertificateFacts, CertificateForm, CertificateSpec, CertificateState, FileKind, KeyAlgorithm, Observed,
    Resource, Usage,
};
use std::collections::BTreeSet;
use std::fmt::Display;

const SECONDS_A_DAY: i64 = 86_400;
const SECONDS_AN_HOUR: i64 = 3600;

pub(super) fn certificate(
    resource: &Resource,
    spec: &CertificateSpec,
    context: &Context<'_>,
) -> Result<Option<Draft>, DiffError> {
    let observed = context.observed;
    let found = regular(observed, &spec.path)?;
    let state = observed
        .certificates
        .get(&spec.path)
        .ok_or_else(|| DiffError::NotRead { path: spec.path.to_string() })?;
    let mut draft = Draft::new(Action::Change, spec.path.as_str(), resource);
    match state {
        CertificateState::Absent => {
            draft.action = Action::Add;
            draft.edits.push(String::from("does not exist"));
        }
        CertificateState::Unreadable(reason) => {
            draft.reasons.push(format!("is not a certificate: {reason}"));
        }
        CertificateState::WithoutKey(facts) | CertificateState::Present(facts) => {
            if matches!(state, CertificateState::WithoutKey(_)) {
                draft.reasons.push(match spec.key_path() {
                    Some(path) => format!("its key {path} is missing"),
                    None => String::from("its key is missing"),
                });
            }
            draft.reasons.extend(differences(spec, facts));
            draft.reasons.extend(leads_elsewhere(spec, observed));
            let due = due(spec, facts, context.now);
            draft.due = draft.reasons.is_empty();
            draft.reasons.extend(due);
            draft.before = Some(observed_text(spec, facts, observed));
        }
    }
    if !(draft.reasons.is_empty() && draft.edits.is_empty()) {
        let authority = authority(spec, context)?;
        draft.after = Some(wanted_text(spec, &authority, context.node));
        let certificate = Box::new(spec.clone());
        draft.operations = vec![Operation::Issue { certificate, authority, prior: prior(found) }];
        directory(spec, observed, &mut draft)?;
        return Ok(Some(draft));
    }
    draft.before = None;
    draft.due = false;
    directory(spec, observed, &mut draft)?;
    for (path, wanted) in spec.files() {
        let Some(file) = regular(observed, path)? else { continue };
        let reasons = ownership_reasons(file, wanted, observed);
        if !reasons.is_empty() {
            draft.operations.push(set_ownership(path, file, wanted, observed));
            draft.reasons.extend(reasons.into_iter().map(|reason| format!("{path}: {reason}")));
        }
    }
    Ok((!draft.operations.is_empty()).then_some(draft))
}

/// The directory that holds it, where that exists already.
fn directory(spec: &CertificateSpec, observed: &Observed, draft: &mut Draft) -> Result<(), DiffError> {
    let (Some(wanted), Ok(path)) = (&spec.directory, spec.path.parent().parse()) else { return Ok(()) };
    let Some(file) = present(observed, &path)? else { return Ok(()) };
    if file.kind != FileKind::Directory {
        return Err(DiffError::WrongKind { path, found: "not a directory" });
    }
    let reasons = ownership_reasons(file, wanted, observed);
    if !reasons.is_empty() {
        draft.operations.push(set_ownership(&path, file, wanted, observed));
        draft.reasons.extend(reasons.into_iter().map(|reason| format!("{path}: {reason}")));
    }
    Ok(())
}

/// What the certificate says that it should not, and does not say that it should.
fn differences(spec: &CertificateSpec, facts: &CertificateFacts) -> Vec<String> {
    let mut reasons = Vec::new();
    if !facts.signed_by_issuer {
        reasons.push(format!("is not signed by {}", spec.issuer_path));
    }
    if facts.common_name != spec.common_name {
        reasons.push(format!("common name is {}, wanted {}", facts.common_name, spec.common_name));
    }
    sets("SAN", &facts.dns_names, &spec.dns_names, &mut reasons);
    sets("SAN", &facts.addresses, &spec.addresses, &mut reasons);
    sets("organization", &facts.organizations, &spec.organizations, &mut reasons);
    let names = |usages: &BTreeSet<Usage>| usages.iter().map(|usage| usage_name(*usage)).collect();
    sets::<&str>("usage", &names(&facts.usages), &names(&spec.usages), &mut reasons);
    if facts.algorithm != spec.algorithm {
        let (is, wanted) = (algorithm_name(facts.algorithm), algorithm_name(spec.algorithm));
        reasons.push(format!("key is {is}, wanted {wanted}"));
    }
    reasons
}

/// What a kubeconfig says beside its certificate that it should not.
fn leads_elsewhere(spec: &CertificateSpec, observed: &Observed) -> Vec<String> {
    let CertificateForm::Kubeconfig { server } = &spec.form else { return Vec::new() };
    let facts = observed.kubeconfigs.get(&spec.path);
    let servers = facts.map_or(&[][..], |facts| &facts.servers);
    let mut reasons = Vec::new();
    if servers != std::slice::from_ref(server) {
        let is = if servers.is_empty() { String::from("no server") } else { servers.join(", ") };
        reasons.push(format!("leads to {is}, wanted {server}"));
    }
    // On a node without the certificate of its CA there is nothing to compare with; apply does not get far there.
    let authorities = match &spec.stored_issuer {
        Some(pair) => Some(certificates(pair.public.as_bytes())),
        None => observed.authorities.get(&spec.issuer_path).cloned(),
    };
    if authorities.is_some_and(|wanted| facts.is_none_or(|facts| facts.authorities != wanted)) {
        reasons.push(format!("does not trust {}", spec.issuer_path));
    }
    reasons
}

fn sets<T: Ord + Display>(what: &str, is: &BTreeSet<T>, wanted: &BTreeSet<T>, reasons: &mut Vec<String>) {
    reasons.extend(wanted.difference(is).map(|item| format!("{what} {item} is missing")));
    reasons.extend(is.difference(wanted).map(|item| format!("{what} {item} is not wanted")));
}

/// Why it must be issued again although it says the right things.
fn due(spec: &CertificateSpec, facts: &CertificateFacts, now: i64) -> Option<String> {
    if facts.not_before > now {
        return Some(format!("is not valid before {}", date(facts.not_before)));
    }
    let left = facts.not_after - now;
    if left <= 0 {
        return Some(format!("expired on {}", date(facts.not_after)));
    }
    let (days, hours) = (left / SECONDS_A_DAY, left / SECONDS_AN_HOUR);
    let (number, unit) = if days == 0 { (hours, "hour") } else { (days, "day") };
    let plural = if number == 1 { "" } else { "s" };
    (left < spec.renewal_window()).then(|| format!("expires in {number} {unit}{plural}"))
}

fn observed_text(spec: &CertificateSpec, facts: &CertificateFacts, observed: &Observed) -> String {
    let servers = observed.kubeconfigs.get(&spec.path).map_or(&[][..], |facts| &facts.servers);
    let servers: Vec<String> = servers.iter().map(|server| format!("server: {server}\n")).collect();
    let servers = servers.concat();
    let issuer = if facts.signed_by_issuer { spec.issuer_path.as_str() } else { "another CA" };
    text(
        &facts.common_name,
        &facts.organizations,
        &[names(&facts.dns_names), names(&facts.addresses)],
        &facts.usages,
        facts.algorithm,
        &format!(
            "issuer: {issuer}\nvalid: from {} to {}\n{servers}",
            date(facts.not_before),
            date(facts.not_after)
        ),
    )
}

fn wanted_text(spec: &CertificateSpec, authority: &Authority, own: &NodeName) -> String {
    let key = match authority {
        Authority::Node(node) if node == own => String::new(),
        Authority::Node(node) => format!(", with the key on {node}"),
        Authority::Store(_) => String::from(", with the key from the store"),
    };
    let server = match &spec.form {
        CertificateForm::Kubeconfig { server } => format!("server: {server}\n"),
        CertificateForm::Pair { .. } | CertificateForm::OneFile { .. } => String::new(),
    };
    text(
        &spec.common_name,
        &spec.organizations,
        &[names(&spec.dns_names), names(&spec.addresses)],
        &spec.usages,
        spec.algorithm,
        &format!(
            "issuer: {}{key}\nvalid: for {} days from apply\n{server}",
            spec.issuer_path, spec.lifetime_days
        ),
    )
}

fn text(
    common_name: &str,
    organizations: &BTreeSet<String>,
    alternative_names: &[Vec<String>; 2],
    usages: &BTreeSet<Usage>,
    algorithm: KeyAlgorithm,
    rest: &str,
) -> String {
    let mut lines = vec![format!("common name: {common_name}")];
    lines.extend(organizations.iter().map(|name| format!("organization: {name}")));
    lines.extend(alternative_names.concat().iter().map(|name| format!("SAN: {name}")));
    lines.extend(usages.iter().map(|usage| format!("usage: {}", usage_name(*usage))));
    lines.push(format!("key: {}", algorithm_name(algorithm)));
    format!("{}\n{rest}", lines.join("\n"))
}

fn names<T: Display>(items: &BTreeSet<T>) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn usage_name(usage: Usage) -> &'static str {
    match usage {
        Usage::Server => "TLS server",
        Usage::Client => "TLS client",
    }
}

fn algorithm_name(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::EcdsaP256 => "ECDSA P-256",
        KeyAlgorithm::Rsa2048 => "RSA 2048",
        KeyAlgorithm::Rsa4096 => "RSA 4096",
        KeyAlgorithm::Other => "of another algorithm",
    }
}
