//! Ten thousand pods, listed and judged, in a process of their own: what it takes at most is what that process ever took, this server
//! included.

use super::server::{Server, answer};
use harden::check::policies::judge;
use harden::cluster::Api;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PODS: usize = 10_000;
/// How many belong to one Deployment.
const PER_WORKLOAD: usize = 20;
const LONGEST: Duration = Duration::from_secs(10);
const MOST_KIB: u64 = 200 * 1024;
/// Set in the process that measures.
const MEASURING: &str = "HARDEN_TEST_TEN_THOUSAND_PODS";
const NAME: &str = "cluster::ten_thousand::pods_are_listed_and_judged_in_little_time_and_memory";

/// A page as the API server would send it; the token is the number of the next pod.
fn page(template: &str, line: &str) -> String {
    let number = |name: &str| -> Option<usize> {
        let value = line.split_once(name)?.1;
        value.split('&').next()?.parse().ok()
    };
    let (limit, first) = (number("limit=").unwrap(), number("continue=").unwrap_or(0));
    let last = PODS.min(first + limit);
    let next = if last == PODS { String::new() } else { last.to_string() };
    let mut page = format!(r#"{{"kind":"PodList","metadata":{{"continue":"{next}"}},"items":["#);
    for pod in first..last {
        let workload = format!("app-{}", pod / PER_WORKLOAD);
        let text = template
            .replace("POD-NAME", &format!("{workload}-7d764666f9-{pod}"))
            .replace("NAMESPACE", &format!("team-{}", pod / 500))
            .replace("WORKLOAD", &workload);
        let comma = if pod == first { "" } else { "," };
        write!(page, "{comma}{}", text.trim_end()).unwrap();
    }
    page.push_str("]}");
    page
}

/// The most memory that this process ever had, KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn measure() {
    let template = super::reply("pod.json");
    let server = Server::answering(
        "kubernetes",
        Arc::new(move |line| {
            let body = if line.starts_with("GET /api/v1/pods?") {
                page(&template, line)
            } else {
                String::from(r#"{"metadata":{},"items":[]}"#)
            };
            Some(answer("", 200, body))
        }),
    );
    let api = Api::connect(&server.credentials, &server.dial()).unwrap();
    let begun = Instant::now();
    let evidence = api.policy_evidence().unwrap();
    let listed = begun.elapsed();
    let begun = Instant::now();
    assert_eq!(evidence.objects.as_ref().unwrap().pods.len(), PODS);
    let items = (1..=13).map(|item| format!("5.1.{item}")).chain((1..=12).map(|item| format!("5.2.{item}")));
    let items = items.chain(
        ["5.3.1", "5.3.2", "5.4.1", "5.4.2", "5.5.1", "5.6.1", "5.6.2", "5.6.3", "5.6.4"].map(String::from),
    );
    let judged: Vec<_> = items.map(|item| judge(&item, &evidence).unwrap()).collect();
    assert_eq!(judged.len(), 34);
    // None of them is Kubernetes' own, and none runs as another user than root.
    assert_eq!(judged[13 + 6].objects.len(), PODS / PER_WORKLOAD);
    println!("measured {} {} {}", listed.as_millis(), begun.elapsed().as_millis(), peak());
}

#[test]
fn pods_are_listed_and_judged_in_little_time_and_memory() {
    if std::env::var_os(MEASURING).is_some() {
        return measure();
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact", "--nocapture", "--test-threads=1"])
        .env(MEASURING, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let figures = text.split_once("measured ").expect("no figures").1;
    let figures: Vec<u64> =
        figures.split_whitespace().take(3).map(|figure| figure.parse().unwrap()).collect();
    let [listed, judged, kib] = figures[..] else { panic!("{text}") };
    // Not through the test's own output, which is kept back.
    let (listed, judged) = (Duration::from_millis(listed), Duration::from_millis(judged));
    let line = format!(
        "figure: section 5 with {PODS} pods: listed in {listed:.1?}, judged in {judged:.1?}, {} MB at most\n",
        kib / 1024,
    );
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    assert!(listed + judged < LONGEST, "{line}");
    assert!(kib < MOST_KIB, "{line}");
}
