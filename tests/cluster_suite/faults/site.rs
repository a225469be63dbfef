//! An inventory of its own beside templates of its own, and harden with it.

use super::super::{Call, Harden};
use crate::support::lab::{self, Lab};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::JoinHandle;

/// What most faults change on the worker: a value of the kubelet's configuration, for which the kubelet is restarted.
pub(super) const PIDS: &str = "[kubelet.config]\npodPidsLimit = 4095";

/// Undoes what a fault did to the lab, also when the test fails.
pub(super) struct Undo<F: FnMut()>(pub(super) F);

impl<F: FnMut()> Drop for Undo<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// An inventory beside templates.
pub(in super::super) struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    /// The lab's inventory with something added.
    pub(in super::super) fn new(lab: &Lab, addition: &str) -> Self {
        Self::of(lab, &fs::read_to_string(lab.inventory()).unwrap(), addition)
    }

    /// The lab's inventory for another user.
    pub(super) fn of_user(lab: &Lab, user: &str) -> Self {
        Self::of(lab, &lab::tool(&["inventory", user]), "")
    }

    fn of(lab: &Lab, inventory: &str, addition: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("harden.toml"), format!("{inventory}\n{addition}\n")).unwrap();
        // The encryption keys are those of the cluster.
        let store = lab.inventory().with_file_name("secrets");
        if store.exists() {
            std::os::unix::fs::symlink(store, folder.path().join("secrets")).unwrap();
        }
        Self { folder }
    }

    pub(super) fn template(&self, name: &str, text: &str) {
        let file = self.folder.path().join("templates").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// A file on the worker, made effective by a shell command where there is one.
    pub(super) fn file(&self, name: &str, path: &str, mode: &str, activate: &str, text: &str) {
        let activate = match activate {
            "" => String::new(),
            command => format!("activate = [\"sh\", \"-c\", '''{command}''']\n"),
        };
        self.template(
            &format!("site/{name}.tera"),
            &format!(
                "+++\nkind = \"file\"\npath = \"{path}\"\nmode = \"{mode}\"\nroles = [\"worker\"]\n{activate}+++\n{text}"
            ),
        );
    }

    pub(in super::super) fn inventory(&self) -> String {
        self.folder.path().join("harden.toml").to_str().unwrap().to_owned()
    }

    /// An apply from its beginning to its end.
    pub(super) fn apply(&self, harden: &mut Harden<'_>, arguments: &[&str]) -> Call {
        let inventory = self.inventory();
        let call = harden.call(&[&["-i", &inventory, "apply", "--yes"], arguments].concat());
        println!("{}", call.stderr);
        call
    }

    /// An apply until it says something on its way.
    pub(super) fn begin(&self, harden: &Harden<'_>, arguments: &[&str], words: &str) -> Begun {
        let mut child = Command::new(env!("CARGO_BIN_EXE_harden"))
            .args(["-i", &self.inventory(), "apply", "--yes"])
            .args(arguments)
            .env("HARDEN_KEY_FILE", &harden.key_file)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let found = read(&mut lines, &mut said, |line| line.contains(words));
        assert!(found, "harden never said `{words}`:\n{said}");
        // It goes on talking, and must not end for want of a listener.
        let rest = std::thread::spawn(move || {
            read(&mut lines, &mut said, |_| false);
            said
        });
        Begun { child, rest }
    }
}

fn read(
    lines: &mut std::io::Lines<BufReader<ChildStderr>>,
    said: &mut String,
    is_it: impl Fn(&str) -> bool,
) -> bool {
    lines.map_while(Result::ok).any(|line| {
        said.push_str(&line);
        said.push('\n');
        is_it(&line)
    })
}

/// An apply that is under way.
pub(super) struct Begun {
    child: Child,
    rest: JoinHandle<String>,
}

impl Begun {
    /// Kills it and waits until it is gone.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.rest.join().unwrap();
    }

    /// Sends it STOP or CONT.
    pub(super) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end: the exit code, and all that it said.
    pub(super) fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        let said = self.rest.join().unwrap();
        println!("{said}");
        (code, said)
    }
}
