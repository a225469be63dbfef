//! A client that reads from and writes to the Kubernetes API through its load balancer every 100 ms, with a new
//! connection for each request, and counts what failed: what a user of the cluster would notice of an apply.

use base64::Engine as _;
use openssl::ssl::{SslConnector, SslMethod};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What the client saw.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Requests answered with 2xx.
    pub(crate) succeeded: usize,
    /// When since the start, and how, each of the others failed.
    pub(crate) failures: Vec<String>,
    /// Those that a server's end left without an answer, or answered with `Retry-After`, and that were asked again.
    pub(crate) repeated: Vec<String>,
    /// The slowest request that succeeded.
    pub(crate) slowest: Duration,
}

impl Counts {
    /// One request. As client-go does, it asks once more, on a new connection, where the server closed the connection without
    /// an answer or says when to ask again. Go's server does the one with a request that it reads in the moment in which it is
    /// told to end (net/http, `conn.serve`: `if c.server.shuttingDown() { return }`), kube-apiserver the other a moment later
    /// (`WithWaitGroup`: 503, "The apiserver is shutting down, please try again later", `Retry-After: 1`).
    fn ask(&mut self, client: &Client, started: Instant, method: &str, path: &str, body: &str) {
        let mut began = Instant::now();
        let mut result = client.request(method, path, body);
        if let Err(Failure::Unanswered(how) | Failure::Later(how)) = &result {
            self.repeated.push(format!("{:.1?} {method}: {how}", started.elapsed()));
            if let Err(Failure::Later(_)) = &result {
                std::thread::sleep(Duration::from_secs(1));
            }
            began = Instant::now();
            result = client.request(method, path, body);
        }
        match result {
            Ok(()) => {
                self.succeeded += 1;
                self.slowest = self.slowest.max(began.elapsed());
            }
            Err(Failure::Unanswered(how) | Failure::Later(how) | Failure::Refused(how)) => {
                self.failures.push(format!("{:.1?} {method}: {how}", started.elapsed()));
            }
        }
    }
}

/// Why a request did not succeed.
#[derive(Debug)]
enum Failure {
    /// There was a connection, and it ended without an answer.
    Unanswered(String),
    /// The answer says when to ask again.
    Later(String),
    /// No connection, or an answer that is not 2xx.
    Refused(String),
}

/// A running client.
pub(crate) struct Availability {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Counts>,
}

impl Availability {
    /// Starts the client with an admin kubeconfig, whose server it asks.
    pub(crate) fn start(kubeconfig: &str) -> Self {
        let client = Client::new(kubeconfig);
        client
            .request(
                "POST",
                "/api/v1/namespaces/default/configmaps",
                r#"{"metadata":{"name":"availability"}}"#,
            )
            .expect("make the ConfigMap that is written to");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (mut counts, started) = (Counts::default(), Instant::now());
            let path = "/api/v1/namespaces/default/configmaps/availability";
            for number in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                for (method, body) in
                    [("GET", String::new()), ("PATCH", format!(r#"{{"data":{{"n":"{number}"}}}}"#))]
                {
                    counts.ask(&client, started, method, path, &body);
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            let _ = client.request("DELETE", path, "");
            counts
        });
        Self { stop, thread }
    }

    /// Ends it and says what it saw.
    pub(crate) fn stop(self) -> Counts {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the client's thread")
    }
}

struct Client {
    address: SocketAddr,
    connector: SslConnector,
}

impl Client {
    fn new(kubeconfig: &str) -> Self {
        let field = |name: &str| {
            let line = kubeconfig.lines().find_map(|line| line.trim().strip_prefix(name)).expect(name);
            line.trim_start_matches(':').trim().to_owned()
        };
        let pem = |name: &str| base64::engine::general_purpose::STANDARD.decode(field(name)).expect(name);
        let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
        let authority = openssl::x509::X509::from_pem(&pem("certificate-authority-data")).unwrap();
        connector.cert_store_mut().add_cert(authority).unwrap();
        connector
            .set_certificate(&openssl::x509::X509::from_pem(&pem("client-certificate-data")).unwrap())
            .unwrap();
        connector
            .set_private_key(&openssl::pkey::PKey::private_key_from_pem(&pem("client-key-data")).unwrap())
            .unwrap();
        let address = field("server").trim_start_matches("https://").parse().expect("server");
        Self { address, connector: connector.build() }
    }

    fn request(&self, method: &str, path: &str, body: &str) -> Result<(), Failure> {
        let refused = |error: std::io::Error| Failure::Refused(error.to_string());
        let stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(10)).map_err(refused)?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).map_err(refused)?;
        let unanswered = |error: &dyn std::fmt::Display| Failure::Unanswered(error.to_string());
        let mut tls = self.connector.connect("kubernetes", stream).map_err(|error| unanswered(&error))?;
        let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        write!(
            tls,
            "{method} {path} HTTP/1.1\r\nHost: kubernetes\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .map_err(|error| unanswered(&error))?;
        let mut answer = Vec::new();
        let read = tls.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let later = answer.lines().any(|line| line.to_ascii_lowercase().starts_with("retry-after:"));
        let status = answer.lines().next().unwrap_or_default().to_owned();
        // A server that closes without TLS's own goodbye has answered all the same.
        match status.split(' ').nth(1) {
            Some(code) if code.starts_with('2') => Ok(()),
            Some(_) if later => Err(Failure::Later(status)),
            Some(_) => Err(Failure::Refused(status)),
            None => Err(Failure::Unanswered(format!("no answer: {read:?}"))),
        }
    }
}
