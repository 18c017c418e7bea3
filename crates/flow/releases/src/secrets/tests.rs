//! The files are those of refloat-sops' own tests, which the real sops encrypted.

use super::*;
use refloat_core::Timestamp;
use std::collections::BTreeMap;

const SEALED: &str = include_str!("../../../../formats/sops/tests/files/whole.yaml");
const KEY: &str = include_str!("../../../../formats/sops/tests/files/key.txt");
const OTHER: &str = include_str!("../../../../formats/sops/tests/files/other.txt");

fn keys(texts: &[&str]) -> Vec<Identities> {
    let key = |text: &&str| Identities::parse(text).expect("what age-keygen wrote");
    texts.iter().map(key).collect()
}

fn opened() -> SecretFiles {
    let files = [("secrets.yaml".to_owned(), SEALED.to_owned())];
    SecretFiles::open(&files, &keys(&[OTHER, KEY])).expect("its key is among them")
}

fn rendered(template: &str, secret: &SecretFiles) -> Result<Rendered, String> {
    let files = [
        ("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n"),
        ("values.yaml", "web: {password: none}\n"),
        ("templates/a.yaml", template),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    let chart = refloat_chart::load(BTreeMap::from(files)).map_err(|error| error.to_string())?;
    let options = RenderOptions::new("shop", "default");
    let oracle = crate::oracle::ServerOracle::at(Timestamp::from_micros(0));
    let given = [("values-a.yaml".to_owned(), "replicas: 2\n".to_owned())];
    render(&chart, &given, secret, &options, &oracle)
}

#[test]
fn values_reach_the_manifest_and_nothing_else() {
    let done = rendered("a: {{ quote .Values.web.password }}\n", &opened()).expect("it renders");
    assert!(done.manifest.contains("p:w #1"), "{}", done.manifest);
    assert_eq!(done.config, serde_json::json!({ "replicas": 2 }));
    let mut rest = to_json(&done);
    rest["manifest"] = Json::Null;
    rest["files"] = Json::Null;
    assert!(!rest.to_string().contains("p:w #1"));
}

#[test]
fn an_error_is_told_only_if_it_knows_no_value() {
    let told = |template: &str| rendered(template, &opened()).expect_err("it is refused");
    assert_eq!(told("a: {{ fail .Values.web.password }}\n"), UNTOLD);
    assert_eq!(told("{{ .Values.web.password }}: [\n"), UNTOLD);
    assert!(told("a: {{ fail \"too old\" }}\n").contains("too old"));
    assert!(told("a: {{ nosuch }}\n").contains("nosuch"));
    let error = "Invalid value: \"p:w #1\"".to_owned();
    let kept = serde_json::json!({ "hidden": opened().hidden() }).to_string();
    assert_eq!(unquoted(error, &kept), "Invalid value: \"(secret)\"");
}

#[test]
fn what_does_not_open_is_named() {
    let open = |text: &str, texts: &[&str]| {
        let files = [("secrets.yaml".to_owned(), text.to_owned())];
        SecretFiles::open(&files, &keys(texts))
            .err()
            .unwrap_or_default()
    };
    assert!(open("a: b\n", &[KEY]).contains("secrets.yaml is not encrypted by sops"));
    assert!(open(SEALED, &[OTHER]).contains("encrypted for age1"));
    assert!(open(SEALED, &[]).contains("no Credential with an `age_key`"));
    assert!(open(&SEALED.replace("port:", "porch:"), &[KEY]).contains("does not decrypt"));
}
