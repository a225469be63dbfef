//! `harden doctor`: whether the hosts are fit for Kubernetes. Strictly reading.

use super::load::now;
use super::nodes::Nodes;
use super::preflight::milliseconds;
use super::{Error, Format, Global, pipeline};
use crate::doctor::{self, Check, DoctorError, HostFacts, Question, Report};
use crate::error::ExitCode;
use crate::event::{Listener, Outcome};
use crate::inventory::{Inventory, Node};
use crate::observe::fleet;
use crate::remote::{self, Access};
use crate::ui::{self, Output, Progress};
use clap::Args;
use std::num::NonZeroUsize;

/// Look whether the hosts are fit for Kubernetes; changes nothing
///
/// Each host is asked once, over the connection that everything else uses: whether it is reached and its key known, sudo, clock,
/// hostname, machine-id, addresses, distribution, kernel, cgroups, swap, kernel modules and parameters, ports, the container
/// runtime, kubelet and kubeadm (or etcd where that is a program), images, room on its disks, and the name of the endpoint
/// (or whether somebody else has its address, where kube-vip is to hold it).
/// Nothing is pulled and nothing is written. A host that has joined a cluster is judged as one: what runs there holds its ports
/// by right. Each finding has its remedy. Exits with 0 where nothing is fatal, and with 1 otherwise.
#[derive(Debug, Clone, Args)]
pub struct Doctor {
    /// Accept what this check finds fatal; may be repeated. It is about harden's checks: those of kubeadm, which looks again in a
    /// bootstrap, are accepted by `[bootstrap] ignore-preflight-errors` of the inventory
    #[arg(long, value_name = "NAME", value_enum)]
    pub skip: Vec<Check>,
}

/// Looks and reports.
pub fn run(arguments: &Doctor, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let nodes = Nodes::load(global, output)?;
    let mut report = {
        let progress = Progress::start(output.clone(), global.progress, global.quiet);
        let listener = |event| progress.emit(&event);
        examine(&nodes.inventory, &nodes.selected(), &nodes.access, nodes.parallelism, &listener)
    };
    report.accept(&arguments.skip);
    output.result(&match global.output {
        Format::Text => ui::doctor::table(&report, output.view(global.verbose > 0)),
        Format::Json => ui::doctor::json(&report)?,
    })?;
    Ok(if report.fatal().next().is_none() { ExitCode::Success } else { ExitCode::Error })
}

/// Asks these hosts of an inventory, in one round trip each, and judges all of them together.
pub(super) fn examine(
    inventory: &Inventory,
    hosts: &[&Node],
    access: &Access,
    parallelism: NonZeroUsize,
    listener: &Listener<'_>,
) -> Report {
    let answers = fleet::each_node(
        hosts,
        parallelism,
        "look whether it is fit for Kubernetes",
        |node| {
            let mut session = remote::connect(node, access)?;
            let asked = milliseconds();
            let facts =
                doctor::ask(session.as_mut(), &Question::of(node, inventory), pipeline::deadline(node))?;
            Ok::<(HostFacts, i64, i64), DoctorError>((facts, asked, milliseconds()))
        },
        |_| Outcome::Finished(String::from("looked at")),
        listener,
    );
    doctor::judge(inventory, answers, now())
}
