//! No secret is in any report, wherever it was planted; the same with a text that is no secret shows that the test looks.

use super::fixture::{NOW, bare};
use crate::support::findings::inventory_of;
use harden::check::{Report, Waived};
use harden::secret::Secret;
use harden::ui::check::{Explained, explain, html, json, junit, sarif, table};
use harden::ui::{Paint, View};

/// Every text of a report, with something planted in it.
fn planted(text: &str) -> Report {
    let mut report = bare();
    let plant = |into: &mut String| *into = format!("before {text} after");
    for finding in &mut report.findings {
        plant(&mut finding.title);
        plant(&mut finding.section);
        plant(&mut finding.remedy);
        finding.evidence.iter_mut().for_each(plant);
        finding.objects.iter_mut().for_each(plant);
        finding.fixed_by.iter_mut().for_each(plant);
        let mut reason = String::new();
        plant(&mut reason);
        finding.waiver = Some(Waived { reason, expires: None, is_expired: false });
    }
    plant(&mut report.cluster);
    plant(&mut report.benchmark);
    plant(&mut report.benchmark_title);
    report.unreachable.iter_mut().for_each(|unread| plant(&mut unread.error));
    assert_eq!(report.created, NOW);
    report
}

fn forms(report: &Report) -> Vec<(&'static str, String)> {
    let view = View { paint: Paint { color: false }, width: 100, verbose: true };
    let inventory = inventory_of(
        "[cluster]\nname = \"c\"\nkubernetes = \"1.35\"\n\n[[nodes]]\nname = \"cp-1\"\naddress = \"192.0.2.1\"\n\
         roles = [\"control-plane\", \"etcd\"]\n",
    );
    let text = &report.cluster;
    let control = Explained {
        control: text,
        title: text,
        section: text,
        benchmark: text,
        scored: true,
        why: text,
        tested: text,
        remedy: text,
        could_break: text,
        fixed_by: std::slice::from_ref(text),
    };
    vec![
        ("table", table(report, view)),
        ("json", json(report).unwrap()),
        ("sarif", sarif(report, &inventory).unwrap()),
        ("junit", junit(report)),
        ("html", html(report)),
        ("explain", explain(&control, View { width: 10_000, ..view })),
    ]
}

#[test]
fn no_report_shows_a_secret() {
    let marks = ["zebra-crossing", "yellow-submarine"];
    let _secret = Secret::new(String::from("zebra-crossing<\"'&]\nyellow-submarine"));
    for (form, text) in forms(&planted("zebra-crossing<\"'&]\nyellow-submarine")) {
        for mark in marks {
            assert!(!text.contains(mark), "{form} shows {mark}");
        }
        assert!(text.contains("(sensitive)"), "{form}");
    }
}

#[test]
fn the_test_above_can_fail() {
    for (form, text) in forms(&planted("xylophone-player<\"'&]\nwhite-elephant")) {
        assert!(text.contains("xylophone-player") && text.contains("white-elephant"), "{form}");
        assert!(!text.contains("(sensitive)"), "{form}");
    }
}
