//! Dockerfiles and what they stand on, as a table.

use super::*;

fn options(words: &str) -> Options {
    let mut options = Options::for_platform("linux/amd64".parse().expect("a platform"));
    for word in words.split_whitespace() {
        let (key, value) = word.split_once('=').expect("key=value");
        match key {
            "target" => options.target = Some(value.to_owned()),
            "platform" => options.platform = value.parse().expect("a platform"),
            "arg" => {
                let (name, value) = value.split_once('=').expect("NAME=value");
                options.build_args.insert(name.to_owned(), value.to_owned());
            }
            "context" => {
                let (name, value) = value.split_once('=').expect("name=value");
                options.contexts.insert(name.to_owned(), value.to_owned());
            }
            "onbuild" => {
                let (name, value) = value.split_once('=').expect("name=trigger");
                let triggers = options.triggers.entry(name.to_owned()).or_default();
                triggers.push(value.replace('~', " "));
            }
            other => panic!("{other}"),
        }
    }
    options
}

fn shown(text: &str, words: &str) -> Vec<String> {
    match edges(text, &options(words)) {
        Err(error) => vec![format!("error {error}")],
        Ok(found) => found.edges.iter().map(line).collect(),
    }
}

fn line(edge: &Edge) -> String {
    let reference = edge.reference.as_ref().map(ToString::to_string);
    let mut words = vec![edge.line.to_string(), edge.kind.name().to_owned()];
    words.extend(reference);
    words.extend(edge.unresolved.as_ref().map(|reason| format!("? {reason}")));
    if edge.platform.as_deref() != Some("linux/amd64") {
        words.push(format!("on {}", edge.platform.as_deref().unwrap_or("?")));
    }
    for (name, value) in &edge.args {
        words.push(format!("{name}={}", value.as_deref().unwrap_or("(unset)")));
    }
    words.join(" ")
}

/// Cases are separated by `---`; a case is `## title`, perhaps `options: ..`, the file, then after `==>` one line per edge.
const CASES: &str = include_str!("cases.txt");

#[test]
fn dockerfiles_stand_on_what_the_table_says() {
    let (mut count, mut wrong) = (0, Vec::new());
    for case in CASES.split("\n---\n") {
        let (head, body) = case.trim_start().split_once('\n').expect("a title");
        let (file, expected) = body.split_once("==>").expect("an arrow");
        let (words, file) = match file.strip_prefix("options: ") {
            Some(rest) => rest.split_once('\n').expect("a line"),
            None => ("", file),
        };
        let expected: Vec<&str> = expected
            .trim()
            .lines()
            .filter(|line| *line != "none")
            .collect();
        let found = shown(file, words);
        if found != expected {
            wrong.push(format!(
                "{head}
  found    {found:?}
  expected {expected:?}"
            ));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 60, "only {count} cases");
}

#[test]
fn the_json_is_what_the_interface_says() {
    let text = "ARG V=12\nFROM debian:${V}";
    let found = edges(text, &options("")).expect("a good file");
    let expected = serde_json::json!({ "edges": [{
        "kind": "RUNTIME", "written": "debian:${V}", "reference": "docker.io/library/debian:12",
        "platform": "linux/amd64", "line": 2, "args": { "V": "12" }, "unresolved": null,
    }]});
    assert_eq!(found.to_json(), expected);
}

#[test]
fn foreign_inputs_are_told() {
    let text = "FROM scratch\nADD https://example.com/a.tar /\nADD b c /\nADD [\"git@example.com:x.git\", \"/x\"]";
    let found = edges(text, &options("")).expect("a good file");
    let lines: Vec<_> = found
        .inputs
        .iter()
        .map(|input| (input.line, input.source.as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            (2, "https://example.com/a.tar"),
            (4, "git@example.com:x.git")
        ]
    );
}

#[test]
fn no_text_makes_it_panic() {
    let pieces = [
        "FROM ",
        "a",
        " AS ",
        "b",
        "\n",
        "RUN <<",
        "EOF",
        "\\\n",
        "$",
        "${",
        "}",
        ":-",
        "ARG ",
        "=",
        "COPY --from=",
        "0",
        " / /",
        "\"",
        "'",
        "# syntax=",
        "`",
        "--mount=from=",
        "ONBUILD ",
        "//",
        "{",
        "\u{feff}",
    ];
    let mut seed: u64 = 7;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..12 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text.push_str(pieces[usize::try_from(seed >> 33).expect("31 bits") % pieces.len()]);
        }
        let _ = edges(&text, &options(""));
    }
}
