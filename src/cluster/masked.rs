//! The values of a Secret, made fit to be compared and shown: what was read of one never goes further than this.

use base64::Engine as _;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use serde_json::Value;
use std::sync::LazyLock;

/// Where `kubectl apply` repeats the whole object.
const REPEATED: &str = "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration";

/// New in each run: by a digest without a key a short password could be guessed.
static KEY: LazyLock<Option<[u8; 32]>> = LazyLock::new(|| {
    let mut key = [0; 32];
    openssl::rand::rand_bytes(&mut key).ok().map(|()| key)
});

/// The object itself, a Secret aside. Of a Secret, each value of `data` and `stringData` is replaced by a mark that is the same
/// for the same value within this run, all of them in `data` as the API keeps them.
pub fn without_values(mut object: Value) -> Value {
    if object["apiVersion"] != "v1" || object["kind"] != "Secret" {
        return object;
    }
    if let Some(text) = object.pointer_mut(REPEATED) {
        *text = Value::from(crate::secret::MASK);
    }
    let Some(object_fields) = object.as_object_mut() else { return object };
    let plain = object_fields.remove("stringData");
    let encoded = object_fields.remove("data");
    let mut marks = serde_json::Map::new();
    for (name, value) in fields(encoded) {
        marks.insert(name, mark(&value));
    }
    for (name, value) in fields(plain) {
        marks.insert(name, mark(&base64::engine::general_purpose::STANDARD.encode(value)));
    }
    object_fields.insert(String::from("data"), Value::from(marks));
    object
}

fn fields(object: Option<Value>) -> impl Iterator<Item = (String, String)> {
    let fields = match object {
        Some(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    fields.into_iter().map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name, text)
    })
}

fn mark(value: &str) -> Value {
    let digest = KEY.as_ref().and_then(|key| {
        let key = PKey::hmac(key).ok()?;
        Signer::new(MessageDigest::sha256(), &key).ok()?.sign_oneshot_to_vec(value.as_bytes()).ok()
    });
    // Without one, every value looks the same: nothing is given away.
    let digest = digest.unwrap_or_default();
    let short = digest.iter().take(8).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    Value::from(format!("{} {short}", crate::secret::MASK).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_same_value_has_the_same_mark_however_it_is_written() {
        let declared = json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"password": "hunter2"}});
        let live = json!({"apiVersion": "v1", "kind": "Secret", "data": {"password": "aHVudGVyMg=="}});
        let other = json!({"apiVersion": "v1", "kind": "Secret", "data": {"password": "aHVudGVyMw=="}});
        assert_eq!(without_values(declared), without_values(live.clone()));
        assert_ne!(without_values(live.clone()), without_values(other));
        let text = without_values(live).to_string();
        assert!(text.contains("(sensitive) ") && !text.contains("aHVudGVyMg"), "{text}");
    }

    #[test]
    fn what_kubectl_repeats_of_a_secret_is_kept_back() {
        let mut object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{\"password\":\"aHVudGVyMg==\"}}" }}});
        assert!(!without_values(object.clone()).to_string().contains("aHVudGVyMg"));
        object["kind"] = Value::from("ConfigMap");
        assert_eq!(without_values(object.clone()), object);
    }
}
