//! From `[[nodes]]` to validated nodes, and what must hold among them.

use super::diagnostic::{Problem, Report, shown};
use super::lower::{Places, checked};
use super::raw::{Located, RawConnection, RawNode, Text};
use super::ssh::Ssh;
use super::structure::Damage;
use super::{Connection, EtcdTopology, Node, NodeName, Role, text};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;

/// The first place of everything that must be unique.
#[derive(Default)]
struct Seen {
    names: BTreeMap<String, Range<usize>>,
    addresses: BTreeMap<String, Range<usize>>,
    roots: BTreeMap<String, Range<usize>>,
}

fn unique(
    first: &mut BTreeMap<String, Range<usize>>,
    value: &str,
    span: Range<usize>,
    what: &str,
    report: &mut Report,
) {
    if let Some(earlier) = first.get(value) {
        let problem = Problem::new(format!("{what} {} is used twice", shown(value)));
        report.error_with(span, problem, (earlier.clone(), "first used here"));
    } else {
        first.insert(value.to_owned(), span);
    }
}

pub(super) fn lower(
    raw: Vec<Located<RawNode>>,
    span: &Range<usize>,
    ssh: &Ssh<'_>,
    places: &Places,
    topology: EtcdTopology,
    damage: &Damage,
    report: &mut Report,
) -> Vec<Node> {
    let mut seen = Seen::default();
    let mut nodes = Vec::new();
    let mut role_spans = Vec::new();
    for located in raw {
        let header = located.span();
        let raw = located.into_value();
        role_spans.push(raw.roles.as_ref().map_or_else(|| header.clone(), Located::span));
        nodes.push(node(raw, &header, ssh, places, &mut seen, report));
    }
    if !damage.keys.contains("roles") && !damage.keys.contains("nodes") {
        check_roles(&nodes, &role_spans, span, topology, report);
    }
    nodes
}

fn node(
    raw: RawNode,
    header: &Range<usize>,
    ssh: &Ssh<'_>,
    places: &Places,
    seen: &mut Seen,
    report: &mut Report,
) -> Node {
    let name = checked(raw.name.as_ref(), text::node_name, report);
    if let (Some(name), Some(place)) = (&name, &raw.name) {
        unique(&mut seen.names, name.as_str(), place.span(), "the node name", report);
        if text::is_role(name.as_str()) {
            let problem = Problem::new(format!("the node {} is called like a role", shown(name.as_str())))
                .help("`--limit` with this name selects all nodes of the role");
            report.warning(place.span(), problem);
        }
    }
    let address = checked(raw.address.as_ref(), text::host, report);
    if let (Some(address), Some(place)) = (&address, &raw.address) {
        unique(&mut seen.addresses, address, place.span(), "the address", report);
    }
    let address = address.unwrap_or_default();
    let roles = roles(raw.roles, report);
    let labels = labels(raw.labels.unwrap_or_default(), report);
    let taints = raw
        .taints
        .map(|taints| taints.iter().filter_map(|it| checked(Some(it), text::taint, report)).collect());
    let kind = raw.connection.as_ref().map_or(RawConnection::Ssh, |kind| *kind.value());
    let connection = match kind {
        RawConnection::Ssh => {
            if let Some(root) = &raw.root {
                let help = "add `connection = \"local\"`, or remove `root`";
                report.error(
                    root.span(),
                    Problem::new("`root` is only for `connection = \"local\"`").help(help),
                );
            }
            let overrides = raw.ssh.map(Located::into_value).unwrap_or_default();
            Connection::Ssh(Box::new(ssh.node(&address, &overrides, raw.bastion.as_ref(), report)))
        }
        RawConnection::Local => {
            let unused =
                [("ssh", raw.ssh.map(|ssh| ssh.span())), ("bastion", raw.bastion.map(|it| it.span()))];
            for (key, span) in unused {
                if let Some(span) = span {
                    let message = format!("`{key}` has no meaning with `connection = \"local\"`");
                    report.error(span, Problem::new(message));
                }
            }
            let place = raw.connection.map_or_else(|| header.clone(), |kind| kind.span());
            Connection::Local { root: root(raw.root.as_ref(), &place, places, seen, report) }
        }
    };
    let name = name.unwrap_or_else(|| NodeName(String::new()));
    Node { name, address, roles, labels, taints, connection, line: report.line(header) }
}

fn root(
    raw: Option<&Text>,
    place: &Range<usize>,
    places: &Places,
    seen: &mut Seen,
    report: &mut Report,
) -> PathBuf {
    let Some(raw) = raw else {
        let problem = Problem::new("`connection = \"local\"` needs `root`")
            .help("name the directory that holds the node's files; `root = \"/\"` is this machine");
        report.error(place.clone(), problem);
        return PathBuf::new();
    };
    let root = places.resolve(raw, report).unwrap_or_default();
    unique(&mut seen.roots, &root.to_string_lossy(), raw.span(), "the directory", report);
    root
}

fn roles(raw: Option<Located<Vec<Located<Role>>>>, report: &mut Report) -> BTreeSet<Role> {
    let mut roles = BTreeSet::new();
    let Some(list) = raw else { return roles };
    for role in list.into_value() {
        if !roles.insert(*role.value()) {
            report.error(role.span(), Problem::new(format!("the role `{}` is named twice", role.value())));
        }
    }
    roles
}

fn labels(raw: BTreeMap<Text, Text>, report: &mut Report) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for (key, value) in raw {
        checked(Some(&key), text::label_key, report);
        if let Some(value) = checked(Some(&value), text::label_value, report) {
            labels.insert(key.into_value(), value);
        }
    }
    labels
}

fn check_roles(
    nodes: &[Node],
    spans: &[Range<usize>],
    all: &Range<usize>,
    topology: EtcdTopology,
    report: &mut Report,
) {
    let with = |role| nodes.iter().zip(spans).filter(move |(node, _)| node.roles.contains(&role));
    let Some((_, first)) = with(Role::ControlPlane).next() else {
        let place = spans.first().unwrap_or(all).clone();
        let problem = Problem::new("no node has the role `control-plane`")
            .help("the nodes that run the API server have it");
        report.error(place, problem);
        return;
    };
    let members: Vec<_> = with(Role::Etcd).collect();
    let Some((_, last)) = members.last() else {
        if topology == EtcdTopology::External {
            let problem =
                Problem::new("no node has the role `etcd`, and `topology = \"external\"` is about those")
                    .help("add the hosts of etcd to [[nodes]] with `roles = [\"etcd\"]`");
            report.error(first.clone(), problem);
            return;
        }
        let problem = Problem::new("no node has the role `etcd`").help(
            "where kubeadm set up etcd, its members are the control-plane nodes; without the role etcd is left alone",
        );
        report.warning(first.clone(), problem);
        return;
    };
    if members.len() % 2 == 0 {
        let count = members.len();
        let message = format!("{count} etcd members survive no more failures than {} would", count - 1);
        report.warning((*last).clone(), Problem::new(message).help("use an odd number of members"));
    }
    // Either every control-plane node has its own member (stacked) or none has (external); half and half is
    // legal, and mostly a role that was forgotten.
    let stacked = |node: &Node| node.roles.contains(&Role::Etcd);
    if topology == EtcdTopology::Stacked && with(Role::ControlPlane).any(|(node, _)| stacked(node)) {
        for (node, span) in with(Role::ControlPlane).filter(|(node, _)| !stacked(node)) {
            let message = format!(
                "`{}` has the role `control-plane` without `etcd`, which other control-plane nodes have",
                node.name
            );
            report.warning(span.clone(), Problem::new(message));
        }
    }
}
