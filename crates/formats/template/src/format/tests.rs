//! Numbers, quotes and verbs as Go prints them.

use super::*;
use crate::value::{List, Map, Value};

#[test]
fn floats_print_as_go_prints_them() {
    let cases = [
        (1_000_000.0, "1e+06"),
        (100_000.0, "100000"),
        (1_234_567.0, "1.234567e+06"),
        (0.1, "0.1"),
        (0.0001, "0.0001"),
        (0.000_01, "1e-05"),
        (-2.5, "-2.5"),
        (0.0, "0"),
        (-0.0, "-0"),
        (1e21, "1e+21"),
        (f64::INFINITY, "+Inf"),
        (f64::NAN, "NaN"),
    ];
    for (number, expected) in cases {
        assert_eq!(display(&Value::Float(number)), expected, "{number:e}");
    }
}

#[test]
fn text_is_quoted_as_go_quotes_it() {
    let cases = [
        ("plain", r#""plain""#),
        ("a\"b\\c", r#""a\"b\\c""#),
        ("tab\tline\n", r#""tab\tline\n""#),
        ("\u{1}\u{7f}", r#""\x01\x7f""#),
        ("é✓", r#""é✓""#),
        ("\u{200b}\u{feff}", r#""\u200b\ufeff""#),
    ];
    for (text, expected) in cases {
        assert_eq!(quote(text), expected);
    }
}

#[test]
fn verbs_print_as_go_prints_them() {
    let five = || vec![Value::Int(5)];
    let half = || vec![Value::Float(2.5)];
    let cases = [
        ("%d", five(), "5"),
        (
            "%05d|%-4d|%+d|%x",
            vec![Value::Int(42); 4],
            "00042|42  |+42|2a",
        ),
        ("%s", vec![Value::from("x")], "x"),
        ("%s", vec![Value::Float(1.0)], "%!s(float64=1)"),
        ("%s", vec![Value::Nil], "%!s(<nil>)"),
        ("%v %v", vec![Value::Nil, Value::Bool(true)], "<nil> true"),
        ("%d", half(), "%!d(float64=2.5)"),
        (
            "%.2f|%6.1f|%e|%g",
            vec![Value::Float(2.5); 4],
            "2.50|   2.5|2.500000e+00|2.5",
        ),
        ("%08.3f", half(), "0002.500"),
        (
            "%q %T",
            vec![Value::from("a"), Value::Int64(1)],
            "\"a\" int64",
        ),
        ("%d", vec![], "%!d(MISSING)"),
        ("x", five(), "x%!(EXTRA int=5)"),
        ("%", vec![], "%!(NOVERB)"),
        ("%%", vec![], "%"),
        (
            "%[2]s %[1]s",
            vec![Value::from("a"), Value::from("b")],
            "b a",
        ),
        ("%*d|", vec![Value::Int(4), Value::Int(7)], "   7|"),
        (
            "%5s|%-5s|%.2s",
            vec![Value::from("abc"); 3],
            "  abc|abc  |ab",
        ),
        (
            "%t %t",
            vec![Value::Bool(false), Value::Int(1)],
            "false %!t(int=1)",
        ),
        ("%c%U", vec![Value::Int(65), Value::Int(0x2713)], "AU+2713"),
        ("%x", vec![Value::from("hi")], "6869"),
    ];
    for (format, arguments, expected) in cases {
        assert_eq!(sprintf(format, &arguments), expected, "{format}");
    }
}

#[test]
fn collections_print_as_go_prints_them() {
    let map: Map = [("b", Value::Int(1)), ("a", Value::Nil)]
        .into_iter()
        .collect();
    let list = Value::list(vec![Value::from("x"), Value::Map(map), Value::Float(1.0)]);
    assert_eq!(display(&list), "[x map[a:<nil> b:1] 1]");
    assert_eq!(
        sprintf("%#v", &[list]),
        r#"[]interface {}{"x", map[string]interface {}{"a":interface {}(nil), "b":1}, 1}"#
    );
    let texts = Value::List(List::of_texts(["a", "b"]));
    assert_eq!(type_name(&texts), "[]string");
    assert_eq!(kind_name(&texts), "slice");
}
