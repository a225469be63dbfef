//! A report as one page for a security reviewer: it needs no network and no other file, can be filtered, printed and read
//! with a keyboard or a screen reader, and works without scripts, only not the filter then.

use super::fold::{CLUSTER, Control, Group, Line, Section, fold};
use super::standing::{self, Standing, Summary, Tally};
use crate::check::Report;
use crate::inventory::NodeName;
use crate::ui::moment::{moment, rfc3339};
use crate::ui::reports::page::{Page, document, tiles};
use crate::ui::reports::xml;
use crate::ui::{block, count, line};
use std::fmt::Write as _;

const SCRIPT: &str = include_str!("page.js");
/// Names of nodes that a row shows at once.
const NAMES_SHOWN: usize = 8;
/// Objects that a finding shows at once.
const OBJECTS_SHOWN: usize = 20;

/// A report as a self-contained HTML page.
pub fn render(report: &Report) -> String {
    let summary = Summary::of(report);
    let sections = fold(report);
    let title = format!("{}: {}", line(&report.cluster), line(&report.benchmark_title));
    let (mut header, mut main) = (String::new(), String::new());
    self::header(&mut header, report, &summary);
    overview(&mut main, report, &summary);
    findings(&mut main, &sections, &summary);
    document(&Page {
        title: &title,
        skip_to: ("findings", "Skip to the findings"),
        header: &header,
        main: &main,
        script: Some(SCRIPT),
    })
}

fn header(page: &mut String, report: &Report, summary: &Summary) {
    let _ = write!(
        page,
        "<header>\n<p class=\"kind\">harden check</p>\n<h1>{}</h1>\n<p>{} <code>{}</code></p>\n\
         <p class=\"faint\">{} of {} read on <time datetime=\"{}\">{}</time> by harden {}</p>\n</header>\n",
        xml(&line(&report.cluster)),
        xml(&line(&report.benchmark_title)),
        xml(&line(&report.benchmark)),
        summary.nodes.len(),
        count(summary.of, "node"),
        rfc3339(report.created),
        moment(report.created),
        env!("CARGO_PKG_VERSION"),
    );
}

fn overview(page: &mut String, report: &Report, summary: &Summary) {
    let Tally { pass, fail, warn, waived, differ, expired, clean, overlooked } = summary.controls;
    page.push_str("<section aria-labelledby=\"overview\">\n<h2 id=\"overview\">Controls</h2>\n");
    page.push_str(&tiles(&[
        ("fail", fail, "failed"),
        ("warn", warn, "warned"),
        ("waived", waived, "waived"),
        ("pass", pass, "passed"),
    ]));
    page.push_str("<p class=\"faint\">Each control counts once, as it stands where it stands worst.</p>\n");
    let remarks = [
        (differ, "with a difference: file, process and kubeadm’s records do not say the same"),
        (overlooked, "passed although something offends that the test overlooks"),
        (expired, "with a waiver that has expired and counts no more"),
        (clean, "of the warned with nothing of yours to blame"),
    ];
    if remarks.iter().any(|(number, _)| *number > 0) {
        page.push_str("<ul>\n");
        for (number, text) in remarks.into_iter().filter(|(number, _)| *number > 0) {
            let _ = writeln!(page, "<li><strong>{number}</strong> {text}</li>");
        }
        page.push_str("</ul>\n");
    }
    if !report.unreachable.is_empty() {
        page.push_str("<div class=\"notice\"><h3>Not read</h3>\n<ul>\n");
        for unread in &report.unreachable {
            let node = unread.node.as_ref().map_or("the API", |node| node.as_str());
            let _ = writeln!(page, "<li><strong>{}</strong>: {}</li>", xml(node), xml(&line(&unread.error)));
        }
        page.push_str("</ul></div>\n");
    }
    page.push_str("</section>\n");
    totals(page, summary);
}

fn totals(page: &mut String, summary: &Summary) {
    page.push_str(
        "<section aria-labelledby=\"totals\">\n<h2 id=\"totals\">Totals</h2>\n<div class=\"scroll\" tabindex=\"0\" \
         role=\"region\" aria-labelledby=\"totals\">\n<table class=\"totals\">\n<thead><tr><th scope=\"col\">Node</th>",
    );
    for word in ["Fail", "Warn", "Waived", "Pass", "Differ", "Expired"] {
        let _ = write!(page, "<th scope=\"col\" class=\"number\">{word}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    let nodes = summary.nodes.iter().map(|(node, tally)| (node.as_str(), tally));
    let cluster = (summary.cluster != Tally::default()).then_some((CLUSTER, &summary.cluster));
    for (name, tally) in nodes.chain(cluster) {
        let _ = write!(page, "<tr><th scope=\"row\">{}</th>", xml(&line(name)));
        for number in [tally.fail, tally.warn, tally.waived, tally.pass, tally.differ, tally.expired] {
            let _ = write!(page, "<td class=\"number\">{number}</td>");
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</div>\n</section>\n");
}

fn findings(page: &mut String, sections: &[Section<'_>], summary: &Summary) {
    page.push_str(
        "<section aria-labelledby=\"findings\">\n<h2 id=\"findings\" tabindex=\"-1\">Findings</h2>\n",
    );
    filter(page, sections, summary);
    page.push_str(
        "<table class=\"findings\">\n<caption class=\"unseen\">Findings by section and control</caption>\n\
         <thead><tr><th scope=\"col\">Verdict</th><th scope=\"col\">Control</th><th scope=\"col\">What was found</th>\
         <th scope=\"col\">Where</th></tr></thead>\n",
    );
    for (index, section) in sections.iter().enumerate() {
        let _ = writeln!(
            page,
            "<tbody data-section=\"{index}\">\n<tr class=\"section\"><th scope=\"rowgroup\" colspan=\"4\">{}</th></tr>",
            xml(&line(section.title))
        );
        for control in &section.controls {
            for of in &control.lines {
                for group in &of.groups {
                    row(page, control, of, group);
                }
            }
        }
        page.push_str("</tbody>\n");
    }
    page.push_str("</table>\n<p id=\"nothing\" hidden>No finding matches the filter.</p>\n</section>\n");
}

/// The form is shown by the script: without it, it could do nothing.
fn filter(page: &mut String, sections: &[Section<'_>], summary: &Summary) {
    page.push_str("<form id=\"filter\" hidden>\n<fieldset>\n<legend>Verdict</legend>\n");
    for (class, word) in [("fail", "Fail"), ("warn", "Warn"), ("waived", "Waived"), ("pass", "Pass")] {
        let _ = writeln!(
            page,
            "<label><input type=\"checkbox\" name=\"verdict\" value=\"{class}\" checked> {word}</label>"
        );
    }
    page.push_str(
        "<label><input type=\"checkbox\" name=\"differs\"> only what differs</label>\n</fieldset>\n",
    );
    page.push_str("<label>Section <select name=\"section\"><option value=\"\">all</option>\n");
    for (index, section) in sections.iter().enumerate() {
        let _ = writeln!(page, "<option value=\"{index}\">{}</option>", xml(&line(section.title)));
    }
    page.push_str("</select></label>\n<label>Node <select name=\"node\"><option value=\"\">all</option>\n");
    let cluster = (summary.cluster != Tally::default()).then_some(CLUSTER);
    for node in summary.nodes.keys().map(NodeName::as_str).chain(cluster) {
        let _ = writeln!(page, "<option>{}</option>", xml(&line(node)));
    }
    page.push_str(
        "</select></label>\n<label>Search <input type=\"search\" name=\"text\" autocomplete=\"off\" spellcheck=\"false\">\
         </label>\n<span class=\"buttons\"><button type=\"reset\">Reset</button> <button type=\"button\" id=\"open\">Open all\
         </button> <button type=\"button\" id=\"close\">Close all</button></span>\n\
         <output id=\"shown\" aria-live=\"polite\"></output>\n</form>\n",
    );
}

fn row(page: &mut String, control: &Control<'_>, of: &Line<'_>, group: &Group<'_>) {
    let finding = group.finding;
    let class = match of.standing {
        Standing::Pass => "pass",
        Standing::Waived => "waived",
        Standing::Warn => "warn",
        Standing::Fail => "fail",
    };
    let nodes: Vec<_> = group.nodes.iter().map(|node| xml(&line(node))).collect();
    let differs = if finding.differences.is_empty() { "" } else { " data-differs" };
    let _ = write!(
        page,
        "<tr class=\"{class}\" data-verdict=\"{class}\"{differs} data-nodes=\"{}\">\n<td><span class=\"badge\">{}</span>",
        nodes.join(" "),
        of.standing.word()
    );
    if let Some(words) = of.deeper.words() {
        let _ = write!(page, "<span class=\"mark\">{words}</span>");
    }
    if !finding.differences.is_empty() {
        page.push_str("<span class=\"mark\">differs</span>");
    }
    // What fails is what the reader came for.
    let open = if of.standing == Standing::Fail || standing::is_overlooked(finding) { " open" } else { "" };
    let _ = write!(
        page,
        "</td>\n<th scope=\"row\">{}</th>\n<td><details{open}><summary>{}</summary>\n",
        xml(&line(&control.id.item)),
        xml(&line(control.title))
    );
    details(page, group);
    page.push_str("</details></td>\n<td>");
    page.push_str(&list(&nodes, NAMES_SHOWN, ", "));
    page.push_str("</td>\n</tr>\n");
}

/// Places or objects; those that are too many to read at once can be opened.
fn list(items: &[String], most: usize, separator: &str) -> String {
    // One more than the limit is shown rather than announced.
    let (shown, rest) = items.split_at(if items.len() <= most + 1 { items.len() } else { most });
    let shown = shown.join(separator);
    match rest.len() {
        0 => shown,
        more => format!(
            "{shown}{separator}<details class=\"more\"><summary>and {more} more</summary>{}</details>",
            rest.join(separator)
        ),
    }
}

fn details(page: &mut String, group: &Group<'_>) {
    let finding = group.finding;
    page.push_str("<dl>\n");
    let scored = if finding.scored { "scored" } else { "not scored" };
    let verdict = standing::verdict(finding.verdict);
    term(page, "Verdict", &[xml(&format!("{verdict}, {scored}, {}", line(&finding.control.to_string())))]);
    if let Some(waiver) = standing::waiver(finding) {
        term(page, "Waiver", &[xml(&line(&waiver))]);
    }
    if !finding.differences.is_empty() {
        term(page, "Differs", &[xml(&standing::differences(finding))]);
    }
    term(page, "Evidence", &codes(&finding.evidence));
    if !finding.objects.is_empty() {
        term(page, "Objects", &[list(&codes(&finding.objects), OBJECTS_SHOWN, "<br>")]);
    }
    if !finding.remedy.trim().is_empty() {
        term(page, "Remedy", &[format!("<pre>{}</pre>", xml(&block(finding.remedy.trim())))]);
    }
    if !finding.fixed_by.is_empty() {
        let resources: Vec<_> = codes(&finding.fixed_by);
        term(page, "Fixed by", &[format!("<code>harden apply</code> with {}", resources.join(", "))]);
    }
    page.push_str("</dl>\n");
}

fn codes(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| format!("<code>{}</code>", xml(&line(text)))).collect()
}

/// A term and what it is, safe already; nothing without the latter.
fn term(page: &mut String, name: &str, values: &[String]) {
    if !values.is_empty() {
        let _ = writeln!(page, "<dt>{name}</dt>");
        for value in values {
            let _ = writeln!(page, "<dd>{value}</dd>");
        }
    }
}
