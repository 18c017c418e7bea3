//! YAML as go-yaml v2 writes and reads it.

use super::*;
use crate::value::{Map, Value};

fn written(text: &str) -> String {
    write(&Value::from(text))
}

#[test]
fn scalars_are_quoted_by_the_rules_of_yaml_1_1() {
    let cases = [
        ("plain", "plain"),
        ("", "\"\""),
        ("y", "\"y\""),
        ("Off", "\"Off\""),
        ("null", "\"null\""),
        ("~", "\"~\""),
        ("1", "\"1\""),
        ("1_000", "\"1_000\""),
        ("0o17", "\"0o17\""),
        ("0x1F", "\"0x1F\""),
        ("1e3", "\"1e3\""),
        (".5", "\".5\""),
        ("12:30:45", "\"12:30:45\""),
        ("2020-01-02", "\"2020-01-02\""),
        ("2020-13-02", "2020-13-02"),
        ("1.2.3", "1.2.3"),
        ("<<", "<<"),
        ("-", "'-'"),
        ("- x", "'- x'"),
        ("-x", "-x"),
        ("a: b", "'a: b'"),
        ("a:b", "a:b"),
        ("a #b", "'a #b'"),
        ("a#b", "a#b"),
        ("{x}", "'{x}'"),
        ("*x", "'*x'"),
        ("%x", "'%x'"),
        ("@x", "'@x'"),
        ("it's", "it's"),
        ("'x", "'''x'"),
        (" x", "' x'"),
        ("x ", "'x '"),
        ("a\tb", "\"a\\tb\""),
        ("---", "'---'"),
        ("é✓", "é✓"),
        ("😀", "\"\\U0001F600\""),
    ];
    for (text, expected) in cases {
        assert_eq!(written(text), format!("{expected}\n"), "{text:?}");
    }
}

#[test]
fn lines_are_written_as_literals() {
    let cases = [
        ("a\nb", "|-\n  a\n  b\n"),
        ("a\nb\n", "|\n  a\n  b\n"),
        ("a\n\n", "|+\n  a\n\n"),
        ("\na", "|2-\n\n  a\n"),
        ("  a\nb", "|2-\n    a\n  b\n"),
        ("a\n\nb", "|-\n  a\n\n  b\n"),
        ("a \nb", "\"a \\nb\"\n"),
        ("a\n\tb", "\"a\\n\\tb\"\n"),
    ];
    for (text, expected) in cases {
        assert_eq!(written(text), expected, "{text:?}");
    }
}

#[test]
fn long_lines_are_folded_at_a_space_beyond_column_80() {
    let word = "abcdefghi ".repeat(12);
    let map: Map = [("k", Value::from(word.trim_end()))].into_iter().collect();
    let row = "abcdefghi ".repeat(8);
    let expected = format!(
        "k: {}\n  {}\n",
        row.trim_end(),
        "abcdefghi ".repeat(4).trim_end()
    );
    assert_eq!(write(&Value::Map(map)), expected);
}

#[test]
fn collections_are_written_in_blocks_with_natural_order() {
    let text = "{a10: 1, a2: {}, b: [], _x: [1, [2, 3], {p: q, r: [s]}], A: null, 1: true}";
    let value = read(text).unwrap_or_default();
    let expected = "_x:\n- 1\n- - 2\n  - 3\n- p: q\n  r:\n  - s\n\"1\": true\nA: null\na2: {}\na10: 1\nb: []\n";
    assert_eq!(write(&value), expected);
    let pretty = write_pretty(&value, usize::MAX).unwrap_or_default();
    assert!(
        pretty.contains("_x:\n  - 1\n  - - 2\n    - 3\n"),
        "{pretty}"
    );
}

#[test]
fn floats_are_whole_numbers_where_they_can_be() {
    let cases = [
        (1_000_000.0, "1000000\n"),
        (1e18, "1000000000000000000\n"),
        (1e20, "1e+20\n"),
        (0.5, "0.5\n"),
        (1e-7, "1e-07\n"),
    ];
    for (number, expected) in cases {
        assert_eq!(write(&Value::Float(number)), expected);
    }
}

#[test]
fn documents_are_read_by_the_rules_of_yaml_1_1() {
    let cases = [
        ("yes", Value::Bool(true)),
        ("'yes'", Value::from("yes")),
        ("010", Value::Float(8.0)),
        ("0b11", Value::Float(3.0)),
        ("1_000", Value::Float(1000.0)),
        ("1:30", Value::from("1:30")),
        ("2020-01-02", Value::from("2020-01-02")),
        ("~", Value::Nil),
        ("", Value::Nil),
        ("!!str 5", Value::from("5")),
        ("!!binary aGk=", Value::from("hi")),
        ("a\n---\nb", Value::from("a")),
    ];
    for (text, expected) in cases {
        let found = read(text).unwrap_or_default();
        assert!(crate::value::deep::equal(&found, &expected), "{text:?}");
    }
}

#[test]
fn keys_become_text_and_later_ones_win() {
    let text = "y: 1\n1: a\n1.5: b\nx: &x {p: 1, q: 2}\nz:\n  q: 3\n  <<: *x\nx2: 1\nx2: 2\n";
    let value = read(text).unwrap_or_default();
    assert_eq!(
        crate::json::write(
            &value,
            crate::json::Layout {
                bytes: 1000,
                ..Default::default()
            }
        ),
        Some(
            r#"{"1":"a","1.5":"b","true":1,"x":{"p":1,"q":2},"x2":2,"z":{"p":1,"q":2}}"#.to_owned()
        )
    );
}

#[test]
fn aliases_are_copies_and_have_an_end() {
    let value = read("a: &a {k: 1}\nb: *a").unwrap_or_default();
    let inner = |key: &str| {
        value
            .as_map()
            .and_then(|map| map.get(key))
            .unwrap_or_default()
    };
    if let Value::Map(map) = inner("a") {
        map.insert("k", Value::Int(2));
    }
    assert_eq!(crate::format::display(&inner("b")), "map[k:1]");

    let mut bomb = "a0: &a0 [x]\n".to_owned();
    for level in 1..40 {
        let before = level - 1;
        let line = format!("a{level}: &a{level} [*a{before}, *a{before}]\n");
        bomb.push_str(&line);
    }
    let refused = read(&bomb).err().map(|error| error.to_string());
    assert!(refused.is_some_and(|text| text.contains("excessive aliasing")));
}

#[test]
fn what_is_no_yaml_is_refused_with_its_line() {
    let refused = read("a: 1\nb: [").err().map(|error| error.to_string());
    assert!(refused.is_some_and(|text| text.starts_with("yaml: line ")));
}
