//! The way to the API for those who only read: through control planes of which nothing is known but how to read there. Only
//! the administrator's credentials are read, never etcd's.

use super::{HealthError, SCRIPT_DEADLINE, dial};
use crate::cluster::{ClusterError, Credentials, ReadApi};
use crate::error::Severity;
use crate::inventory::NodeName;
use crate::remote::{Probe, Reader, Script};

/// Reads the administrator's credentials on a control-plane node, and returns a client for the node's own API server that sends
/// nothing but GET, through the node. Nothing is dialled yet.
pub fn open_to_read(reader: &mut dyn Reader) -> Result<ReadApi, HealthError> {
    let script = Credentials::api_script_sections()
        .fold(Script::new("read the cluster's credentials"), |script, (name, body)| {
            script.section(*name, *body)
        });
    let reply = reader.read(&Probe::that_only_reads(script), SCRIPT_DEADLINE)?;
    let credentials = Credentials::parse(|name| reply.section(name).output)?;
    Ok(ReadApi::connect(&credentials, &dial(reader)?)?)
}

/// Readers of control-plane nodes, and clients for their API servers, opened when they are first needed.
#[derive(Default)]
pub struct ReadReach {
    planes: Vec<Plane>,
}

struct Plane {
    node: NodeName,
    reader: Box<dyn Reader>,
    api: Option<ReadApi>,
}

impl ReadReach {
    /// Nobody to ask yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a control-plane node of a running cluster.
    pub fn add(&mut self, node: NodeName, reader: Box<dyn Reader>) {
        self.planes.push(Plane { node, reader, api: None });
    }

    /// The nodes, in the order in which they are asked.
    pub fn control_planes(&self) -> impl Iterator<Item = &NodeName> {
        self.planes.iter().map(|plane| &plane.node)
    }

    /// Asks one API server after the other until one answers; that it refuses is an answer, that it is too busy is none.
    pub fn ask<T>(
        &mut self,
        question: impl Fn(&ReadApi) -> Result<T, ClusterError>,
    ) -> Result<T, HealthError> {
        let mut failure = HealthError::NoCluster;
        for plane in &mut self.planes {
            match plane.api().map(&question) {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) if error.severity() != Severity::Retryable => return Err(error.into()),
                Ok(Err(error)) => failure = error.into(),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

impl Plane {
    fn api(&mut self) -> Result<&ReadApi, HealthError> {
        let api = match self.api.take() {
            Some(api) => api,
            None => open_to_read(self.reader.as_mut())?,
        };
        Ok(self.api.insert(api))
    }
}
