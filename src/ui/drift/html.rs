//! A drift check as one page for a reviewer, in the look of a check's: it can be printed and read with a keyboard or a screen reader,
//! and has no script.

use super::closing::closing;
use super::item::shown;
use super::tally::Tally;
use super::words;
use crate::drift::{Item, NodeReport, NodeState, Report};
use crate::ui::moment::{moment, rfc3339};
use crate::ui::reports::page::{Page, document, tiles};
use crate::ui::reports::xml;
use crate::ui::{count, line};
use std::fmt::Write as _;

/// A report as a self-contained HTML page.
pub fn render(report: &Report) -> String {
    let mut main = overview(report);
    main.push_str(&others(report));
    main.push_str(&totals(report));
    main.push_str(&differences(report));
    document(&Page {
        title: &format!("{}: drift", line(&report.cluster)),
        skip_to: ("differences", "Skip to the differences"),
        header: &header(report),
        main: &main,
        script: None,
    })
}

fn header(report: &Report) -> String {
    let shards: Vec<_> = report.shards.iter().map(|shard| format!(", shard {shard}")).collect();
    format!(
        "<header>\n<p class=\"kind\">harden drift</p>\n<h1>{}</h1>\n<p class=\"faint\">{} checked on \
         <time datetime=\"{}\">{}</time> by harden {}{}</p>\n</header>\n",
        text(&report.cluster),
        count(report.nodes.len(), "node"),
        rfc3339(report.started),
        moment(report.started),
        text(&report.harden_version),
        shards.concat()
    )
}

fn overview(report: &Report) -> String {
    let Tally { drift, pending, ignored, known } = Tally::of(report.items().map(|(_, item)| item));
    let tiles = tiles(&[
        ("fail", drift, "drifted"),
        ("warn", pending, "pending"),
        ("waived", ignored, "ignored"),
        ("pass", known, "reported before"),
    ]);
    format!(
        "<section aria-labelledby=\"overview\">\n<h2 id=\"overview\">Differences</h2>\n{tiles}<p>{}</p>\n\
         <p class=\"faint\">What drifted is not what was last applied. What is pending was declared since, and is not applied \
         yet.</p>\n</section>\n",
        text(&closing(report))
    )
}

/// What was not judged, what failed, what is ignored, and the notices.
fn others(report: &Report) -> String {
    let of = |wanted: fn(&NodeReport) -> Option<String>| {
        let nodes = report.nodes.iter().filter_map(move |node| Some((node.node.as_str(), wanted(node)?)));
        nodes.map(|(node, said)| format!("<strong>{}</strong>: {}", text(node), text(&said)))
    };
    let unread = of(|node| match &node.state {
        NodeState::Unreachable { error, hint: Some(hint) } => Some(format!("{error}; hint: {hint}")),
        NodeState::Unreachable { error, hint: None } => Some(error.clone()),
        NodeState::Read { .. } | NodeState::Busy { .. } => None,
    });
    let busy = of(|node| match &node.state {
        NodeState::Busy { by, since } => Some(words::busy(by, *since)),
        NodeState::Read { .. } | NodeState::Unreachable { .. } => None,
    });
    let failed = of(|node| match &node.state {
        NodeState::Read { failed_apply: Some(failed), .. } => {
            Some(words::failed_apply(node.node.as_str(), failed))
        }
        _ => None,
    });
    let ignores = report.ignores.iter().filter(|it| it.expired || it.count > 0);
    let ignores = ignores.map(|it| text(&words::ignore(it)));
    [
        notice("Not read", unread),
        notice("Busy, and not judged", busy),
        notice("Failed applies", failed),
        notice("Ignored", ignores),
        notice("Notices", report.notices.iter().map(|it| text(it))),
    ]
    .concat()
}

/// Some lines that are HTML already; nothing without any.
fn notice(title: &str, lines: impl Iterator<Item = String>) -> String {
    let lines: Vec<_> = lines.map(|line| format!("<li>{line}</li>\n")).collect();
    match lines.as_slice() {
        [] => String::new(),
        lines => format!("<div class=\"notice\"><h3>{title}</h3>\n<ul>\n{}</ul></div>\n", lines.concat()),
    }
}

fn totals(report: &Report) -> String {
    let mut page = String::from(
        "<section aria-labelledby=\"totals\">\n<h2 id=\"totals\">Totals</h2>\n<div class=\"scroll\" tabindex=\"0\" \
         role=\"region\" aria-labelledby=\"totals\">\n<table class=\"totals\">\n<thead><tr><th scope=\"col\">Node</th>",
    );
    for word in ["Drifted", "Pending", "Ignored", "Reported before"] {
        let _ = write!(page, "<th scope=\"col\" class=\"number\">{word}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    let read = report.nodes.iter().filter(|node| matches!(node.state, NodeState::Read { .. }));
    let nodes = read.map(|node| (node.node.as_str(), node.items()));
    let cluster = (!report.cluster_items.is_empty()).then_some((words::CLUSTER, &*report.cluster_items));
    for (name, items) in nodes.chain(cluster) {
        let Tally { drift, pending, ignored, known } = Tally::of(items);
        let _ = write!(page, "<tr><th scope=\"row\">{}</th>", text(name));
        for number in [drift, pending, ignored, known] {
            let _ = write!(page, "<td class=\"number\">{number}</td>");
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</div>\n</section>\n");
    page
}

fn differences(report: &Report) -> String {
    let mut page = String::from(
        "<section aria-labelledby=\"differences\">\n<h2 id=\"differences\" tabindex=\"-1\">Node by node</h2>\n\
         <table class=\"findings\">\n<caption class=\"unseen\">Differences by node</caption>\n\
         <thead><tr><th scope=\"col\">Class</th><th scope=\"col\">By apply</th><th scope=\"col\">What differs</th>\
         <th scope=\"col\">Since</th></tr></thead>\n",
    );
    let nodes = report.nodes.iter().map(|node| (node.node.as_str(), node.items()));
    for (name, items) in nodes.chain([(words::CLUSTER, &*report.cluster_items)]) {
        if items.is_empty() {
            continue;
        }
        let _ = writeln!(
            page,
            "<tbody>\n<tr class=\"section\"><th scope=\"rowgroup\" colspan=\"4\">{}</th></tr>",
            text(name)
        );
        for item in items {
            page.push_str(&row(item));
        }
        page.push_str("</tbody>\n");
    }
    page.push_str("</table>\n</section>\n");
    page
}

fn row(item: &Item) -> String {
    let (class, word) = match () {
        () if item.counts() => ("fail", "DRIFT"),
        () if item.class.is_drift() && item.ignored.is_some() => ("waived", "IGNORED"),
        () if item.class.is_drift() => ("pass", "BEFORE"),
        () => ("warn", "PENDING"),
    };
    let both = match item.class {
        crate::drift::Class::Both => "<span class=\"mark\">and pending</span>",
        _ => "",
    };
    // What counts is what the reader came for.
    let open = if item.counts() { " open" } else { "" };
    format!(
        "<tr class=\"{class}\">\n<td><span class=\"badge\">{word}</span>{both}</td>\n<td>{}</td>\n\
         <th scope=\"row\"><details{open}><summary><code>{}</code></summary>\n{}</details></th>\n<td>{}</td>\n</tr>\n",
        words::action(item.action),
        text(&item.subject),
        details(item),
        item.since.map(moment).unwrap_or_default()
    )
}

fn details(item: &Item) -> String {
    let mut page = String::from("<dl>\n");
    let mut term = |name: &str, values: Vec<String>| {
        for (index, value) in values.iter().enumerate() {
            let name = if index == 0 { format!("<dt>{name}</dt>\n") } else { String::new() };
            let _ = writeln!(page, "{name}<dd>{value}</dd>");
        }
    };
    let code = |it: &String| format!("<code>{}</code>", text(it));
    term("Resource", vec![code(&item.resource)]);
    term("Differs", item.what.iter().map(code).collect());
    term("Cause", item.cause.iter().map(|cause| text(&cause.text)).collect());
    term("Ignored", item.ignored.iter().map(|it| text(&words::ignored(it))).collect());
    term("Log", item.evidence.iter().map(code).collect());
    term("Controls", item.controls.iter().map(code).collect());
    let diff = shown(item, true).plain_diff();
    if !diff.is_empty() {
        term("Diff", vec![format!("<pre>{}</pre>", xml(&diff))]);
    }
    page.push_str("</dl>\n");
    page
}

/// Foreign text in one line.
fn text(foreign: &str) -> String {
    xml(&line(foreign))
}
