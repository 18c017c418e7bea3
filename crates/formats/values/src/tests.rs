use super::*;
use refloat_chart::ValuesPath;
use serde_json::json;
use std::collections::BTreeSet;

fn layer(name: &str, text: &str) -> Layer {
    Layer::read(name, text).expect("values")
}

fn path(text: &str) -> ValuesPath {
    text.parse().expect("a path")
}

/// `file:line=value` of what won, then of what it hid.
fn told(layers: &[Layer], key: &str) -> Vec<String> {
    let place = |place: &Place| {
        let value = place
            .value
            .as_ref()
            .map_or("?".to_owned(), ToString::to_string);
        format!("{}:{}={value}", place.layer, place.line)
    };
    let found = explain(layers, &path(key)).into_iter();
    found
        .map(|one| {
            let all: Vec<String> = std::iter::once(&one.won)
                .chain(&one.hidden)
                .map(place)
                .collect();
            format!("{} {}", one.key, all.join(" "))
        })
        .collect()
}

#[test]
fn the_highest_layer_wins_and_hides() {
    let layers = [
        layer("sub", "x: 1\n").below("sub"),
        layer(
            "a",
            "web:\n  image: {tag: '1', repository: r}\n  list: [1, 2]\nsub: {y: 2}\n",
        ),
        layer(
            "b",
            "# more\nweb:\n  image:\n    tag: \"2\"\n---\nweb: {image: {tag: '3'}}\n",
        ),
        layer("c", "web: {list: [3], gone: null}\n"),
        Layer::of_json("--set", &json!({"web": {"image": {"tag": "4"}}})),
    ];
    assert_eq!(
        told(&layers, "web.image.tag"),
        ["web.image.tag --set:0=\"4\" b:6=\"3\" a:2=\"1\""]
    );
    assert_eq!(
        told(&layers, "web.image"),
        [
            "web.image.tag --set:0=\"4\" b:6=\"3\" a:2=\"1\"",
            "web.image.repository a:2=\"r\""
        ]
    );
    assert_eq!(told(&layers, "web.list"), ["web.list c:1=[3] a:3=[1,2]"]);
    assert_eq!(told(&layers, "web.list[0]"), ["web.list[0] c:1=3 a:3=1"]);
    assert_eq!(told(&layers, "web.gone"), ["web.gone c:1=null"]);
    assert_eq!(told(&layers, "sub"), ["sub.x sub:1=1", "sub.y a:4=2"]);
    assert!(told(&layers, "none").is_empty());
    // What is no map hides all that was below it.
    let over = [layer("a", "web: {x: 1}\n"), layer("b", "web: off\n")];
    assert_eq!(told(&over, "web.x"), ["web.x b:1=false a:1=1"]);
    let secret = [
        layer("a", "x: 1\n"),
        layer("b", "x: ENC[]\nsops: {mac: m}\n").secret(),
    ];
    assert_eq!(told(&secret, "x"), ["x b:1=? a:1=1"]);
    assert!(told(&secret, "sops").is_empty());
    let merged = [layer(
        "a",
        "base: &b {x: 1, y: 2}\nweb:\n  <<: *b\n  y: 3\nother: *b\n",
    )];
    assert_eq!(told(&merged, "web"), ["web.y a:4=3", "web.x a:1=1"]);
    assert_eq!(told(&merged, "other.x"), ["other.x a:1=1"]);
    assert!(Layer::read("a", "a: &a [*a]\n").is_err());
    assert!(Layer::read("a", "- 1\n").is_err());
}

#[test]
fn keys_that_are_missed_or_misspelt() {
    let defaults = [layer(
        "values.yaml",
        "replicaCount: 1\nhost: \"\"\nweb:\n  image: {repository: r, tag: v1}\n  resources: {}\nannotations: {}\n",
    )];
    let used = used_paths(
        ["{{ .Values.db.host }} {{ $.Values.db.port }} {{ toYaml .Values.web.resources }}{{ .Values.annotations }}"].into_iter(),
    );
    let environment = |name: &str, text: &str| Environment {
        name: name.to_owned(),
        layers: vec![layer(&format!("values-{name}.yaml"), text)],
    };
    let environments = [
        environment(
            "dev",
            "db: {host: d}\nhost: d\nweb: {resources: {limits: {cpu: 1}}}\nannotations: {a: b}\n",
        ),
        environment(
            "prod",
            "replicaCuont: 3\nweb:\n  image:\n    tga: v2\ndb: {host: p}\nfree: 1\n",
        ),
        environment("test", "db: {hots: t}\nhost: t\n"),
    ];
    let schema = json!({"properties": {"db": {"properties": {"name": {"type": "string"}}}}});
    let known = Known {
        defaults: &defaults,
        schema: Some(&schema),
        used: &used,
    };
    let found = check(&known, &environments);
    let told = |at: usize| -> BTreeSet<String> {
        let problems: &Vec<Problem> = &found[at];
        let one = |one: &Problem| {
            let suggestion = one.suggestion.as_deref().unwrap_or("-");
            format!(
                "{:?} {} {} {}:{} {suggestion}",
                one.level, one.code, one.key, one.file, one.line
            )
        };
        problems.iter().map(one).collect()
    };
    let set = |lines: &[&str]| {
        lines
            .iter()
            .map(|line| (*line).to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(told(0), set(&[]));
    assert_eq!(
        told(1),
        set(&[
            "Error misspelt replicaCuont values-prod.yaml:1 replicaCount",
            "Error misspelt web.image.tga values-prod.yaml:4 web.image.tag",
            "Warning unknown free values-prod.yaml:6 -",
            "Error missing host values-dev.yaml:2 -",
        ])
    );
    assert_eq!(
        told(2),
        set(&["Error misspelt db.hots values-test.yaml:1 db.host"])
    );
}
