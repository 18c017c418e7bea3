//! Random values files. Some keys are always there, with the kind their name tells.

use crate::draw::Draw;
use crate::scalars::text;
use serde_json::{Value as Json, json};
use std::fmt::Write as _;

/// A values file.
pub fn file(draw: &mut Draw) -> String {
    let mut out = String::new();
    for key in ["s1", "s2", "s3"] {
        let _ = writeln!(out, "{key}: {}", plain_text(draw));
    }
    for key in ["n1", "n2"] {
        let numbers = [
            "0",
            "1",
            "-7",
            "42",
            "1000000",
            "010",
            "0x1F",
            "1_000",
            "12345678901234567890",
            "1e3",
        ];
        let _ = writeln!(out, "{key}: {}", draw.one(&numbers));
    }
    let _ = writeln!(
        out,
        "f1: {}",
        draw.one(&[
            "1.5",
            "0.1",
            "1e21",
            "-2.50",
            "1.0",
            ".5",
            "6.02e23",
            "100000000000000000000.5"
        ])
    );
    let _ = writeln!(
        out,
        "b1: {}\nb2: {}",
        draw.one(&["true", "yes", "On"]),
        draw.one(&["false", "no", "OFF"])
    );
    for key in ["l1", "l2"] {
        let items: Vec<Json> = (0..draw.below(4)).map(|_| value(draw, 1)).collect();
        let _ = writeln!(out, "{key}: {}", Json::from(items));
    }
    out.push_str("l3:\n- one\n- 2\n- [x, 3.5]\n- {k: v}\n");
    let _ = writeln!(
        out,
        "d1: {}",
        json!({ "a": value(draw, 1), "s": text(draw), "nested": { "x": value(draw, 0), "b": 2 } })
    );
    let _ = writeln!(out, "d2: {}", value(draw, 2));
    if draw.chance(70) {
        out.push_str("nothing: ~\n");
    }
    if draw.chance(40) {
        let _ = writeln!(
            out,
            "global: {}",
            json!({ "g": value(draw, 1), "a": { "b": value(draw, 0) } })
        );
    }
    out
}

/// What a user gives over them.
pub fn given(draw: &mut Draw) -> String {
    let mut out = String::new();
    for key in [
        "s1", "n1", "l1", "d1", "d2", "global", "sub", "extra", "other", "tags",
    ] {
        if draw.chance(25) {
            let value = match key {
                "tags" => json!({ "t1": draw.chance(50), "t2": draw.chance(50) }),
                "sub" | "other" | "global" => given_map(draw),
                "d1" if draw.chance(50) => given_map(draw),
                _ => value(draw, 2),
            };
            let _ = writeln!(out, "{key}: {value}");
        }
    }
    out
}

fn given_map(draw: &mut Draw) -> Json {
    let mut map = serde_json::Map::new();
    for key in [
        "a", "s", "s1", "nested", "d1", "enabled", "global", "g", "exports",
    ] {
        if draw.chance(35) {
            let value = match key {
                "enabled" => Json::from(draw.chance(60)),
                "nested" | "d1" if draw.chance(60) => {
                    json!({ "x": value(draw, 1), "b": Json::Null })
                }
                _ => value(draw, 1),
            };
            map.insert(key.to_owned(), value);
        }
    }
    Json::Object(map)
}

/// JSON is YAML, but for what a plain scalar may mean: texts are quoted here.
pub fn value(draw: &mut Draw, depth: usize) -> Json {
    match draw.below(if depth == 0 { 6 } else { 9 }) {
        0 | 1 => Json::from(text(draw)),
        2 => json!([0, 1, -1, 255, 1_000_000, 9_007_199_254_740_993_i64, 3][draw.below(7)]),
        3 => json!([0.5, 1.5, -2.25, 1e21, 1e-7, 100.0][draw.below(6)]),
        4 => Json::from(draw.chance(50)),
        5 => [Json::Null, json!(""), json!([]), json!({}), json!("x")][draw.below(5)].clone(),
        6 => Json::from(
            (0..draw.below(4))
                .map(|_| value(draw, depth - 1))
                .collect::<Vec<_>>(),
        ),
        _ => {
            let keys = [
                "a",
                "b",
                "x",
                "a10",
                "a2",
                "B",
                "é",
                "1",
                "true",
                "k 1",
                "nested",
                "y",
                "long key with spaces and: colon",
            ];
            let entries =
                (0..draw.below(5)).map(|_| (draw.one(&keys).to_owned(), value(draw, depth - 1)));
            Json::Object(entries.collect())
        }
    }
}

/// A text as a scalar that is plain where nothing speaks against it.
fn plain_text(draw: &mut Draw) -> String {
    let text = text(draw);
    let speaks = text.is_empty()
        || text.contains([
            '\n', '\r', '\t', '#', ':', '\0', '\u{1}', '\u{7f}', '\u{85}', '\u{2028}', '\u{feff}',
        ])
        || text.starts_with(|first: char| !first.is_ascii_alphanumeric())
        || text.ends_with(' ');
    if speaks || draw.chance(30) {
        Json::from(text).to_string()
    } else {
        text
    }
}
