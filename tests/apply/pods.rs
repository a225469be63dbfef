//! The imagined nodes' pods and cordons: what is not as it should be when a node is drained.

use harden::apply::{Cordon, DrainError, Remaining, Unevictable};
use harden::inventory::NodeName;
use harden::plan::Drain;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

/// How draining goes on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Draining {
    /// It was cordoned by somebody else before.
    Kept,
    /// A pod would be lost.
    Refused,
    /// A budget keeps a pod.
    Budget,
    /// The user interrupts.
    Interrupted,
}

/// The pods of all nodes.
#[derive(Default)]
pub(super) struct Pods {
    /// By node; where it says nothing, all goes well.
    pub(super) draining: BTreeMap<&'static str, Draining>,
    /// So many attempts to uncordon fail.
    pub(super) uncordons_fail: Mutex<usize>,
    /// The marks of the cordons.
    cordons: Mutex<BTreeMap<NodeName, String>>,
}

impl Pods {
    /// Whether harden keeps new pods off a node.
    pub(super) fn is_cordoned(&self, node: &NodeName) -> bool {
        self.cordons.lock().unwrap().contains_key(node)
    }

    pub(super) fn cordon(&self, node: &NodeName, mark: &str) -> Result<Cordon, DrainError> {
        match self.draining.get(node.as_str()) {
            Some(Draining::Kept) => return Ok(Cordon::Kept),
            Some(Draining::Refused) => {
                let reason = String::from("no controller creates it again");
                let pods = vec![Unevictable { pod: "a/b".into(), reason, setting: "delete-unmanaged-pods" }];
                return Err(DrainError::Refused { node: node.clone(), pods });
            }
            _ => {}
        }
        self.cordons.lock().unwrap().insert(node.clone(), mark.to_owned());
        Ok(Cordon::Own)
    }

    pub(super) fn evict(
        &self,
        node: &NodeName,
        settings: &Drain,
        cancel: &dyn Fn() -> bool,
    ) -> Result<(), DrainError> {
        let draining = self.draining.get(node.as_str());
        assert!(draining == Some(&Draining::Kept) || self.is_cordoned(node), "cordoned before evicted");
        match draining {
            Some(Draining::Budget) => {
                let (budget, reason) = (Some("a/web".into()), "it needs 1 healthy pod".into());
                let pods = vec![Remaining { pod: "a/web-1".into(), budget, reason }];
                let tried = Duration::from_secs(settings.deadline);
                Err(DrainError::Deadline { node: node.clone(), tried, pods })
            }
            Some(Draining::Interrupted) => {
                assert!(cancel());
                Err(DrainError::Cancelled { node: node.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Whether the API could be reached for it.
    pub(super) fn uncordon(&self, node: &NodeName, mark: &str) -> bool {
        let mut fail = self.uncordons_fail.lock().unwrap();
        if *fail > 0 {
            *fail -= 1;
            return false;
        }
        let mut cordons = self.cordons.lock().unwrap();
        if cordons.get(node).is_some_and(|found| found == mark) {
            cordons.remove(node);
        }
        true
    }
}
