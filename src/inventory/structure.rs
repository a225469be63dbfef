//! The structure of the file: walks the parsed TOML along the JSON Schema, reports everything that does not fit, and
//! takes it out, so that the rest can be read. What values mean is not looked at.

use super::diagnostic::{Problem, Report, nearest, shown};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};

/// What the walk found out beside the diagnostics.
#[derive(Debug, Default)]
pub(super) struct Damage {
    /// The names of keys that had to be taken out or were missing, somewhere in the file. Conclusions from them
    /// ("no node is …") would be wrong.
    pub(super) keys: BTreeSet<String>,
}

/// Takes out of the table what does not fit the schema.
pub(super) fn walk(root: &mut Spanned<DeTable<'_>>, schema: &Json, report: &mut Report) -> Damage {
    let mut walk = Walk { report, damage: Damage::default() };
    let span = 0..0;
    walk.table(root.get_mut(), &span, schema, &Place::default());
    walk.damage
}

/// Where the walk is, as the user would write it.
#[derive(Debug, Clone, Default)]
struct Place {
    path: String,
    name: String,
    in_list: bool,
}

impl Place {
    fn key(&self, key: &str) -> Self {
        let is_bare = key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        let shown = if is_bare { key.to_owned() } else { format!("\"{key}\"") };
        let path = if self.path.is_empty() { shown } else { format!("{}.{shown}", self.path) };
        Self { path, name: key.to_owned(), in_list: false }
    }

    fn item(&self) -> Self {
        Self { in_list: true, ..self.clone() }
    }

    fn name(&self) -> &str {
        &self.name
    }

    /// What stands here, as the beginning of a sentence.
    fn subject(&self) -> String {
        let name = self.name();
        if self.in_list { format!("an item of `{name}`") } else { format!("`{name}`") }
    }

    fn table(&self) -> String {
        match (self.path.as_str(), self.in_list) {
            ("", _) => String::from("at the top level"),
            (path, true) => format!("in `[[{path}]]`"),
            (path, false) => format!("in `[{path}]`"),
        }
    }
}

struct Walk<'r> {
    report: &'r mut Report,
    damage: Damage,
}

impl Walk<'_> {
    fn table(&mut self, table: &mut DeTable<'_>, span: &Range<usize>, schema: &Json, place: &Place) {
        let properties = schema["properties"].as_object();
        let mut present = BTreeSet::new();
        for (key, mut value) in std::mem::take(table) {
            let name = key.get_ref().clone().into_owned();
            let known = properties.and_then(|properties| properties.get(&name));
            let keep = match (known, &schema["additionalProperties"]) {
                _ if has_control(&name) => self.control(key.span(), place.name()),
                (Some(schema), _) | (None, schema @ Json::Object(_)) => {
                    self.value(&mut value, schema, &place.key(&name))
                }
                (None, Json::Bool(false)) => {
                    self.hide(&value);
                    present.extend(self.unknown(&key.span(), &name, schema, place));
                    false
                }
                (None, _) => self.value(&mut value, &Json::Null, &place.key(&name)),
            };
            present.insert(name);
            if keep {
                table.insert(key, value);
            }
        }
        for name in list(&schema["required"]).filter(|name| !present.contains(*name)) {
            self.damage.keys.insert(name.to_owned());
            let example = if name == "nodes" { ": add a `[[nodes]]` table for each host" } else { "" };
            let problem = Problem::new(format!("missing key `{name}` {}{example}", place.table()));
            if place.path.is_empty() {
                self.report.error_in_file(problem);
            } else {
                self.report.error(span.clone(), problem);
            }
        }
    }

    /// Keeps a value out of all excerpts.
    fn hide(&mut self, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            // The span of a table may be its header, and the header is only keys.
            DeValue::Table(table) => table.iter().for_each(|(_, value)| self.hide(value)),
            _ => self.report.hide(value.span()),
        }
    }

    /// Reports an unknown key; the result is the known key that was probably meant.
    fn unknown(&mut self, span: &Range<usize>, name: &str, schema: &Json, place: &Place) -> Option<String> {
        let known: Vec<&str> =
            schema["properties"].as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        let meant = nearest(name, known.iter().copied());
        let help = meant.map_or_else(
            || format!("the keys here are {}", quoted(&known)),
            |meant| format!("did you mean `{meant}`?"),
        );
        self.damage.keys.extend(meant.map(str::to_owned));
        let problem = Problem::new(format!("unknown key {} {}", shown(name), place.table())).help(help);
        self.report.error(span.clone(), problem);
        meant.map(str::to_owned)
    }

    /// Whether the value can stay.
    fn value(&mut self, value: &mut Spanned<DeValue<'_>>, schema: &Json, place: &Place) -> bool {
        let span = value.span();
        if !self.is_type(value, schema, place) {
            self.damage.keys.insert(place.name().to_owned());
            return false;
        }
        let sound = match value.get_mut() {
            DeValue::String(text) if has_control(text) => self.control(span, place.name()),
            DeValue::String(text) => self.choice(&span, text, schema),
            DeValue::Integer(integer) => self.integer(span, integer, schema, place),
            DeValue::Float(float) => {
                let finite = float.as_str().parse::<f64>().is_ok_and(f64::is_finite);
                if !finite {
                    let text = format!("{} must be a finite number", place.subject());
                    self.report.error(span, Problem::new(text));
                }
                finite
            }
            DeValue::Array(array) => self.array(span, array, schema, place),
            DeValue::Table(table) => {
                self.table(table, &span, schema, place);
                true
            }
            DeValue::Boolean(_) | DeValue::Datetime(_) => true,
        };
        if !sound {
            self.damage.keys.insert(place.name().to_owned());
        }
        sound
    }

    fn array(&mut self, span: Range<usize>, array: &mut DeArray<'_>, schema: &Json, place: &Place) -> bool {
        if array.is_empty() && schema["minItems"].as_u64().is_some_and(|least| least > 0) {
            let mut problem = Problem::new(format!("`{}` must not be empty", place.name()));
            let choices = choices(&schema["items"]);
            if !choices.is_empty() {
                problem = problem.help(format!("choose among {}", quoted(&choices)));
            }
            self.report.error(span, problem);
            return false;
        }
        for mut item in std::mem::replace(array, DeArray::new()) {
            if self.value(&mut item, &schema["items"], &place.item()) {
                array.push(item);
            }
        }
        true
    }

    fn control(&mut self, span: Range<usize>, name: &str) -> bool {
        let place = if name.is_empty() { String::from("a key") } else { format!("`{name}`") };
        let problem = Problem::new(format!("control character in {place}"))
            .help("line breaks, tabs and other control characters are not allowed in strings and keys");
        self.report.error(span, problem);
        false
    }

    fn is_type(&mut self, value: &Spanned<DeValue<'_>>, schema: &Json, place: &Place) -> bool {
        let found = type_name(value.get_ref());
        let mut expected: Vec<&str> = match &schema["type"] {
            Json::String(only) => vec![only],
            types => list(types).collect(),
        };
        if !choices(schema).is_empty() {
            expected.push("string");
        }
        // JSON writes as a string what TOML has a type for.
        if schema["format"] == "date" {
            expected.push("date");
        }
        // A free-form value can be anything that YAML and JSON have too, and these have no dates.
        let free = expected.is_empty() && found != "date";
        if free || expected.contains(&found) {
            return true;
        }
        let names: Vec<&str> = expected.iter().map(|name| article(name)).collect();
        let wanted = if names.is_empty() {
            String::from("not be a date")
        } else {
            format!("be {}, not {}", names.join(" or "), article(found))
        };
        let message = format!("{} must {wanted}", place.subject());
        let mut problem = Problem::new(message);
        problem.help = self.type_help(value, &expected, schema, place);
        self.report.error(value.span(), problem);
        false
    }

    fn type_help(
        &self,
        value: &Spanned<DeValue<'_>>,
        expected: &[&str],
        schema: &Json,
        place: &Place,
    ) -> Option<String> {
        let text = self.report.source.text.get(value.span()).unwrap_or_default();
        let short = text.len() <= 40 && !text.contains('\n');
        let wants = |name| expected.contains(&name);
        match value.get_ref() {
            DeValue::Table(_) if wants("array") && schema["items"]["type"] == "object" => {
                Some(format!("write `[[{}]]` with two brackets", place.path))
            }
            DeValue::Array(_) if wants("object") => {
                Some(format!("write `[{}]` with one bracket", place.path))
            }
            DeValue::String(_) | DeValue::Integer(_) if wants("array") && short => {
                Some(format!("write a list: `[{text}]`"))
            }
            DeValue::String(inner) if wants("integer") && inner.parse::<i64>().is_ok() => {
                Some(format!("write it without quotes: `{inner}`"))
            }
            DeValue::String(inner) if wants("boolean") && matches!(&**inner, "true" | "false") => {
                Some(format!("write it without quotes: `{inner}`"))
            }
            DeValue::Integer(_) if wants("string") && schema["examples"][0].is_string() => {
                Some(format!("write it like `{}`", schema["examples"][0]))
            }
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_)
                if (wants("string") || expected.is_empty()) && choices(schema).is_empty() && short =>
            {
                Some(format!("write it in quotes: `\"{text}\"`"))
            }
            _ => None,
        }
    }

    fn choice(&mut self, span: &Range<usize>, text: &str, schema: &Json) -> bool {
        let choices = choices(schema);
        if choices.is_empty() || choices.contains(&text) {
            return true;
        }
        let mut problem = Problem::new(format!("{} is not one of {}", shown(text), quoted(&choices)));
        problem.help = nearest(text, choices).map(|meant| format!("did you mean `{meant}`?"));
        self.report.error(span.clone(), problem);
        false
    }

    fn integer(&mut self, span: Range<usize>, integer: &DeInteger<'_>, schema: &Json, place: &Place) -> bool {
        let least = schema["minimum"].as_f64().unwrap_or(f64::MIN);
        let most = schema["maximum"].as_f64().unwrap_or(f64::MAX);
        let problem = match i64::from_str_radix(integer.as_str(), integer.radix()) {
            // The bounds of the schema are far below 2^53.
            #[allow(clippy::cast_precision_loss)]
            Ok(number) if (least..=most).contains(&(number as f64)) => return true,
            Ok(_) => format!("{} must be between {least} and {most}", place.subject()),
            Err(_) => format!("{} does not fit into 64 bits", place.subject()),
        };
        self.report.error(span, Problem::new(problem));
        false
    }
}

fn list(value: &Json) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Json::as_str)
}

/// The values of an enumeration: its documented variants are `oneOf` constants.
fn choices(schema: &Json) -> Vec<&str> {
    let documented = schema["oneOf"].as_array().into_iter().flatten();
    documented.filter_map(|variant| variant["const"].as_str()).chain(list(&schema["enum"])).collect()
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "string",
        DeValue::Integer(_) => "integer",
        DeValue::Float(_) => "number",
        DeValue::Boolean(_) => "boolean",
        DeValue::Datetime(_) => "date",
        DeValue::Array(_) => "array",
        DeValue::Table(_) => "object",
    }
}

fn article(name: &str) -> &'static str {
    match name {
        "string" => "a string",
        "integer" => "an integer",
        "number" => "a float",
        "boolean" => "a boolean",
        "date" => "a date",
        "array" => "a list",
        _ => "a table",
    }
}
