//! Clocks of the nodes that a plan concerns.

use super::{Facts, Findings, Preflight, Scope};
use crate::inventory::NodeName;
use crate::resource::clock_faults;

pub(super) fn judge(scope: &Scope, facts: &Facts, findings: &mut Findings) {
    let is_concerned =
        |node: &NodeName| scope.touched.contains_key(node) || scope.control_planes.contains(node);
    let concerned = facts.clocks.iter().filter(|(node, _)| is_concerned(node));
    for fault in clock_faults(concerned.map(|(node, reading)| (node, *reading))) {
        findings.refuse(Preflight::Clocks, fault.of, fault.fact, fault.remedy);
    }
}
