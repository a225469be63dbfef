//! Every form of the one report; those for programs are parsed again.

use super::fixture::{HOSTILE, bare, inventory, report};
use crate::support::findings::finding;
use crate::support::xml::elements;
use harden::check::{Difference, Finding, Report, Verdict};
use harden::ui::check::{Explained, Summary, explain, html, json, junit, sarif, table};
use harden::ui::{Paint, View};
use insta::assert_snapshot;
use serde_json::Value;
use std::collections::BTreeSet;

const PLAIN: View = View { paint: Paint { color: false }, width: 100, verbose: false };

#[test]
fn a_table_shows_every_part() {
    assert_snapshot!(table(&report(), PLAIN));
}

#[test]
fn a_verbose_table_shortens_nothing() {
    assert_snapshot!(table(&report(), View { verbose: true, ..PLAIN }));
}

#[test]
fn colour_only_repeats_what_words_say() {
    let coloured = table(&report(), View { paint: Paint { color: true }, ..PLAIN });
    assert_snapshot!(coloured.replace('\x1b', "␛"));
    let mut plain = coloured;
    while let Some(start) = plain.find("\x1b[") {
        let end = start + plain[start..].find('m').unwrap();
        plain.replace_range(start..=end, "");
    }
    assert_eq!(plain, table(&report(), PLAIN));
}

#[test]
fn the_closing_line_counts_each_control_once() {
    let closing = |report: &Report| table(report, PLAIN).lines().last().unwrap().to_owned();
    assert_eq!(closing(&report()), "Check: 3 passed, 3 failed, 3 warned, 2 waived on 3 of 4 nodes.");
    let mut some = report();
    some.findings.retain(|finding| finding.node.is_none());
    assert_eq!(closing(&some), "Check: 1 passed, 0 failed, 3 warned, 0 waived on 0 of 1 node.");
    some.unreachable.clear();
    assert_eq!(closing(&some), "Check: 1 passed, 0 failed, 3 warned, 0 waived in the cluster.");
    some.findings.clear();
    assert_eq!(closing(&some), "Check: nothing was judged.");
}

#[test]
fn thousands_of_nodes_stay_readable() {
    let mut large = bare();
    large.unreachable.clear();
    let template = large.findings.iter().find(|finding| finding.control.item == "4.1.1").unwrap().clone();
    large.findings = (1..=5000)
        .map(|number| {
            let mut finding = template.clone();
            finding.node = serde_json::from_value(format!("w-{number:04}").into()).unwrap();
            if number > 4990 {
                finding.verdict = Verdict::Pass;
            }
            finding
        })
        .collect();
    assert_snapshot!(table(&large, PLAIN));
    assert!(table(&large, View { verbose: true, ..PLAIN }).contains("w-2500"));
    for (number, finding) in large.findings.iter_mut().enumerate() {
        finding.evidence = vec![format!("its mode is 0{number:o}")];
    }
    let text = table(&large, PLAIN);
    assert!(text.contains("… and 4986 nodes with other evidence") && text.lines().count() < 30, "{text}");
    assert_eq!(Summary::of(&large).nodes.len(), 5000);
}

#[test]
fn json_can_be_read_back() {
    let text = json(&report()).unwrap();
    assert_snapshot!(text.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report());
}

/// What the SARIF 2.1.0 standard says must hold, as far as it concerns what is written here.
#[test]
fn sarif_holds_to_its_standard() {
    let text = sarif(&report(), &inventory()).unwrap();
    assert_snapshot!(text.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["version"], "2.1.0");
    assert!(value["$schema"].as_str().unwrap().ends_with("/sarif-2.1.0.json"));
    let run = &value["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let ids: BTreeSet<_> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), rules.len(), "rules are unique");
    for rule in rules {
        for text in ["shortDescription", "fullDescription", "help"] {
            assert!(!rule[text]["text"].as_str().unwrap().is_empty());
        }
        assert!(["error", "warning"].contains(&rule["defaultConfiguration"]["level"].as_str().unwrap()));
    }
    let mut fingerprints = BTreeSet::new();
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let location = &result["locations"][0];
        assert_eq!(location["physicalLocation"]["artifactLocation"]["uri"], "clusters/prod.toml");
        assert!(location["physicalLocation"]["region"]["startLine"].as_u64().unwrap() >= 1);
        assert!(location["logicalLocations"][0]["fullyQualifiedName"].as_str().unwrap().starts_with("prod/"));
        let fingerprint = result["partialFingerprints"]["hardenFinding/v1"].as_str().unwrap();
        assert!(fingerprints.insert(fingerprint.to_owned()), "fingerprints are unique");
    }
    let line_of = |rule: &str| {
        let results = run["results"].as_array().unwrap().iter();
        let mut lines = results.filter(|result| result["ruleId"] == rule).map(|result| {
            result["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64().unwrap()
        });
        lines.next().unwrap()
    };
    // The node, the live waiver, the expired waiver, and the cluster.
    assert_eq!(
        ["1.1.12", "1.2.11", "4.1.1", "5.2.8"].map(|item| line_of(&format!("cis-1.12:{item}"))),
        [6, 30, 36, 2]
    );
}

#[test]
fn sarif_fingerprints_do_not_depend_on_lines() {
    let fingerprints = |inventory: &harden::inventory::Inventory| {
        let value: Value = serde_json::from_str(&sarif(&report(), inventory).unwrap()).unwrap();
        let results = value["runs"][0]["results"].as_array().unwrap().clone();
        results.iter().map(|result| result["partialFingerprints"].clone()).collect::<Vec<_>>()
    };
    let mut moved = inventory();
    moved.nodes.iter_mut().for_each(|node| node.line += 7);
    moved.cluster.line += 7;
    assert_eq!(fingerprints(&inventory()), fingerprints(&moved));
}

#[test]
fn junit_is_well_formed_and_counts() {
    let text = junit(&report());
    assert_snapshot!(text);
    let elements = elements(&text);
    let count = |name: &str| elements.iter().filter(|(element, _)| element == name).count();
    let (_, total) = elements.iter().find(|(name, _)| name == "testsuites").unwrap();
    for (attribute, element) in
        [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]
    {
        let (_, value) = total.iter().find(|(name, _)| name == attribute).unwrap();
        assert_eq!(*value, count(element).to_string(), "{attribute}");
        let suites = elements.iter().filter(|(name, _)| name == "testsuite");
        let sum: usize = suites
            .map(|(_, attributes)| {
                attributes.iter().find(|(name, _)| name == attribute).unwrap().1.parse::<usize>().unwrap()
            })
            .sum();
        assert_eq!(sum, count(element), "{attribute} of the suites");
    }
    assert_eq!(count("error"), 2);
}

#[test]
fn html_is_one_page_and_nothing_in_it_runs_but_its_own_script() {
    let page = html(&report());
    assert_snapshot!(page.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    assert_eq!(page.matches("<script").count(), 1);
    for hostile in HOSTILE.iter().filter(|name| name.contains(['<', '"', '\n'])) {
        assert!(!page.contains(hostile), "{hostile}");
    }
    for outside in ["src=", "@import", "url(", "<link", "<img", "<iframe", "<base"] {
        assert!(!page.contains(outside), "{outside}");
    }
    // No attribute of an element is left open by a name: outside of text and quotes there is only what is written here.
    let body = page.split_once("<body>").unwrap().1.split_once("<script>").unwrap().0;
    for tag in body.split('<').skip(1).map(|rest| rest.split_once('>').unwrap().0) {
        let outside: String = tag.split('"').step_by(2).collect();
        assert!(!outside.contains("on") || !outside.contains("='"), "{tag}");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
    }
    assert!(page.contains("default/&lt;script&gt;alert(1)&lt;/script&gt;"));
}

#[test]
fn the_page_trusts_exactly_its_own_script_and_style() {
    use base64::Engine as _;
    let page = html(&report());
    for element in ["script", "style"] {
        let (_, rest) = page.split_once(&format!("<{element}>")).unwrap();
        let (text, _) = rest.split_once(&format!("</{element}>")).unwrap();
        let digest = base64::engine::general_purpose::STANDARD.encode(openssl::sha::sha256(text.as_bytes()));
        assert!(page.contains(&format!("{element}-src 'sha256-{digest}'")), "{element}");
    }
}

#[test]
fn a_control_is_explained() {
    let fixed_by = [String::from("static-pod.kube-apiserver")];
    let control = Explained {
        control: "cis-1.12:1.2.16",
        title: "Ensure that --profiling is set to false",
        section: "1.2 API Server",
        benchmark: "CIS Kubernetes Benchmark v1.12",
        scored: true,
        why: "Profiling shows details of the program and of the system that it runs on to whoever reaches its port, and \
              costs time while it is in use.",
        tested: "The flag --profiling in the manifest and of the running process; false is demanded, and absent is true.",
        remedy: "Edit /etc/kubernetes/manifests/kube-apiserver.yaml and set\n    --profiling=false",
        could_break: "Nothing but profiling.",
        fixed_by: &fixed_by,
    };
    assert_snapshot!(explain(&control, View { width: 72, ..PLAIN }));
    let by_hand = Explained { scored: false, fixed_by: &[], could_break: "", ..control };
    assert_snapshot!(explain(&by_hand, PLAIN));
}

/// `harden check` exits with 2 for it.
#[test]
fn what_warns_and_differs_is_a_failure_in_junit() {
    let warned = Finding { verdict: Verdict::Warn, ..finding("4.2.13", "title", "4.2", "w-1", "seen") };
    let differing = Finding { differences: vec![Difference::LostAtUpgrade], ..warned.clone() };
    let text = junit(&Report { findings: vec![warned, differing], ..bare() });
    assert!(text.contains("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"1\""), "{text}");
    assert!(
        text.contains("<failure type=\"difference\" message=\"lost at the next kubeadm upgrade\">"),
        "{text}"
    );
}
