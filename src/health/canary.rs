//! The trial of an encryption config where an API server does not say what it has loaded: a Secret is written through it, looked
//! at in etcd, read through every other API server, and deleted.

use super::encryption::{EncryptionReport, FIRST_PROVIDER, Trial, expected_prefix};
use super::{HealthError, Reach};
use crate::cluster::{Api, Etcd};
use crate::inventory::NodeName;
use crate::remote::{Script, rooted};
use crate::resource::NodePath;
use std::time::{SystemTime, UNIX_EPOCH};

impl Reach {
    pub(super) fn trial(&self, node: &NodeName, path: &NodePath) -> Result<EncryptionReport, HealthError> {
        let attempt = format!("read {path}");
        let body =
            format!("harden_file={}\nstat -c %Z \"$harden_file\"\n{FIRST_PROVIDER}", rooted(path.as_str()));
        let reply = self.slot(node)?.run(&Script::new(attempt.as_str()).section("file", body))?;
        let text = reply.section("file").text();
        let mut lines = text.lines();
        let written_at = lines.next().and_then(|line| line.parse().ok());
        let (Some(written_at), Some(provider)) = (written_at, lines.next()) else {
            let reason = String::from("it is missing, or not an encryption config");
            return Err(HealthError::Script { node: node.clone(), attempt, reason });
        };
        let expected = expected_prefix(provider, lines.next().unwrap_or_default());
        let read_at = self.api(node, Api::encryption_read_at)?;
        #[allow(clippy::cast_possible_truncation)]
        let read_at = read_at.map(|seconds| seconds.floor() as i64);
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let canary = format!("harden-canary-{nanos}");
        self.api(node, |api| api.create_canary(&canary))?;
        let seen = self.look_at_canary(node, &canary);
        // Deleted whether it could be looked at or not.
        self.api(node, |api| api.delete_canary(&canary))?;
        let (stored, unreadable) = seen?;
        Ok(EncryptionReport::Trial(Trial { written_at, read_at, expected, stored, unreadable }))
    }

    fn look_at_canary(
        &self,
        node: &NodeName,
        canary: &str,
    ) -> Result<(Option<String>, Vec<NodeName>), HealthError> {
        let object = format!("kube-system/{canary}");
        let look = |etcd: &Etcd| etcd.stored_prefix("secrets", &object);
        let stored = match self.etcd(node, look) {
            Err(HealthError::NoEtcd { .. }) => self.any_member(look)?.flatten(),
            result => result?,
        };
        let mut unreadable = Vec::new();
        for other in self.control_planes() {
            if !self.api(other, |api| api.reads_canary(canary))? {
                unreadable.push(other.clone());
            }
        }
        Ok((stored, unreadable))
    }
}
