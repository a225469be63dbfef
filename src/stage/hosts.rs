//! The stage in which hosts become nodes. Nothing is behind it that a procedure would have to be careful with: what is encrypted
//! is encrypted from the first value on, and kubelets serve with their certificates from their first second.

use super::{Scope, Stage};
use crate::desired::EncryptionPhase;
use crate::inventory::NodeName;
use crate::plan::StageTitle;
use std::collections::BTreeMap;

const BOOTSTRAP: (&str, &str) = ("bootstrap", "make a hardened cluster of hosts that nothing was on");

/// What is done while hosts become nodes.
pub fn hosts_title() -> StageTitle {
    let (name, title) = BOOTSTRAP;
    StageTitle { name: name.to_owned(), title: title.to_owned() }
}

impl Stage {
    /// The one stage of a cluster that begins with these control-plane nodes.
    pub fn of_hosts(control_planes: impl Iterator<Item = NodeName>) -> Self {
        Self {
            title: hosts_title(),
            remaining: Vec::new(),
            scope: Scope::All,
            encryption: control_planes.map(|node| (node, EncryptionPhase::Write)).collect(),
            gates: Vec::new(),
            operations: Vec::new(),
        }
    }

    /// With control-plane nodes that join: they read what the others write, and do not write before the others can read.
    #[must_use]
    pub fn with_hosts(mut self, joining: impl Iterator<Item = NodeName>) -> Self {
        let writes = self.encryption.values().all(|phase| *phase == EncryptionPhase::Write);
        let phase = if writes { EncryptionPhase::Write } else { EncryptionPhase::Read };
        let joining: BTreeMap<NodeName, EncryptionPhase> = joining.map(|node| (node, phase)).collect();
        self.encryption.extend(joining);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> NodeName {
        NodeName(text.to_owned())
    }

    #[test]
    fn who_joins_does_what_the_others_do() {
        let begun = Stage::of_hosts([name("cp-1")].into_iter());
        assert_eq!(begun.encryption[&name("cp-1")], EncryptionPhase::Write);
        let grown = begun.with_hosts([name("cp-2")].into_iter());
        assert_eq!(grown.encryption[&name("cp-2")], EncryptionPhase::Write);
        let mut reading = grown;
        reading.encryption.insert(name("cp-1"), EncryptionPhase::Read);
        let reading = reading.with_hosts([name("cp-3")].into_iter());
        assert_eq!(reading.encryption[&name("cp-3")], EncryptionPhase::Read);
    }
}
