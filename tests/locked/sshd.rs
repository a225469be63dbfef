//! The locked key with a real sshd and the real sudo: the probe answers, and nothing else does. Needs root and both programs.

use crate::observe::node::{attributes, desired, file, read_certificate, snapshot};
use crate::support::sshd::{Options, Sshd, keygen, node};
use harden::error::Hint as _;
use harden::inventory::SshSettings;
use harden::observe;
use harden::remote::{Access, RemoteError, connect, connect_locked, installed};
use harden::resource::{Desired, Observed};
use harden::status::{self, Depth};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const SECONDS: Duration = Duration::from_secs(30);

/// An sshd, a user who may run the probe and nothing else, and a key that is locked to it.
struct Site {
    sshd: Sshd,
    /// Readable for all, unlike the folder of the sshd: sshd and sudo look at it as that user.
    home: tempfile::TempDir,
    user: String,
    sudoers: PathBuf,
}

impl Site {
    /// `None` where there is no sudo.
    fn start(name: &str, probe: Option<&str>) -> Option<Self> {
        if !Path::new("/usr/bin/sudo").exists() {
            println!("SKIPPED: sudo is not installed, so the locked key is not tested");
            return None;
        }
        let sshd = Sshd::with(&Options {
            config: vec![String::from("Subsystem sftp internal-sftp\nAcceptEnv LANG LC_*")],
            ..Options::default()
        });
        let home = tempfile::tempdir().unwrap();
        let user = format!("hl{:x}{name}", std::process::id());
        let status =
            Command::new("useradd").args(["-m", "-s", "/bin/sh", "-p", "*", &user]).status().unwrap();
        assert!(status.success());
        let sudoers = PathBuf::from(format!("/etc/sudoers.d/{user}"));
        let site = Self { sshd, home, user, sudoers };
        for folder in [site.home.path(), site.sshd.folder()] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o711)).unwrap();
        }
        site.install(probe);
        Some(site)
    }

    fn key(&self) -> PathBuf {
        self.home.path().join("drift")
    }

    fn probe(&self) -> PathBuf {
        self.home.path().join("harden-drift-probe")
    }

    /// An inventory with this machine as a node over SSH, with the locked key or as root.
    fn inventory(&self, is_locked: bool) -> PathBuf {
        let inventory = self.home.path().join(format!("{is_locked}.toml"));
        let tree = self.home.path().join("cp-1");
        fs::create_dir_all(&tree).unwrap();
        let key = self.key().display().to_string();
        let locked = format!("[drift.locked-key]\nuser = \"{}\"\nidentity-file = \"{key}\"\n", self.user);
        let text = format!(
            "[cluster]\nname = \"lab\"\nkubernetes = \"1.35\"\n\
             [ssh]\nport = {}\nidentity-file = \"{}\"\nknown-hosts = [\"{}\"]\n\
             [[nodes]]\nname = \"w-1\"\naddress = \"127.0.0.1\"\nroles = [\"worker\"]\n\
             [[nodes]]\nname = \"cp-1\"\naddress = \"127.0.0.2\"\nroles = [\"control-plane\", \"etcd\"]\n\
             connection = \"local\"\nroot = \"{}\"\n{}",
            self.sshd.port,
            self.sshd.identity().display(),
            self.sshd.known_hosts().display(),
            tree.display(),
            if is_locked { &locked } else { "" }
        );
        fs::write(&inventory, text).unwrap();
        inventory
    }

    /// Installs what `harden drift --print-probe` writes, its place aside: other tests of this machine are not to meet there.
    /// Another probe may take the place of that one.
    fn install(&self, probe: Option<&str>) {
        keygen(&self.key(), &["-t", "ed25519", "-N", ""]);
        let inventory = self.inventory(true);
        let printed = self.home.path().join("printed");
        let output = Command::new(env!("CARGO_BIN_EXE_harden"))
            .args(["drift", "--print-probe", "--limit", "w-1", "--inventory"])
            .arg(&inventory)
            .arg("--key")
            .arg(self.key().with_extension("pub"))
            .arg("--out")
            .arg(&printed)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let place = self.probe().display().to_string();
        let part =
            |name: &str| fs::read_to_string(printed.join(name)).unwrap().replace(installed::PATH, &place);
        fs::write(&self.sudoers, part("sudoers")).unwrap();
        fs::set_permissions(&self.sudoers, fs::Permissions::from_mode(0o440)).unwrap();
        let checked = Command::new("visudo").arg("-cqf").arg(&self.sudoers).status().unwrap();
        assert!(checked.success());
        let keys = self.sshd.folder().join("authorized_keys");
        let known = fs::read_to_string(&keys).unwrap();
        fs::write(&keys, known + &part("authorized_keys")).unwrap();
        fs::set_permissions(&keys, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(self.probe(), probe.map_or_else(|| part("harden-drift-probe"), str::to_owned)).unwrap();
        fs::set_permissions(self.probe(), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn settings(&self) -> SshSettings {
        SshSettings { user: self.user.clone(), identity_file: Some(self.key()), ..self.sshd.settings() }
    }

    /// One of OpenSSH's own programs with the locked key.
    fn client(&self, program: &str, port: &str, arguments: &[&str], input: Stdio) -> Output {
        Command::new(program)
            .args(["-F", "none", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"])
            .args(["-o", "ConnectTimeout=10", "-o", "ExitOnForwardFailure=yes", "-o", "SendEnv=LC_*"])
            .args(["-o", &format!("UserKnownHostsFile={}", self.sshd.known_hosts().display())])
            .args(["-i", &self.key().display().to_string(), port, &self.sshd.port.to_string()])
            .args(arguments)
            .env("LC_EVIL", "$(touch /tmp/evil)")
            .stdin(input)
            .output()
            .unwrap()
    }

    fn host(&self) -> String {
        format!("{}@127.0.0.1", self.user)
    }

    /// A command of the user's own, as if there were a way to a shell.
    fn as_user(&self, arguments: &[&str]) -> Output {
        Command::new("runuser")
            .args(["-u", &self.user, "--"])
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.sudoers);
        let _ = Command::new("userdel").args(["-r", "-f", &self.user]).stderr(Stdio::null()).status();
    }
}

/// Files that every host has: one as declared, one that is not, and a pattern.
fn wanted() -> Desired {
    let as_it_is = fs::read_to_string("/etc/passwd").unwrap();
    desired(vec![file("/etc/passwd", &as_it_is), file("/etc/group", "other"), attributes("/etc/pass*")])
}

fn installed_script() -> String {
    installed::script(&[observe::probe(&wanted()), status::probe(Depth::Last)])
}

fn calm(mut observed: Observed) -> Observed {
    observed.facts.clock = 0;
    observed
}

#[test]
fn the_state_of_a_node_is_the_same_through_it_and_of_ports_there_are_none() {
    // Adding the user changes what is compared: first of all.
    let Some(site) = Site::start("same", Some("")) else { return };
    fs::write(site.probe(), installed_script()).unwrap();
    let node = node(site.sshd.settings());
    let access = Access::default();
    let mut session = connect(&node, &access).unwrap();
    let open = || connect_locked(&node.name, &site.settings(), &access).unwrap();
    let mut locked = open();
    assert!(locked.is_locked());
    // Other tests add users meanwhile: both are read until nothing moved in between.
    let read = |reader: &mut dyn harden::remote::Reader, wanted: &Desired| {
        calm(observe::observe(reader, wanted, SECONDS, &read_certificate).unwrap())
    };
    let same = (0..20).any(|_| {
        let wanted = wanted();
        let normal = read(session.as_mut(), &wanted);
        let through = read(locked.as_mut(), &wanted);
        normal == through && !through.files.is_empty()
    });
    assert!(same, "the locked key reads something else");
    status::read(locked.as_mut(), Depth::Last, SECONDS).unwrap();
    assert!(matches!(locked.dialer(), Err(RemoteError::Unsupported(_))));
    // Another inventory asks for something else.
    let other = desired(vec![file("/etc/hosts", "x")]);
    let error = observe::observe(locked.as_mut(), &other, SECONDS, &read_certificate).unwrap_err();
    assert_eq!(error.hint().unwrap(), "install it anew: harden drift --print-probe --limit node-1");
    // The connection is as good as before.
    read(locked.as_mut(), &wanted());
}

#[test]
fn a_drift_check_says_the_same_through_it() {
    let Some(site) = Site::start("check", None) else { return };
    let check = |is_locked: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harden"));
        command.args(["drift", "-o", "json", "--limit", "w-1", "--inventory"]).arg(site.inventory(is_locked));
        let output = command.output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code(), report["nodes"].clone())
    };
    let normal = check(false);
    assert!(normal.1[0]["items"].as_array().is_some_and(|items| !items.is_empty()), "{normal:?}");
    assert_eq!(check(true), normal);
}

#[test]
fn a_probe_that_is_missing_is_named() {
    let Some(site) = Site::start("none", Some("")) else { return };
    fs::remove_file(site.probe()).unwrap();
    let name = node(site.settings()).name;
    let mut locked = connect_locked(&name, &site.settings(), &Access::default()).unwrap();
    let error = locked.read(&status::probe(Depth::Last), SECONDS).unwrap_err();
    assert!(matches!(error, RemoteError::NoProbe { .. }), "{error}");
    assert!(error.hint().unwrap().ends_with("harden drift --print-probe --limit node-1"));
}

#[test]
fn with_the_key_nothing_else_can_be_done() {
    let Some(site) = Site::start("else", Some(&installed_script())) else { return };
    let host = site.host();
    let target = site.home.path().join("target");
    fs::create_dir(&target).unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o777)).unwrap();
    let evil = target.join("evil").display().to_string();
    let source = site.home.path().join("source");
    fs::write(&source, "evil").unwrap();
    let before = (snapshot(&target), snapshot(&PathBuf::from(format!("/home/{}", site.user))));
    let (source, port) = (source.display().to_string(), site.sshd.port);
    let refused = |output: &Output| {
        assert!(!output.status.success(), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
    };
    for command in [
        format!("touch {evil}"),
        format!("sudo -n /bin/sh -c 'touch {evil}'"),
        format!("'; touch {evil}; '"),
        format!("$(touch {evil})"),
        format!("scp -t {evil}"),
        String::from("/bin/sh -s"),
    ] {
        for terminal in ["-T", "-tt"] {
            let script = fs::File::open("/etc/passwd").unwrap();
            let output = site.client("ssh", "-p", &[terminal, &host, &command], Stdio::from(script));
            // ssh gives up where it must have a terminal and gets none.
            let answer =
                if terminal == "-T" { "this is no question" } else { "PTY allocation request failed" };
            assert!(String::from_utf8_lossy(&output.stderr).contains(answer), "{output:?}");
        }
    }
    // Both wait for an answer that never comes, for as long as the probe waits for a question.
    refused(&site.client("scp", "-P", &["-O", &source, &format!("{host}:{evil}")], Stdio::null()));
    let batch = site.home.path().join("batch");
    fs::write(&batch, format!("put {source} {evil}\n")).unwrap();
    refused(&site.client("sftp", "-P", &["-b", batch.to_str().unwrap(), &host], Stdio::null()));
    let through = site.client("ssh", "-p", &["-W", &format!("127.0.0.1:{port}"), &host], Stdio::null());
    refused(&through);
    refused(&site.client("ssh", "-p", &["-N", "-R", "0:127.0.0.1:1", &host], Stdio::null()));
    assert_eq!(snapshot(&target), before.0);
    assert_eq!(snapshot(&PathBuf::from(format!("/home/{}", site.user))), before.1);

    // And if there were a shell: sudo lets nothing through but this, without an argument and without a variable.
    let probe = site.probe().display().to_string();
    for arguments in [
        &["/bin/sh", "-c", "id"][..],
        &["/bin/sh", &probe],
        &[&probe, "x"],
        &["LC_ALL=evil", &probe],
        &["-E", &probe],
        &["-u", &site.user, &probe],
        &["-e", "/etc/passwd"],
    ] {
        let output = site.as_user(&[&["sudo", "-n"], arguments].concat());
        assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}: {output:?}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("this is no question"), "{arguments:?}");
    }
    let allowed = site.as_user(&["sudo", "-n", &probe]);
    assert_eq!(allowed.status.code(), Some(64), "the test can fail: {allowed:?}");
}

#[test]
fn sudo_passes_on_no_variable() {
    let Some(site) = Site::start("vars", Some("#!/bin/sh\nenv\n")) else { return };
    let variables = [
        "LC_ALL=C.UTF-8",
        "LC_EVIL=x",
        "LANG=x",
        "HISTFILE=/tmp/x",
        "BASH_ENV=/tmp/x",
        "ENV=/tmp/x",
        "TERM=evil",
        "DISPLAY=:1",
        "SSH_ORIGINAL_COMMAND=x",
    ];
    let probe = site.probe().display().to_string();
    let output =
        site.as_user(&[&["env"][..], &variables, &["PATH=/tmp:/usr/bin", "sudo", "-n", &probe]].concat());
    let said = String::from_utf8(output.stdout).unwrap();
    let names: Vec<&str> =
        said.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    for variable in variables {
        let name = variable.split_once('=').unwrap().0;
        assert!(!names.contains(&name) || name == "TERM" && !said.contains("evil"), "{name} in {said}");
    }
    assert!(said.contains("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"), "{said}");
}
