//! The old API server that would not end by itself: when it is ended, and which process that is.

use super::{SHELLS, plan, run_with, tree};
use crate::apply::pods::manifests;
use crate::apply::script::functions;
use crate::remote::Script;
use std::net::TcpListener;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

fn sleeper(seconds: &str) -> Child {
    Command::new("sleep").arg(seconds).spawn().unwrap()
}

#[test]
fn the_process_of_that_command_is_ended_once_its_port_is_closed() {
    for (number, shell) in SHELLS.iter().enumerate() {
        let root = tree();
        let seconds = format!("1000.{}{number}", std::process::id());
        let (mut meant, mut other) = (sleeper(&seconds), sleeper(&format!("{seconds}1")));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let closing = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(1500));
            drop(listener);
        });
        let digest = crate::plan::sha256(format!("sleep\0{seconds}\0").as_bytes());
        let text = format!("{}closed {port}\npause 1\nend_process {digest}\n", functions("t1"));
        let script = Script::new("end it").section("end", text);
        let awake = |text: &str| text.replace("live || return 0", "true");
        let began = Instant::now();
        let reply = run_with(shell, &script, root.path(), &awake);
        assert_eq!((reply.code, reply.stderr.as_str()), (0, ""), "{shell:?}");
        assert!(began.elapsed() > Duration::from_millis(2500), "{shell:?}: {:?}", began.elapsed());
        closing.join().unwrap();
        assert!(!meant.wait().unwrap().success(), "{shell:?}");
        assert!(other.try_wait().unwrap().is_none(), "{shell:?}: another process was ended");
        other.kill().unwrap();
        other.wait().unwrap();
    }
}

const OLD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: kube-apiserver\nspec:\n  containers:\n  - name: kube-apiserver\n    command:\n    - kube-apiserver\n    - --secure-port=7443\n";

/// Only the change that brings the flag, and by the old manifest's command.
#[test]
fn only_an_api_server_without_the_flag_is_ended() {
    let root = tree();
    let (mut plan, mut payloads) = plan(root.path());
    let new = format!("{OLD}    - --shutdown-watch-termination-grace-period=5s\n");
    let id = crate::resource::ResourceId::new(crate::resource::Kind::StaticPod, "kube-apiserver");
    plan.changes[1].resource = id.clone();
    payloads[0].resource = id;
    let digest = crate::plan::sha256(b"kube-apiserver\0--secure-port=7443\0");
    for (before, after, expected) in [
        (OLD, new.as_str(), true),
        (new.as_str(), new.as_str(), false),
        (OLD, OLD, false),
        ("nonsense", new.as_str(), false),
    ] {
        plan.changes[1].before = Some(before.to_owned());
        plan.changes[1].after = Some(after.to_owned());
        let body = manifests(&plan, &payloads);
        assert_eq!(
            body.contains(&format!(
                "closed '7443'\npause 5\nend_process {digest}\nforgotten 'kube-apiserver'\nswap"
            )),
            expected,
            "{body}"
        );
        assert_eq!(body.contains("closed") || body.contains("end_process"), expected, "{body}");
    }
}
