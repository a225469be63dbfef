//! Fleets that nobody has: `harden drift` of thousands of nodes whose answers are in memory. What it costs is then harden's own work
//! alone, and must grow with the fleet and no faster. Each size is a process of its own, since memory is never given back.

use super::hosts::{FILES, State, content, write as write_file};
use clap::Parser as _;
use harden::cli::{Cli, Verb, drift};
use harden::inventory::{Connection, Node};
use harden::remote::{self, Access, Dialer, Probe, Reader, RemoteError, Reply};
use harden::ui::{Color, Output};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The sizes that are compared.
pub(super) const SIZES: [u32; 3] = [1_250, 2_500, 5_000];
/// How much more than twice the memory or the time twice the nodes may take.
const TOLERANCE: f64 = 1.25;

/// What one fleet took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub(super) nodes: u32,
    /// Seconds of a processor.
    pub(super) processor: f64,
    /// Mebibytes at the peak.
    pub(super) memory: f64,
}

/// Every size, each in a process of its own.
pub(super) fn run() -> Vec<Cost> {
    let cost = |nodes: u32| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let output =
            command.args(["--simulated", &nodes.to_string()]).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        let mut words = text.lines().last().unwrap().split(' ').map(|word| word.parse::<f64>().unwrap());
        Cost { nodes, processor: words.next().unwrap(), memory: words.next().unwrap() }
    };
    SIZES.into_iter().map(cost).collect()
}

/// Whether the largest fleet cost no more than its share of the one before.
pub(super) fn is_linear(costs: &[Cost]) -> bool {
    costs.windows(2).all(|pair| {
        let share = f64::from(pair[1].nodes) / f64::from(pair[0].nodes) * TOLERANCE;
        pair[1].processor <= pair[0].processor * share && pair[1].memory <= pair[0].memory * share
    })
}

/// In a process of its own: checks a fleet of that size, and prints what it took.
pub(super) fn simulate(nodes: usize) {
    let folder = tempfile::tempdir().unwrap();
    write_site(folder.path(), nodes);
    let inventory = folder.path().join("harden.toml");
    let words = ["harden", "drift", "--quiet", "-o", "json", "-i", inventory.to_str().unwrap()];
    let cli = Cli::try_parse_from(words).unwrap();
    let Verb::Drift(arguments) = &cli.verb else { panic!("it is a drift check") };
    let answer = Arc::new(OnceLock::new());
    let connect = |node: &Node| -> Result<Box<dyn Reader>, RemoteError> {
        let mut node = node.clone();
        if !matches!(node.connection, Connection::Local { .. }) {
            node.connection = Connection::Local { root: folder.path().join("node") };
            return Ok(Box::new(Remembering { node, answer: Arc::clone(&answer) }));
        }
        remote::connect_reader(&node, &Access::from_environment())
    };
    let output = Output::process(Color::Never);
    let code = drift::run_through(arguments, &cli.global, &output, Some(&connect)).unwrap();
    assert_eq!(code.number(), 0);
    println!("\n{:.3} {:.1}", processor(), peak());
}

/// A node that is read once for all of them.
struct Remembering {
    node: Node,
    answer: Arc<OnceLock<Reply>>,
}

impl Reader for Remembering {
    fn read(&mut self, probe: &Probe, deadline: Duration) -> Result<Reply, RemoteError> {
        let read = || {
            let mut real = remote::connect_reader(&self.node, &Access::from_environment()).unwrap();
            real.read(probe, deadline).unwrap()
        };
        Ok(self.answer.get_or_init(read).clone())
    }

    fn dialer(&self) -> Result<Box<dyn Dialer>, RemoteError> {
        Err(RemoteError::Unsupported(String::from("nobody is there")))
    }
}

/// An inventory of workers that have what they should, and a control plane that has nothing.
fn write_site(folder: &Path, nodes: usize) {
    let mut text = String::from(
        "[cluster]\nname = \"fleet\"\nkubernetes = \"1.35\"\nprofile = \"bare\"\n\n[[nodes]]\nname = \"cp-1\"\n\
         address = \"127.0.0.1\"\nroles = [\"control-plane\", \"etcd\"]\nconnection = \"local\"\nroot = \"control-plane\"\n",
    );
    for at in 0..nodes {
        let address = format!("10.{}.{}.{}", at / 65_536, at / 256 % 256, at % 256);
        write!(text, "\n[[nodes]]\nname = \"w-{at}\"\naddress = \"{address}\"\nroles = [\"worker\"]\n")
            .unwrap();
    }
    for made in ["control-plane", "node/etc", "templates"] {
        fs::create_dir_all(folder.join(made)).unwrap();
    }
    fs::write(folder.join("harden.toml"), text).unwrap();
    for number in 0..FILES {
        let path = format!("/etc/file-{number}.conf");
        let file = content(number, State::InSync);
        let front =
            format!("+++\nkind = \"file\"\npath = \"{path}\"\nmode = \"0644\"\nroles = [\"worker\"]\n+++\n");
        fs::write(folder.join(format!("templates/file-{number}.tera")), front + &file).unwrap();
        write_file(&folder.join("node").join(&path[1..]), &file);
    }
}

/// Seconds that this process and its children have had a processor: fields 14 to 17 of proc(5)'s stat, in ticks of which 100 are a
/// second.
fn processor() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = text.rsplit_once(") ").unwrap().1.split(' ').skip(11).take(4);
    fields.map(|field| field.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

/// Mebibytes that it had at its peak.
fn peak() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    mark.unwrap().trim().parse::<f64>().unwrap() / 1024.0
}
