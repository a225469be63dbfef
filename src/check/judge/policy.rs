//! Section 5 as an outcome: what `policies` says of the objects of the cluster.

use super::super::finding::Verdict;
use super::super::policies;
use super::outcome::Outcome;
use crate::resource::ClusterEvidence;

/// What a control of section 5 comes to.
pub(super) fn judge(item: &str, cluster: &ClusterEvidence) -> Outcome {
    let Some(judgement) = policies::judge(item, cluster) else {
        return Outcome::against("the objects of the cluster were not read");
    };
    Outcome {
        passes: judgement.verdict == Verdict::Pass,
        evidence: judgement.evidence,
        objects: judgement.objects,
        differences: Vec::new(),
        clean: Some(judgement.clean),
    }
}
