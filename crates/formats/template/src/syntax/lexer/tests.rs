//! Cases of cutting, above all of trimming.

use super::*;

/// The texts and actions of a template, spaces between operands left out.
fn cut(text: &str) -> Vec<&str> {
    let shown = tokens(text).tokens;
    let shown = shown.iter().filter(|token| {
        !matches!(
            token.kind,
            Kind::Space | Kind::Eof | Kind::LeftDelimiter | Kind::RightDelimiter
        )
    });
    shown.map(|token| &text[token.start..token.end]).collect()
}

#[test]
fn markers_trim_the_space_beside_them() {
    let cases: [(&str, &[&str]); 12] = [
        ("a {{ .x }} b", &["a ", ".x", " b"]),
        ("a {{- .x }} b", &["a", ".x", " b"]),
        ("a {{ .x -}} b", &["a ", ".x", "b"]),
        ("a \n\t{{- .x -}}\r\n b", &["a", ".x", "b"]),
        ("{{- .x -}}", &[".x"]),
        ("{{-3}}", &["-3"]),
        ("{{3 -}} b", &["3", "b"]),
        ("a {{/* c */}} b", &["a ", " b"]),
        ("a {{- /* c */}} b", &["a", " b"]),
        ("a {{/* c */ -}} b", &["a ", "b"]),
        ("a {{- /* }} */ -}} b", &["a", "b"]),
        ("{{- /* c */}}\nx", &["\nx"]),
    ];
    for (text, expected) in cases {
        assert_eq!(cut(text), expected, "{text:?}");
    }
}

#[test]
fn operands_are_cut_as_go_cuts_them() {
    let cases: [(&str, &[&str]); 6] = [
        ("{{ .a.b $x.c $ . }}", &[".a", ".b", "$x", ".c", "$", "."]),
        ("{{ (f 1) | g }}", &["(", "f", "1", ")", "|", "g"]),
        ("{{ $i, $x := range }}", &["$i", ",", "$x", ":=", "range"]),
        (
            "{{ \"a\\\"}}\" `}}` 'x' }}",
            &["\"a\\\"}}\"", "`}}`", "'x'"],
        ),
        ("{{ 1e3 -0x1F .5 1_000 }}", &["1e3", "-0x1F", ".5", "1_000"]),
        ("{{ f\n\t.x }}", &["f", ".x"]),
    ];
    for (text, expected) in cases {
        assert_eq!(cut(text), expected, "{text:?}");
    }
}

#[test]
fn what_cannot_be_cut_says_why() {
    let cases = [
        ("{{ .x", "unclosed action"),
        ("{{/* x", "unclosed comment"),
        ("{{/* x */ y }}", "comment ends before closing delimiter"),
        ("{{ (.x }}", "unclosed left paren"),
        ("{{ .x) }}", "unexpected right paren"),
        ("{{ \"a }}", "unterminated quoted string"),
        ("{{ `a }}", "unterminated raw quoted string"),
        ("{{ 'a }}", "unterminated character constant"),
        ("{{ .x : }}", "expected :="),
        ("{{ 3k }}", "bad number syntax: \"3k\""),
        ("{{ .x! }}", "bad character U+0021 '!'"),
        ("{{ \u{7} }}", "unrecognized character in action: U+0007"),
    ];
    for (text, expected) in cases {
        let found = tokens(text);
        assert!(
            found.fault.starts_with(expected),
            "{text:?}: {}",
            found.fault
        );
        assert_eq!(found.tokens.last().map(|last| last.kind), Some(Kind::Error));
    }
}

#[test]
fn tokens_know_their_lines() {
    let lines: Vec<usize> = tokens("a\n{{ .x\n.y }}\nb\n{{ .z }}")
        .tokens
        .iter()
        .filter(|token| token.kind == Kind::Field)
        .map(|token| token.line)
        .collect();
    assert_eq!(lines, [2, 3, 5]);
}
