//! Scopes, references, errors with their way, and limits.

use crate::{Context, Limits, Map, Set, Silent, TemplateError, Value, yaml};

fn data(values: &str) -> Value {
    let values = yaml::read(values).unwrap_or_default();
    let root: Map = [("Values", values)].into_iter().collect();
    Value::Map(root)
}

fn render_files(files: &[(&str, &str)], values: &str) -> Result<String, TemplateError> {
    let set = Set::parse(files)?;
    set.render("c/templates/t.yaml", &data(values), &mut Context::default())
}

fn render(text: &str, values: &str) -> String {
    let done = render_files(&[("c/templates/t.yaml", text)], values);
    done.unwrap_or_else(|error| format!("ERROR: {error}"))
}

#[test]
fn controls_do_what_go_does() {
    let values = "{l: [a, b], m: {y2: 1, x: 2}, num: 3, e: [], t: true, z: null}";
    let cases = [
        (
            "{{ range $i, $x := .Values.l }}{{ $i }}{{ $x }}{{ end }}",
            "0a1b",
        ),
        ("{{ range .Values.m }}{{ . }}{{ end }}", "21"),
        (
            "{{ range $k, $v := .Values.m }}{{ $k }}={{ $v }};{{ end }}",
            "x=2;y2=1;",
        ),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
        ("{{ range .Values.e }}x{{ else }}none{{ end }}", "none"),
        (
            "{{ range .Values.missing }}x{{ else }}none{{ end }}",
            "none",
        ),
        (
            "{{ range .Values.l }}{{ if eq . \"b\" }}{{ break }}{{ end }}{{ . }}{{ end }}",
            "a",
        ),
        (
            "{{ range .Values.l }}{{ if eq . \"a\" }}{{ continue }}{{ end }}{{ . }}{{ end }}",
            "b",
        ),
        (
            "{{ with .Values.e }}x{{ else with .Values.num }}{{ . }}{{ end }}",
            "3",
        ),
        (
            "{{ if .Values.e }}1{{ else if .Values.t }}2{{ else }}3{{ end }}",
            "2",
        ),
        (
            "{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $x := 3 }}{{ end }}{{ $x }}",
            "2",
        ),
        (
            "{{ $x := 0 }}{{ range $x = .Values.l }}{{ end }}{{ $x }}",
            "b",
        ),
        (
            "{{ .Values.missing }}|{{ .Values.z }}|{{ print nil }}",
            "||<nil>",
        ),
        (
            "{{ (.Values.missing).deeper }}|{{ $x := .Values.z }}{{ $x.y }}",
            "|",
        ),
        (
            "{{ .Values.num }} {{ 1000000.0 }} {{ 1000000 }}",
            "3 1e+06 1000000",
        ),
        (
            "{{ define \"d\" }}<{{ . }}{{ $ }}>{{ end }}{{ template \"d\" 5 }}{{ template \"d\" }}",
            "<55><>",
        ),
        ("{{ block \"b\" 7 }}[{{ . }}]{{ end }}", "[7]"),
        (
            "{{ or .Values.e (fail \"no\") | len }}",
            "ERROR: execution error at (c/templates/t.yaml:1:17): no",
        ),
        ("{{ and .Values.e (fail \"no\") | len }}", "0"),
    ];
    for (text, expected) in cases {
        assert_eq!(render(text, values), expected, "{text}");
    }
}

#[test]
fn maps_are_references_everywhere() {
    let text = "{{ define \"s\" }}{{ $_ := set .m \"k\" 2 }}{{ end }}\
                {{ $m := dict }}{{ include \"s\" (dict \"m\" $m) }}{{ $m.k }}\
                {{ $_ := set .Values \"new\" $m }}{{ $_ = set .Values.new \"k\" 3 }}{{ $m.k }}\
                {{ $c := deepCopy $m }}{{ $_ = set $m \"k\" 4 }}{{ $c.k }}";
    assert_eq!(render(text, "{}"), "233");
}

#[test]
fn what_one_file_sets_the_next_one_sees() -> Result<(), TemplateError> {
    let set = Set::parse(&[
        ("c/templates/a.yaml", "{{ $_ := set .Values \"x\" 1 }}"),
        ("c/templates/b.yaml", "{{ .Values.x }}"),
    ])?;
    let (data, mut context) = (data("{}"), Context::default());
    set.render("c/templates/a.yaml", &data, &mut context)?;
    assert_eq!(set.render("c/templates/b.yaml", &data, &mut context)?, "1");
    Ok(())
}

#[test]
fn definitions_of_the_parent_win_and_empty_ones_replace_nothing() -> Result<(), TemplateError> {
    let text = "{{ include \"n\" . }}{{ include \"e\" . }}";
    let files = [
        ("c/templates/t.yaml", text),
        (
            "c/templates/_a.tpl",
            "{{ define \"n\" }}parent{{ end }}{{ define \"e\" }} {{ end }}",
        ),
        (
            "c/charts/d/templates/_a.tpl",
            "{{ define \"n\" }}child{{ end }}{{ define \"e\" }}x{{ end }}",
        ),
    ];
    assert_eq!(render_files(&files, "{}")?, "parentx");
    Ok(())
}

#[test]
fn text_given_to_tpl_sees_and_defines_templates() {
    let text = "{{ define \"a\" }}A{{ end }}\
                {{ tpl \"{{ include \\\"a\\\" . }}{{ define \\\"b\\\" }}B{{ .Values.x }}{{ end }}{{ include \\\"b\\\" . }}{{ .nope }}\" . }}\
                {{ tpl .Values.t . }}{{ tpl \"plain <no value>\" . }}";
    assert_eq!(render(text, "{x: 1, t: '{{ .Values.x }}'}"), "AB11plain ");
}

#[test]
fn errors_say_where_in_words_of_helm() {
    let helpers = "{{ define \"h\" }}\n  {{ .Values.a.b.c }}{{ end }}";
    let text = "x: 1\ny: {{ include \"h\" . }}";
    let files = [
        ("c/templates/t.yaml", text),
        ("c/templates/_h.tpl", helpers),
    ];
    let error = render_files(&files, "{}").err();
    assert_eq!(
        error.as_ref().map(ToString::to_string).as_deref(),
        Some(
            "c/templates/t.yaml:2:6\n  executing \"c/templates/t.yaml\" at <include \"h\" .>:\n    \
             error calling include:\nc/templates/_h.tpl:2:12\n  executing \"h\" at <.Values.a.b.c>:\n    \
             nil pointer evaluating interface {}.b"
        )
    );
    let frames = error
        .as_ref()
        .map(TemplateError::frames)
        .unwrap_or_default();
    let places: Vec<(&str, usize, usize)> = frames
        .iter()
        .map(|frame| (frame.file.as_str(), frame.line, frame.column))
        .collect();
    assert_eq!(
        places,
        [("c/templates/t.yaml", 2, 6), ("c/templates/_h.tpl", 2, 12)]
    );
}

#[test]
fn faults_of_values_are_told_as_go_tells_them() {
    let one = "template: c/templates/t.yaml:1:3: executing \"c/templates/t.yaml\" at ";
    let cases = [
        ("{{ required \"need it\" .Values.x }}", "execution error at (c/templates/t.yaml:1:3): need it".to_owned()),
        ("{{ index .Values.l 9 }}", format!("{one}<index .Values.l 9>: error calling index: index out of range: 9")),
        ("{{ eq 1 1.0 }}", format!("{one}<eq 1 1.0>: error calling eq: incompatible types for comparison: int and float64")),
        ("{{ trunc .Values.num \"abc\" }}", "c/templates/t.yaml:1:16\n  executing \"c/templates/t.yaml\" at <.Values.num>:\n    wrong type for value; expected int; got float64".to_owned()),
        ("{{ hasKey .Values.x \"a\" }}", "c/templates/t.yaml:1:17\n  executing \"c/templates/t.yaml\" at <.Values.x>:\n    wrong type for value; expected map[string]interface {}; got interface {}".to_owned()),
        ("{{ include \"none\" . }}", "c/templates/t.yaml:1:3\n  executing \"c/templates/t.yaml\" at <include \"none\" .>:\n    error calling include:\ntemplate: no template \"none\" associated with template \"gotpl\"".to_owned()),
        ("{{ upper }}", "c/templates/t.yaml:1:3\n  executing \"c/templates/t.yaml\" at <upper>:\n    wrong number of args for upper: want 1 got 0".to_owned()),
    ];
    for (text, expected) in cases {
        let found = render(text, "{l: [1], num: 2}");
        assert_eq!(found, format!("ERROR: {expected}"), "{text}");
    }
}

#[test]
fn hostile_templates_reach_a_limit() {
    let tight = Limits {
        steps: 100_000,
        depth: 50,
        bytes: 1 << 20,
        held: 1 << 20,
    };
    let cases = [
        (
            "{{ define \"r\" }}{{ include \"r\" . }}{{ end }}{{ include \"r\" . }}",
            "50 templates",
        ),
        (
            "{{ define \"r\" }}{{ template \"r\" . }}{{ end }}{{ template \"r\" . }}",
            "50 templates",
        ),
        (
            "{{ $t := \"{{ tpl .t . }}\" }}{{ tpl $t (dict \"t\" $t) }}",
            "50 templates",
        ),
        (
            "{{ range 1000 }}{{ range 1000 }}{{ end }}{{ end }}",
            "100000 steps",
        ),
        ("{{ repeat 100000000 \"x\" }}", "1048576 bytes"),
        ("{{ until 1000000000 }}", "1048576 bytes"),
        (
            "{{ $s := \"xx\" }}{{ range 60 }}{{ $s = printf \"%s%s\" $s $s }}{{ end }}",
            "1048576 bytes",
        ),
        (
            "{{ range 90000 }}xxxxxxxxxxxxxxxxxxxxxxxx{{ end }}",
            "1048576 bytes",
        ),
        (
            "{{ $l := list 1 }}{{ range 60 }}{{ $l = concat $l $l }}{{ end }}",
            "1048576 bytes",
        ),
    ];
    for (text, expected) in cases {
        let set = Set::parse(&[("t", text)]).unwrap_or_default();
        let mut context = Context::with_limits(&Silent, tight);
        let error = set.render("t", &Value::Nil, &mut context).err();
        let shown = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(
            shown.contains("limit reached") && shown.contains(expected),
            "{text}: {shown}"
        );
    }
}

#[test]
fn maps_that_hold_themselves_end() {
    let text = "{{ $m := dict }}{{ $_ := set $m \"m\" $m }}{{ toYaml $m }}{{ toJson $m }}{{ len (print $m) | lt 10 }}";
    assert_eq!(render(text, "{}"), "true");
}

#[test]
fn the_default_depth_fits_the_stack_of_a_thread() {
    let text = "{{ define \"r\" }}{{ if true }}{{ with . }}{{ range list . }}{{ include \"r\" (dict \"a\" (list .)) }}{{ end }}{{ end }}{{ end }}{{ end }}{{ include \"r\" 1 }}";
    let found = render(text, "{}");
    assert!(found.contains("templates within templates"), "{found}");
}
