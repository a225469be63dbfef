//! The text of a kubeconfig that needs no other file. It is made and looked at, never parsed: what holds a private key is not
//! taken apart into texts that nobody wipes.

use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::fmt::Write as _;

/// What a kubeconfig is to say: one cluster, one user, and both in use.
#[derive(Debug)]
pub struct Kubeconfig<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
    /// The API server, `https://10.0.0.1:6443`.
    pub server: &'a str,
    /// The CA that the API server's certificate is of, PEM.
    pub authority: &'a str,
    /// The user's name.
    pub user: &'a str,
    /// The user's certificate, PEM.
    pub certificate: &'a str,
    /// Its private key, PEM.
    pub key: &'a Secret<String>,
}

impl Kubeconfig<'_> {
    /// The text, YAML.
    pub fn render(&self) -> Secret<String> {
        let (cluster, user) = (text(self.cluster), text(self.user));
        let context = text(&format!("{}@{}", self.user, self.cluster));
        let public = self.authority.len() + self.certificate.len() + self.server.len();
        let names = cluster.len() + user.len() + context.len();
        // Enough for all of it: growing would leave copies of the key behind in freed memory.
        let mut out = String::with_capacity(2 * (public + self.key.expose().len()) + 4 * names + 1024);
        let _ = write!(
            out,
            "apiVersion: v1\nkind: Config\nclusters:\n- name: {cluster}\n  cluster:\n{}{}\
             contexts:\n- name: {context}\n  context:\n    cluster: {cluster}\n    user: {user}\n\
             current-context: {context}\nusers:\n- name: {user}\n  user:\n    client-certificate-data: {}\n\
             \x20   client-key-data: ",
            server_line(self.server),
            authority_line(self.authority),
            STANDARD.encode(self.certificate),
        );
        STANDARD.encode_string(self.key.expose(), &mut out);
        out.push('\n');
        Secret::new(out)
    }
}

/// Whether the text of a kubeconfig leads to this API server and trusts this CA.
pub fn leads_to(kubeconfig: &str, server: &str, authority: &str) -> bool {
    let has = |line: &str| kubeconfig.split_inclusive('\n').any(|of| of == line);
    has(&server_line(server)) && has(&authority_line(authority))
}

fn server_line(server: &str) -> String {
    format!("    server: {}\n", text(server))
}

fn authority_line(authority: &str) -> String {
    format!("    certificate-authority-data: {}\n", STANDARD.encode(authority))
}

/// A text in double quotes: JSON's are YAML's, but for one character that YAML wants written out.
fn text(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example<'a>(cluster: &'a str, user: &'a str, key: &'a Secret<String>) -> Kubeconfig<'a> {
        let server = "https://[2001:db8::1]:6443";
        Kubeconfig { cluster, server, authority: "CA\nPEM\n", user, certificate: "CERT\nPEM\n", key }
    }

    proptest! {
        /// What a reader of YAML takes out is what went in, whatever the names are.
        #[test]
        fn it_reads_back(cluster in "\\PC{1,20}|no|1_000|a: b", user in "[ -~\u{7f}é'\"\\\\]{1,20}|~|yes|12:30") {
            let key = Secret::new(String::from("-----BEGIN PRIVATE KEY-----\nk3y\n-----END PRIVATE KEY-----\n"));
            let made = example(&cluster, &user, &key).render();
            let read: Value = serde_saphyr::from_str(made.expose()).unwrap();
            let context = format!("{user}@{cluster}");
            let expected = serde_json::json!({
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{ "name": cluster, "cluster": {
                    "server": "https://[2001:db8::1]:6443",
                    "certificate-authority-data": STANDARD.encode("CA\nPEM\n"),
                } }],
                "contexts": [{ "name": context, "context": { "cluster": cluster, "user": user } }],
                "current-context": context,
                "users": [{ "name": user, "user": {
                    "client-certificate-data": STANDARD.encode("CERT\nPEM\n"),
                    "client-key-data": STANDARD.encode(key.expose()),
                } }],
            });
            prop_assert_eq!(read, expected);
        }
    }

    #[test]
    fn where_it_leads_is_seen() {
        let key = Secret::new(String::from("-----BEGIN PRIVATE KEY-----\nk3y\n-----END PRIVATE KEY-----\n"));
        let made = example("prod", "alice", &key).render();
        let server = "https://[2001:db8::1]:6443";
        assert!(leads_to(made.expose(), server, "CA\nPEM\n"));
        assert!(!leads_to(made.expose(), "https://[2001:db8::1]:64", "CA\nPEM\n"));
        assert!(!leads_to(made.expose(), server, "CA\nPEM"));
    }

    #[test]
    fn it_is_a_secret_and_no_part_of_the_key_is_shown() {
        let key = Secret::new(String::from(
            "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49\nk3y\n-----END PRIVATE KEY-----\n",
        ));
        let kubeconfig = example("prod", "alice", &key);
        assert!(!format!("{kubeconfig:?}").contains("MIGHAgEA"));
        let made = kubeconfig.render();
        let shown = crate::secret::mask(made.expose()).into_owned();
        assert!(!shown.contains(&STANDARD.encode(key.expose())), "{shown}");
        assert!(shown.contains("alice"));
    }
}
