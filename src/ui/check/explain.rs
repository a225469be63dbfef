//! One control for people: what it demands, why, how it is tested, what satisfies it, and what could break.

use crate::ui::{Tone, View, block, line};

/// A longer line of prose is hard to read, however wide the terminal is.
const WIDEST: usize = 100;
const INDENT: &str = "  ";

/// What there is to say of one control.
#[derive(Debug, Clone, Copy)]
pub struct Explained<'a> {
    /// Its name, `cis-1.12:1.2.16`.
    pub control: &'a str,
    /// What it demands, in one line.
    pub title: &'a str,
    /// The section that it stands in, "1.2 API Server".
    pub section: &'a str,
    /// The benchmark's title, "CIS Kubernetes Benchmark v1.12".
    pub benchmark: &'a str,
    /// Whether the benchmark scores it.
    pub scored: bool,
    /// What the danger is.
    pub why: &'a str,
    /// How it is tested.
    pub tested: &'a str,
    /// What to do by hand.
    pub remedy: &'a str,
    /// What could break.
    pub could_break: &'a str,
    /// The resources with which `harden apply` brings it about, `static-pod.kube-apiserver`.
    pub fixed_by: &'a [String],
}

/// The explanation of a control, for `harden check --explain`.
pub fn explain(control: &Explained<'_>, view: View) -> String {
    let score = if control.scored {
        "scored: it passes or fails"
    } else {
        "not scored: it passes or warns, since it is for people to decide"
    };
    let name = view.paint.tone(Tone::Heading, &line(control.control));
    let mut lines = vec![
        format!("{name}  {}", line(control.title)),
        format!("{}, {}; {score}", line(control.benchmark), line(control.section)),
    ];
    let resources: Vec<_> = control.fixed_by.iter().map(|id| line(id)).collect();
    let satisfied = match resources.as_slice() {
        [] => String::from("No template of harden. By hand, as below."),
        _ => format!("harden apply, with {}.", resources.join(", ")),
    };
    for (heading, text) in [
        ("Why", control.why),
        ("How it is tested", control.tested),
        ("What satisfies it", &satisfied),
        ("By hand", control.remedy),
        ("What could break", control.could_break),
    ] {
        if text.trim().is_empty() {
            continue;
        }
        lines.push(String::new());
        lines.push(view.paint.tone(Tone::Heading, heading));
        let width = view.width.min(WIDEST).saturating_sub(INDENT.len());
        let safe = block(text.trim());
        lines
            .extend(safe.lines().flat_map(|text| wrapped(text, width)).map(|text| format!("{INDENT}{text}")));
    }
    let text: Vec<_> = lines.iter().map(|line| line.trim_end()).collect();
    text.join("\n") + "\n"
}

/// The lines of a paragraph. What is indented is a command or a list, and stays as it is.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    if text.starts_with([' ', '\t']) {
        return vec![text.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(last) = lines.last_mut() else { break };
        let used = last.chars().count();
        if used > 0 && used + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
            continue;
        }
        if used > 0 {
            last.push(' ');
        }
        last.push_str(word);
    }
    lines
}
