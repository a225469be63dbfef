//! From a rendered body to the certificate that it describes, in whichever form.

use super::body::{OTHERS, Unusable, ownership, path, yaml};
use super::front_matter::FrontMatter;
use super::pki::Known;
use crate::resource::{
    CertificateForm, CertificateSpec, KeyAlgorithm, Kind, Mode, NodePath, Ownership, Usage,
};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The longest common name (RFC 5280, `ub-common-name`).
const LONGEST_COMMON_NAME: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Body {
    common_name: String,
    #[serde(default)]
    organizations: BTreeSet<String>,
    /// Subject alternative names: DNS names and IP addresses.
    #[serde(default)]
    sans: Vec<String>,
    /// In a kubeconfig it is a client's, and not said.
    usages: Option<BTreeSet<Usage>>,
    issuer: NodePath,
    issuer_key: NodePath,
    /// Where the key is, if in a file of its own.
    key_path: Option<NodePath>,
    key_mode: Option<Mode>,
    /// Whether it is behind the certificate in the same file.
    #[serde(default)]
    one_file: bool,
    /// Where a kubeconfig leads.
    server: Option<String>,
    /// That of the cluster's own CAs when it is not said, where harden made them.
    algorithm: Option<KeyAlgorithm>,
    lifetime_days: u32,
    /// A third of the lifetime when it is not said.
    renew_before_days: Option<u32>,
}

/// What a template of the kinds `certificate` and `kubeconfig` describes.
pub(super) fn certificate(
    front: &FrontMatter,
    text: &str,
    known: &Known,
) -> Result<CertificateSpec, Unusable> {
    let body: Body = yaml(text)?;
    if body.common_name.is_empty() || body.common_name.chars().count() > LONGEST_COMMON_NAME {
        return Err(Unusable(format!("`{}` is not a common name of 1 to 64 characters", body.common_name)));
    }
    let renew_before_days = body.renew_before_days.unwrap_or(body.lifetime_days / 3);
    if body.lifetime_days == 0 || renew_before_days >= body.lifetime_days {
        return Err(Unusable(format!(
            "a certificate of {} days cannot be renewed {renew_before_days} days before its end",
            body.lifetime_days
        )));
    }
    let algorithm = body.algorithm.unwrap_or_else(|| known.algorithm());
    if algorithm == KeyAlgorithm::Other {
        return Err(Unusable(String::from("a key cannot be made with the algorithm `other`")));
    }
    let (dns_names, addresses) = alternative_names(&body.sans)?;
    let ownership = ownership(front)?;
    let (form, usages) = form(*front.kind.get_ref(), &body, &ownership)?;
    Ok(CertificateSpec {
        path: path(front)?,
        form,
        directory: front.directory_mode.map(|mode| Ownership { mode, ..ownership.clone() }),
        ownership,
        stored_issuer: known.issuer(&body.issuer).cloned(),
        issuer_path: body.issuer,
        issuer_key_path: body.issuer_key,
        common_name: body.common_name,
        organizations: body.organizations,
        dns_names,
        addresses,
        usages,
        algorithm,
        lifetime_days: body.lifetime_days,
        renew_before_days,
    })
}

/// The form, and what the certificate is for. A file with a key in it is nobody's but its owner's.
fn form(
    kind: Kind,
    body: &Body,
    ownership: &Ownership,
) -> Result<(CertificateForm, BTreeSet<Usage>), Unusable> {
    let unusable = |text: &str| Err(Unusable(text.to_owned()));
    let (form, usages) = match (kind, &body.server, &body.key_path, body.key_mode, body.one_file) {
        (Kind::Kubeconfig, Some(server), None, None, false) => {
            let form = CertificateForm::Kubeconfig { server: url(server)? };
            (form, body.usages.is_none().then(|| BTreeSet::from([Usage::Client])))
        }
        (Kind::Kubeconfig, ..) => {
            return unusable(
                "a kubeconfig needs `server`, and its key is in it: no `key-path`, `key-mode`, `one-file`",
            );
        }
        (_, None, Some(path), Some(mode), false) => {
            let key_ownership = Ownership { mode, ..ownership.clone() };
            (CertificateForm::Pair { key_path: path.clone(), key_ownership }, body.usages.clone())
        }
        (_, None, None, None, true) => (CertificateForm::ONE_FILE, body.usages.clone()),
        _ => {
            return unusable(
                "a certificate needs `key-path` and `key-mode`, or `one-file: true` and neither",
            );
        }
    };
    if !matches!(form, CertificateForm::Pair { .. }) && ownership.mode.0 & OTHERS != 0 {
        return unusable("the key is in the same file, and its `mode` lets others read it");
    }
    match usages {
        Some(usages) => Ok((form, usages)),
        None if kind == Kind::Kubeconfig => {
            unusable("a kubeconfig is a client's: it has no use for `usages`")
        }
        None => unusable("missing field `usages`"),
    }
}

/// The address of an API server. It is compared with what a probe sends back, which sends nothing else.
fn url(text: &str) -> Result<String, Unusable> {
    let plain = |c: char| c.is_ascii_alphanumeric() || ":/.%_[]-".contains(c);
    if text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty()) && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        Err(Unusable(format!("`{text}` is not the address of an API server, `https://10.0.0.11:6443`")))
    }
}

fn alternative_names(sans: &[String]) -> Result<(BTreeSet<String>, BTreeSet<IpAddr>), Unusable> {
    let mut dns_names = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    for name in sans {
        match name.parse::<IpAddr>() {
            Ok(address) => drop(addresses.insert(address)),
            Err(_) if is_dns_name(name) => drop(dns_names.insert(name.clone())),
            Err(_) => return Err(Unusable(format!("`{name}` is neither a DNS name nor an IP address"))),
        }
    }
    Ok((dns_names, addresses))
}

/// Whether a text can stand in a certificate as a name of its holder.
pub fn is_alternative_name(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok() || is_dns_name(name)
}

/// OpenSSL stores any text as a DNS name, so it is looked at here (RFC 1123; a wildcard may be the first label).
fn is_dns_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    name.len() <= 253 && name.strip_prefix("*.").unwrap_or(name).split('.').all(label)
}
