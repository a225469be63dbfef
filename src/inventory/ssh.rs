//! From the `[ssh]` tables to the settings of each connection: what one table does not say, the next one says.

use super::diagnostic::{Problem, Report, nearest, shown};
use super::lower::{Places, checked};
use super::raw::{RawBastion, RawNodeSsh, RawSsh, Text};
use super::structure::Damage;
use super::{Become, SshSettings, Timeouts, text};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// What one table says about a login.
#[derive(Debug, Clone, Default)]
struct Login {
    user: Option<String>,
    port: Option<u16>,
    identity_file: Option<PathBuf>,
    known_hosts: Option<Vec<PathBuf>>,
    r#become: Option<Become>,
    connect: Option<Duration>,
    handshake: Option<Duration>,
    command: Option<Duration>,
    node: Option<Duration>,
}

impl Login {
    /// What this table says, and else what the other one says.
    fn or(self, other: &Self) -> Self {
        Self {
            user: self.user.or_else(|| other.user.clone()),
            port: self.port.or(other.port),
            identity_file: self.identity_file.or_else(|| other.identity_file.clone()),
            known_hosts: self.known_hosts.or_else(|| other.known_hosts.clone()),
            r#become: self.r#become.or(other.r#become),
            connect: self.connect.or(other.connect),
            handshake: self.handshake.or(other.handshake),
            command: self.command.or(other.command),
            node: self.node.or(other.node),
        }
    }

    /// Everything that a connection to the host needs.
    fn settings(self, host: String, default_known_hosts: &[PathBuf]) -> SshSettings {
        let user = self.user.unwrap_or_else(|| String::from("root"));
        let default_become = if user == "root" { Become::None } else { Become::Sudo };
        SshSettings {
            host,
            port: self.port.unwrap_or(22),
            user,
            identity_file: self.identity_file,
            known_hosts: self.known_hosts.unwrap_or_else(|| default_known_hosts.to_vec()),
            r#become: self.r#become.unwrap_or(default_become),
            bastions: Vec::new(),
            timeouts: Timeouts {
                connect: self.connect.unwrap_or(Duration::from_secs(10)),
                handshake: self.handshake.unwrap_or(Duration::from_secs(20)),
                command: self.command.unwrap_or(Duration::from_mins(1)),
                node: self.node.unwrap_or(Duration::from_mins(10)),
            },
        }
    }
}

/// Reads the keys that every login table has.
macro_rules! common {
    ($raw:expr, $places:expr, $report:expr) => {
        Login {
            user: checked($raw.user.as_ref(), text::user, $report),
            port: $raw.port,
            identity_file: $raw.identity_file.as_ref().and_then(|path| $places.resolve(path, $report)),
            known_hosts: $raw
                .known_hosts
                .as_ref()
                .map(|list| list.iter().filter_map(|path| $places.resolve(path, $report)).collect()),
            connect: checked($raw.connect_timeout.as_ref(), text::deadline, $report),
            handshake: checked($raw.handshake_timeout.as_ref(), text::deadline, $report),
            ..Login::default()
        }
    };
}

/// Reads the keys that `[ssh]` and the nodes' tables have beside those.
macro_rules! with_scripts {
    ($raw:expr, $places:expr, $report:expr) => {
        Login {
            r#become: $raw.r#become,
            command: checked($raw.command_timeout.as_ref(), text::deadline, $report),
            node: checked($raw.node_timeout.as_ref(), text::deadline, $report),
            ..common!($raw, $places, $report)
        }
    };
}

/// A bastion, and the name of the one before it.
struct Bastion {
    settings: SshSettings,
    via: Option<Text>,
}

/// `[ssh]` as a whole.
pub(super) struct Ssh<'p> {
    places: &'p Places,
    login: Login,
    default_bastion: Option<Text>,
    bastions: BTreeMap<String, Bastion>,
    /// What could not be read: a name that is missing for that reason proves nothing.
    damage: &'p Damage,
    default_known_hosts: Vec<PathBuf>,
}

impl<'p> Ssh<'p> {
    pub(super) fn read(raw: RawSsh, damage: &'p Damage, places: &'p Places, report: &mut Report) -> Self {
        let home = places.home.iter().map(|home| home.join(".ssh/known_hosts"));
        let mut ssh = Self {
            places,
            login: with_scripts!(raw, places, report),
            default_bastion: None,
            bastions: BTreeMap::new(),
            damage,
            default_known_hosts: home.chain([PathBuf::from("/etc/ssh/ssh_known_hosts")]).collect(),
        };
        for (name, raw) in raw.bastions.unwrap_or_default() {
            checked(Some(&name), text::bastion_name, report);
            let bastion = ssh.bastion(raw.into_value(), report);
            ssh.bastions.insert(name.into_value(), bastion);
        }
        ssh.default_bastion = raw.bastion;
        ssh.check_references(report);
        ssh
    }

    fn bastion(&self, raw: RawBastion, report: &mut Report) -> Bastion {
        let login = common!(raw, self.places, report).or(&self.login);
        let host = checked(raw.address.as_ref(), text::host, report).unwrap_or_default();
        let mut settings = login.settings(host, &self.default_known_hosts);
        settings.r#become = Become::None;
        Bastion { settings, via: raw.bastion }
    }

    fn check_references(&self, report: &mut Report) {
        let own = self.bastions.values().filter_map(|bastion| bastion.via.as_ref());
        for reference in own.chain(&self.default_bastion) {
            self.check_reference(reference, report);
        }
        let mut in_cycles = BTreeSet::new();
        for (name, bastion) in &self.bastions {
            let chain = self.chain(name);
            let closes = chain
                .last()
                .and_then(|last| self.bastions.get(*last)?.via.as_ref())
                .is_some_and(|via| via.value() == name);
            if let (true, Some(via)) = (closes && !in_cycles.contains(name.as_str()), &bastion.via) {
                let round: Vec<String> =
                    chain.iter().chain([&name.as_str()]).map(|name| shown(name)).collect();
                let message = format!("the bastions lead in a circle: {}", round.join(" through "));
                report.error(via.span(), Problem::new(message));
                in_cycles.extend(chain);
            }
        }
    }

    fn check_reference(&self, reference: &Text, report: &mut Report) {
        let name = reference.value();
        let unread = self.damage.keys.contains("bastions") || self.damage.keys.contains(name);
        if name == "none" || unread || self.bastions.contains_key(name) {
            return;
        }
        let problem = Problem::new(format!("there is no bastion {}", shown(name)));
        let help = nearest(name, self.bastions.keys().map(String::as_str).filter(|name| *name != "none"))
            .map_or_else(
                || String::from("describe it in `[ssh.bastions.NAME]` with its `address`"),
                |meant| format!("did you mean `{meant}`?"),
            );
        report.error(reference.span(), problem.help(help));
    }

    /// The bastions from one to the outermost, each once.
    fn chain<'a>(&'a self, first: &'a str) -> Vec<&'a str> {
        let mut chain = Vec::new();
        let mut next = Some(first);
        while let Some((name, bastion)) = next.and_then(|name| self.bastions.get_key_value(name)) {
            if chain.contains(&name.as_str()) {
                break;
            }
            chain.push(name);
            next = bastion.via.as_ref().map(|via| via.value().as_str());
        }
        chain
    }

    /// The settings of one node's connection.
    pub(super) fn node(
        &self,
        host: &str,
        overrides: &RawNodeSsh,
        bastion: Option<&Text>,
        report: &mut Report,
    ) -> SshSettings {
        let login = with_scripts!(overrides, self.places, report).or(&self.login);
        if let Some(reference) = bastion {
            self.check_reference(reference, report);
        }
        let mut settings = login.settings(host.to_owned(), &self.default_known_hosts);
        if let Some(first) = bastion.or(self.default_bastion.as_ref()) {
            let chain = self.chain(first.value());
            settings.bastions = chain
                .into_iter()
                .rev()
                .filter_map(|name| self.bastions.get(name).map(|bastion| bastion.settings.clone()))
                .collect();
        }
        settings
    }
}
