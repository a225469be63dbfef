//! The editor on small texts: what must come out byte for byte, and what must be refused.

use super::*;
use serde_json::json;

fn rewritten(text: &str, wanted: &Value) -> String {
    rewrite(text, wanted).unwrap_or_else(|error| panic!("{text:?}: {}", crate::error::Chain(&error)))
}

#[test]
fn bytes_that_need_not_move_stay() {
    let cases: &[(&str, Value, &str)] = &[
        ("a: 1 # one\nb: 2\n", json!({"a": 5, "b": 2}), "a: 5 # one\nb: 2\n"),
        ("a: 1\nc: 3", json!({"a": 1, "b": 2, "c": 3}), "a: 1\nb: 2\nc: 3"),
        ("a: 1\r\nc: 3\r\n", json!({"a": 1, "b": "x", "c": 3}), "a: 1\r\nb: x\r\nc: 3\r\n"),
        ("a: []  # none\nb: 2\n", json!({"a": ["x"], "b": 2}), "a:  # none\n- x\nb: 2\n"),
        ("a:\n# why\n  - x # is\n  - y", json!({"a": ["x", "z"]}), "a:\n# why\n  - x # is\n  - z"),
        ("a:\n  - x\n", json!({"a": []}), "a: []\n"),
        ("a: [x, \"y\"] # two\n", json!({"a": ["x", "y", "z"]}), "a: [x, \"y\", z] # two\n"),
        ("a: [x, \"y\"]\n", json!({"a": ["y"]}), "a: [\"y\"]\n"),
        ("a: {b: 1, c: 2}\n", json!({"a": {"c": 2, "d": "no"}}), "a: {c: 2, d: \"no\"}\n"),
        ("a:\nb: 1\n", json!({"a": {"x": 1}, "b": 1}), "a:\n  x: 1\nb: 1\n"),
        ("a: # c\nb: 1\n", json!({"a": 7, "b": 1}), "a: 7 # c\nb: 1\n"),
        ("a: |\n  text\n  more\nb: 1\n", json!({"a": "x", "b": 1}), "a: x\nb: 1\n"),
        ("- - a\n  - b\n", json!([["a", "c"]]), "- - a\n  - c\n"),
        ("- a: 1\n  b: 2\n", json!([{"b": 2}]), "- b: 2\n"),
        ("- name: v\n  a: 1\n  b: 2\n", json!([{"name": "v", "b": 2}]), "- name: v\n  b: 2\n"),
        ("- a: 1 # x\n  # z\n  name: v\n", json!([{"name": "v"}]), "- name: v\n"),
        ("# only\n", json!({"a": {"b": [1]}}), "# only\na:\n  b:\n  - 1\n"),
        ("", json!({"a": 1}), "a: 1\n"),
        ("a: 'x'\nb: \"y\"\n", json!({"a": "it's", "b": "z"}), "a: 'it''s'\nb: \"z\"\n"),
        ("a:\n    b: 1\n", json!({"a": {"b": 1}, "c": {"d": 2}}), "a:\n    b: 1\nc:\n    d: 2\n"),
        (
            "a:\n  b: 1\n  # end of a\nc: 2\n",
            json!({"a": {"b": 1, "x": 2}, "c": 2}),
            "a:\n  b: 1\n  x: 2\n  # end of a\nc: 2\n",
        ),
        ("a:\n- x\n-\n- # c\n  w\n", json!({"a": ["x", null, "w", "z"]}), "a:\n- x\n-\n- # c\n  w\n- z\n"),
    ];
    for (text, wanted, expected) in cases {
        assert_eq!(&rewritten(text, wanted), expected, "{text:?}");
        assert_eq!(&rewritten(expected, wanted), expected, "{text:?} once more");
    }
}

#[test]
fn what_cannot_be_proven_is_refused() {
    // One anchor, used twice: changing one place would change both.
    let text = "a: &x\n  k: 1\nb: *x\n";
    assert!(matches!(
        rewrite(text, &json!({"a": {"k": 2}, "b": {"k": 1}})),
        Err(YamlError::Unproven { .. } | YamlError::Layout { .. })
    ));
    assert!(matches!(rewrite("? a\n: 1\n", &json!({"a": 2})), Err(YamlError::Layout { .. })));
    assert!(matches!(parse("a: 1\na: 2\n"), Err(YamlError::Parse { .. })));
    assert!(matches!(parse("a: 1\n---\na: 2\n"), Err(YamlError::Parse { .. })));
    assert!(matches!(parse("a: [1\n"), Err(YamlError::Parse { .. })));
}

#[test]
fn numbers_are_read_as_kubernetes_reads_them() {
    assert_eq!(parse("a: 010\nb: no\nc: \"no\"\n").unwrap(), json!({"a": 8, "b": false, "c": "no"}));
    assert_eq!(parse("# nothing\n\n").unwrap(), Value::Null);
}

#[test]
fn errors_hold_no_lines_of_the_text() {
    let error = parse("password: hunter2-hunter2\nx: [\n").unwrap_err();
    assert!(!crate::error::Chain(&error).to_string().contains("hunter2"));
}
