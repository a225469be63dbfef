//! Bodies from templates.

use super::error::WebhookError;
use crate::desired::engine;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use tera::{Context, Kwargs, State};

/// The folder below `templates/`, also beside the inventory.
pub const FOLDER: &str = "webhook";

/// Path below the folder and text.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/webhook.rs"));

/// The body that a template makes of what there is to tell; `None` where it comes to nothing, which is not sent. A file of the same
/// name in `overrides` takes the place of the built-in template.
pub fn body(
    name: &str,
    overrides: &Path,
    told: &BTreeMap<String, Value>,
) -> Result<Option<Value>, WebhookError> {
    let file = format!("{name}.json.tera");
    let source = source(&file, overrides)?;
    let at = |(line, column, reason): engine::Wrong| WebhookError::Template {
        name: name.to_owned(),
        line,
        column,
        reason,
    };
    let mut tera = engine::tera();
    tera.register_filter("slack", slack);
    tera.add_raw_template(&file, &source).map_err(|error| at(engine::place(&error)))?;
    let known: Vec<&str> = told.keys().map(String::as_str).collect();
    engine::check_variables(&tera, &file, &source, &known).map_err(at)?;
    let mut context = Context::new();
    for (key, value) in told {
        context.insert(key.clone(), value);
    }
    let text = tera.render(&file, &context).map_err(|error| at(engine::place(&error)))?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    // Not the text itself: it holds what the report holds.
    let not_json =
        |error: serde_json::Error| WebhookError::NotJson { name: name.to_owned(), reason: error.to_string() };
    serde_json::from_str(&text).map(Some).map_err(not_json)
}

fn source(file: &str, overrides: &Path) -> Result<String, WebhookError> {
    let path = overrides.join(file);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let built_in = EMBEDDED.iter().find(|(name, _)| *name == file);
            Ok(built_in.map(|(_, text)| (*text).to_owned()).unwrap_or_default())
        }
        Err(source) => Err(WebhookError::ReadTemplate { path, source }),
    }
}

/// Text for Slack, in which three characters make links and notify people.
/// <https://docs.slack.dev/messaging/formatting-message-text/#escaping>
// Tera calls filters with owned values.
#[allow(clippy::unnecessary_wraps)]
fn slack(text: &str, _: Kwargs, _: &State) -> tera::TeraResult<String> {
    Ok(text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told() -> BTreeMap<String, Value> {
        BTreeMap::from([(String::from("text"), json!("a \"b\" <!channel>"))])
    }

    #[test]
    fn a_template_beside_the_inventory_takes_the_place_of_the_built_in_one() {
        let folder = tempfile::tempdir().unwrap();
        let with = |template: &str| {
            fs::write(folder.path().join("slack.json.tera"), template).unwrap();
            body("slack", folder.path(), &told()).map_err(|error| error.to_string())
        };
        assert_eq!(
            with("{\"text\": {{ text | slack | q }}}"),
            Ok(Some(json!({ "text": "a \"b\" &lt;!channel&gt;" })))
        );
        assert_eq!(with(" {% if false %}{}{% endif %}\n"), Ok(None));
        assert_eq!(
            with("{\"text\": \"{{ text }}\"}").unwrap_err(),
            "templates/webhook/slack.json.tera comes to no JSON: expected `,` or `}` at line 1 column 14"
        );
        assert_eq!(
            with("\n{{ texts | q }}").unwrap_err(),
            "templates/webhook/slack.json.tera:2:4: there is no variable `texts`; there are `text`"
        );
        assert!(with("{{ text | nosuch }}").unwrap_err().starts_with("templates/webhook/slack.json.tera:1:"));
    }
}
