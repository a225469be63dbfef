//! The question that a kubelet's probe asks a component, asked through the node. It waits for the status line and reads no further.

use super::HealthError;
use super::kubelet::encrypt;
use crate::inventory::NodeName;
use crate::plan::manifest::Probe;
use crate::remote::Dialer;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::time::Duration;

/// How long each read and write may take.
const PATIENCE: Duration = Duration::from_secs(5);

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// The HTTP status with which a component answers.
pub(super) fn status(node: &NodeName, dialer: &dyn Dialer, probe: &Probe) -> Result<u16, HealthError> {
    let stream = dialer.dial(&probe.host, probe.port)?;
    let answer = || -> Result<u16, Fault> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        if probe.tls { ask(encrypt(stream)?, probe) } else { ask(stream, probe) }
    };
    answer().map_err(|source| HealthError::Probe { node: node.clone(), probe: probe.to_string(), source })
}

fn ask(mut stream: impl Read + Write, probe: &Probe) -> Result<u16, Fault> {
    let host = if probe.host.contains(':') { format!("[{}]", probe.host) } else { probe.host.clone() };
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {host}:{}\r\nUser-Agent: harden\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        probe.path, probe.port
    );
    stream.write_all(request.as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).take(1024).read_line(&mut line)?;
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1));
    status.and_then(|status| status.trim().parse().ok()).ok_or_else(|| "it does not speak HTTP".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::RemoteError;
    use std::os::unix::net::UnixStream;

    /// It says this, whatever it is asked.
    struct Component(&'static str);

    impl Dialer for Component {
        fn dial(&self, _: &str, _: u16) -> Result<UnixStream, RemoteError> {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            theirs.write_all(self.0.as_bytes()).unwrap();
            theirs.shutdown(std::net::Shutdown::Write).unwrap();
            std::thread::spawn(move || std::io::copy(&mut theirs, &mut std::io::sink()));
            Ok(ours)
        }
    }

    fn asked(said: &'static str) -> Result<u16, String> {
        let probe = Probe { tls: false, host: "::1".into(), port: 2381, path: "/readyz".into() };
        let node: NodeName = serde_json::from_value("cp-1".into()).unwrap();
        status(&node, &Component(said), &probe).map_err(|error| crate::error::Chain(&error).to_string())
    }

    #[test]
    fn the_status_is_what_counts() {
        assert_eq!(asked("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), Ok(200));
        assert_eq!(asked("HTTP/1.0 503\r\n\r\n"), Ok(503));
        for wrong in ["", "HTTP/1.1", "SSH-2.0-OpenSSH\r\n"] {
            let error = asked(wrong).unwrap_err();
            assert_eq!(error, "ask :2381/readyz on cp-1: it does not speak HTTP");
        }
    }
}
