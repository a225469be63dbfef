//! Section 5 of the CIS benchmarks, every item of it evaluated on the cluster's objects with the offending ones named. kube-bench tests
//! eleven of the 34 and warns of the rest unseen; the verdict here is still the one it gives, and beside it stands what the
//! evaluation found. Pure: nothing here asks the API.

mod accounts;
mod admission;
mod evaluation;
mod kube_bench;
mod namespaces;
mod pods;
mod programs;
mod rbac;
mod roles;
mod shipped;

use super::Verdict;
use crate::resource::ClusterEvidence;
use evaluation::Evaluation;

/// What was found on one control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What kube-bench says of the same objects: never a failure, as the benchmark scores nothing of this section.
    pub verdict: Verdict,
    /// What was looked at and seen, one line each.
    pub evidence: Vec<String>,
    /// Everything of the user's that offends, all of it, sorted: whoever shows it shortens it, after waivers were matched.
    pub objects: Vec<String>,
    /// Whether it could be told and nothing of the user's offends.
    pub clean: bool,
}

/// Judges an item of section 5, `5.1.1`; `None` for any other, and where the objects were not read.
pub fn judge(item: &str, cluster: &ClusterEvidence) -> Option<Judgement> {
    let objects = cluster.objects.as_ref()?;
    let evaluation = match item {
        "5.1.1" => rbac::administrators(objects),
        "5.1.3" => roles::wildcards(objects),
        "5.1.5" => accounts::default_accounts(objects),
        "5.1.6" => accounts::mounted_tokens(objects),
        "5.1.7" => rbac::masters(objects),
        "5.2.1" => admission::policy_mechanism(objects, cluster),
        "5.3.1" => programs::network_plugin(objects),
        "5.3.2" => namespaces::without_network_policy(objects),
        "5.4.2" => programs::secret_store(objects),
        "5.5.1" => admission::image_provenance(objects),
        "5.6.1" => namespaces::boundaries(objects),
        "5.6.4" => namespaces::default_namespace(objects),
        _ => rbac::powers(item, objects).or_else(|| pods::workloads(item, objects))?,
    };
    Some(conclude(evaluation, kube_bench::passes(item, objects)))
}

/// `passes` is what kube-bench's own test says; `None` where it has none and always warns.
fn conclude(evaluation: Evaluation, passes: Option<bool>) -> Judgement {
    let clean = evaluation.is_clean();
    let verdict = if passes == Some(true) { Verdict::Pass } else { Verdict::Warn };
    let remark = match (passes, clean) {
        (Some(true), false) => Some("kube-bench's own test passes: it does not look at all of this"),
        (Some(false), true) if evaluation.shipped > 0 => {
            Some("kube-bench counts Kubernetes' own objects; none of yours")
        }
        (Some(false), true) => Some("kube-bench's own test does not pass, though nothing of yours offends"),
        (None, true) => Some("kube-bench has no test for it and always warns"),
        _ => None,
    };
    let mut evidence = evaluation.evidence();
    evidence.extend(remark.map(str::to_owned));
    Judgement { verdict, evidence, objects: evaluation.into_offenders(), clean }
}
