//! One API server for those who only read: objects, and who wrote what in them. The transport below it
//! refuses every request but GET. Of a Secret it keeps no value, it never lists
//! them, and etcd is out of its reach.

use super::masked::without_values;
use super::objects::Identity;
use super::{Api, ClusterError, Credentials, Dial};
use crate::resource::{ClusterEvidence, ConfigMapKey};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::Value;

/// One API server, asked with GET and nothing else. There is no method that writes,
///
/// ```compile_fail,E0599
/// use harden::cluster::ReadApi;
/// fn write(api: &ReadApi, object: &serde_json::Value) {
///     api.apply_object(object, false).unwrap();
/// }
/// ```
///
/// and the connection would not take it.
#[derive(Debug)]
pub struct ReadApi {
    api: Api,
}

/// One of kubeadm's own records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The text under the key.
    pub value: String,
    /// The version of its ConfigMap.
    pub resource_version: String,
    /// Who wrote the key last; `None` where the API does not say.
    pub writing: Option<Writing>,
}

/// Who wrote a field, as the API keeps it among an object's `managedFields`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writing {
    /// The name that the writer gave itself: `kubeadm`, `kubectl-edit`, `harden`.
    pub manager: String,
    /// When, seconds since 1970 on the API server's clock.
    pub at: Option<i64>,
}

impl ReadApi {
    /// Prepares a client for the node's own API server; nothing is dialled yet.
    pub fn connect(credentials: &Credentials, dial: &Dial) -> Result<Self, ClusterError> {
        let api = Api::connect(credentials, dial)?;
        Ok(Self { api: Api { link: api.link.reading_only(), ..api } })
    }

    /// One of kubeadm's own records; `None` when it does not exist.
    pub fn record(&self, key: ConfigMapKey) -> Result<Option<Record>, ClusterError> {
        let (namespace, name, key) = key.place();
        let Some(map) = self.object("v1", "ConfigMap", Some(namespace), name)? else { return Ok(None) };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Ok(map["data"].get(key).and_then(text).map(|value| Record {
            value,
            resource_version: text(&map["metadata"]["resourceVersion"]).unwrap_or_default(),
            writing: Writing::last(&map, &["data", key]),
        }))
    }

    /// Everything that benchmarks ask of the cluster as a whole.
    pub fn policy_evidence(&self) -> Result<ClusterEvidence, ClusterError> {
        self.api.policy_evidence()
    }

    /// An object as it is; `None` where it is not there, or its kind is not served. Of a Secret the values are
    /// left out, see [`without_values`].
    pub fn object(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Value>, ClusterError> {
        let identity = Identity { api_version, kind, namespace, name };
        Ok(self.api.object(&identity)?.map(without_values))
    }
}

impl Writing {
    /// Who wrote a field of an object last. The field is named by the keys that lead to it: `["data", "config.conf"]`. Several
    /// may have written the same value; the last of them counts.
    pub fn last(object: &Value, field: &[&str]) -> Option<Self> {
        let writers = managed_fields(object).filter(|entry| {
            let mut fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
            for key in field {
                fields = fields.and_then(|fields| fields.get(format!("f:{key}")));
            }
            fields.is_some()
        });
        writers.map(Self::of).max_by_key(|writing| writing.at)
    }

    /// Who wrote to an object last beside these managers, whichever field; writes to its status and the like do not count.
    pub fn last_beside(object: &Value, managers: &[&str]) -> Option<Self> {
        let writers = managed_fields(object).filter(|entry| entry.subresource.is_none()).map(Self::of);
        writers.filter(|it| !managers.contains(&it.manager.as_str())).max_by_key(|writing| writing.at)
    }

    fn of(entry: ManagedFieldsEntry) -> Self {
        Self { manager: entry.manager.unwrap_or_default(), at: entry.time.map(|time| time.0.as_second()) }
    }
}

fn managed_fields(object: &Value) -> impl Iterator<Item = ManagedFieldsEntry> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().filter_map(|entry| serde_json::from_value(entry.clone()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::link::Question;
    use http::Method;
    use openssl::asn1::Asn1Time;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::hash::MessageDigest;
    use openssl::nid::Nid;
    use openssl::pkey::PKey;
    use openssl::x509::X509;

    fn credentials() -> Credentials {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut certificate = X509::builder().unwrap();
        certificate.set_pubkey(&key).unwrap();
        certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        certificate.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
        certificate.sign(&key, MessageDigest::sha256()).unwrap();
        let certificate = String::from_utf8(certificate.build().to_pem().unwrap()).unwrap();
        let key = String::from_utf8(key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        Credentials {
            ca: certificate.clone(),
            certificate,
            key: crate::secret::Secret::new(key),
            port: 1,
            etcd: None,
        }
    }

    #[test]
    fn the_transport_refuses_everything_but_get() {
        let dialled = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let dial: Dial = {
            let dialled = dialled.clone();
            std::sync::Arc::new(move |_, _| {
                dialled.store(true, std::sync::atomic::Ordering::SeqCst);
                Err(std::io::ErrorKind::ConnectionRefused.into())
            })
        };
        let api = ReadApi::connect(&credentials(), &dial).unwrap().api;
        let another = api.link.another().unwrap();
        for link in [&api.link, &another] {
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::CONNECT] {
                let asked = link.ask(Question::send("write", method, "/api/v1/pods", Vec::new()));
                assert!(matches!(asked, Err(ClusterError::OnlyReads { .. })));
            }
        }
        assert!(!dialled.load(std::sync::atomic::Ordering::SeqCst));
        assert!(api.link.ask(Question::get("read", "/api/v1/pods")).is_err());
        assert!(dialled.load(std::sync::atomic::Ordering::SeqCst), "the test can fail");
    }
}
