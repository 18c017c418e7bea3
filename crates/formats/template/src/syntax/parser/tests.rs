//! What the parser refuses, in Go's words, and what it finds in a file.

use super::*;

fn refusal(text: &str) -> Option<String> {
    parse("t.yaml", text).err().map(|error| error.to_string())
}

#[test]
fn faults_are_told_in_words_of_go() {
    let cases = [
        (
            "{{ nope 1 }}",
            "parse error at (t.yaml:1): function \"nope\" not defined",
        ),
        (
            "\n{{ $x }}",
            "parse error at (t.yaml:2): undefined variable \"$x\"",
        ),
        ("{{ if .x }}", "parse error at (t.yaml:1): unexpected EOF"),
        ("{{ end }}", "parse error at (t.yaml:1): unexpected {{end}}"),
        (
            "{{ break }}",
            "parse error at (t.yaml:1): {{break}} outside {{range}}",
        ),
        (
            "{{ if }}{{ end }}",
            "parse error at (t.yaml:1): missing value for if",
        ),
        (
            "{{ .x | 3 }}",
            "parse error at (t.yaml:1): non executable command in pipeline stage 2",
        ),
        ("{{ 08 }}", "parse error at (t.yaml:1): \"08\""),
        (
            "{{ template x }}",
            "parse error at (t.yaml:1): unexpected \"x\" in template clause",
        ),
        (
            "{{ .x\n",
            "parse error at (t.yaml:2): unclosed action started at t.yaml:1",
        ),
        (
            "{{ define \"a\" }}1{{ end }}{{ define \"a\" }}2{{ end }}",
            "parse error at (t.yaml:1): multiple definition of template \"a\"",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(text).as_deref(), Some(expected), "{text:?}");
    }
}

#[test]
fn files_hold_their_definitions() -> Result<(), TemplateError> {
    let text =
        "{{ define \"a\" }} {{ end }}{{ define \"a\" }}x{{ end }}{{ block \"b\" . }}y{{ end }}";
    let trees = parse("t.yaml", text)?;
    let found: Vec<(&str, bool)> = trees
        .iter()
        .map(|tree| (&*tree.name, tree.is_empty))
        .collect();
    assert_eq!(found, [("a", false), ("b", false), ("t.yaml", false)]);
    Ok(())
}

#[test]
fn nesting_has_an_end() {
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(500), ")".repeat(500));
    let text = refusal(&deep).unwrap_or_default();
    assert!(text.contains("max expression depth exceeded"), "{text}");
    let deep = "{{ if . }}".repeat(500) + &"{{ end }}".repeat(500);
    let text = refusal(&deep).unwrap_or_default();
    assert!(text.contains("max nesting depth exceeded"), "{text}");
}
