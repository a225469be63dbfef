//! What is known of a cluster before it is changed, as plain data.

use super::{ClockReading, EtcdFacts};
use crate::cluster::{NodeImages, NodeInfo};
use crate::inventory::NodeName;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// Seconds since 1970 on this machine.
    pub now: i64,
    /// Every Kubernetes node; `None` where there is no running cluster, as with directory trees.
    pub kubernetes: Option<Vec<NodeInfo>>,
    /// The clock of each running node.
    pub clocks: BTreeMap<NodeName, ClockReading>,
    /// etcd's members.
    pub etcd: EtcdFacts,
    /// What the nodes that were asked answered, or why they did not.
    pub nodes: BTreeMap<NodeName, Result<NodeFacts, String>>,
    /// The images that the API lists of nodes whose runtime could not be asked.
    pub listed: BTreeMap<NodeName, NodeImages>,
}

/// What one node answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// By each directory that was asked for: the file system that it is on; what could not be told is not in it.
    pub file_systems: BTreeMap<String, FileSystem>,
    /// Its images, where they were asked for.
    pub images: Option<Images>,
    /// The certificates that the run needs, by the file that holds each.
    pub certificates: BTreeMap<String, NodeCertificate>,
}

/// A file system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileSystem {
    /// The number of its device: directories with the same are on the same.
    pub device: u64,
    /// Free bytes.
    pub free: u64,
    /// Free inodes; `None` where it makes them as they are needed.
    pub free_inodes: Option<u64>,
}

/// The images of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Images {
    /// By each file in the directory of static pods, without its extension, the images that it names.
    pub named: BTreeMap<String, BTreeSet<String>>,
    /// The image of the container that holds each pod's namespaces; `None` where that could not be told.
    pub pause: Option<String>,
    /// Every name of every image that the runtime has; `None` where it could not be asked.
    pub present: Option<BTreeSet<String>>,
    /// The program that pulls an image there.
    pub tool: &'static str,
}

/// A certificate that the run needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeCertificate {
    /// The second since 1970 after which it is not valid any more.
    Until(i64),
    /// It is none that can be read; the text says why.
    Unreadable(String),
}
