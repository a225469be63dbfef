//! What is public of files that hold a private key as well: kubeconfigs, and certificates with their key in one file. The probe
//! has taken them apart, and of the key it says just that there is one.

use super::ObserveError;
use super::files::below;
use super::lines::Lines;
use crate::remote::Reply;
use crate::resource::NodePath;
use std::collections::BTreeMap;

/// What is public of one file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Public {
    /// Where a kubeconfig leads.
    pub(super) servers: Vec<String>,
    /// The CAs that it trusts, PEM.
    pub(super) authorities: String,
    /// The certificates, PEM.
    pub(super) certificates: String,
    /// Whether there is a key.
    pub(super) has_key: bool,
}

/// Reads the section on such files.
pub(super) fn public(reply: &Reply, root: &str) -> Result<BTreeMap<NodePath, Public>, ObserveError> {
    let lines = Lines::of(reply, "public")?;
    let mut found: BTreeMap<NodePath, Public> = BTreeMap::new();
    let mut open: Option<(NodePath, Public)> = None;
    let mut trusted = false;
    for (number, line) in lines.numbered() {
        if let Some(name) = line.strip_prefix("file ") {
            let path = below(root, name).ok_or_else(|| lines.malformed(number, "file PATH", line))?;
            found.extend(open.replace((path, Public::default())));
            continue;
        }
        let Some((_, file)) = &mut open else { return Err(lines.malformed(number, "file PATH", line)) };
        match line {
            "authority" | "certificate" => trusted = line == "authority",
            "key" => file.has_key = true,
            _ => {
                if let Some(server) = line.strip_prefix("server ") {
                    file.servers.push(server.to_owned());
                } else if let Some(line) = line.strip_prefix('>') {
                    let pem = if trusted { &mut file.authorities } else { &mut file.certificates };
                    pem.push_str(line);
                    pem.push('\n');
                } else {
                    return Err(lines.malformed(number, "what is public of a file", line));
                }
            }
        }
    }
    found.extend(open);
    Ok(found)
}
