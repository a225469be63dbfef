//! The cluster's own CAs and key pairs, as templates and what is made of them know them: what is public, and the names of the
//! secrets. It holds no key.

use super::body::Unusable;
use super::{Inputs, PkiInput};
use crate::inventory::{Inventory, PkiAlgorithm};
use crate::resource::{Content, KeyAlgorithm, NodePath, SecretRef, StoredPair};
use serde_json::{Value, json};

/// The CAs' certificates on a node, where kubeadm has them.
const KUBERNETES_CA: &str = "/etc/kubernetes/pki/ca.crt";
const ETCD_CA: &str = "/etc/kubernetes/pki/etcd/ca.crt";
/// The same beside a member of etcd that systemd runs.
const MEMBER_CA: &str = "/etc/etcd/pki/ca.crt";
const FRONT_PROXY_CA: &str = "/etc/kubernetes/pki/front-proxy-ca.crt";

/// What rendered bodies can name of the store.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// One line each: they stand in files beside other things.
    lines: Vec<SecretRef>,
    /// `None` where the cluster's CAs are not in the store.
    pki: Option<PkiInput>,
    algorithm: PkiAlgorithm,
}

impl Known {
    pub(super) fn of(inventory: &Inventory, inputs: &Inputs) -> Self {
        Self {
            lines: inputs.encryption.iter().map(|input| input.key.clone()).collect(),
            pki: inputs.pki.clone(),
            algorithm: inventory.pki.algorithm,
        }
    }

    /// A text with the secrets that it names. A secret that stands alone in it is all of the content, without the line end that
    /// templates have: what is on a node is then what is in the store, byte for byte.
    pub(super) fn content(&self, text: &str) -> Result<Content, Unusable> {
        let Some(key) = self.keys().find(|key| text.contains(&key.token())) else {
            let secrets =
                self.lines.iter().filter(|secret| text.contains(&secret.token())).cloned().collect();
            return Ok(Content { text: text.to_owned(), secrets });
        };
        if text.trim() == key.token() {
            Ok(Content { text: key.token(), secrets: vec![key.clone()] })
        } else {
            Err(Unusable(format!("{} is a file as a whole, and cannot be a part of one", key.name)))
        }
    }

    fn keys(&self) -> impl Iterator<Item = &SecretRef> {
        self.pki.iter().flat_map(PkiInput::pairs).map(|pair| &pair.key)
    }

    /// The CA whose certificate is at a path on the nodes, where it is in the store.
    pub(super) fn issuer(&self, path: &NodePath) -> Option<&StoredPair> {
        let pki = self.pki.as_ref()?;
        match path.as_str() {
            KUBERNETES_CA => Some(&pki.kubernetes_ca),
            ETCD_CA | MEMBER_CA => Some(&pki.etcd_ca),
            FRONT_PROXY_CA => Some(&pki.front_proxy_ca),
            _ => None,
        }
    }

    /// The algorithm of keys whose template names none.
    pub(super) fn algorithm(&self) -> KeyAlgorithm {
        match self.pki {
            Some(_) => self.algorithm.into(),
            None => KeyAlgorithm::EcdsaP256,
        }
    }
}

impl PkiInput {
    fn pairs(&self) -> [&StoredPair; 4] {
        [&self.kubernetes_ca, &self.etcd_ca, &self.front_proxy_ca, &self.service_account]
    }

    /// One that is as good as any other where only the shape of what is rendered counts.
    pub(super) fn sample() -> Self {
        let pair = |name: &str| StoredPair {
            public: String::from("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
            key: SecretRef { name: format!("pki/{name}"), sha256: None },
        };
        Self {
            kubernetes_ca: pair("kubernetes-ca"),
            etcd_ca: pair("etcd-ca"),
            front_proxy_ca: pair("front-proxy-ca"),
            service_account: pair("service-account"),
        }
    }
}

/// Adds to the variable `pki`, which is the inventory's section, what the store has; null where it has nothing.
pub(super) fn variables(pki: Option<&PkiInput>, variable: &mut Value) {
    variable["managed"] = Value::from(pki.is_some());
    // Templates end with the line that a value stands in.
    let value = |public: &'static str, pair: Option<&StoredPair>| {
        let text = pair.map(|pair| pair.public.trim_end().to_owned());
        json!({ (public): text, "key": pair.map(|pair| pair.key.token()) })
    };
    let of = |choose: fn(&PkiInput) -> &StoredPair| pki.map(choose);
    variable["kubernetes_ca"] = value("certificate", of(|pki| &pki.kubernetes_ca));
    variable["etcd_ca"] = value("certificate", of(|pki| &pki.etcd_ca));
    variable["front_proxy_ca"] = value("certificate", of(|pki| &pki.front_proxy_ca));
    variable["service_account"] = value("public", of(|pki| &pki.service_account));
}
