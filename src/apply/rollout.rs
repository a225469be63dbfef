//! Waiting for a DaemonSet's new pods: as long as it goes on, however large the cluster is, and not for ever.

use crate::cluster::Rollout;
use crate::error::Chain;
use crate::health::HealthError;
use std::time::Duration;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(3);
/// So many looks without progress, five minutes, and nobody believes in it any more.
const PATIENCE: u32 = 100;

/// The new pods do not come.
#[derive(Debug, thiserror::Error)]
#[error("restart {what}: no progress for {} s: {last}", (PAUSE * PATIENCE).as_secs())]
pub(super) struct Stalled {
    what: String,
    last: String,
}

/// Waits until a rollout is complete. `look` asks how far it is; an answer that does not come is patience lost, since the
/// API server may be elsewhere for a while.
pub(super) fn wait(
    what: &str,
    look: &mut dyn FnMut() -> Result<Rollout, HealthError>,
    pause: &mut dyn FnMut(Duration),
    tell: &dyn Fn(&Rollout),
) -> Result<(), Stalled> {
    let (mut best, mut silent) = (None, 0);
    loop {
        let last = match look() {
            Ok(rollout) if rollout.is_complete() => {
                tell(&rollout);
                return Ok(());
            }
            Ok(rollout) => {
                let progress = (rollout.seen, rollout.updated, rollout.available);
                if best.is_none_or(|best| progress > best) {
                    best = Some(progress);
                    silent = 0;
                    tell(&rollout);
                }
                let Rollout { updated, desired, available, .. } = rollout;
                format!("{updated} of {desired} are new, {available} available")
            }
            Err(error) => Chain(&error).to_string(),
        };
        silent += 1;
        if silent > PATIENCE {
            return Err(Stalled { what: what.to_owned(), last });
        }
        pause(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seen: bool, updated: i32, available: i32) -> Rollout {
        Rollout { seen, desired: 3, updated, available }
    }

    #[test]
    fn it_waits_as_long_as_there_is_progress() {
        // The numbers of before the change say that all is done, and count for nothing.
        let mut script =
            vec![at(false, 3, 3), at(true, 0, 3), at(true, 1, 2), at(true, 1, 3), at(true, 3, 3)].into_iter();
        let mut polls = 0;
        let mut slow = Vec::new();
        for rollout in script.by_ref() {
            slow.extend(std::iter::repeat_n(rollout, 90));
        }
        let mut slow = slow.into_iter();
        let mut look = || {
            polls += 1;
            Ok(slow.next().unwrap())
        };
        wait("kube-proxy", &mut look, &mut |_| (), &|_| ()).unwrap();
        assert_eq!(polls, 4 * 90 + 1);
    }

    #[test]
    fn it_does_not_wait_for_ever() {
        let mut waited = Duration::ZERO;
        let mut look = || Ok(at(true, 1, 2));
        let error = wait("kube-proxy", &mut look, &mut |time| waited += time, &|_| ()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "restart kube-proxy: no progress for 300 s: 1 of 3 are new, 2 available"
        );
        assert!(waited <= Duration::from_mins(6));
        let mut look = || Err(HealthError::NoCluster);
        assert!(wait("kube-proxy", &mut look, &mut |_| (), &|_| ()).is_err());
    }
}
