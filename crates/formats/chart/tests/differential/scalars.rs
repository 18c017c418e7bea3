//! Texts and numbers that are easily got wrong.

use crate::draw::Draw;
use std::fmt::Write as _;

/// Texts: what YAML, JSON, printf, paths, versions and dates read something into.
const TEXTS: &[&str] = &[
    "",
    " ",
    "a",
    "abc",
    "Hello World",
    "hello-world",
    "hello_world_foo",
    "fooBarBaz",
    "HTTPServer",
    "ÄÖÜ straße",
    "日本語",
    "emoji 😀 here",
    "a\tb",
    "line\n",
    "line1\nline2",
    "line1\nline2\n",
    "\nlead",
    "  lead",
    "trail  ",
    "trail\n\n",
    " \n x",
    "a\r\nb",
    "yes",
    "No",
    "on",
    "OFF",
    "y",
    "n",
    "true",
    "False",
    "null",
    "~",
    "Null",
    "0",
    "00",
    "007",
    "0x1F",
    "0o17",
    "0b11",
    "1_000",
    "1e3",
    "1.5",
    "-1",
    "+1",
    ".5",
    "5.",
    "1.0",
    ".inf",
    "-.INF",
    ".nan",
    "12:30:45",
    "1:2",
    "190:20:30",
    "2024-02-29",
    "2024-02-30",
    "2001-12-14t21:59:43.10-05:00",
    "2024-01-02 03:04:05",
    "- a",
    "-",
    "--- x",
    "...",
    "? a",
    ": b",
    "a: b",
    "a:b",
    "a #b",
    "a# b",
    "#c",
    "&anchor",
    "*alias",
    "!tag",
    "|",
    ">",
    "%dir",
    "@at",
    "`tick`",
    "{a: 1}",
    "[1, 2]",
    "{",
    "}",
    "[",
    "]",
    ",",
    "'single'",
    "\"double\"",
    "it's",
    "a\\b",
    "a\u{0}b",
    "\u{1}",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}x",
    "\u{feff}bom",
    "<a href=\"x\">&amp;</a>",
    "a<b>&c",
    "<no value>",
    "x<no value>y",
    "=",
    "<<",
    "a=b,c=d",
    "k: v\nk2: v2\n",
    "- 1\n- 2\n",
    "{\"a\": 1, \"b\": [true, null]}",
    "[1, \"x\", {\"y\": 2.5}]",
    "1.2.3",
    "v1.2.3-alpha.1+build",
    "1.2",
    "^1.2",
    ">=1.0.0 <2.0.0",
    "not a version",
    "10.20.30-rc.1",
    "/etc/passwd",
    "a/b/../c",
    "./x.tar.gz",
    "file.txt",
    "http://user:pw@host:80/p?q=1#f",
    "SGVsbG8=",
    "not base64!",
    "%d %s",
    "%v",
    "100%",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "the quick brown fox jumps over the lazy dog and then the quick brown fox jumps over the lazy dog once again",
    "long: the quick brown fox jumps over the lazy dog and then 'the quick' brown fox jumps over the lazy dog again",
    "word\nthe quick brown fox jumps over the lazy dog and then the quick brown fox jumps over the lazy dog again\n",
    "1h30m",
    "-5s",
    "90",
    "1d",
    "1700000000",
    "2023-11-14",
    "a,b,c",
    "a.b.c",
    "$x",
    "${x}",
    "(a|b)+",
    "[a-z]+",
    "^$",
    ".*",
    "(",
    "a{2,3}",
    "\\d+",
    "(?i)ABC",
    "$1-$2",
    "\\bword\\b",
    "{{ .Values.s1 }}",
    "{{ bad",
    "a{{ 1 }}b",
];

/// Whole numbers at the edges of types.
const INTEGERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "5",
    "7",
    "10",
    "42",
    "-1",
    "-3",
    "100",
    "255",
    "1000",
    "65536",
    "1000000",
    "2147483647",
    "2147483648",
    "-2147483649",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "0x10",
    "0b101",
    "0o17",
    "1_000",
    "'a'",
    "1e3",
];

/// Others.
const FLOATS: &[&str] = &[
    "0.0",
    "1.0",
    "1.5",
    "-2.5",
    "0.1",
    "3.14159",
    "1e6",
    "1e20",
    "1e21",
    "1.5e-7",
    "123456789.125",
    "0.000001",
    "1e-10",
    "99999999999999999999.0",
    "2.0e100",
    "-0.0",
    "0.5",
    "2.675",
    "1000000.0",
    "123456.7",
];

/// A text.
pub fn text(draw: &mut Draw) -> String {
    if draw.chance(8) {
        let count = draw.below(12);
        let letters = [
            "a", "B", "1", " ", "-", "_", ".", ":", "\n", "é", "'", "\"", "#", "\\", "世", "\t",
        ];
        return (0..count).map(|_| draw.one(&letters)).collect();
    }
    draw.one(TEXTS).to_owned()
}

/// A whole number as a template writes it.
pub fn integer(draw: &mut Draw) -> String {
    let wide = if draw.chance(70) { 11 } else { INTEGERS.len() };
    INTEGERS[draw.below(wide)].to_owned()
}

/// A number with a fraction as a template writes it.
pub fn float(draw: &mut Draw) -> String {
    draw.one(FLOATS).to_owned()
}

/// A text as a string of Go.
pub fn quoted(draw: &mut Draw, text: &str) -> String {
    if draw.chance(15) && !text.contains(['`', '\r']) && !text.contains("{{") {
        return format!("`{text}`");
    }
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if u32::from(control) < 0x20 || control == '\u{7f}' => {
                let _ = write!(out, "\\x{:02x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
