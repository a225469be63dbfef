//! Bastions: SSH connections that carry other SSH connections. All the nodes behind a bastion share one, since sshd drops
//! handshakes beyond a few at a time (`MaxStartups 10:30:100`).

use super::super::{Access, RemoteError};
use super::tunnel::{Tunnel, TunnelError};
use super::wire::Wire;
use crate::inventory::SshSettings;
use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// How a connection gets through bastions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// Over the connections that the run has already.
    Shared,
    /// Over connections of its own: a login that proves something must not rest on an old one.
    Fresh,
}

/// The bastions of a run.
#[derive(Default)]
pub(in crate::remote) struct Bastions {
    /// By the settings of the bastion and of those in front of it.
    pools: Mutex<BTreeMap<String, Arc<Mutex<Pool>>>>,
}

/// The connections to one bastion. There is one, and more only while some wait for hosts that do not answer.
#[derive(Default)]
struct Pool {
    tunnels: Vec<Arc<Tunnel>>,
    /// When the last attempt failed and why: those who waited for it do not try again.
    failure: Option<(Instant, Arc<RemoteError>)>,
}

impl Bastions {
    /// A stream to the host of these settings, through their bastions.
    pub(super) fn stream(
        &self,
        settings: &SshSettings,
        access: &Access,
        route: Route,
    ) -> Result<UnixStream, RemoteError> {
        let Some((bastion, outer)) = settings.bastions.split_last() else {
            return Err(RemoteError::Unsupported(format!("{} is behind no bastion", settings.host)));
        };
        let bastion = SshSettings { bastions: outer.to_vec(), ..bastion.clone() };
        let failed =
            |source| RemoteError::Connect { host: settings.host.clone(), port: settings.port, source };
        let asked = Instant::now();
        loop {
            let tunnel = self.tunnel(&bastion, access, route, asked).map_err(|source| {
                RemoteError::Bastion { bastion: format!("{}:{}", bastion.host, bastion.port), source }
            })?;
            let patient = route == Route::Fresh;
            match tunnel.stream(&settings.host, settings.port, settings.timeouts.connect, patient) {
                Ok(stream) => return Ok(stream),
                Err(TunnelError::Unreachable(source)) => return Err(failed(source)),
                Err(TunnelError::Unusable(error)) if asked.elapsed() >= settings.timeouts.connect => {
                    return Err(failed(io::Error::new(io::ErrorKind::TimedOut, error)));
                }
                Err(TunnelError::Unusable(_)) => {}
            }
        }
    }

    fn tunnel(
        &self,
        bastion: &SshSettings,
        access: &Access,
        route: Route,
        asked: Instant,
    ) -> Result<Arc<Tunnel>, Arc<RemoteError>> {
        let open = || {
            let wire = Wire::log_in(bastion, access, route)?;
            Tunnel::start(wire, bastion).map(Arc::new)
        };
        if route == Route::Fresh {
            return open().map_err(Arc::new);
        }
        let pool = {
            let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(pools.entry(key(bastion)).or_default())
        };
        // Held while connecting: the others wait for this connection instead of making their own.
        let mut pool = pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool.tunnels.retain(|tunnel| !tunnel.has_ended());
        if let Some(tunnel) = pool.tunnels.iter().find(|tunnel| tunnel.is_usable()) {
            return Ok(Arc::clone(tunnel));
        }
        if let Some((when, error)) = pool.failure.as_ref().filter(|(when, _)| *when >= asked) {
            tracing::debug!(bastion = bastion.host, age = ?when.elapsed(), "share the failure of another attempt");
            return Err(Arc::clone(error));
        }
        match open() {
            Ok(tunnel) => {
                pool.tunnels.push(Arc::clone(&tunnel));
                Ok(tunnel)
            }
            Err(error) => {
                let error = Arc::new(error);
                pool.failure = Some((Instant::now(), Arc::clone(&error)));
                Err(error)
            }
        }
    }
}

/// Two bastions are the same when everything about reaching them is.
fn key(bastion: &SshSettings) -> String {
    let hops = bastion.bastions.iter().chain([bastion]);
    let hop = |hop: &SshSettings| {
        format!("{:?}", (&hop.host, hop.port, &hop.user, &hop.identity_file, &hop.known_hosts))
    };
    hops.map(hop).collect::<Vec<_>>().join(" > ")
}
