//! Writing every object of a resource again, unchanged, so that it is stored with the present encryption key. The API server
//! skips a write that changes nothing unless the stored form is stale, and a value of another key is.

use super::api::{Metadata, parse, refusal, success};
use super::link::{Answer, PAGE_LIMIT, Question};
use super::objects::Kinds;
use super::{Api, ClusterError};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Of the first page; later ones depend on how large it was.
const FIRST_PAGE: usize = 50;
const LARGEST_PAGE: usize = 500;
/// What a page should weigh: a Secret may be 1 MiB, and harden must stay small.
const PAGE_BYTES: usize = 4 << 20;
/// How many are written at a time, each over a connection of its own. sshd allows ten channels where the streams are
/// commands (`MaxSessions`).
const WRITERS: usize = 4;
/// How often one object is tried before the whole is given up.
const ATTEMPTS: u32 = 8;
/// The pause before another attempt, times the number of attempts.
const PAUSE: Duration = Duration::from_millis(100);

/// A page of a list, the objects as they were sent: nothing that harden does not know may be lost on the way back.
#[derive(Deserialize)]
struct Page {
    metadata: PageMetadata,
    #[serde(default)]
    items: Vec<Box<RawValue>>,
}

#[derive(Deserialize, Default)]
pub(super) struct PageMetadata {
    /// The token of the next page; empty on the last one.
    #[serde(default, rename = "continue")]
    pub(super) next: String,
    #[serde(default, rename = "remainingItemCount")]
    remaining: usize,
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Group {
    #[serde(rename = "preferredVersion")]
    preferred: GroupVersion,
}

#[derive(Deserialize)]
struct GroupVersion {
    #[serde(rename = "groupVersion")]
    group_version: String,
}

/// Where a resource is served.
struct Collection {
    root: String,
    resource: String,
}

impl Collection {
    fn path(&self) -> String {
        format!("{}/{}", self.root, self.resource)
    }

    fn object(&self, metadata: &Metadata) -> String {
        let name = escape(&metadata.name);
        match &metadata.namespace {
            Some(namespace) => format!("{}/namespaces/{namespace}/{}/{name}", self.root, self.resource),
            None => format!("{}/{}/{name}", self.root, self.resource),
        }
    }
}

impl Api {
    /// Writes every object of a resource again: `secrets`, `configmaps`, or `resource.group`. Returns how many were written;
    /// what was deleted meanwhile is skipped. `progress` is called with how many are done and how many there are.
    pub fn rewrite(&self, resource: &str, progress: &dyn Fn(usize, usize)) -> Result<usize, ClusterError> {
        let attempt = format!("list {resource}");
        let collection = self.collection(resource)?;
        let writers = (0..WRITERS)
            .map(|_| Ok(Self { link: self.link.another()?, kinds: Kinds::default() }))
            .collect::<Result<Vec<Self>, ClusterError>>()?;
        let (mut next, mut limit) = (String::new(), FIRST_PAGE);
        let (mut done, mut written) = (0, 0);
        loop {
            let (page, bytes) = self.page(&attempt, &collection, limit, &next)?;
            let total = done + page.items.len() + page.metadata.remaining;
            written += write_all(&writers, &collection, &page.items, &|count| progress(done + count, total))?;
            done += page.items.len();
            next = page.metadata.next;
            if next.is_empty() {
                return Ok(written);
            }
            limit = page_limit(limit, bytes);
        }
    }

    fn collection(&self, resource: &str) -> Result<Collection, ClusterError> {
        let Some((resource, group)) = resource.split_once('.') else {
            return Ok(Collection { root: String::from("/api/v1"), resource: resource.to_owned() });
        };
        let attempt = format!("find the API group {group}");
        let answer = self.link.ask(Question::get(&attempt, &format!("/apis/{group}")))?;
        let group: Group = parse(&attempt, &success(&attempt, answer)?)?;
        Ok(Collection {
            root: format!("/apis/{}", group.preferred.group_version),
            resource: resource.to_owned(),
        })
    }

    /// One page, and how many bytes it was.
    fn page(
        &self,
        attempt: &str,
        collection: &Collection,
        limit: usize,
        next: &str,
    ) -> Result<(Page, usize), ClusterError> {
        let mut next = next.to_owned();
        let mut turn = 0;
        loop {
            let path = format!("{}?limit={limit}&continue={}", collection.path(), escape(&next));
            let answer = self.read_patiently(attempt, &path)?;
            turn += 1;
            if answer.status == StatusCode::GONE && turn < ATTEMPTS {
                // The place in the list was compacted away; the reply says where to go on.
                let status: Page = parse(attempt, &answer.body)?;
                next = status.metadata.next;
                continue;
            }
            let body = success(attempt, answer)?;
            return Ok((parse(attempt, &body)?, body.len()));
        }
    }

    /// Whether it was written; not when it does not exist any more.
    fn rewrite_one(&self, collection: &Collection, item: &RawValue) -> Result<bool, ClusterError> {
        let object: Object = parse("read an object of a list", item.get().as_bytes())?;
        let path = collection.object(&object.metadata);
        let attempt = format!("write {}", display(&collection.resource, &object.metadata));
        let mut body = item.get().as_bytes().to_vec();
        let mut turn = 0;
        loop {
            let failure = match self.link.ask(Question::send(&attempt, Method::PUT, &path, body)) {
                Ok(answer) if answer.status.is_success() => return Ok(true),
                Ok(answer) if answer.status == StatusCode::NOT_FOUND => return Ok(false),
                Ok(answer) if answer.status == StatusCode::CONFLICT || may_pass(answer.status) => {
                    refusal(&attempt, &answer)
                }
                Ok(answer) => return Err(refusal(&attempt, &answer)),
                // It may have been written or not: reading it again and writing that again is right in both cases.
                Err(error) if error.is_silence() => error,
                Err(error) => return Err(error),
            };
            turn += 1;
            if turn >= ATTEMPTS {
                return Err(failure);
            }
            // The first conflict is an ordinary race; only later failures deserve a pause.
            std::thread::sleep(PAUSE * (turn - 1));
            let answer = self.read_patiently(&attempt, &path)?;
            if answer.status == StatusCode::NOT_FOUND {
                return Ok(false);
            }
            body = success(&attempt, answer)?;
        }
    }

    /// A GET that is sent again while the server is silent or asks for patience.
    pub(super) fn read_patiently(&self, attempt: &str, path: &str) -> Result<Answer, ClusterError> {
        let mut turn = 0;
        loop {
            turn += 1;
            let question = Question { limit: PAGE_LIMIT, ..Question::get(attempt, path) };
            match self.link.ask(question) {
                Ok(answer) if may_pass(answer.status) && turn < ATTEMPTS => {}
                Err(error) if error.is_silence() && turn < ATTEMPTS => {}
                result => return result,
            }
            std::thread::sleep(PAUSE * turn);
        }
    }
}

/// Writes the objects of a page, several at a time: each write waits for the disks of a quorum.
fn write_all(
    writers: &[Api],
    collection: &Collection,
    items: &[Box<RawValue>],
    progress: &dyn Fn(usize),
) -> Result<usize, ClusterError> {
    let next = AtomicUsize::new(0);
    let (sender, results) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for writer in &writers[..writers.len().min(items.len())] {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = writer.rewrite_one(collection, item);
                    // After the first error nobody wants more.
                    if result.is_err() {
                        next.store(items.len(), Ordering::Relaxed);
                    }
                    let _ = sender.send(result);
                }
            });
        }
        drop(sender);
        let (mut written, mut failure) = (0, None);
        for (count, result) in results.iter().enumerate() {
            match result {
                Ok(wrote) => written += usize::from(wrote),
                Err(error) => failure = failure.or(Some(error)),
            }
            progress(count + 1);
        }
        failure.map_or(Ok(written), Err)
    })
}

/// Whether the server asks for patience.
fn may_pass(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

/// How many objects to ask for next, when `limit` of them weighed `bytes`.
pub(super) fn page_limit(limit: usize, bytes: usize) -> usize {
    (limit * PAGE_BYTES / bytes.max(1)).clamp(1, LARGEST_PAGE)
}

fn display(resource: &str, metadata: &Metadata) -> String {
    match &metadata.namespace {
        Some(namespace) => format!("{resource} {namespace}/{}", metadata.name),
        None => format!("{resource} {}", metadata.name),
    }
}

/// Percent-encoding of everything but the unreserved characters of RFC 3986.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_shrink_with_large_objects_and_grow_with_small_ones() {
        assert_eq!(page_limit(50, 50 << 20), 4);
        assert_eq!(page_limit(1, 8 << 20), 1);
        assert_eq!(page_limit(50, 1000), 500);
    }

    #[test]
    fn names_are_escaped() {
        assert_eq!(escape("system:node-1/x y"), "system%3Anode-1%2Fx%20y");
    }
}
