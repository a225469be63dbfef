//! The filters that units and long YAML texts need beside those of all templates.

use tera::{Kwargs, State, Tera, TeraResult};

/// Adds them.
pub(super) fn register(tera: &mut Tera) {
    tera.register_filter("word", word);
    tera.register_filter("specifiers", specifiers);
    tera.register_filter("block", block);
}

/// A word of a command line in a unit: in quotes, with nothing in it that systemd would expand (systemd.service(5),
/// "Command lines").
fn word(text: &str, _: Kwargs, _: &State) -> TeraResult<String> {
    let text = specifiers_doubled(text)?;
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "$$")))
}

/// Any other value in a unit, which is taken as it stands but for `%`.
fn specifiers(text: &str, _: Kwargs, _: &State) -> TeraResult<String> {
    specifiers_doubled(text)
}

fn specifiers_doubled(text: &str) -> TeraResult<String> {
    // A line that ends early would be a setting of its own.
    if text.chars().any(char::is_control) {
        return Err(tera::Error::message(format!(
            "{text:?} holds a control character, which no unit can hold"
        )));
    }
    // A backslash at the end would join the next line to this one.
    if text.ends_with('\\') {
        return Err(tera::Error::message(format!("{text:?} ends in a backslash")));
    }
    Ok(text.replace('%', "%%"))
}

/// A text as a YAML block scalar, four columns deep below a key at two, so that people can read it; as JSON where it holds
/// something that such a scalar cannot.
fn block(text: &str, _: Kwargs, _: &State) -> TeraResult<String> {
    let fits =
        |c: char| c == '\n' || c == '\t' || (!c.is_control() && !"\u{2028}\u{2029}\u{feff}".contains(c));
    let body = text.trim_end_matches('\n');
    if body.is_empty() || !text.chars().all(fits) {
        return serde_json::to_string(text).map_err(tera::Error::message);
    }
    let chomping = match text.len() - body.len() {
        0 => "-",
        1 => "",
        _ => "+",
    };
    // The indentation is said and not guessed from the first line, which may begin with a space.
    let mut scalar = format!("|2{chomping}");
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        scalar.push('\n');
        if !line.is_empty() {
            scalar.push_str("    ");
            scalar.push_str(line);
        }
    }
    Ok(scalar)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn rendered(source: &str, text: &str) -> Result<String, String> {
        let mut tera = crate::desired::engine::tera();
        register(&mut tera);
        tera.add_raw_template("t", source).unwrap();
        let mut context = tera::Context::new();
        context.insert("text", text);
        tera.render("t", &context).map_err(|error| error.to_string())
    }

    #[test]
    fn words_of_a_command_line_stay_one_word() {
        assert_eq!(
            rendered("{{ text | word }}", r#"/a b/%n/$HOME/"q"/\x"#).unwrap(),
            r#""/a b/%%n/$$HOME/\"q\"/\\x""#
        );
        assert!(rendered("{{ text | word }}", "a\nExecStartPre=/bin/rm").is_err());
        assert!(rendered("{{ text | specifiers }}", "a\\").is_err());
    }

    #[test]
    fn blocks_are_read_back_as_they_were() {
        for text in [
            "",
            "\n",
            "a",
            "a\n",
            "a\n\n\n",
            "  indented first\nx\n",
            "\n\nlate\n",
            "# not a comment\n---\n...\n",
            "tab\there\n",
            "carriage\r\nreturn",
            "\u{feff}mark",
            "ü € 🦀\n",
            "a: {{ b }}\n\n  c: 'd'\n",
            "trailing  \n \n",
            "\ttab first\n",
            " \n",
            "   ",
        ] {
            let yaml = rendered("data:\n  key: {{ text | block }}\n  next: x\n", text).unwrap();
            let read: BTreeMap<String, BTreeMap<String, String>> = serde_saphyr::from_str(&yaml).unwrap();
            assert_eq!(read["data"]["key"], text, "{yaml}");
            assert_eq!(read["data"]["next"], "x");
        }
    }
}
