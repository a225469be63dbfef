//! One etcd member through its JSON gateway, which every etcd of kubeadm serves beside gRPC on its client port. It reads; of
//! what is there it changes who is a member and nothing else.

use super::api::{parse, refusal, success};
use super::link::{Link, PAGE_LIMIT, Peer, Question};
use super::rewrite::page_limit;
use super::stored::{Range, following, location, provider_prefix, range_end};
use super::{ClusterError, Dial, EtcdCredentials};
use crate::inventory::ETCD_CLIENT_PORT;
use http::{Method, StatusCode};
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Of the first page; later ones depend on how large it was.
const FIRST_PAGE: usize = 50;

/// One etcd member. Its methods block, and each has a limit of its own.
#[derive(Debug)]
pub struct Etcd {
    link: Link,
}

/// What a member says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EtcdStatus {
    /// Who answered.
    pub header: EtcdHeader,
    /// The server's version, `3.6.16`.
    pub version: String,
    /// The leader's id; 0 when there is none.
    #[serde(deserialize_with = "number")]
    pub leader: u64,
    /// The last log entry that it knows to be committed.
    #[serde(deserialize_with = "number")]
    pub raft_index: u64,
    /// The last log entry that it has applied.
    #[serde(deserialize_with = "number")]
    pub raft_applied_index: u64,
    /// Size of the database file in bytes.
    #[serde(deserialize_with = "number")]
    pub db_size: u64,
    /// Whether it does not vote yet.
    pub is_learner: bool,
    /// What it complains about.
    pub errors: Vec<String>,
}

/// Who answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct EtcdHeader {
    /// The member's id.
    #[serde(deserialize_with = "number")]
    pub member_id: u64,
}

/// A member of the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EtcdMember {
    /// Its id.
    #[serde(rename = "ID", deserialize_with = "number")]
    pub id: u64,
    /// Its name; empty while it was added and never started.
    pub name: String,
    /// Where other members reach it.
    #[serde(rename = "peerURLs")]
    pub peer_urls: Vec<String>,
    /// Where clients reach it.
    #[serde(rename = "clientURLs")]
    pub client_urls: Vec<String>,
    /// Whether it does not vote yet.
    pub is_learner: bool,
}

/// An alarm that a member raised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Alarm {
    /// The member.
    #[serde(rename = "memberID", deserialize_with = "number")]
    pub member_id: u64,
    /// `NOSPACE` or `CORRUPT`.
    pub alarm: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Members {
    members: Vec<EtcdMember>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Alarms {
    alarms: Vec<Alarm>,
}

#[derive(Serialize)]
struct Nothing {}

impl Etcd {
    /// Prepares a client for the node's own member; nothing is dialled yet.
    pub fn connect(credentials: &EtcdCredentials, dial: &Dial) -> Result<Self, ClusterError> {
        let peer = Peer {
            name: "etcd",
            // It listens on 127.0.0.1 as well as on the node's address.
            port: ETCD_CLIENT_PORT,
            server_name: "localhost",
            ca: &credentials.ca,
            certificate: &credentials.certificate,
            key: credentials.key.expose(),
        };
        Ok(Self { link: Link::new(&peer, dial)? })
    }

    /// What the member says of itself, whether it has a quorum or not.
    pub fn status(&self) -> Result<EtcdStatus, ClusterError> {
        self.call("ask for the status", "/v3/maintenance/status", &Nothing {})
    }

    /// All members, by name.
    pub fn members(&self) -> Result<Vec<EtcdMember>, ClusterError> {
        let mut reply: Members = self.call("list the members", "/v3/cluster/member/list", &Nothing {})?;
        reply.members.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        Ok(reply.members)
    }

    /// Takes a member out of the cluster; the others elect a leader anew where it was that. Returns whether it was there. etcd
    /// itself refuses what would leave too few of the members that answer.
    pub fn remove_member(&self, id: u64) -> Result<bool, ClusterError> {
        self.change_member("remove a member", "/v3/cluster/member/remove", id)
    }

    /// Adds a member that does not vote yet, by where the others will reach it.
    pub fn add_learner(&self, peer_url: &str) -> Result<(), ClusterError> {
        let question = serde_json::json!({ "peerURLs": [peer_url], "isLearner": true });
        let _: Members = self.call("add a member", "/v3/cluster/member/add", &question)?;
        Ok(())
    }

    /// Gives a learner a vote. Returns whether it is a member. etcd refuses while the learner has not caught up.
    pub fn promote_member(&self, id: u64) -> Result<bool, ClusterError> {
        self.change_member("promote a member", "/v3/cluster/member/promote", id)
    }

    fn change_member(&self, attempt: &str, path: &str, id: u64) -> Result<bool, ClusterError> {
        // The gateway takes 64-bit numbers as text.
        let body = serde_json::json!({ "ID": id.to_string() }).to_string().into_bytes();
        let answer = self.link.ask(Question::send(attempt, Method::POST, path, body))?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() => Ok(true),
            _ => Err(refusal(attempt, &answer)),
        }
    }

    /// The alarms of all members.
    pub fn alarms(&self) -> Result<Vec<Alarm>, ClusterError> {
        let question = serde_json::json!({ "action": "GET" });
        let reply: Alarms = self.call("list the alarms", "/v3/maintenance/alarm", &question)?;
        Ok(reply.alarms)
    }

    /// Reads a key as the quorum has it. The member answers only once it has a leader and has applied everything that was
    /// committed when it was asked: this is what `etcdctl endpoint health` does, and it proves that the member has caught up.
    pub fn quorum_read(&self) -> Result<(), ClusterError> {
        let question = Range::key(b"health");
        let _: Range = self.call("read through the quorum", "/v3/kv/range", &question.question(1))?;
        Ok(())
    }

    /// How many values of a resource (`secrets`, `resource.group`) are stored, by the prefix that names provider and key
    /// (`k8s:enc:secretbox:v1:key-1:`); the empty prefix counts those in plain text.
    pub fn stored_prefixes(&self, resource: &str) -> Result<BTreeMap<String, usize>, ClusterError> {
        let attempt = format!("read the stored {resource}");
        let start = location(resource).into_bytes();
        let end = range_end(&start);
        let (mut key, mut limit) = (start, FIRST_PAGE);
        let mut found = BTreeMap::new();
        loop {
            let (page, bytes) = self.range(&attempt, &Range::between(&key, &end), limit)?;
            for pair in &page.pairs {
                *found.entry(provider_prefix(&pair.value)).or_default() += 1;
            }
            match page.pairs.last() {
                Some(last) if page.more => key = following(&last.key),
                _ => return Ok(found),
            }
            limit = page_limit(limit, bytes);
        }
    }

    /// The prefix of one stored object, `None` when it is not there; `object` is its namespace and name, `kube-system/x`.
    pub fn stored_prefix(&self, resource: &str, object: &str) -> Result<Option<String>, ClusterError> {
        let key = format!("{}{object}", location(resource));
        let (page, _) = self.range("read a stored value", &Range::key(key.as_bytes()), 1)?;
        Ok(page.pairs.first().map(|pair| provider_prefix(&pair.value)))
    }

    fn range(&self, attempt: &str, range: &Range, limit: usize) -> Result<(Range, usize), ClusterError> {
        let body = self.post(attempt, "/v3/kv/range", range.question(limit).to_string().into_bytes())?;
        Ok((parse(attempt, &body)?, body.len()))
    }

    fn call<T: DeserializeOwned>(
        &self,
        attempt: &str,
        path: &str,
        question: &impl Serialize,
    ) -> Result<T, ClusterError> {
        let question = serde_json::to_vec(question).map_err(|error| ClusterError::reply(attempt, &error))?;
        parse(attempt, &self.post(attempt, path, question)?)
    }

    fn post(&self, attempt: &str, path: &str, body: Vec<u8>) -> Result<Vec<u8>, ClusterError> {
        let mut question = Question::send(attempt, Method::POST, path, body);
        if path == "/v3/kv/range" {
            question.limit = PAGE_LIMIT;
        }
        success(attempt, self.link.ask(question)?)
    }
}

/// The gateway writes 64-bit numbers as text, and leaves out zeros.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| D::Error::custom("not a number"))
}
