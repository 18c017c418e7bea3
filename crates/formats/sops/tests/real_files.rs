//! Files that sops 3.13.3 encrypted, for keys made for these tests alone, and what sops decrypts them to.

use refloat_sops::{Identities, SopsError, decrypt, is_encrypted};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/files")
        .join(name);
    fs::read_to_string(path).expect("a file of this test")
}

fn identities(name: &str) -> Identities {
    Identities::parse(&file(name)).expect("what age-keygen wrote")
}

fn plain(name: &str, key: &str) -> Value {
    let plain = decrypt(&file(name), &identities(key));
    let plain = plain.unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(plain.expose()).expect("JSON")
}

#[test]
fn what_sops_wrote_is_read_as_sops_reads_it() {
    let wanted: Value = serde_json::from_str(&file("plain.json")).expect("JSON");
    for name in ["whole.yaml", "regex.yaml", "maconly.yaml"] {
        assert!(is_encrypted(&file(name)), "{name}");
        assert_eq!(plain(name, "key.txt"), wanted, "{name}");
    }
    assert_eq!(
        plain("regex.yaml", "other.txt"),
        wanted,
        "the second recipient"
    );
    let several = decrypt(&file("several.yaml"), &identities("key.txt"));
    let several = several.expect("several documents");
    assert_eq!(several.expose(), "{\"a\":1}\n---\n{\"b\":\"two\"}");
    assert_eq!(format!("{several:?}"), "(secret)");
    assert!(!is_encrypted("sops: {version: 3}\nmac: x\n") && !is_encrypted("a: 1\n"));
}

#[test]
fn what_was_changed_stays_closed() {
    let text = file("regex.yaml");
    let key = identities("key.txt");
    let refused = |text: &str| decrypt(text, &key).expect_err("it was changed");
    // A value that is not encrypted, a value that is gone, a value that moved.
    assert_eq!(refused(&text.replace("5432", "5433")), SopsError::Mac);
    assert_eq!(
        refused(&text.replace("    port: 5432\n", "")),
        SopsError::Mac
    );
    assert_eq!(refused(&format!("{text}more: 1\n")), SopsError::Mac);
    let moved = text.replace("        key:", "        password:");
    let error = refused(&moved);
    assert!(
        matches!(&error, SopsError::Value { path, line: 22 } if path == "nested.deep.password"),
        "{error:?}"
    );
    let plain = text.replacen("password: ENC[", "password: open # ENC[", 1);
    assert!(matches!(refused(&plain), SopsError::Value { .. }));
    let late = text.replace("2026-11-21T", "2026-11-22T");
    assert_eq!(refused(&late), SopsError::Mac);
}

#[test]
fn without_the_key_it_stays_closed() {
    let error = decrypt(&file("whole.yaml"), &identities("other.txt"));
    let error = error.expect_err("the key of somebody else").to_string();
    assert!(error.contains("age1ezaapav"), "{error}");
    assert!(decrypt("a: 1\n", &identities("key.txt")).is_err());
    let key = file("key.txt");
    let line = key.lines().last().expect("a key");
    let wrong = Identities::parse(&line.replace('3', "4")).expect_err("the checksum");
    assert!(!wrong.to_string().contains(line), "{wrong}");
    assert!(Identities::parse("# nothing\n").is_err());
    assert_eq!(
        json!(format!("{:?}", identities("key.txt"))),
        json!("(1 identities)")
    );
}
