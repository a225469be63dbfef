//! How static pods are replaced: the old API server that would not end by itself, and the one that rests while its etcd is replaced.

use super::faults::killed_before;
use super::{ME, SHELLS, plan, run_with, tree};
use crate::apply::pods::manifests;
use crate::apply::script::{End, change, end, functions, roll_back};
use crate::remote::Script;
use std::fs;
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

/// An etcd that is replaced by itself would leave its API server without one.
#[test]
fn the_api_server_rests_while_its_etcd_is_replaced() {
    const API_SERVER: &str = "etc/kubernetes/manifests/kube-apiserver.yaml";
    for shell in SHELLS {
        for killed in [None, Some("opened 2379"), Some("unrest '")] {
            let root = tree();
            let (mut plan, mut payloads) = plan(root.path());
            let etcd: crate::resource::NodePath = "/etc/kubernetes/manifests/etcd.yaml".parse().unwrap();
            plan.changes.remove(0);
            let id = crate::resource::ResourceId::new(crate::resource::Kind::StaticPod, "etcd");
            plan.changes[0].resource = id.clone();
            plan.changes[0].before = None;
            let crate::plan::Operation::Write { path, prior, .. } = &mut plan.changes[0].operations[0] else {
                panic!()
            };
            path.clone_from(&etcd);
            *prior = crate::plan::Prior::Absent;
            plan.restart_pods = vec![String::from("etcd"), String::from("kube-apiserver")];
            payloads.truncate(1);
            (payloads[0].resource, payloads[0].path) = (id, etcd);
            let before = super::listing(root.path());
            let script = change("t1", ME, &plan, &payloads);
            let Some(mark) = killed else {
                let reply = super::run(shell, &script, root.path());
                assert_eq!(reply.code, 0, "{shell:?}: {}", reply.stderr);
                let text = script.render("NONCE", "/");
                let at = |line: &str| text.rfind(line).unwrap_or_else(|| panic!("no {line}"));
                let steps = [
                    "\nrest '",
                    "\nclosed 6443",
                    "\nswap '/etc/kubernetes/manifests/etcd",
                    "\nopened 2379",
                    "\nunrest '",
                ];
                assert!(steps.map(at).is_sorted(), "{}", *text);
                assert_eq!(fs::read_to_string(root.path().join(API_SERVER)).unwrap(), "old\n");
                continue;
            };
            let text = killed_before(mark)(&script.render("NONCE", root.path().to_str().unwrap()));
            let output = super::spawn(shell, &text).wait_with_output().unwrap();
            assert!(!output.status.success(), "{shell:?} {mark}");
            assert!(!root.path().join(API_SERVER).exists(), "{shell:?} {mark}");
            assert_eq!(
                end(&super::run(shell, &roll_back("t1"), root.path())),
                Some(End::Reverted),
                "{shell:?} {mark}"
            );
            assert_eq!(super::listing(root.path()), before, "{shell:?} {mark}");
        }
    }
}
