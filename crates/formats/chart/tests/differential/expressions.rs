//! Random expressions of templates, by the kind of value that is wanted.

use crate::draw::Draw;
use crate::scalars::{float, integer, quoted, text};
use crate::signatures::{FORMATS, SIGNATURES};

/// Letters of kinds that may stand where another is wanted.
const KINDS: [char; 7] = ['s', 'i', 'n', 'b', 'l', 'd', 'a'];

const EXPRESSIONS: &[&str] = &[
    "a",
    "[a-z]+",
    "^$",
    "^a.*z$",
    "(a|b)+",
    "(",
    "a{2,3}",
    "\\d+",
    "(?i)HELLO",
    "\\bword\\b",
    ".",
    "",
    "[^a]",
    "a*",
    "(\\w+)-(\\w+)",
    "\\s",
    "[[:alpha:]]+",
    "(?P<x>a)b",
    "x*",
    "\\",
    "[",
    "a**",
    "(?s).+",
    "\\pL+",
    "[\\d_]+$",
    "a+?",
    "(?:x|y)z?",
    "\\Qa.b\\E",
    "[^\\s:]+",
    "(a)(b)?",
    "a{2",
    "x{1001}",
    "*a",
    "(?i)[A-C]+",
    "\\.",
    "^\\w+",
    "[]a]",
    "[a-",
    ")",
    "\\p{Greek}",
    "$",
    "(?m)^l",
    "\\x41",
    "\\A.",
    "é+",
];
const VERSIONS: &[&str] = &[
    "1.2.3",
    "v1.2.3",
    "1.2.3-alpha.1+build.5",
    "1.2",
    "1",
    "01.2.3",
    "1.2.3.4",
    "abc",
    "",
    "2.0.0-rc.1",
    "0.0.0",
    "1.2.3+meta",
    "1.33.0-gke.100",
    "v1.30.2+k3s1",
];
const RANGES: &[&str] = &[
    "^1.2.3",
    "~1.2",
    ">=1.0.0",
    ">=1.2-0",
    "<2",
    "!=1.2.3",
    "1.x",
    "*",
    "1.2 - 2.0",
    ">=1.0, <2.0",
    "^0.2 || ^1.0",
    "=1.2.3",
    "bad",
    "",
    ">1.2.3-alpha",
    "~>1.2.3",
    ">= 1.19-0 < 1.40-0",
    "1.2.*",
    "^v1.2",
    ">1.x",
    "<=1.2.x",
    "~1",
    "~1.2.3-beta",
    "^0.0.3",
    "^0",
    "!=1.x",
    "=>1.0",
    ">=1.0.0 || <0.5",
    "1.2.3 - 1.4",
    ">= v1.20.0-0",
    "<1.2.3, >1.0.0",
    "x",
    "~>1",
];
const YAMLS: &[&str] = &[
    "a: 1",
    "a: {b: [1, 2, x]}",
    "- 1\n- two\n- 3.5",
    "a: yes\nb: 010\nc: 1_000\nd: 12:30:45",
    "x: |\n  l1\n  l2\n",
    "",
    "a: 1\na: 2",
    "y: n",
    "a: &x {k: v}\nb: *x\nc:\n  <<: *x\n  z: 1",
    "a: [",
    "just text",
    "1: one\ntrue: t\n1.5: f",
    "a: 2024-01-02",
    "a: !!str 5",
    "a: ~\nb: null\nc:",
    "---\na: 1\n---\nb: 2",
    "a: >\n  folded\n  text\n\n  more\n",
    "a: '1'\nb: \"x\\ty\"",
    "a: .inf",
    "a: 0x1F\nb: 0o17\nc: 1e3\nd: -0",
    "\ta: 1",
    "a: b: c",
    "{a: 1, b: {c: d}}",
    "[1, [2, [3]]]",
    "a: 123456789012345678",
    "a: 1.0\nb: 1e21\nc: 0.1",
    "? k\n: v",
    "a: |-\n  x\nb: >+\n  y\n\n",
    "# only a comment",
    "a: *unknown",
    "null",
    "a:\n\t- x",
    "a: 'unterminated",
    "a: \"bad \\q escape\"",
    "a: 1\n b: 2",
    "- a\nb: 1",
    "? [a, b]\n: c",
    "{{ x }}: y",
    "a: {b: 1",
    "a: |\n  text\n b",
    "%YAML 1.1\n---\na: 1",
    "%YAML 1.3\n---\na: 1",
    "a: !!int x",
    "a: !!float 3",
    "a: !custom v",
    "a: !!binary aGk=",
    "<<: {a: 1}\nb: 2",
    "<<: 5",
    "a: &x [*x]",
    "a: @at",
    "a: `b",
    "a: - b",
    "a:\n- 1\n-2",
    "a: \"multi\n  line\n\n  text\"",
    "a: plain\n  multi\n  line",
    "a: 'it''s'",
    "a: [1, 2, ]",
    "a: [,]",
    "[a: b, c]",
    "{a, b: }",
    "null: x",
    "~: x",
    "a: 1 # c\n# d\nb: 2",
    "a: |2\n   x\n  y",
    "a: |0\n  x",
    "a: >-\n\n  x\n   y\n  z\n",
    "key: [a, b]: c",
    "a: b\n--- \nc: d",
    "--- a\n...\n--- b",
    "a: 1e500",
    "a: 18446744073709551616",
    "18446744073709551615: big",
    "a:b",
    "a : b",
    "\"a\":b",
    "\u{feff}a: 1",
    "a: \u{7f}",
    "a:\r\n  b: 1\r\n",
];
const TOMLS: &[&str] = &[
    "a = 1",
    "a = \"x\"\nb = 'raw\\n'\n[t]\nk = [1, 2.5, true]",
    "[a.b]\nc = 1\n[a]\nd = 2",
    "[[l]]\nn = 1\n[[l]]\nn = 2\n[l.sub]\nx = 0x1F",
    "a = {b = 1, c.d = \"e\"}",
    "a = 1_000\nb = 1e3\nc = -0.5\nd = inf",
    "s = \"\"\"\nline\\\n   more\"\"\"\nr = '''\nx\ny'''",
    "a = \"\\u00e9\\t\\\\\"",
    "\"quoted key\" = 1\n'k 2' = 2\na.\"b.c\" = 3",
    "a = 1\na = 2",
    "[a]\n[a]",
    "a =",
    "a = [1, 2",
    "= 1",
    "a = 01",
    "a b = 1",
    "a = \"unterminated",
    "[a",
    "a = {b = 1",
    "a = 1 b = 2",
    "a = truee",
    "[]",
    "[srv]\nport = 1__0",
    "a = 0o17\nb = 0b11\n# comment\nc = [\n  1, # one\n  2,\n]",
    "a.b = 1\na.b.c = 2",
    "",
    "a = 99999999999999999999",
];
const JSONS: &[&str] = &[
    "{\"a\": 1}",
    "{\"a\": {\"b\": [1, 2.5, \"x\", null, true]}}",
    "[1, \"a\", {}]",
    "{}",
    "[]",
    "",
    "{bad}",
    "null",
    "1",
    "\"s\"",
    "{\"a\": 1e400}",
    "{\"a\": 12345678901234567890}",
    "{\"u\": \"\\u00e9\\ud83d\\ude00\"}",
    "{\"a\":1,\"a\":2}",
    "[1,]",
    "{\"a\" 1}",
];
const LAYOUTS: &[&str] = &[
    "2006-01-02",
    "15:04:05",
    "Mon Jan _2 15:04:05 2006",
    "2006-01-02T15:04:05Z07:00",
    "Monday, 02-Jan-06 15:04:05 MST",
    "3:04PM",
    ".000",
    "05.999",
    "002",
    "Jan 2",
    "06/1/2 03:4:5 pm",
    "",
    "text",
    "20060102150405",
    "-0700 -07 Z0700",
    "Jan _2 06 at 3pm (MST)",
    "2006-002",
    "2006-01-02T15:04:05.000000000Z07:00",
    "15h04m",
    "January 2nd 2006",
    "05.00,000",
    "__2 _2006",
];
const ADDRESSES: &[&str] = &[
    "http://user:pw@host:80/p/q?x=1&y=2#frag",
    "https://example.com",
    "//host/path",
    "mailto:a@b.c",
    "",
    "/only/path",
    "http://[::1]:8080/",
    "http://a b.com/",
    "ftp://h/%41%zz",
    "http://h?q",
    "s3://bucket/key",
    "http://host:port/",
];
const ODDITIES: &[&str] = &[
    "nil",
    "$.Values.missing",
    "$.Values.nothing",
    "$.Values.d1.missing",
    "$.Values.d1.missing.deep",
    "($.Values.missing).x",
    "$.Values.s1.x",
    "$.Values.l1.x",
    "(semver \"1.2.3-a.1+b\").Major",
    "(semver \"1.2.3-a.1+b\").Prerelease",
    "(semver \"1.2.3\")",
    "(semver \"1.2.3-a+b\").Metadata",
    "$.Capabilities.KubeVersion.Minor",
    "$.Capabilities.KubeVersion",
    "$.Capabilities.KubeVersion.Version",
    "$.Chart.Version",
    "$.Chart",
    "$.Chart.Annotations",
    "$.Chart.IsRoot",
    "$.Chart.Maintainers",
    "$.Release",
    "$.Release.Revision",
    "$.Template.Name",
    "$.Template.BasePath",
    "($.Capabilities.APIVersions.Has \"apps/v1\")",
    "($.Capabilities.APIVersions.Has \"nope/v1\")",
    "($.Files.Get \"f.txt\")",
    "($.Files.Get \"no\")",
    "($.Files.Lines \"f.txt\")",
    "($.Files.Glob \"conf/*\").AsConfig",
    "($.Files.Glob \"**\").AsSecrets",
    "($.Files.GetBytes \"f.txt\")",
    "(genCA \"ca\" 1).Cert",
    "$.Values",
    "$.Values.global",
    "$.Values.d1.nested.x",
    "$.Values.d1.nested",
    "($.Values.d1).a",
    "(list)",
    "(dict)",
    "$.Values.sub",
    "(keys $.Subcharts)",
    "(now)",
    "(index $.Values.l1 0)",
    "(tuple 1 2 3)",
    "(until 3)",
    "(splitList \",\" \"a,b\")",
    "(split \",\" \"a,b\")",
];

/// Names that are visible.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// With their `$`.
    pub variables: Vec<String>,
    /// Templates that may be included.
    pub templates: Vec<String>,
    /// Kinds fit, so that more is rendered and less refused.
    pub is_tame: bool,
}

/// An operand: a literal, a field, or a call in parentheses.
pub fn operand(draw: &mut Draw, scope: &Scope, kind: char, depth: usize) -> String {
    let is_plain = "kKTFHZDPRVCYJMUtNAe%".contains(kind);
    if depth == 0 || draw.chance(if is_plain { 85 } else { 55 }) {
        return leaf(draw, scope, kind, depth);
    }
    match call(draw, scope, kind, depth) {
        Some(call) => format!("({call})"),
        None => leaf(draw, scope, kind, depth),
    }
}

/// A pipeline without parentheses.
pub fn pipeline(draw: &mut Draw, scope: &Scope, kind: char, depth: usize) -> String {
    let mut text = match call(draw, scope, kind, depth) {
        Some(call) => call,
        None => leaf(draw, scope, kind, depth),
    };
    if draw.chance(if scope.is_tame { 10 } else { 25 }) {
        let tails = [
            "quote",
            "toString",
            "toYaml",
            "toJson",
            "nindent 2",
            "indent 1",
            "default \"d\"",
            "upper",
            "trunc 5",
            "b64enc",
            "squote",
            "len",
            "first",
            "keys | sortAlpha",
            "int",
            "toYamlPretty",
            "html",
            "printf \"%v|\"",
            "typeOf",
            "empty",
            "not",
            "list | join \"-\"",
            "fromYaml",
            "toRawJson",
            "trim",
            "print",
            "required \"it is required\"",
            "ternary 1 2",
            "sha256sum",
            "kindOf",
            "deepCopy",
            "compact",
        ];
        text = format!("{text} | {}", draw.one(&tails));
    }
    text
}

fn call(draw: &mut Draw, scope: &Scope, kind: char, depth: usize) -> Option<String> {
    let depth = depth.saturating_sub(1);
    let fits = |result: char| {
        kind == 'a'
            || kind == result
            || (kind == 'n' && matches!(result, 'i' | 'f'))
            || (kind == 'T' && result == 'T')
    };
    let fitting: Vec<_> = SIGNATURES
        .iter()
        .filter(|(_, _, result)| fits(*result))
        .collect();
    if fitting.is_empty() {
        return None;
    }
    let (name, parameters, _) = *fitting[draw.below(fitting.len())];
    if name == "fail" && !draw.chance(10) {
        return None;
    }
    let (strict, parameters) = match parameters.strip_prefix('!') {
        Some(parameters) => (true, parameters),
        None => (false, parameters),
    };
    let mut arguments = Vec::new();
    let letters: Vec<char> = parameters.chars().collect();
    for (index, letter) in letters.iter().enumerate() {
        if *letter == '*' {
            let again = letters[index - 1];
            for _ in 0..draw.below(3) {
                arguments.push(argument(draw, scope, again, depth, strict));
            }
        } else if !(letters.get(index + 1) == Some(&'*')
            && index == 0
            && !scope.is_tame
            && draw.chance(5))
        {
            arguments.push(argument(draw, scope, *letter, depth, strict));
        }
    }
    if !strict && !scope.is_tame && draw.chance(1) {
        arguments.pop();
    }
    if !strict && !scope.is_tame && draw.chance(1) {
        arguments.push(argument(draw, scope, 'a', depth, strict));
    }
    let piped = match arguments.last() {
        Some(last)
            if draw.chance(25) && !last.starts_with(['"', '`', '\'', '-']) && !is_literal(last) =>
        {
            arguments.pop()
        }
        _ => None,
    };
    let mut text = name.to_owned();
    for argument in &arguments {
        text.push(' ');
        text.push_str(argument);
    }
    Some(match piped {
        Some(last) => format!("{last} | {text}"),
        None => text,
    })
}

/// What no pipe may begin with behind another command is fine as its first, but numbers read badly there.
fn is_literal(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit()) || text == "nil"
}

fn argument(draw: &mut Draw, scope: &Scope, kind: char, depth: usize, strict: bool) -> String {
    if !strict && !scope.is_tame && draw.chance(4) {
        let kind = KINDS[draw.below(KINDS.len())];
        return operand(draw, scope, kind, depth);
    }
    if strict {
        return leaf(draw, scope, kind, 0);
    }
    operand(draw, scope, kind, depth)
}

fn leaf(draw: &mut Draw, scope: &Scope, kind: char, depth: usize) -> String {
    let pick = |draw: &mut Draw, of: &[&str]| {
        let text = draw.one(of).to_owned();
        quoted(draw, &text)
    };
    match kind {
        's' if draw.chance(50) => {
            let text = text(draw);
            quoted(draw, &text)
        }
        's' => draw
            .one(&[
                "$.Values.s1",
                "$.Values.s2",
                "$.Values.s3",
                "$.Values.d1.s",
                "$.Release.Name",
                "$.Chart.Name",
            ])
            .to_owned(),
        'i' if draw.chance(70) => integer(draw),
        'i' => draw
            .one(&[
                "(int $.Values.n1)",
                "(int64 $.Values.n2)",
                "(len $.Values.l1)",
                "$.Release.Revision",
            ])
            .to_owned(),
        'f' => float(draw),
        'n' => match draw.below(4) {
            0 => integer(draw),
            1 => float(draw),
            2 => draw
                .one(&["$.Values.n1", "$.Values.n2", "$.Values.f1"])
                .to_owned(),
            _ => draw
                .one(&[
                    "\"12\"", "\"0x10\"", "\"1.5\"", "\"abc\"", "true", "\"\"", "\"08\"", "\"-3\"",
                ])
                .to_owned(),
        },
        'k' => draw.below(6).to_string(),
        'b' => draw
            .one(&["true", "false", "$.Values.b1", "$.Values.b2"])
            .to_owned(),
        'l' => match draw.below(4) {
            0 => draw
                .one(&["$.Values.l1", "$.Values.l2", "$.Values.l3"])
                .to_owned(),
            1 => "(list)".to_owned(),
            _ => {
                let count = draw.below(4);
                let kind = KINDS[draw.below(KINDS.len())];
                let items: String = (0..count)
                    .map(|_| format!(" {}", operand(draw, scope, kind, depth.saturating_sub(1))))
                    .collect();
                format!("(list{items})")
            }
        },
        'd' => match draw.below(3) {
            0 => draw
                .one(&["$.Values.d1", "$.Values.d2", "$.Values.d1.nested"])
                .to_owned(),
            1 => "(dict)".to_owned(),
            _ => {
                let (key, value) = (
                    leaf(draw, scope, 'K', 0),
                    operand(draw, scope, 'a', depth.saturating_sub(1)),
                );
                format!("(dict {key} {value})")
            }
        },
        'K' => draw
            .one(&[
                "\"a\"",
                "\"b\"",
                "\"x\"",
                "\"nested\"",
                "\"missing\"",
                "\"k 1\"",
                "\"s\"",
                "\"\"",
            ])
            .to_owned(),
        'T' => draw
            .one(&[
                "(now)",
                "(toDate \"2006-01-02\" \"2024-02-29\")",
                "(toDate \"2006-01-02 15:04:05\" \"1999-12-31 23:59:59\")",
            ])
            .to_owned(),
        'H' => draw
            .one(&[
                "\"2024-02-29\"",
                "\"2023-11-14\"",
                "\"15:04:05\"",
                "\"1999-12-31\"",
                "\"bad\"",
            ])
            .to_owned(),
        'Z' => draw.one(&["\"UTC\"", "\"\""]).to_owned(),
        'D' => draw
            .one(&[
                "\"1h\"",
                "\"-24h\"",
                "\"90m\"",
                "\"1h2m3.5s\"",
                "\"bad\"",
                "\"\"",
            ])
            .to_owned(),
        'P' => draw
            .one(&[
                "\"3600\"",
                "95",
                "\"1h5m\"",
                "\"90061\"",
                "\"-10\"",
                "0",
                "\"36000h\"",
                "\"x\"",
            ])
            .to_owned(),
        'F' => pick(draw, LAYOUTS),
        'R' => pick(draw, EXPRESSIONS),
        'V' => pick(draw, VERSIONS),
        'C' => pick(draw, RANGES),
        'Y' => pick(draw, YAMLS),
        'J' => pick(draw, JSONS),
        'M' => pick(draw, TOMLS),
        'U' => pick(draw, ADDRESSES),
        '%' => pick(draw, FORMATS),
        'e' => format!(
            "(dict {} {})",
            leaf(draw, scope, 'K', 0),
            leaf(draw, scope, 's', 0)
        ),
        't' => inner(draw, scope, depth),
        'N' => match scope.templates.len() {
            0 => "\"c.none\"".to_owned(),
            count => format!("\"{}\"", scope.templates[draw.below(count)]),
        },
        'A' => draw
            .one(&[
                "$",
                "$",
                "$",
                ".",
                "$.Values",
                "(dict \"Values\" $.Values)",
                "nil",
            ])
            .to_owned(),
        _ => any(draw, scope, depth),
    }
}

fn any(draw: &mut Draw, scope: &Scope, depth: usize) -> String {
    let count = scope.variables.len();
    if count > 0 && draw.chance(30) {
        return scope.variables[draw.below(count)].clone();
    }
    if !scope.is_tame && draw.chance(35) {
        return draw.one(ODDITIES).to_owned();
    }
    let kind = KINDS[draw.below(KINDS.len() - 1)];
    leaf(draw, scope, kind, depth)
}

/// A text for `tpl`.
fn inner(draw: &mut Draw, scope: &Scope, depth: usize) -> String {
    let bare = Scope {
        templates: scope.templates.clone(),
        is_tame: scope.is_tame,
        ..Scope::default()
    };
    let action = pipeline(draw, &bare, 's', depth.min(1));
    let around = text(draw);
    let text = match draw.below(4) {
        0 => format!("{{{{ {action} }}}}"),
        1 => format!("x{{{{- {action} -}}}} y"),
        2 => format!("{around}{{{{ {action} }}}}"),
        _ => format!(
            "{{{{ define \"t.in\" }}}}[{{{{ {action} }}}}]{{{{ end }}}}{{{{ include \"t.in\" $ }}}}"
        ),
    };
    quoted(draw, &text)
}
