//! Benchmarks that are mappings onto CIS items, as the NSA/CISA guidance: each recommendation names the items that prove it.
//! Data and its reading; how findings are put together stands in `judge`. `build.rs` lists the folder.

use super::Benchmark;
use super::control::{Control, Test};
use serde::Deserialize;
use std::collections::BTreeSet;

/// File and text, by file: its name without `.toml` is the benchmark's.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/benchmarks.rs"));

/// One file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Guidance {
    title: String,
    section: Vec<Section>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    title: String,
    recommendation: Vec<Recommendation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recommendation {
    item: String,
    title: String,
    why: String,
    remedy: String,
    items: BTreeSet<String>,
}

fn read(text: &str) -> Result<Guidance, toml::de::Error> {
    toml::from_str(text)
}

/// All of them. A unit test parses the data.
pub(super) fn benchmarks(cis: &[Control]) -> Vec<Benchmark> {
    let benchmark = |(file, text): &(&str, &str)| {
        let guidance = read(text).ok()?;
        let controls = controls(guidance.section, cis);
        Some(Benchmark::new(file.trim_end_matches(".toml"), &guidance.title, controls))
    };
    FILES.iter().filter_map(benchmark).collect()
}

/// Its controls in order.
fn controls(sections: Vec<Section>, cis: &[Control]) -> Vec<Control> {
    let mut controls = Vec::new();
    for section in sections {
        for recommendation in section.recommendation {
            let items: Vec<&Control> =
                cis.iter().filter(|control| recommendation.items.contains(&control.item)).collect();
            let breaks: BTreeSet<&str> = items.iter().map(|control| control.could_break.as_str()).collect();
            let could_break = match breaks.len() {
                0 => String::from("It depends on what is done."),
                _ => breaks.into_iter().collect::<Vec<_>>().join(" "),
            };
            let test = Test::Items(recommendation.items.clone());
            controls.push(Control {
                item: recommendation.item,
                title: recommendation.title,
                section: section.title.clone(),
                scored: items.iter().any(|control| control.scored),
                why: recommendation.why,
                tested: test.in_words(),
                remedy: recommendation.remedy,
                could_break,
                roles: BTreeSet::new(),
                cluster: items.iter().all(|control| control.cluster),
                test,
            });
        }
    }
    controls
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;

    #[test]
    fn every_recommendation_names_items_that_there_are() {
        let known: BTreeSet<String> = load::controls().into_iter().map(|control| control.item).collect();
        for (file, text) in FILES {
            let guidance = read(text).unwrap_or_else(|error| panic!("{file}: {error}"));
            let mut seen = BTreeSet::new();
            for recommendation in guidance.section.into_iter().flat_map(|section| section.recommendation) {
                assert!(seen.insert(recommendation.item.clone()), "{file}: {} twice", recommendation.item);
                for item in &recommendation.items {
                    assert!(known.contains(item), "{file}: {}: there is no {item}", recommendation.item);
                }
            }
            assert!(seen.len() > 20, "{file}");
        }
    }
}
