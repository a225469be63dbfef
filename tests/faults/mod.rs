//! The page that shows the fault matrix is made from it: `HARDEN_UPDATE_EXPECTED=1` writes it anew.

use crate::support::matrix::{Case, End, Place, parts};
use std::fmt::Write as _;
use std::fs;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reliability.md");
const BEGIN: &str = "<!-- made from tests/faults/cases.toml -->\n";
const END: &str = "<!-- end of what is made -->\n";

#[test]
fn the_page_shows_the_cases() {
    let page = fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let expected = format!("{before}{BEGIN}{}{END}{after}", tables());
    if std::env::var_os("HARDEN_UPDATE_EXPECTED").is_some() {
        fs::write(PAGE, &expected).unwrap();
    } else {
        assert_eq!(page, expected, "docs/reliability.md is not what HARDEN_UPDATE_EXPECTED=1 would write");
    }
}

fn tables() -> String {
    let mut text = String::new();
    for part in parts() {
        let _ = writeln!(
            text,
            "\n### {}\n\n| what goes wrong | what is on the node then | exit code | proven |\n|---|---|---|---|",
            part.title
        );
        for case in &part.cases {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                case.fault,
                end(case.end),
                case.exit.map_or_else(|| String::from("none: harden is gone"), |code| code.to_string()),
                proven(case)
            );
        }
    }
    text.push('\n');
    text
}

fn end(end: End) -> &'static str {
    match end {
        End::Untouched => "the old state: nothing was changed",
        End::PutBack => "the old state, put back at harden's word",
        End::ByTimer => "the old state, put back by the node's own timer",
        End::AtStart => "the old state, put back when the node started",
        End::Applied => "the new state",
    }
}

fn proven(case: &Case) -> String {
    assert!(!case.proven.is_empty(), "{} is proven nowhere", case.name);
    let places = case.proven.iter().map(|place| match place {
        Place::Imagined => "imagined nodes",
        Place::EveryRun => "real hosts",
        Place::Full => "real hosts (`--full`)",
    });
    places.collect::<Vec<_>>().join(", ")
}
