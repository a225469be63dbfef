//! Manifests through any API server, in their order: a definition is waited for before objects of its kind are made, and what may pass
//! is tried again for a while.

use crate::cluster::{Applied, ClusterError};
use crate::error::{Chain, Hint, Severity};
use crate::event::{Event, Listener};
use crate::health::{HealthError, Reach};
use crate::inventory::NodeName;
use crate::manifests::Manifest;
use serde::Serialize;
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long one object is tried: an API server that restarts, or a webhook whose pod is about to start.
const DEADLINE: Duration = Duration::from_mins(1);
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// What became of the objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ManifestCounts {
    /// Those that were not there.
    pub created: usize,
    /// Those that said something else.
    pub changed: usize,
    /// Those that said so already.
    pub unchanged: usize,
}

impl ManifestCounts {
    fn count(&mut self, applied: Applied) {
        match applied {
            Applied::Created => self.created += 1,
            Applied::Changed => self.changed += 1,
            Applied::Unchanged => self.unchanged += 1,
        }
    }
}

/// Why not all manifests were applied. Those before are, and applying all of them again goes on there.
#[derive(Debug, thiserror::Error)]
pub enum ApplyManifestsError {
    /// An object was not applied.
    #[error("apply the manifest in {place}")]
    Object {
        /// Where it stands.
        place: String,
        /// Why.
        source: Box<HealthError>,
    },
    /// A definition is there, and the API does not serve its kind.
    #[error("wait for CustomResourceDefinition {name}: it was not established within {} s", waited.as_secs())]
    NotEstablished {
        /// Its name.
        name: String,
        /// How long was waited.
        waited: Duration,
    },
}

impl Hint for ApplyManifestsError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Object { source, .. } => source.hint(),
            Self::NotEstablished { name, .. } => {
                Some(format!("see the conditions in `kubectl describe crd {name}`"))
            }
        }
    }
}

/// Where objects are applied, and the time.
trait Target {
    fn apply(&mut self, object: &Value) -> Result<Applied, HealthError>;

    fn is_established(&mut self, definition: &str) -> Result<bool, HealthError>;

    fn elapsed(&self) -> Duration;

    fn pause(&mut self, time: Duration);
}

/// Applies objects in order, through the node's own API server where it answers and otherwise through any. Fields that somebody
/// else manages are not taken over.
pub fn apply_manifests(
    reach: &Reach,
    node: &NodeName,
    objects: &[Manifest],
    listener: &Listener<'_>,
) -> Result<ManifestCounts, ApplyManifestsError> {
    drive(&mut AnyApi { reach, node, began: Instant::now() }, objects, listener)
}

struct AnyApi<'a> {
    reach: &'a Reach,
    node: &'a NodeName,
    began: Instant,
}

impl Target for AnyApi<'_> {
    fn apply(&mut self, object: &Value) -> Result<Applied, HealthError> {
        self.reach.any_api(self.node, |api| api.apply_object(object, false))
    }

    fn is_established(&mut self, definition: &str) -> Result<bool, HealthError> {
        self.reach.any_api(self.node, |api| api.is_established(definition))
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}

fn drive(
    target: &mut dyn Target,
    objects: &[Manifest],
    listener: &Listener<'_>,
) -> Result<ManifestCounts, ApplyManifestsError> {
    let mut counts = ManifestCounts::default();
    let mut definitions: Vec<&Manifest> = Vec::new();
    let mut has_new_kinds = false;
    for (index, manifest) in objects.iter().enumerate() {
        if !manifest.is_definition() {
            for definition in definitions.drain(..) {
                wait_for(target, definition, listener)?;
            }
        }
        let step = format!("apply {} ({} of {})", manifest.title(), index + 1, objects.len());
        listener(Event::Cluster { step });
        counts.count(apply(target, manifest, has_new_kinds, listener)?);
        if manifest.is_definition() {
            definitions.push(manifest);
            has_new_kinds = true;
        }
    }
    definitions.into_iter().try_for_each(|definition| wait_for(target, definition, listener))?;
    Ok(counts)
}

fn apply(
    target: &mut dyn Target,
    manifest: &Manifest,
    has_new_kinds: bool,
    listener: &Listener<'_>,
) -> Result<Applied, ApplyManifestsError> {
    let began = target.elapsed();
    loop {
        let error = match target.apply(manifest.value()) {
            Ok(applied) => return Ok(applied),
            Err(error) => error,
        };
        let elapsed = target.elapsed().saturating_sub(began);
        if elapsed >= DEADLINE || !may_pass(&error, has_new_kinds) {
            let place = manifest.place().to_string();
            return Err(ApplyManifestsError::Object { place, source: Box::new(error) });
        }
        let (gate, last) = (format!("apply {}", manifest.title()), Chain(&error).to_string());
        listener(Event::Waiting { node: None, gate, elapsed, last });
        target.pause(PAUSE);
    }
}

fn wait_for(
    target: &mut dyn Target,
    definition: &Manifest,
    listener: &Listener<'_>,
) -> Result<(), ApplyManifestsError> {
    let began = target.elapsed();
    loop {
        let last = match target.is_established(definition.name()) {
            Ok(true) => return Ok(()),
            Ok(false) => String::from("it is not established yet"),
            Err(error) if error.severity() == Severity::Retryable => Chain(&error).to_string(),
            Err(error) => {
                let place = definition.place().to_string();
                return Err(ApplyManifestsError::Object { place, source: Box::new(error) });
            }
        };
        let elapsed = target.elapsed().saturating_sub(began);
        if elapsed >= DEADLINE {
            let name = definition.name().to_owned();
            return Err(ApplyManifestsError::NotEstablished { name, waited: elapsed });
        }
        listener(Event::Waiting { node: None, gate: definition.title(), elapsed, last });
        target.pause(PAUSE);
    }
}

/// Whether the same may go well a moment later. A kind is served by each API server some time after its definition is established,
/// and a value of the wrong type is answered with 500.
fn may_pass(error: &HealthError, has_new_kinds: bool) -> bool {
    match error {
        HealthError::Cluster(ClusterError::UnknownKind { .. } | ClusterError::Refused { code: 404, .. }) => {
            has_new_kinds
        }
        HealthError::Cluster(ClusterError::Refused { code: 500, message, .. }) => {
            !message.contains("typed patch object")
        }
        _ => error.severity() == Severity::Retryable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// An API whose answers are scripted, by the name of the object.
    #[derive(Default)]
    struct Imagined {
        now: Duration,
        applied: Vec<String>,
        refusals: Vec<(&'static str, HealthError)>,
        established_from: Duration,
    }

    impl Target for Imagined {
        fn apply(&mut self, object: &Value) -> Result<Applied, HealthError> {
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            if let Some(index) = self.refusals.iter().position(|(refused, _)| *refused == name) {
                return Err(self.refusals.remove(index).1);
            }
            self.applied.push(name);
            Ok(Applied::Created)
        }

        fn is_established(&mut self, _: &str) -> Result<bool, HealthError> {
            Ok(self.now >= self.established_from)
        }

        fn elapsed(&self) -> Duration {
            self.now
        }

        fn pause(&mut self, time: Duration) {
            self.now += time;
        }
    }

    const TEXT: &str = "\
apiVersion: example.org/v1
kind: Pool
metadata: {name: pool}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: pools.example.org}
";

    fn objects(text: &str) -> Vec<Manifest> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("m.yaml");
        std::fs::write(&file, text).unwrap();
        crate::manifests::read(&file).unwrap()
    }

    fn refused(code: u16, message: &str) -> HealthError {
        ClusterError::Refused { attempt: String::from("apply"), code, message: message.to_owned() }.into()
    }

    fn unknown_kind() -> HealthError {
        let text = String::new;
        ClusterError::UnknownKind { object: text(), api_version: text(), kind: text() }.into()
    }

    fn run(target: &mut Imagined, text: &str) -> (Result<ManifestCounts, ApplyManifestsError>, Vec<Event>) {
        let events = Mutex::new(Vec::new());
        let result = drive(target, &objects(text), &|event| events.lock().unwrap().push(event));
        (result, events.into_inner().unwrap())
    }

    #[test]
    fn a_definition_is_waited_for_and_its_kind_too() {
        let refusals = vec![("pool", unknown_kind()), ("pool", refused(404, "404 page not found"))];
        let established_from = Duration::from_secs(5);
        let mut target = Imagined { refusals, established_from, ..Imagined::default() };
        let (result, events) = run(&mut target, TEXT);
        assert_eq!(result.unwrap().created, 2);
        assert_eq!(target.applied, ["pools.example.org", "pool"]);
        assert_eq!(target.now.as_secs(), 7);
        let steps: Vec<&str> = events
            .iter()
            .filter_map(|event| if let Event::Cluster { step } = event { Some(step.as_str()) } else { None })
            .collect();
        assert_eq!(
            steps,
            ["apply CustomResourceDefinition pools.example.org (1 of 2)", "apply Pool pool (2 of 2)"]
        );
        assert_eq!(events.iter().filter(|event| matches!(event, Event::Waiting { .. })).count(), 7);
    }

    #[test]
    fn a_definition_that_is_never_established_is_named() {
        let mut target = Imagined { established_from: Duration::MAX, ..Imagined::default() };
        let error = run(&mut target, TEXT).0.unwrap_err();
        assert_eq!(
            error.to_string(),
            "wait for CustomResourceDefinition pools.example.org: it was not established within 60 s"
        );
        assert!(error.hint().is_some());
        assert_eq!(target.applied, ["pools.example.org"]);
    }

    const PLAIN: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n";

    #[test]
    fn what_may_pass_is_tried_again_and_what_will_not_ends_it() {
        let webhook = "failed calling webhook \"x\": connection refused";
        let refusals = vec![("a", refused(500, webhook)), ("a", refused(429, "too many requests"))];
        let mut target = Imagined { refusals, ..Imagined::default() };
        assert_eq!(run(&mut target, PLAIN).0.unwrap().created, 2);
        assert_eq!(target.now.as_secs(), 2);
        for refusal in [
            unknown_kind(),
            refused(404, "namespaces \"x\" not found"),
            refused(422, "invalid"),
            refused(500, "failed to create typed patch object"),
        ] {
            let mut target = Imagined { refusals: vec![("b", refusal)], ..Imagined::default() };
            let error = run(&mut target, PLAIN).0.unwrap_err();
            assert!(error.to_string().ends_with("m.yaml, document 2 (line 4)"), "{error}");
            assert_eq!((target.now, target.applied.len()), (Duration::ZERO, 1));
        }
    }

    #[test]
    fn it_is_tried_for_a_minute_at_most() {
        let refusals = (0..100).map(|_| ("a", refused(503, "starting"))).collect();
        let mut target = Imagined { refusals, ..Imagined::default() };
        assert!(run(&mut target, PLAIN).0.is_err());
        assert_eq!(target.now.as_secs(), 60);
    }
}
