//! The eviction loop: every pod is asked for until the API lets it go, and waited for until it is gone, as long as the deadline
//! allows. A pod of the same name that a controller made meanwhile is another pod.

use super::{DrainError, Remaining};
use crate::cluster::{ClusterError, Eviction, PodOnNode};
use crate::error::{Chain, Severity};
use crate::health::HealthError;
use crate::inventory::NodeName;
use std::collections::BTreeSet;
use std::time::Duration;

/// Between two looks at what is left.
const LOOK: Duration = Duration::from_secs(2);
/// No more often than this, whatever the API says.
const SHORTEST: Duration = Duration::from_millis(500);
/// Until a pod is asked for again whose eviction was refused, as `kubectl drain` does it.
const AGAIN: Duration = Duration::from_secs(5);

/// The pods of one node, and the time.
pub(super) trait Pods {
    /// What is there.
    fn list(&mut self) -> Result<Vec<PodOnNode>, HealthError>;

    /// Asks for one eviction.
    fn evict(&mut self, pod: &PodOnNode) -> Result<Eviction, HealthError>;

    /// How long it has taken so far.
    fn elapsed(&self) -> Duration;

    /// Lets time pass.
    fn pause(&mut self, time: Duration);
}

/// A pod that is not gone yet.
struct Left {
    pod: PodOnNode,
    /// When it is asked for again; `None` where it is on its way.
    again: Option<Duration>,
    /// The budget that keeps it, and what is said of it last.
    kept: (Option<String>, String),
}

impl Left {
    fn new(pod: PodOnNode) -> Self {
        let again = (!pod.terminating).then_some(Duration::ZERO);
        Self { pod, again, kept: (None, String::from("it has not ended yet")) }
    }

    fn remaining(&self) -> Remaining {
        let PodOnNode { namespace, name, .. } = &self.pod;
        let (budget, reason) = &self.kept;
        Remaining {
            pod: format!("{namespace}/{name}"),
            budget: budget.as_ref().map(|budget| format!("{namespace}/{budget}")),
            reason: reason.clone(),
        }
    }

    /// Asks once. What may pass is asked again; what will not is the error.
    fn ask(&mut self, pods: &mut dyn Pods) -> Result<(), HealthError> {
        let after = match pods.evict(&self.pod) {
            Ok(Eviction::Accepted) => {
                self.kept = (None, String::from("it has not ended yet"));
                None
            }
            // Gone, unless the list says otherwise.
            Ok(Eviction::Gone) => Some(LOOK),
            Ok(Eviction::Blocked(blocked)) => {
                self.kept = (blocked.budget, blocked.message);
                Some(blocked.retry_after.unwrap_or(AGAIN))
            }
            Err(error) if passes(&error) => {
                self.kept = (None, Chain(&error).to_string());
                Some(AGAIN)
            }
            Err(error) => return Err(error),
        };
        self.again = after.map(|after| pods.elapsed() + after);
        Ok(())
    }
}

/// Whether the same may go well a moment later. 500 is how the API says that it will not: a pod has two budgets.
fn passes(error: &HealthError) -> bool {
    let is_final = matches!(error, HealthError::Cluster(ClusterError::Refused { code: 500, .. }));
    error.severity() == Severity::Retryable && !is_final
}

/// Evicts pods, and waits until none of them is left. `tell` is called with what has come of it, whenever that changes.
pub(super) fn evict(
    node: &NodeName,
    selected: Vec<PodOnNode>,
    deadline: Duration,
    pods: &mut dyn Pods,
    tell: &dyn Fn(String),
    cancel: &dyn Fn() -> bool,
) -> Result<(), DrainError> {
    let all = selected.len();
    let mut left: Vec<Left> = selected.into_iter().map(Left::new).collect();
    let mut told = String::new();
    while !left.is_empty() {
        for pod in &mut left {
            if cancel() {
                return Err(DrainError::Cancelled { node: node.clone() });
            }
            if pod.again.is_some_and(|when| when <= pods.elapsed()) {
                pod.ask(pods).map_err(|source| DrainError::asked(node, source))?;
            }
        }
        match pods.list() {
            Ok(found) => {
                let there: BTreeSet<String> = found.into_iter().map(|pod| pod.uid).collect();
                left.retain(|pod| there.contains(&pod.pod.uid));
            }
            Err(error) if passes(&error) => {}
            Err(error) => return Err(DrainError::asked(node, error)),
        }
        let news = progress(all, &left);
        if news != told {
            tell(news.clone());
            told = news;
        }
        let elapsed = pods.elapsed();
        if !left.is_empty() && elapsed >= deadline {
            let mut pods: Vec<Remaining> = left.iter().map(Left::remaining).collect();
            // What a person can do something about comes first.
            pods.sort_by_key(|pod| pod.budget.is_none());
            return Err(DrainError::Deadline { node: node.clone(), tried: elapsed, pods });
        }
        if !left.is_empty() {
            let next = left.iter().filter_map(|pod| pod.again).min().unwrap_or(deadline);
            let until = next.min(deadline).saturating_sub(elapsed);
            pods.pause(until.clamp(SHORTEST, LOOK));
        }
    }
    Ok(())
}

/// How many are gone, and what keeps the first of the others.
fn progress(all: usize, left: &[Left]) -> String {
    let gone = all - left.len();
    let kept = left.iter().find_map(|pod| {
        let obstacle = pod.remaining();
        Some(format!("; {} waits for the PodDisruptionBudget {}", obstacle.pod, obstacle.budget?))
    });
    format!("evict pods: {gone} of {all} gone{}", kept.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Blocked;
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    /// Pods that end so long after their eviction, under a budget that allows it from some time on.
    #[derive(Default)]
    struct Imagined {
        now: Duration,
        /// By uid, when it is gone.
        there: BTreeMap<String, Option<Duration>>,
        ends_after: Duration,
        allowed_from: Duration,
        retry_after: Option<Duration>,
        /// The API is silent at these calls.
        silent: BTreeSet<usize>,
        asked: Vec<(u64, String)>,
    }

    fn pod(name: &str) -> PodOnNode {
        PodOnNode {
            namespace: String::from("a"),
            name: name.to_owned(),
            uid: name.to_owned(),
            ..PodOnNode::default()
        }
    }

    fn silence() -> HealthError {
        ClusterError::Timeout { attempt: String::from("evict"), limit: Duration::from_secs(10) }.into()
    }

    impl Pods for Imagined {
        fn list(&mut self) -> Result<Vec<PodOnNode>, HealthError> {
            let now = self.now;
            self.there.retain(|_, gone| gone.is_none_or(|gone| gone > now));
            Ok(self.there.keys().map(|uid| pod(uid)).collect())
        }

        fn evict(&mut self, pod: &PodOnNode) -> Result<Eviction, HealthError> {
            self.asked.push((self.now.as_secs(), pod.uid.clone()));
            if self.silent.contains(&self.asked.len()) {
                return Err(silence());
            }
            if self.now < self.allowed_from {
                return Ok(Eviction::Blocked(Blocked {
                    budget: Some(String::from("web")),
                    message: String::from(
                        "The disruption budget web needs 1 healthy pods and has 1 currently",
                    ),
                    retry_after: self.retry_after,
                }));
            }
            match self.there.get_mut(&pod.uid) {
                Some(gone) => *gone = Some(self.now + self.ends_after),
                None => return Ok(Eviction::Gone),
            }
            Ok(Eviction::Accepted)
        }

        fn elapsed(&self) -> Duration {
            self.now
        }

        fn pause(&mut self, time: Duration) {
            assert!(time >= SHORTEST && time <= LOOK);
            self.now += time;
        }
    }

    fn imagined(names: &[&str]) -> Imagined {
        Imagined {
            there: names.iter().map(|name| ((*name).to_owned(), None)).collect(),
            ..Imagined::default()
        }
    }

    fn run(pods: &mut Imagined, names: &[&str]) -> (Result<(), DrainError>, Vec<String>) {
        let told = RefCell::new(Vec::new());
        let selected = names.iter().map(|name| pod(name)).collect();
        let node = NodeName(String::from("w-1"));
        let tell = |text| told.borrow_mut().push(text);
        let result = evict(&node, selected, Duration::from_mins(1), pods, &tell, &|| false);
        (result, told.into_inner())
    }

    #[test]
    fn what_ends_is_counted_until_all_are_gone() {
        let mut pods = imagined(&["a", "b", "stays"]);
        pods.ends_after = Duration::from_secs(30);
        let (result, told) = run(&mut pods, &["a", "b"]);
        result.unwrap();
        assert_eq!(told, ["evict pods: 0 of 2 gone", "evict pods: 2 of 2 gone"]);
        assert_eq!(pods.asked.len(), 2, "each is asked for once: {:?}", pods.asked);
        assert!(run(&mut imagined(&[]), &[]).0.is_ok());
    }

    #[test]
    fn a_budget_is_asked_again_until_it_allows_it() {
        let mut pods = imagined(&["a"]);
        pods.allowed_from = Duration::from_secs(12);
        let (result, told) = run(&mut pods, &["a"]);
        result.unwrap();
        assert_eq!(told[0], "evict pods: 0 of 1 gone; a/a waits for the PodDisruptionBudget a/web");
        let times: Vec<u64> = pods.asked.iter().map(|(time, _)| *time).collect();
        assert_eq!(times, [0, 5, 10, 15]);
        let mut pods = imagined(&["a"]);
        (pods.allowed_from, pods.retry_after) = (Duration::from_secs(12), Some(Duration::from_secs(10)));
        run(&mut pods, &["a"]).0.unwrap();
        let times: Vec<u64> = pods.asked.iter().map(|(time, _)| *time).collect();
        assert_eq!(times, [0, 10, 20], "the API says when");
    }

    #[test]
    fn the_deadline_names_the_budget_and_the_time() {
        let mut pods = imagined(&["a", "b"]);
        pods.allowed_from = Duration::from_hours(1);
        let (result, _) = run(&mut pods, &["a", "b"]);
        assert_eq!(
            result.unwrap_err().to_string(),
            "evict the pods of w-1: after 60 s a/a is kept by the PodDisruptionBudget a/web (The disruption budget web needs 1 \
             healthy pods and has 1 currently); a/b is kept by the PodDisruptionBudget a/web (The disruption budget web needs 1 \
             healthy pods and has 1 currently)"
        );
        let mut pods = imagined(&["a"]);
        pods.ends_after = Duration::from_hours(1);
        let (result, _) = run(&mut pods, &["a"]);
        assert_eq!(
            result.unwrap_err().to_string(),
            "evict the pods of w-1: after 60 s a/a is still there (it has not ended yet)"
        );
    }

    #[test]
    fn silence_passes_and_an_interrupt_ends_it() {
        let mut pods = imagined(&["a"]);
        pods.silent = [1, 2].into();
        run(&mut pods, &["a"]).0.unwrap();
        assert_eq!(pods.asked.len(), 3);
        let node = NodeName(String::from("w-1"));
        let mut pods = imagined(&["a"]);
        let result = evict(&node, vec![pod("a")], LOOK, &mut pods, &|_| (), &|| true);
        assert!(matches!(result, Err(DrainError::Cancelled { .. })));
        assert!(pods.asked.is_empty());
    }
}
