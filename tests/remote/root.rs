//! Becoming root with the real sudo. Needs the Debian package `sudo`, and root to make users.

use super::{refused, text};
use crate::support::sshd::{Sshd, node};
use harden::error::Hint as _;
use harden::inventory::{Become, SshSettings};
use harden::remote::{Access, RemoteError, connect};
use harden::secret::Secret;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PASSWORD: &str = "correct horse battery staple";

/// A user who lives as long as the value.
struct User {
    name: String,
    sudoers: PathBuf,
}

impl User {
    /// With this rule in sudoers, `NAME` standing for the user; `None` where there is no sudo.
    fn create(rule: &str) -> Option<Self> {
        if !Path::new("/usr/bin/sudo").exists() {
            println!("SKIPPED: sudo is not installed, so becoming root by sudo is not tested");
            return None;
        }
        let name = format!("hd{:x}{}", std::process::id(), rule.len());
        let status = Command::new("useradd").args(["-m", "-s", "/bin/sh", &name]).status().unwrap();
        assert!(status.success());
        let sudoers = PathBuf::from(format!("/etc/sudoers.d/{name}"));
        let user = Self { name, sudoers };
        let mut chpasswd = Command::new("chpasswd").stdin(Stdio::piped()).spawn().unwrap();
        let line = format!("{}:{PASSWORD}\n", user.name);
        chpasswd.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
        assert!(chpasswd.wait().unwrap().success());
        fs::write(&user.sudoers, rule.replace("NAME", &user.name) + "\n").unwrap();
        fs::set_permissions(&user.sudoers, fs::Permissions::from_mode(0o440)).unwrap();
        Some(user)
    }

    fn settings(&self, sshd: &Sshd) -> SshSettings {
        // sshd reads the list of keys as that user.
        fs::set_permissions(sshd.folder(), fs::Permissions::from_mode(0o711)).unwrap();
        SshSettings { user: self.name.clone(), r#become: Become::Sudo, ..sshd.settings() }
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.sudoers);
        let _ = Command::new("userdel").args(["-r", "-f", &self.name]).stderr(Stdio::null()).status();
    }
}

fn with_password(password: &str) -> Access {
    Access::default().with_become_password(Secret::new(String::from(password)))
}

#[test]
fn sudo_without_a_password() {
    let sshd = Sshd::start();
    // The narrowest rule that there is, the one that the hint names.
    let Some(user) = User::create("NAME ALL=(root) NOPASSWD: /bin/sh -s") else { return };
    let node = node(user.settings(&sshd));
    let mut session = connect(&node, &Access::default()).unwrap();
    assert_eq!(text(&mut *session, "id -u; echo \"$SUDO_USER\""), format!("0\n{}\n", user.name));
    // A password that is not needed does not reach the shell, which would run it.
    let mut session = connect(&node, &with_password(PASSWORD)).unwrap();
    let reply = super::run(&mut *session, "id -u").unwrap();
    assert_eq!((reply.section("all").text(), reply.stderr.as_str()), (String::from("0\n"), ""));
}

#[test]
fn sudo_with_a_password() {
    let sshd = Sshd::start();
    let Some(user) = User::create("NAME ALL=(ALL:ALL) ALL") else { return };
    let node = node(user.settings(&sshd));
    let mut session = connect(&node, &with_password(PASSWORD)).unwrap();
    for _ in 0..2 {
        let reply = super::run(&mut *session, "id -u; ps -o args= -p $PPID").unwrap();
        let all = reply.section("all").text();
        assert!(all.starts_with("0\n") && !all.contains(PASSWORD), "{all}");
        assert!(!reply.stderr.contains("not found"), "{}", reply.stderr);
    }
    let error = refused(connect(&node, &Access::default()));
    assert!(
        matches!(&error, RemoteError::Become { reason, .. } if reason.contains("password is required")),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("--ask-become-pass"));
    let error = refused(connect(&node, &with_password("wrong guess here")));
    let wrong = matches!(&error, RemoteError::Become { reason, .. } if reason.contains("1 incorrect password attempt"));
    assert!(wrong && !error.to_string().contains("wrong guess"), "{error}");
}

#[test]
fn a_user_whom_sudo_does_not_know() {
    let sshd = Sshd::start();
    let Some(user) = User::create("# nothing for NAME") else { return };
    let node = node(user.settings(&sshd));
    let error = refused(connect(&node, &with_password(PASSWORD)));
    assert!(
        matches!(&error, RemoteError::Become { reason, .. } if reason.contains("not in the sudoers file")),
        "{error}"
    );
}

#[test]
fn a_user_who_is_not_root_and_has_no_sudo() {
    let sshd = Sshd::start();
    let Some(user) = User::create("# plain NAME") else { return };
    let settings = SshSettings { r#become: Become::None, ..user.settings(&sshd) };
    let error = refused(connect(&node(settings), &Access::default()));
    assert!(
        matches!(&error, RemoteError::Become { reason, .. } if reason.contains("would run as user")),
        "{error}"
    );
}
