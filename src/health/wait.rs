//! Waiting for gates: all of them together, until each has held for some time without a restart, or one is too late.

use super::crash;
use super::{GateAccess, GateError, check};
use crate::event::{Event, Listener};
use crate::plan::Gate;
use std::time::{Duration, Instant};

/// How long gates must hold, and how often they are polled. How long each may take stands in the plan: [`Gate::deadline`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// How long what was restarted must live before it counts: what crashes does so within its first seconds.
    pub stable: Duration,
    /// How long everything else must hold before it counts.
    pub steady: Duration,
    /// The pause between two polls.
    pub poll: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            stable: Duration::from_secs(3),
            steady: Duration::from_secs(1),
            poll: Duration::from_millis(500),
        }
    }
}

impl Pace {
    fn of(&self, gate: &Gate) -> Duration {
        match gate {
            Gate::UnitActive { .. } | Gate::StaticPodRuns { .. } => self.stable,
            Gate::ApiServerReady { .. }
            | Gate::EtcdHealthy { .. }
            | Gate::EtcdWhole { .. }
            | Gate::NodeReady { .. }
            | Gate::KubeletServes { .. }
            | Gate::EncryptionLoaded { .. }
            | Gate::EndpointAnswers { .. } => self.steady.min(self.stable),
        }
    }
}

/// Time, so that a test can do without it.
pub trait Clock {
    /// How long it has been running.
    fn now(&self) -> Duration;
    /// Waits.
    fn sleep(&self, time: Duration);
}

/// The real time.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// Waits until all gates have held for their time, and do so together. `cancel` ends it at the next gate that does not hold: what
/// is a moment from being proven is proven rather than given up.
pub fn wait(
    gates: &[Gate],
    access: &mut dyn GateAccess,
    pace: &Pace,
    listener: &Listener<'_>,
    cancel: &dyn Fn() -> bool,
) -> Result<(), GateError> {
    wait_with(&SystemClock::default(), gates, access, pace, listener, cancel)
}

/// [`wait`] with another clock.
///
/// A gate that held and fell again is waited for again, with its whole deadline: what was ready before a component was
/// restarted must be ready after it.
pub fn wait_with(
    clock: &dyn Clock,
    gates: &[Gate],
    access: &mut dyn GateAccess,
    pace: &Pace,
    listener: &Listener<'_>,
    cancel: &dyn Fn() -> bool,
) -> Result<(), GateError> {
    let started = clock.now();
    // Gates that fall in turn would renew their deadlines for ever.
    let longest = gates.iter().map(Gate::deadline).max().unwrap_or_default() * 2;
    let mut watches: Vec<Watch<'_>> = gates.iter().map(|gate| Watch::new(gate, started)).collect();
    let mut crashes = crash::of(gates);
    loop {
        for watch in &mut watches {
            watch.poll(clock, access, pace.of(watch.gate));
            watch.report(started, clock.now(), listener);
            if watch.held.is_none() && cancel() {
                return Err(GateError::Cancelled { node: watch.gate.node().clone() });
            }
        }
        if watches.iter().all(|watch| watch.passed) {
            return Ok(());
        }
        let now = clock.now();
        for known in &mut crashes {
            known.look(now, started, access)?;
        }
        for watch in &watches {
            if let Some(error) = watch.given_up(now, started, watch.gate.deadline(), longest) {
                return Err(error.with_words(|| crash::last_words(&crashes, watch.gate, access)));
            }
        }
        clock.sleep(pace.poll);
    }
}

/// One gate while it is waited for.
struct Watch<'a> {
    gate: &'a Gate,
    /// Since when it is waited for: the beginning, or when it fell after it had passed.
    waiting_since: Duration,
    /// Since when it holds, and for what.
    held: Option<(Duration, String)>,
    /// Whether it has held long enough and still does.
    passed: bool,
    /// Whether that was reported.
    reported: bool,
    last: String,
}

impl<'a> Watch<'a> {
    fn new(gate: &'a Gate, now: Duration) -> Self {
        Self { gate, waiting_since: now, held: None, passed: false, reported: false, last: String::new() }
    }

    fn poll(&mut self, clock: &dyn Clock, access: &mut dyn GateAccess, stable: Duration) {
        let result = check(self.gate, access);
        let now = clock.now();
        match result {
            Ok(held) => match &self.held {
                Some((since, identity)) if *identity == held.identity => {
                    self.passed = now.saturating_sub(*since) >= stable;
                    self.last = format!("it holds since {} s", now.saturating_sub(*since).as_secs());
                }
                before => {
                    let text = if before.is_some() { "it was restarted meanwhile" } else { "it holds" };
                    self.fall(now, text.to_owned());
                    self.held = Some((now, held.identity));
                    self.passed = stable.is_zero();
                }
            },
            Err(reason) => {
                self.fall(now, reason.0);
                self.held = None;
            }
        }
    }

    fn fall(&mut self, now: Duration, last: String) {
        if self.passed {
            self.waiting_since = now;
        }
        self.passed = false;
        self.reported = false;
        self.last = last;
    }

    fn report(&mut self, started: Duration, now: Duration, listener: &Listener<'_>) {
        let (node, gate, elapsed) =
            (Some(self.gate.node().clone()), self.gate.title(), now.saturating_sub(started));
        if !self.passed {
            listener(Event::Waiting { node, gate, elapsed, last: self.last.clone() });
        } else if !self.reported {
            self.reported = true;
            listener(Event::Passed { node, gate, elapsed });
        }
    }

    /// Why it is waited for no longer; `None` while it is.
    fn given_up(
        &self,
        now: Duration,
        started: Duration,
        deadline: Duration,
        longest: Duration,
    ) -> Option<GateError> {
        let (node, gate) = (self.gate.node().clone(), self.gate.title());
        let (last, said) = (self.last.clone(), Vec::new());
        let elapsed = now.saturating_sub(started);
        if self.passed {
            None
        } else if now.saturating_sub(self.waiting_since) > deadline {
            Some(GateError::Timeout { node, gate, deadline, last, said })
        } else if elapsed > longest {
            Some(GateError::Unstable { node, gate, elapsed, last, said })
        } else {
            None
        }
    }
}
