//! Files with variables of an environment, as systemd reads them for a unit.

use std::collections::BTreeMap;

/// The variables; of one that stands twice the last value. What is no assignment is passed over, as systemd does.
pub(super) fn variables(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
    lines.filter_map(|line| line.split_once('=')).filter_map(assignment).collect()
}

fn assignment((name, value): (&str, &str)) -> Option<(String, String)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let sound =
        !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(is_part);
    sound.then(|| (name.to_owned(), unquoted(value.trim())))
}

/// A value without its quotes and with what is escaped in it.
fn unquoted(value: &str) -> String {
    if let Some(inner) = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return inner.to_owned();
    }
    let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let mut text = String::new();
    let mut rest = quoted.unwrap_or(value).chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                // Within quotes other characters keep their backslash.
                Some(next) if quoted.is_some() && !matches!(next, '"' | '\\' | '`' | '$') => {
                    text.extend(['\\', next]);
                }
                next => text.extend(next),
            },
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_as_systemd_reads_them() {
        let text = "# ETCD_A=1\n; ETCD_B=2\n\n ETCD_C = x\nETCD_D=\"a \\\"b\\\" \\n\"\nETCD_E='a \"b\"'\nETCD_F=a\\ b\nETCD_F=last\n\
                    1X=y\nname: value=z\nETCD_G=\n";
        let found: Vec<String> =
            variables(text).iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(found, ["ETCD_D=a \"b\" \\n", "ETCD_E=a \"b\"", "ETCD_F=last", "ETCD_G="]);
    }
}
