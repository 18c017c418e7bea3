//! Every image of the corpus' values files, bumped one at a time: exactly its lines change, or it is refused with a reason.

use crate::place;
use refloat_chart::{ImageRef, ValuesPath, bump};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// Of a hundred images this many were bumped when it was last raised; it is never lowered.
const BUMPED_PERCENT_MIN: usize = 100;

#[test]
fn every_image_of_the_corpus_is_bumped_or_refused_with_a_reason() {
    let Some(corpus) = place::corpus() else {
        return;
    };
    let (mut bumped, mut refused) = (0, BTreeMap::<String, Vec<String>>::new());
    for chart in place::names(&corpus.join("charts")) {
        let path = corpus.join("charts").join(&chart).join("values.yaml");
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let mut images = Vec::new();
        find(&tree(&text), "", &mut images);
        for (path, image) in images {
            let place: ValuesPath = path.parse().expect("a path");
            match bump(&text, &place, &image) {
                Ok(edit) => {
                    bumped += 1;
                    let changed = edit.changed.len();
                    let lines = text
                        .lines()
                        .zip(edit.text.lines())
                        .filter(|(old, new)| old != new);
                    assert!(
                        lines.count() <= changed,
                        "{chart} {path}: other lines changed"
                    );
                    assert!(
                        edit.text.contains("9.9.9-refloat"),
                        "{chart} {path}: the tag is not there"
                    );
                }
                Err(error) => refused
                    .entry(error.to_string())
                    .or_default()
                    .push(format!("{chart}: {path}")),
            }
        }
    }
    let count: usize = refused.values().map(Vec::len).sum();
    for (reason, places) in &refused {
        println!("{} refused, {}: {reason}", places.len(), places[0]);
    }
    println!(
        "{bumped} of {} images bumped, {count} refused",
        bumped + count
    );
    assert!(bumped * 100 >= (bumped + count) * BUMPED_PERCENT_MIN);
}

fn tree(text: &str) -> Value {
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins,
    };
    serde_saphyr::from_str_with_options(text, options).expect("values")
}

/// Maps with a repository and a tag, with a new tag for each.
fn find(value: &Value, path: &str, found: &mut Vec<(String, ImageRef)>) {
    match value {
        Value::Object(map) => {
            if let (Some(Value::String(repository)), true) =
                (map.get("repository"), map.contains_key("tag"))
            {
                let registry = map
                    .get("registry")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                found.push((path.to_owned(), image(registry, repository)));
            }
            for (key, inner) in map {
                let key = key.replace('.', "\\.");
                let path = if path.is_empty() {
                    key
                } else {
                    format!("{path}.{key}")
                };
                find(inner, &path, found);
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                find(inner, &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}

fn image(registry: &str, repository: &str) -> ImageRef {
    let hub = "docker.io".parse().expect("a host");
    let name = if registry.is_empty() {
        repository.to_owned()
    } else {
        format!("{registry}/{repository}")
    };
    let reference = refloat_oci::Reference::parse(&format!("{name}:9.9.9-refloat"), Some(&hub));
    reference.as_ref().map_or_else(
        |_| ImageRef {
            registry: "registry.example.com".to_owned(),
            repository: "some/image".to_owned(),
            tag: Some("9.9.9-refloat".to_owned()),
            digest: None,
        },
        ImageRef::from,
    )
}
