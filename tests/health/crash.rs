//! A container that ends soon after each start: noticed long before the deadline, and its log in the error.

use super::{Fake, GateError, name, run};
use harden::error::{Chain, Hint as _};
use harden::health::{ContainerReport, ProcessReport};
use harden::plan::Gate;

fn gate(component: &str, command: &[&str]) -> Gate {
    Gate::StaticPodRuns {
        node: name("cp-1"),
        component: component.into(),
        command: command.iter().map(|part| (*part).to_owned()).collect(),
        manifest: None,
        probe: None,
    }
}

/// Containers that start at these seconds and live for so long, after one of an older manifest.
fn containers(component: &str, starts: &[u64], lived: u64, now: u64) -> ContainerReport {
    let begun = starts.iter().filter(|start| **start <= now).count();
    let mut logs = vec![String::from("old/7.log")];
    logs.extend((0..begun).map(|number| format!("new/{number}.log")));
    let alive = starts.iter().position(|start| (*start..*start + lived).contains(&now));
    let process = |pid: String, argument: &str| ProcessReport {
        pid,
        command: vec![component.to_owned(), argument.to_owned()],
        started: None,
    };
    let mut processes = vec![process(String::from("7"), "--workload")];
    processes.extend(alive.map(|number| process(number.to_string(), "--x")));
    ContainerReport { processes, logs }
}

/// As the kubelet starts what ends at once: again, after 10 s, after 20 s.
const STARTS: [u64; 4] = [5, 6, 17, 38];

fn never_runs(fake: &mut Fake<'_>) {
    fake.pod.processes.clear();
}

#[test]
fn what_ends_after_each_start_is_given_up_with_its_last_words() {
    let (result, seconds, _) = run(&[gate("kube-apiserver", &["kube-apiserver", "--x"])], |fake| {
        never_runs(fake);
        fake.ready = Box::new(|_| false);
        fake.container = Box::new(|now| containers("kube-apiserver", &STARTS, 1, now));
    });
    let error = result.unwrap_err();
    assert_eq!(
        error.to_string(),
        "kube-apiserver on cp-1 crashes: it was started 3 times within 20 s and ended each time; its log ends with:\n  \
         new/2.log says:\n  Error: unknown flag: --x"
    );
    assert_eq!(seconds, 20);
    assert_eq!(Chain(&error).to_string(), error.to_string());
    assert!(error.hint().unwrap().contains("/var/log/pods/kube-system_kube-apiserver-cp-1_*"));
}

#[test]
fn what_lives_for_a_while_has_its_whole_deadline() {
    let (result, seconds, _) = run(&[gate("kube-apiserver", &["kube-apiserver", "--x"])], |fake| {
        never_runs(fake);
        fake.container = Box::new(|now| containers("kube-apiserver", &[5, 26, 57, 98, 139], 20, now));
    });
    let Err(GateError::Timeout { said, .. }) = result else { panic!("{result:?}") };
    assert_eq!(said[0], "new/4.log says:");
    assert_eq!(seconds, 180);
}

#[test]
fn what_needs_the_api_server_is_not_blamed_for_its_absence() {
    let gates = [gate("kube-controller-manager", &["kube-controller-manager", "--x"])];
    let sicken = |fake: &mut Fake<'_>, back: u64| {
        never_runs(fake);
        fake.ready = Box::new(move |now| now >= back);
        fake.container =
            Box::new(|now| containers("kube-controller-manager", &[5, 6, 17, 38, 79, 160], 1, now));
    };
    let (result, seconds, _) = run(&gates, |fake| sicken(fake, 60));
    assert!(matches!(result, Err(GateError::Crashes { starts: 3, .. })), "{result:?}");
    // Two more may have come before the API server did.
    assert!(seconds > 60, "{seconds}");
}

#[test]
fn containers_of_before_and_processes_that_cannot_be_told_say_nothing() {
    let timed_out = |gate: Gate, report: fn(u64) -> ContainerReport| {
        let (result, seconds, _) = run(&[gate], |fake| {
            never_runs(fake);
            fake.container = Box::new(report);
        });
        let Err(GateError::Timeout { said, .. }) = result else { panic!("{result:?}") };
        assert_eq!(seconds, 180);
        said
    };
    let old = |now| containers("etcd", &[0, 0, 0], 0, now);
    assert!(timed_out(gate("etcd", &["etcd", "--x"]), old).is_empty());
    let wrapped = |now| containers("etcd", &STARTS, 1, now);
    assert!(timed_out(gate("etcd", &["sh", "-c", "etcd"]), wrapped).is_empty());
}
