//! Every image of the corpus' values files, bumped one at a time: exactly its lines change, or it is refused with a reason.

use crate::place;
use refloat_chart::{ImageRef, ValuesPath, bump};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Of a hundred images this many were bumped when it was last raised; it is never lowered.
const BUMPED_PERCENT_MIN: usize = 99;

#[test]
fn every_image_of_the_corpus_is_bumped_or_refused_with_a_reason() {
    let Some(corpus) = place::corpus() else {
        return;
    };
    let mut files = Vec::new();
    for folder in ["charts", "values"] {
        values_files(&corpus.join(folder), folder == "values", &mut files);
    }
    files.sort();
    let (mut bumped, mut refused) = (0, BTreeMap::<String, Vec<String>>::new());
    for path in &files {
        let name = path.strip_prefix(&corpus).unwrap_or(path).display();
        let Ok(text) = fs::read_to_string(path) else {
            continue;
        };
        let Some(tree) = tree(&text) else { continue };
        let mut images = Vec::new();
        find(&tree, "", &mut images);
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
                        "{name} {path}: other lines changed"
                    );
                    assert!(
                        edit.text.contains("9.9.9-refloat"),
                        "{name} {path}: the tag is not there"
                    );
                }
                Err(error) => refused
                    .entry(error.to_string())
                    .or_default()
                    .push(format!("{name}: {path}")),
            }
        }
    }
    let count: usize = refused.values().map(Vec::len).sum();
    for (reason, places) in &refused {
        println!("{} refused, {}: {reason}", places.len(), places[0]);
    }
    println!(
        "{bumped} of {} images of {} files bumped, {count} refused",
        bumped + count,
        files.len()
    );
    assert!(bumped * 100 >= (bumped + count) * BUMPED_PERCENT_MIN);
}

/// Values of the charts and of those below them; everything of the folder of values sets.
fn values_files(folder: &Path, all: bool, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            let is_ci = path.file_name().is_some_and(|name| name == "ci");
            let is_templates = path.file_name().is_some_and(|name| name == "templates");
            if !is_templates {
                values_files(&path, all || is_ci, found);
            }
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".yaml") && (all || name.starts_with("values")) {
            found.push(path);
        }
    }
}

fn tree(text: &str) -> Option<Value> {
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins,
    };
    serde_saphyr::from_str_with_options(text, options).ok()
}

/// Maps with a repository and a tag, maps with a tag alone below `image`, and texts `image: repo:tag`, with a new tag for
/// each.
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
            let is_image = path == "image" || path.to_ascii_lowercase().ends_with("image");
            let tag_alone = ["repository", "repo", "image", "name", "registry"];
            let tag_alone = !tag_alone.iter().any(|key| map.contains_key(*key));
            if is_image && tag_alone && map.get("tag").is_some_and(Value::is_string) {
                found.push((path.to_owned(), image("", "some/image")));
            }
            if let Some(Value::String(text)) = map.get("image")
                && let Some((name, _)) = text.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))
                && !text.contains(['{', '$', ' '])
            {
                let place = if path.is_empty() {
                    "image".to_owned()
                } else {
                    format!("{path}.image")
                };
                found.push((place, image("", name)));
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
