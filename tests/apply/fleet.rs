//! What harden asks of imagined nodes, and what goes wrong with it.

use super::cut;
use super::pods::Draining;
use super::world::{World, leaked};
use harden::apply::{Cordon, DrainError, Fleet, MaterialError};
use harden::event::Listener;
use harden::health::{GateError, HealthError};
use harden::inventory::NodeName;
use harden::plan::{ClusterOperation, Drain, Gate};
use harden::remote::{Reply, Script};
use std::sync::atomic::Ordering;
use std::time::Duration;

fn refused() -> HealthError {
    HealthError::Remote(cut::refused())
}

fn sick(node: &NodeName) -> GateError {
    GateError::Timeout {
        node: node.clone(),
        gate: String::from("imagined"),
        deadline: Duration::from_secs(1),
        last: String::from("it is sick"),
        said: Vec::new(),
    }
}

impl World {
    fn is_locked_out(&self, node: &NodeName) -> Option<HealthError> {
        let (_, error) = self.wrong.locked_out.filter(|(of, _)| *of == node.as_str())?;
        self.is_pending(node.as_str()).then(error)
    }
}

impl Fleet for World {
    fn run(&self, node: &NodeName, script: &Script, deadline: Duration) -> Result<Reply, HealthError> {
        let title = script.title();
        let sections = script.sections().map(|(name, _)| name.to_owned());
        self.sent.lock().unwrap().entry(title.to_owned()).or_default().extend(sections);
        if let Some(error) = self.is_locked_out(node) {
            return Err(error);
        }
        let fault = {
            let mut state = self.state.lock().unwrap();
            let state = state.entry(node.clone()).or_default();
            if state.broken {
                return Err(refused());
            }
            // This looks whether the connection is alive, and is no step of its own.
            let counts = title != "look whether the connection is alive";
            let mut cuts = self.wrong.cuts.lock().unwrap();
            let cut = cuts.iter().position(|(at, of, _)| *at == node.as_str() && *of == title);
            let cut = cut.map(|index| cuts.remove(index).2);
            let numbered = || self.wrong.faults.get(&(leaked(node), state.calls)).copied().filter(|_| counts);
            let fault = cut.or_else(numbered);
            state.calls += usize::from(counts);
            if fault.is_some() {
                state.broken = true;
                let is_gone = self.wrong.gone_after_cuts && cuts.is_empty();
                let after = self.wrong.unreachable.get(node.as_str()).copied().unwrap_or_default();
                state.unreachable = if is_gone { usize::MAX } else { after };
            }
            fault
        };
        let root = self.roots[node].path();
        match fault {
            None => Ok(cut::run(script, root)?),
            Some(fault) => {
                let mut left = Vec::new();
                let error = cut::run_with(fault, script, root, deadline, &mut left);
                self.running.lock().unwrap().extend(left);
                Err(error.into())
            }
        }
    }

    fn reconnect(&self, node: &NodeName) -> Result<(), HealthError> {
        let mut state = self.state.lock().unwrap();
        let state = state.entry(node.clone()).or_default();
        let is_new = state.waits == if self.is_parted { 2 } else { 1 };
        let error = if let Some(error) = self.is_locked_out(node) {
            error
        } else if is_new && self.wrong.no_login.contains(&node.as_str()) {
            // Nobody may log in anew; the old connection stays.
            refused()
        } else if state.unreachable > 0 {
            state.unreachable -= 1;
            refused()
        } else {
            state.broken = false;
            return Ok(());
        };
        state.refused += 1;
        if state.refused == self.wrong.own_rollback.0 {
            self.roll_back_alone(node.as_str(), self.wrong.own_rollback.1);
        }
        Err(error)
    }

    fn wait(
        &self,
        gates: &[Gate],
        _: Duration,
        _: &Listener<'_>,
        cancel: &dyn Fn() -> bool,
    ) -> Result<(), GateError> {
        let node = gates[0].node();
        if matches!(gates[0], Gate::EtcdHealthy { .. }) {
            return if self.wrong.stage_is_sick { Err(sick(node)) } else { Ok(()) };
        }
        let mut state = self.state.lock().unwrap();
        let waits = &mut state.entry(node.clone()).or_default().waits;
        *waits += 1;
        if self.wrong.interrupted_in == Some((leaked(node), *waits - 1)) {
            self.interrupted.store(true, Ordering::Relaxed);
            assert!(cancel());
            return Err(GateError::Cancelled { node: node.clone() });
        }
        // Whether the old state is healthy is asked to the end.
        assert!(!self.interrupted.load(Ordering::Relaxed) || !cancel());
        if self.wrong.sick.contains(&(leaked(node), *waits - 1)) { Err(sick(node)) } else { Ok(()) }
    }

    fn cordon(&self, node: &NodeName, _: &Drain, mark: &str, _: &Listener<'_>) -> Result<Cordon, DrainError> {
        self.pods.cordon(node, mark)
    }

    fn evict_pods(
        &self,
        node: &NodeName,
        settings: &Drain,
        _: &Listener<'_>,
        cancel: &dyn Fn() -> bool,
    ) -> Result<(), DrainError> {
        assert!(!self.is_locked(node.as_str()), "drained before anything is done there");
        if self.pods.draining.get(node.as_str()) == Some(&Draining::Interrupted) {
            self.interrupted.store(true, Ordering::Relaxed);
        }
        self.pods.evict(node, settings, cancel)
    }

    fn uncordon(&self, node: &NodeName, mark: &str) -> Result<(), HealthError> {
        if self.pods.uncordon(node, mark) { Ok(()) } else { Err(refused()) }
    }

    fn change_cluster(&self, _: &ClusterOperation, _: &Listener<'_>) -> Result<(), MaterialError> {
        if self.wrong.cluster_refuses { Err("imagined".into()) } else { Ok(()) }
    }

    fn pause(&self, time: Duration) {
        assert!(time >= Duration::from_secs(1));
        *self.pauses.lock().unwrap() += 1;
    }
}
