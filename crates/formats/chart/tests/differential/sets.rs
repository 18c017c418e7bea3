//! Random texts of `--set` and its kin.

use crate::draw::Draw;
use std::fmt::Write as _;

const KEYS: &[&str] = &[
    "a", "b", "s1", "d1", "l1", "nested", "k", "a\\.b", "k 1", "é", "", "x-y", "nothing",
];
const VALUES: &[&str] = &[
    "1",
    "0",
    "-5",
    "1.5",
    "true",
    "false",
    "null",
    "",
    "text",
    "0123",
    "1e3",
    "a b",
    "a\\,b",
    "{1,2,3}",
    "{a,b}",
    "{}",
    "{",
    "}",
    "{a",
    "x=y",
    "\\",
    "9223372036854775807",
    "99999999999999999999",
    "é",
    "\"q\"",
    "[1]",
    "a.b",
    "{a\\,b,c}",
    "{{1},2}",
    "yes",
    "~",
    "0x10",
    " lead",
    "trail ",
];
const JSONS: &[&str] = &[
    "1",
    "\"x\"",
    "[1,2]",
    "{\"a\":{\"b\":1}}",
    "null",
    "true",
    "{",
    "1.5",
    "\"a,b\"",
    "[]",
    "{}",
    "[{\"x\":1}]",
    "bad",
];

/// Kind and text of some of them, in the order in which kinds are laid over each other.
pub fn some(draw: &mut Draw) -> Vec<(&'static str, String)> {
    let mut sets = Vec::new();
    for kind in ["json", "set", "string", "literal"] {
        for _ in 0..draw.below(3) {
            sets.push((kind, one(draw, kind)));
        }
    }
    sets
}

fn one(draw: &mut Draw, kind: &str) -> String {
    let mut out = String::new();
    for number in 0..=draw.below(if kind == "literal" { 1 } else { 3 }) {
        if number > 0 {
            out.push_str(draw.one(&[",", ",", ",", ", "]));
        }
        path(draw, &mut out);
        if !draw.chance(4) {
            out.push('=');
            out.push_str(if kind == "json" {
                draw.one(JSONS)
            } else {
                draw.one(VALUES)
            });
        }
    }
    if kind == "json" && draw.chance(15) {
        out = draw
            .one(&[
                "{\"a\":1,\"d1\":{\"z\":[1]}}",
                "{}",
                "{bad",
                "{\"l1\":null}",
            ])
            .to_owned();
    }
    out
}

fn path(draw: &mut Draw, out: &mut String) {
    for number in 0..=draw.below(3) {
        if number > 0 {
            out.push('.');
        }
        out.push_str(draw.one(KEYS));
        while draw.chance(20) {
            let index = draw.one(&["0", "1", "2", "5", "-1", "x", "", "0", "1", "70000"]);
            let _ = write!(out, "[{index}]");
        }
    }
}
