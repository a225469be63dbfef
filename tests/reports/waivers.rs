//! Which findings a waiver accepts, and which waivers are about nothing.

use super::fixture::{NOW, bare};
use crate::support::findings::{self, finding, inventory_of, nodes};
use harden::check::{Difference, Finding, Report, apply_waivers, unknown_waivers, unused_waivers, waiver_of};
use harden::inventory::Inventory;
use harden::resource::ControlId;

fn inventory(waivers: &[&str]) -> Inventory {
    let tables = waivers.iter().map(|keys| ["[[waivers]]", &keys.replace("; ", "\n"), ""].join("\n"));
    let tables: String = tables.collect();
    let nodes =
        nodes(&[("cp-1", "192.0.2.1", &["control-plane", "etcd"]), ("w-1", "192.0.2.2", &["worker"])]);
    inventory_of(&format!("[cluster]\nname = \"c\"\nkubernetes = \"1.35\"\n{nodes}\n{tables}"))
}

fn failing(control: &str, node: &str, objects: &[&str]) -> Finding {
    findings::failing(finding(control, "title", "section", node, "seen"), objects)
}

fn applied(waivers: &[&str], findings: Vec<Finding>) -> Report {
    let mut report = Report { findings, ..bare() };
    apply_waivers(&mut report, &inventory(waivers).waivers, NOW);
    report
}

/// How the finding stands: `open`, `waived REASON` or `expired REASON`, and the objects that are left.
fn standing(finding: &Finding) -> String {
    let waiver = finding.waiver.as_ref().map_or_else(
        || String::from(if finding.is_open() { "open" } else { "fine" }),
        |waiver| format!("{} {}", if waiver.is_expired { "expired" } else { "waived" }, waiver.reason),
    );
    assert_eq!(finding.is_open(), !(waiver.starts_with("waived") || waiver == "fine"));
    [waiver].into_iter().chain(finding.objects.iter().cloned()).collect::<Vec<_>>().join(" ")
}

#[test]
fn waivers_accept_what_they_name() {
    let one = r#"control = "cis-1.12:1.2.1"; reason = "r""#;
    let pattern = r#"control = "cis-*:1.2.*"; reason = "r""#;
    let node = r#"control = "cis-1.12:1.2.1"; nodes = ["worker"]; reason = "r""#;
    let last_day = r#"control = "cis-1.12:1.2.1"; expires = 2026-11-24; reason = "today""#;
    let over = r#"control = "cis-1.12:1.2.1"; expires = "2026-11-23"; reason = "over""#;
    let objects = r#"control = "cis-1.12:5.1.1"; objects = ["ops:*", "ci"]; reason = "o""#;
    let more = r#"control = "cis-1.12:5.1.*"; objects = ["x"]; reason = "m""#;
    let objects_over =
        r#"control = "cis-1.12:5.1.1"; objects = ["ops:*"]; expires = 2026-01-01; reason = "past""#;
    for (waivers, control, place, before, expected) in [
        (vec![], "1.2.1", "cp-1", vec![], "open"),
        (vec![one], "1.2.1", "cp-1", vec![], "waived r"),
        (vec![one], "1.2.1", "-", vec![], "waived r"),
        (vec![one], "1.2.11", "cp-1", vec![], "open"),
        (vec![one], "1.2.1", "cp-1", vec!["a", "b"], "waived r a b"),
        (vec![pattern], "1.2.11", "cp-1", vec![], "waived r"),
        (vec![pattern], "1.3.1", "cp-1", vec![], "open"),
        (vec![node], "1.2.1", "w-1", vec![], "waived r"),
        (vec![node], "1.2.1", "cp-1", vec![], "open"),
        (vec![node], "1.2.1", "-", vec![], "open"),
        (vec![last_day], "1.2.1", "cp-1", vec![], "waived today"),
        (vec![over], "1.2.1", "cp-1", vec![], "expired over"),
        (vec![over, pattern], "1.2.1", "cp-1", vec![], "waived r"),
        (vec![objects], "5.1.1", "-", vec!["ops:a", "ci"], "waived o"),
        (vec![objects], "5.1.1", "-", vec!["ops:a", "new"], "open new"),
        (vec![objects], "5.1.1", "-", vec!["new"], "open new"),
        // Without any object there is none that could be accepted.
        (vec![objects], "5.1.1", "-", vec![], "open"),
        (vec![objects, more], "5.1.1", "-", vec!["ops:a", "x"], "waived m"),
        (vec![objects, more], "5.1.1", "-", vec!["ops:a", "x", "y"], "open y"),
        (vec![objects_over], "5.1.1", "-", vec!["ops:a", "b"], "expired past ops:a b"),
        (vec![objects_over], "5.1.1", "-", vec!["b"], "open b"),
        (vec![objects_over, more], "5.1.1", "-", vec!["ops:a", "x"], "expired past ops:a"),
    ] {
        let report = applied(&waivers, vec![failing(control, place, &before)]);
        assert_eq!(standing(&report.findings[0]), expected, "{waivers:?} {control} {place} {before:?}");
    }
}

#[test]
fn what_passes_needs_no_waiver_unless_it_differs() {
    let passing = finding("1.2.1", "title", "section", "cp-1", "seen");
    let differing = Finding { differences: vec![Difference::LostAtUpgrade], ..passing.clone() };
    let report = applied(&[r#"control = "cis-1.12:1.2.1"; reason = "r""#], vec![passing, differing]);
    assert_eq!(report.findings.iter().map(standing).collect::<Vec<_>>(), ["fine", "waived r"]);
}

#[test]
fn accepted_objects_leave_a_trace() {
    let waiver = r#"control = "cis-1.12:5.1.1"; objects = ["a", "b"]; reason = "known""#;
    let report = applied(&[waiver], vec![failing("5.1.1", "-", &["a", "b", "c"])]);
    assert_eq!(report.findings[0].evidence, ["seen", "2 accepted by a waiver: known"]);
}

#[test]
fn a_mark_leads_back_to_its_waiver() {
    let waivers = [
        r#"control = "cis-1.12:1.2.1"; nodes = ["w-1"]; reason = "r""#,
        r#"control = "cis-1.12:1.2.*"; nodes = ["cp-1"]; reason = "r""#,
    ];
    let report = applied(&waivers, vec![failing("1.2.1", "cp-1", &[]), failing("1.3.1", "cp-1", &[])]);
    let inventory = inventory(&waivers);
    let found =
        |index: usize| waiver_of(&report.findings[index], &inventory.waivers).map(|waiver| waiver.line);
    assert_eq!((found(0), found(1)), (Some(19), None));
}

#[test]
fn a_waiver_that_nothing_needs_is_noted() {
    let passing = finding("4.1.1", "title", "section", "w-1", "seen");
    let findings = || {
        vec![
            passing.clone(),
            failing("4.1.2", "w-1", &[]),
            failing("5.1.1", "-", &["ci"]),
            Finding { differences: vec![Difference::NotRestarted], ..finding("1.2.1", "t", "s", "cp-1", "") },
        ]
    };
    let report = Report { findings: findings(), ..bare() };
    for (waiver, is_unused) in [
        (r#"control = "cis-1.12:4.1.1"; reason = "it passes""#, true),
        (r#"control = "cis-1.12:4.1.*"; reason = "the other does not""#, false),
        (r#"control = "cis-1.12:4.1.2"; nodes = ["cp-1"]; reason = "another node""#, true),
        (r#"control = "cis-1.12:4.1.2"; expires = 2026-01-01; reason = "over, and it fires""#, false),
        (r#"control = "cis-1.12:4.1.1"; expires = 2026-01-01; reason = "over""#, true),
        (r#"control = "cis-1.12:5.1.1"; objects = ["c*"]; reason = "there""#, false),
        (r#"control = "cis-1.12:5.1.1"; objects = ["gone"]; reason = "gone""#, true),
        (r#"control = "cis-1.12:1.2.1"; reason = "it differs""#, false),
        // Not judged in this run.
        (r#"control = "cis-2.0:4.1.1"; reason = "another benchmark""#, false),
        (r#"control = "cis-1.12:5.2.2"; reason = "no API""#, false),
    ] {
        let notes = unused_waivers(&report, &inventory(&[waiver]).waivers);
        assert_eq!(!notes.is_empty(), is_unused, "{waiver}: {notes:?}");
    }
    let notes = unused_waivers(&report, &inventory(&[r#"control = "cis-1.12:4.1.1"; reason = "r""#]).waivers);
    assert_eq!(notes, ["the waiver of cis-1.12:4.1.1 on line 15 matches nothing: delete it"]);
}

#[test]
fn a_waiver_of_no_control_is_an_error_with_a_place() {
    let known: Vec<ControlId> =
        ["cis-1.12:1.2.1", "cis-1.12:1.2.16", "cis-2.0:1.2.1"].map(|id| id.parse().unwrap()).into();
    let inventory = inventory(&[
        r#"control = "cis-1.12:1.2.1"; reason = "r""#,
        r#"control = "cis-*:1.2.*"; reason = "r""#,
        r#"control = "cis-1.12:1.2.61"; reason = "r""#,
        r#"control = "cis-1.21:1.2.1"; reason = "r""#,
        r#"control = "nsa:1.2.1"; reason = "r""#,
        r#"control = "cis-1.12:9.*"; reason = "r""#,
    ]);
    let errors = unknown_waivers(&inventory.waivers, &known);
    let text: Vec<_> = errors.iter().map(|error| error.render(false)).collect();
    insta::assert_snapshot!(text.join("\n"));
}
