//! Section 5 as an outcome: what `policies` says of the objects of the cluster.

use super::outcome::Outcome;
use crate::resource::ClusterEvidence;

/// What a control of section 5 comes to.
pub(super) fn judge(_item: &str, _cluster: &ClusterEvidence) -> Outcome {
    Outcome::against("not evaluated")
}
