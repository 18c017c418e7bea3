//! Where a value comes from.

use crate::layer::{Layer, Located, Shape};
use refloat_chart::bump::{Step, ValuesPath};
use serde_json::Value;

/// A value in a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file or flag.
    pub layer: String,
    /// Counted from 1; 0 for a flag.
    pub line: usize,
    /// The value; `None` if it is a secret's.
    pub value: Option<Value>,
}

/// Why a value is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The path of a value that is no map.
    pub key: String,
    /// What won; its value is null where it takes the key away.
    pub won: Place,
    /// What it hid, the highest first.
    pub hidden: Vec<Place>,
}

/// Explains a key, or all that is below it if it is a map. `layers` from the lowest to the highest. Nothing if no layer has
/// the key.
pub fn explain(layers: &[Layer], key: &ValuesPath) -> Vec<Explanation> {
    let mut found = Vec::new();
    walk(layers, key.steps(), &mut found);
    found
}

fn walk(layers: &[Layer], path: &[Step], found: &mut Vec<Explanation>) {
    let mut places = Vec::new();
    // The keys of the maps that lie over each other at the path, above the last layer that has something else there.
    let mut keys: Option<Vec<String>> = None;
    for layer in layers {
        match at(&layer.root, path) {
            Found::Nothing => {}
            Found::Value(value) => {
                places.push((layer, value));
                match &value.shape {
                    Shape::Map(entries) => {
                        let known = keys.get_or_insert_with(Vec::new);
                        for (key, _) in entries {
                            if !known.contains(key) {
                                known.push(key.clone());
                            }
                        }
                    }
                    Shape::List(_) | Shape::Scalar(_) => keys = None,
                }
            }
            // Something above it in the same layer that is no map replaces all below.
            Found::Hidden(value) => {
                if !places.is_empty() {
                    places.push((layer, value));
                }
                keys = None;
            }
        }
    }
    if let Some(keys) = keys.filter(|keys| !keys.is_empty()) {
        for key in keys {
            let mut path = path.to_vec();
            path.push(Step::Key(key));
            walk(layers, &path, found);
        }
        return;
    }
    let mut places = places
        .iter()
        .rev()
        .map(|(layer, value)| place(layer, value));
    if let Some(won) = places.next() {
        found.push(Explanation {
            key: ValuesPath::of_steps(path.to_vec()).to_string(),
            won,
            hidden: places.collect(),
        });
    }
}

fn place(layer: &Layer, value: &Located) -> Place {
    Place {
        layer: layer.name.clone(),
        line: value.line,
        value: (!layer.is_secret).then(|| value.to_json()),
    }
}

enum Found<'a> {
    Nothing,
    Value(&'a Located),
    Hidden(&'a Located),
}

fn at<'a>(root: &'a Located, path: &[Step]) -> Found<'a> {
    let mut node = root;
    for step in path {
        let next = match (&node.shape, step) {
            (Shape::Map(_), Step::Key(key)) => node.get(key),
            (Shape::List(items), Step::Index(index)) => items.get(*index),
            _ => return Found::Hidden(node),
        };
        match next {
            Some(next) => node = next,
            None if matches!(node.shape, Shape::List(_)) => return Found::Hidden(node),
            None => return Found::Nothing,
        }
    }
    Found::Value(node)
}
