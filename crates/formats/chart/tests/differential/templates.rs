//! Random template files: text, actions, controls, definitions.

use crate::draw::Draw;
use crate::expressions::{Scope, operand, pipeline};
use std::fmt::Write as _;

/// Parts within parts.
const DEPTH: usize = 2;

/// A file that renders.
pub fn file(draw: &mut Draw, scope: &Scope) -> String {
    let mut scope = scope.clone();
    let mut out = String::new();
    parts(draw, &mut scope, &mut out, DEPTH, false);
    damaged(draw, out)
}

/// A file of definitions, whose names are added to the scope.
pub fn definitions(draw: &mut Draw, prefix: &str, scope: &mut Scope) -> String {
    let mut out = String::new();
    for number in 1..=1 + draw.below(3) {
        let name = format!("{prefix}.h{number}");
        // It may include those before it: nothing goes round in circles.
        let mut inner = Scope {
            variables: Vec::new(),
            templates: scope.templates.clone(),
            is_tame: scope.is_tame,
        };
        let (left, right) = delimiters(draw);
        let _ = write!(out, "{left} define \"{name}\" {right}");
        parts(draw, &mut inner, &mut out, 1, false);
        out.push_str("{{ end }}\n");
        scope.templates.push(name);
    }
    out
}

fn delimiters(draw: &mut Draw) -> (&'static str, &'static str) {
    let left = if draw.chance(35) { "{{-" } else { "{{" };
    let right = if draw.chance(25) { "-}}" } else { "}}" };
    (left, right)
}

fn words(draw: &mut Draw) -> &'static str {
    draw.one(&[
        "",
        "a: ",
        "\n",
        "  ",
        "\n  - ",
        "key: value\n",
        "\n\n",
        " text ",
        "\t",
        "x",
        "# comment\n",
        "---\n",
        "é ",
        "{ }",
        "\n    ",
        "\"",
        "<no value>",
    ])
}

fn parts(draw: &mut Draw, scope: &mut Scope, out: &mut String, depth: usize, in_range: bool) {
    for _ in 0..=draw.below(2) {
        out.push_str(words(draw));
        part(draw, scope, out, depth, in_range);
    }
    out.push_str(words(draw));
}

fn part(draw: &mut Draw, scope: &mut Scope, out: &mut String, depth: usize, in_range: bool) {
    let (left, right) = delimiters(draw);
    let choice = if depth == 0 {
        draw.below(60)
    } else {
        draw.below(100)
    };
    match choice {
        0..=39 => {
            let text = pipeline(draw, scope, 'a', 3);
            let _ = write!(out, "{left} {text} {right}");
        }
        40..=44 => out.push_str(draw.one(&[
            "{{/* a comment */}}",
            "{{- /* a comment */}}",
            "{{- /* two\nlines */ -}}",
        ])),
        45..=51 => {
            let name = format!("$v{}", draw.below(4));
            let text = pipeline(draw, scope, 'a', 2);
            let known = scope.variables.contains(&name);
            let sign = if known && draw.chance(50) { "=" } else { ":=" };
            let _ = write!(out, "{left} {name} {sign} {text} {right}");
            if !known {
                scope.variables.push(name);
            }
        }
        52..=55 => {
            let (map, key, value) = (
                operand(draw, scope, 'd', 1),
                operand(draw, scope, 'K', 0),
                operand(draw, scope, 'a', 1),
            );
            let _ = write!(out, "{left} $_ := set {map} {key} {value} {right}");
        }
        56..=57 if in_range => {
            let condition = operand(draw, scope, 'b', 1);
            let word = if draw.chance(50) { "break" } else { "continue" };
            let _ = write!(
                out,
                "{left} if {condition} {right}{{{{ {word} }}}}{{{{ end }}}}"
            );
        }
        58..=59 => match scope.templates.len() {
            0 => out.push('.'),
            count => {
                let name = scope.templates[draw.below(count)].clone();
                let _ = write!(out, "{left} template \"{name}\" $ {right}");
            }
        },
        56..=76 => condition(draw, scope, out, depth, in_range),
        77..=91 => range(draw, scope, out, depth),
        _ => with(draw, scope, out, depth, in_range),
    }
}

fn block(draw: &mut Draw, scope: &Scope, out: &mut String, depth: usize, in_range: bool) {
    let mut inner = scope.clone();
    parts(draw, &mut inner, out, depth - 1, in_range);
}

fn condition(draw: &mut Draw, scope: &Scope, out: &mut String, depth: usize, in_range: bool) {
    let (left, right) = delimiters(draw);
    let depth = depth.max(1);
    let kind = if draw.chance(50) { 'b' } else { 'a' };
    let _ = write!(out, "{left} if {} {right}", pipeline(draw, scope, kind, 2));
    block(draw, scope, out, depth, in_range);
    if draw.chance(30) {
        let (left, right) = delimiters(draw);
        let _ = write!(
            out,
            "{left} else if {} {right}",
            pipeline(draw, scope, kind, 1)
        );
        block(draw, scope, out, depth, in_range);
    }
    if draw.chance(40) {
        let (left, right) = delimiters(draw);
        let _ = write!(out, "{left} else {right}");
        block(draw, scope, out, depth, in_range);
    }
    let (left, right) = delimiters(draw);
    let _ = write!(out, "{left} end {right}");
}

fn range(draw: &mut Draw, scope: &Scope, out: &mut String, depth: usize) {
    let (left, right) = delimiters(draw);
    let kind = if scope.is_tame {
        ['l', 'd', 'k', 'l', 'd', 'a'][draw.below(6)]
    } else {
        ['l', 'd', 'k', 'l', 'd', 'a', 's', 'i'][draw.below(8)]
    };
    // A count of millions would take its time on both sides.
    let over = if kind == 'a' {
        operand(draw, scope, 'l', 1)
    } else if kind == 'i' {
        draw.one(&[
            "3",
            "(int64 2)",
            "(until 2)",
            "-1",
            "1.5",
            "(len $.Values.l1)",
        ])
        .to_owned()
    } else {
        operand(draw, scope, kind, 1)
    };
    let mut inner = scope.clone();
    let declared = match draw.below(4) {
        0 => "$i, $e := ",
        1 => "$e := ",
        _ => "",
    };
    for name in ["$i", "$e"] {
        if declared.contains(name) {
            inner.variables.push(name.to_owned());
        }
    }
    let _ = write!(out, "{left} range {declared}{over} {right}");
    if draw.chance(40) {
        out.push_str("{{ . }}");
    }
    parts(draw, &mut inner, out, depth - 1, true);
    if draw.chance(30) {
        out.push_str("{{ else }}");
        block(draw, scope, out, depth, false);
    }
    out.push_str("{{- end }}");
}

fn with(draw: &mut Draw, scope: &Scope, out: &mut String, depth: usize, in_range: bool) {
    let (left, right) = delimiters(draw);
    let mut inner = scope.clone();
    let declared = if draw.chance(30) { "$w := " } else { "" };
    if !declared.is_empty() {
        inner.variables.push("$w".to_owned());
    }
    let _ = write!(
        out,
        "{left} with {declared}{} {right}",
        pipeline(draw, scope, 'a', 2)
    );
    if draw.chance(50) {
        out.push_str("{{ . }}");
    }
    parts(draw, &mut inner, out, depth - 1, in_range);
    if draw.chance(30) {
        let _ = write!(out, "{{{{ else with {} }}}}", pipeline(draw, scope, 'a', 1));
        block(draw, scope, out, depth, in_range);
    }
    if draw.chance(30) {
        out.push_str("{{ else }}");
        block(draw, scope, out, depth, in_range);
    }
    out.push_str("{{ end }}");
}

/// Now and then a letter too few, too many, or another.
fn damaged(draw: &mut Draw, text: String) -> String {
    if !draw.chance(4) {
        return text;
    }
    let mut letters: Vec<char> = text.chars().collect();
    if letters.is_empty() {
        return text;
    }
    let at = draw.below(letters.len());
    match draw.below(3) {
        0 => drop(letters.remove(at)),
        1 => letters.insert(at, letters[at]),
        _ => {
            letters[at] = [
                '}', '{', '"', ' ', '.', '$', '|', '(', ')', '-', '\n', ':', '=',
            ][draw.below(13)];
        }
    }
    letters.into_iter().collect()
}
