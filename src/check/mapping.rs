//! The NSA/CISA guidance as a mapping onto CIS items: each recommendation names the items that prove it. Data and its
//! reading; how findings are put together stands in `judge`.

use super::control::{Control, Test};
use serde::Deserialize;
use std::collections::BTreeSet;

/// `benchmarks/nsa-cisa-1.2.toml`.
#[derive(Default, Deserialize)]
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

fn read() -> Result<Guidance, toml::de::Error> {
    toml::from_str(include_str!("benchmarks/nsa-cisa-1.2.toml"))
}

/// Its controls in order, and its title. A unit test parses the data.
pub(super) fn controls(cis: &[Control]) -> (Vec<Control>, String) {
    let guidance = read().unwrap_or_default();
    let mut controls = Vec::new();
    for section in guidance.section {
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
    (controls, guidance.title)
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;

    #[test]
    fn every_recommendation_names_items_that_there_are() {
        let known: BTreeSet<String> = load::controls().into_iter().map(|control| control.item).collect();
        let mut seen = BTreeSet::new();
        for section in read().unwrap().section {
            for recommendation in section.recommendation {
                assert!(seen.insert(recommendation.item.clone()), "{} is there twice", recommendation.item);
                for item in &recommendation.items {
                    assert!(known.contains(item), "{}: there is no {item}", recommendation.item);
                }
            }
        }
        assert!(seen.len() > 20);
    }
}
