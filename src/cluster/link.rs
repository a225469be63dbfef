//! Blocking HTTPS requests through dialled streams: one runtime, one pool of connections, one limit on each answer.
//! It knows neither Kubernetes' nor etcd's replies, and it does not retry: a caller knows what may be sent twice.

use super::error::Cause;
use super::{ClusterError, Dial};
use base64::Engine as _;
use http::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::client::{Body, ConfigExt as _};
use std::time::Duration;
use tower::ServiceExt as _;

/// How long an ordinary answer may take, the connection included.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How long a page of many objects may take over a slow line.
pub(super) const PAGE_LIMIT: Duration = Duration::from_mins(1);

/// Who is at the other end, and how it is recognized.
pub(super) struct Peer<'a> {
    /// Its name in errors.
    pub(super) name: &'static str,
    /// Its port on the node.
    pub(super) port: u16,
    /// A name that its certificate has.
    pub(super) server_name: &'static str,
    /// The CA that signs it, PEM.
    pub(super) ca: &'a str,
    /// The client certificate, PEM.
    pub(super) certificate: &'a str,
    /// The client key, PEM.
    pub(super) key: &'a str,
}

/// A request that is yet to be sent.
pub(super) struct Question<'a> {
    /// What is attempted, in the imperative: "read the nodes".
    pub(super) attempt: &'a str,
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
    pub(super) limit: Duration,
}

impl<'a> Question<'a> {
    pub(super) fn get(attempt: &'a str, path: &'a str) -> Self {
        Self::send(attempt, Method::GET, path, Vec::new())
    }

    pub(super) fn send(attempt: &'a str, method: Method, path: &'a str, body: Vec<u8>) -> Self {
        Self { attempt, method, path, content_type: "application/json", body, limit: ANSWER_LIMIT }
    }
}

/// Whatever came back, an error status included.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

/// A client for one peer.
pub(super) struct Link {
    runtime: tokio::runtime::Runtime,
    client: kube::Client,
    name: &'static str,
    port: u16,
    config: kube::Config,
    dial: Dial,
    /// Whether it refuses every method but GET.
    only_reads: bool,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Link({})", self.name)
    }
}

impl Link {
    /// Prepares the client; nothing is dialled yet.
    pub(super) fn new(peer: &Peer<'_>, dial: &Dial) -> Result<Self, ClusterError> {
        let config = config(peer).map_err(|source| ClusterError::Setup { peer: peer.name, source })?;
        Self::build(peer.name, peer.port, config, dial.clone())
    }

    /// A client for the same peer with a connection of its own, for another thread. One client shared by several threads would
    /// dial once for every request that finds no idle connection, many more times than there are threads.
    pub(super) fn another(&self) -> Result<Self, ClusterError> {
        let another = Self::build(self.name, self.port, self.config.clone(), self.dial.clone())?;
        Ok(Self { only_reads: self.only_reads, ..another })
    }

    /// The same client, from now on without a way to send anything but GET.
    pub(super) fn reading_only(self) -> Self {
        Self { only_reads: true, ..self }
    }

    fn build(name: &'static str, port: u16, config: kube::Config, dial: Dial) -> Result<Self, ClusterError> {
        let setup = |source: Cause| ClusterError::Setup { peer: name, source };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| setup(error.into()))?;
        // The client spawns its buffer when it is made, and so needs the runtime then already.
        let client = {
            let _entered = runtime.enter();
            client(&config, dial.clone(), port).map_err(setup)?
        };
        Ok(Self { runtime, client, name, port, config, dial, only_reads: false })
    }

    /// Sends one request and waits for the whole answer.
    pub(super) fn ask(&self, question: Question<'_>) -> Result<Answer, ClusterError> {
        let attempt = format!("{} ({})", question.attempt, self.name);
        if self.only_reads && question.method != Method::GET {
            return Err(ClusterError::OnlyReads { attempt });
        }
        let transport = |source: Cause| ClusterError::Transport { attempt: attempt.clone(), source };
        let limit = question.limit;
        let request = Request::builder()
            .method(question.method)
            .uri(question.path)
            .header(http::header::CONTENT_TYPE, question.content_type)
            .header(http::header::ACCEPT, "application/json, */*;q=0.5")
            .header(http::header::USER_AGENT, concat!("harden/", env!("CARGO_PKG_VERSION")))
            .body(Body::from(question.body))
            .map_err(|error| transport(error.into()))?;
        let exchange = async {
            let response = self.client.send(request).await?;
            let status = response.status();
            let body = response.into_body().collect_bytes().await?.to_vec();
            Ok::<_, kube::Error>(Answer { status, body })
        };
        match self.runtime.block_on(async { tokio::time::timeout(limit, exchange).await }) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(transport(error.into())),
            Err(_) => Err(ClusterError::Timeout { attempt, limit }),
        }
    }
}

fn config(peer: &Peer<'_>) -> Result<kube::Config, Cause> {
    let base64 = |pem: &str| base64::engine::general_purpose::STANDARD.encode(pem);
    let mut config = kube::Config::new(format!("https://127.0.0.1:{}", peer.port).parse::<http::Uri>()?);
    let ca = openssl::x509::X509::stack_from_pem(peer.ca.as_bytes())?;
    config.root_cert = Some(ca.iter().map(|ca| ca.to_der()).collect::<Result<_, _>>()?);
    config.tls_server_name = Some(peer.server_name.to_owned());
    config.auth_info.client_certificate_data = Some(base64(peer.certificate));
    config.auth_info.client_key_data = Some(base64(peer.key).into());
    Ok(config)
}

fn client(config: &kube::Config, dial: Dial, port: u16) -> Result<kube::Client, Cause> {
    let connector = tower::service_fn(move |_: http::Uri| open(dial.clone(), port));
    let connector = config.openssl_https_connector_with_connector(connector)?;
    let service = HttpClient::builder(TokioExecutor::new()).build::<_, Body>(connector);
    let service = tower::ServiceBuilder::new().layer(config.base_uri_layer()).service(service);
    Ok(kube::Client::new(service.map_err(Cause::from), "default"))
}

/// Dials on a thread of its own: it blocks, and a limit could not end the wait if it blocked the runtime.
async fn open(dial: Dial, port: u16) -> std::io::Result<TokioIo<tokio::net::UnixStream>> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name(String::from("dial")).spawn(move || {
        // The receiver is gone when the limit passed first; the stream is then closed by being dropped.
        let _ = sender.send(dial("127.0.0.1", port));
    })?;
    let stream = receiver.await.map_err(std::io::Error::other)??;
    stream.set_nonblocking(true)?;
    Ok(TokioIo::new(tokio::net::UnixStream::from_std(stream)?))
}
