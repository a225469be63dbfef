//! The certificate that a kubelet really serves with: a TLS handshake with its port, through the node. No request is sent, so
//! that nobody has to be known to the kubelet.

use super::{HealthError, SCRIPT_DEADLINE};
use crate::inventory::NodeName;
use crate::remote::{Dialer, Script, Session, rooted};
use crate::resource::CertificateFacts;
use openssl::ssl::{SslConnector, SslMethod, SslStream, SslVerifyMode};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Where kubeadm keeps the kubelet's configuration.
const CONFIG: &str = "/var/lib/kubelet/config.yaml";

/// The kubelet's own default.
const PORT: u16 = 10250;

/// How long each read and write of the handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// What a kubelet serves with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeletReport {
    /// What the certificate says. It counts as signed when the CA on the node has signed it.
    pub served: CertificateFacts,
    /// Whether it is the one on the node's disk.
    pub is_on_disk: bool,
}

/// The section that [`endpoint`] reads.
pub(super) fn with_config(script: Script) -> Script {
    script.section("config", format!("cat -- {}", rooted(CONFIG)))
}

/// Where the kubelet listens according to its configuration, as the node itself sees it. What cannot be read leaves the
/// defaults: then the handshake says what is wrong.
pub(super) fn endpoint(config: &str) -> (String, u16) {
    let config: serde_json::Value = serde_saphyr::from_str(config).unwrap_or_default();
    let port =
        config.get("port").and_then(serde_json::Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let address = config.get("address").and_then(|address| address.as_str());
    let address = address.filter(|address| !matches!(*address, "" | "0.0.0.0" | "::"));
    (address.unwrap_or("127.0.0.1").to_owned(), port.filter(|port| *port != 0).unwrap_or(PORT))
}

/// The certificate that the kubelet of a node serves with, PEM.
pub fn serving_certificate(node: &NodeName, session: &mut dyn Session) -> Result<Vec<u8>, HealthError> {
    let reply = session.run(&with_config(Script::new("read the kubelet's port")), SCRIPT_DEADLINE)?;
    served(node, session.dialer()?.as_ref(), &endpoint(&reply.section("config").text()))
}

/// The certificate that is served at a port of the node, PEM.
pub(super) fn served(
    node: &NodeName,
    dialer: &dyn Dialer,
    (host, port): &(String, u16),
) -> Result<Vec<u8>, HealthError> {
    let stream = dialer.dial(host, *port)?;
    handshake(stream).map_err(|source| HealthError::Handshake { node: node.clone(), source })
}

/// The other side proves in the handshake that it has the key. Who has signed the certificate is judged by the caller.
fn handshake(stream: UnixStream) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    stream.set_read_timeout(Some(HANDSHAKE))?;
    stream.set_write_timeout(Some(HANDSHAKE))?;
    let stream = encrypt(stream)?;
    let certificate = stream.ssl().peer_certificate().ok_or("it shows no certificate")?;
    Ok(certificate.to_pem()?)
}

/// A TLS stream to whoever answers.
pub(super) fn encrypt(
    stream: UnixStream,
) -> Result<SslStream<UnixStream>, Box<dyn std::error::Error + Send + Sync>> {
    let mut connector = SslConnector::builder(SslMethod::tls_client())?;
    connector.set_verify(SslVerifyMode::NONE);
    let configuration =
        connector.build().configure()?.verify_hostname(false).use_server_name_indication(false);
    // The failed handshake's own error holds the stream, which nobody needs.
    Ok(configuration.connect("node", stream).map_err(|error| error.to_string())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubelet_is_asked_where_it_listens() {
        for (config, host, port) in [
            ("", "127.0.0.1", 10250),
            ("port: 0\naddress: 0.0.0.0\n", "127.0.0.1", 10250),
            ("address: \"::\"\nport: 10260\n", "127.0.0.1", 10260),
            ("address: 10.0.0.7\n", "10.0.0.7", 10250),
            ("port: 99999\n", "127.0.0.1", 10250),
            ("- no mapping\n", "127.0.0.1", 10250),
        ] {
            assert_eq!(endpoint(config), (host.to_owned(), port), "{config}");
        }
    }
}
