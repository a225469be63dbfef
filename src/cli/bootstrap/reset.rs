//! `harden bootstrap --reset`: what an attempt left that did not come to its end is taken off a host, so that it begins blank.

use super::BootstrapVerbError;
use crate::cli::Error;
use crate::cli::apply::Applying;
use crate::cli::pipeline::Observation;
use crate::cli::remove::{self, Eviction, Remove};
use crate::error::ExitCode;
use crate::inventory::{ETCD_DATA, NodeName};
use crate::removal::{Runs, reset_script};
use crate::ui;
use std::time::Duration;

/// `kubeadm reset` waits for containers to end.
const RESET: Duration = Duration::from_mins(5);

/// Makes blank hosts of these. Nodes are not among those that it takes: for them there is `harden remove`.
pub(super) fn reset(
    names: &[String],
    applying: &mut Applying<'_>,
    observation: &Observation,
) -> Result<(), Error> {
    let joining = applying.pipeline.joining(observation);
    let mut hosts = Vec::new();
    for name in names {
        let host = joining.nodes.iter().find(|host| host.as_str() == name);
        let known = || joining.nodes.iter().map(ToString::to_string).collect();
        let none = || Error::hinted(BootstrapVerbError::NoHost { name: name.clone(), known: known() });
        hosts.push(host.cloned().ok_or_else(none)?);
    }
    for host in hosts {
        if joining.cluster {
            out_of_the_cluster(&host, applying)?;
        } else {
            alone(&host, applying, observation)?;
        }
    }
    Ok(())
}

/// An etcd member may have been announced for it, and a Node.
fn out_of_the_cluster(host: &NodeName, applying: &Applying<'_>) -> Result<(), Error> {
    let arguments = Remove {
        node: host.to_string(),
        yes: applying.asked,
        unreachable: false,
        eviction: Eviction::default(),
        joins_again: true,
    };
    match remove::run(&arguments, applying.global, applying.output)? {
        ExitCode::Success => Ok(()),
        code => Err(Error::new(BootstrapVerbError::NotReset { host: host.clone() }).code(code)),
    }
}

/// There is no cluster that would have to know.
fn alone(host: &NodeName, applying: &Applying<'_>, observation: &Observation) -> Result<(), Error> {
    let question =
        format!("Delete certificates, keys, etcd's data and everything else of a cluster on {host}?");
    if !applying.asked && !ui::confirm(applying.output, &question)? {
        return Err(Error::new(BootstrapVerbError::Declined));
    }
    let inventory = &applying.pipeline.inventory;
    let runs = inventory.node(host).map(|node| Runs::of(node, inventory.etcd.topology)).unwrap_or_default();
    let reply = observation.reach.run(host, &reset_script(ETCD_DATA, runs), RESET).map_err(Error::hinted)?;
    if reply.code == 0 {
        applying.output.message(&format!("{host} is blank again\n"));
        return Ok(());
    }
    applying.output.message(&format!("{host}: {}\n", ui::line(&reply.last_words())));
    Err(Error::new(BootstrapVerbError::NotReset { host: host.clone() }).code(ExitCode::Stopped))
}
