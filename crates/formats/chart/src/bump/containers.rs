//! Containers of plain manifests: every list `containers`, `initContainers` or `ephemeralContainers`, wherever a kind holds
//! its pods.

use super::find::ValuesPath;
use super::image::{self, Edit};
use super::splice::Plan;
use super::tree::{Document, Kind, Node};
use super::{BumpError, ImageRef};

const LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// A container with an image.
pub(super) struct Container<'a> {
    /// `Deployment/web`
    pub(super) object: String,
    /// Its name; empty if it has none.
    pub(super) name: &'a str,
    /// Its image as it is written.
    pub(super) image: &'a str,
    /// The line of its image.
    pub(super) line: usize,
    /// The path of its image.
    pub(super) path: ValuesPath,
}

/// All containers of a document.
pub(super) fn all(document: &Document) -> Vec<Container<'_>> {
    let mut found = Vec::new();
    walk(&document.root, &ValuesPath::of_keys(&[]), "", &mut found);
    found
}

/// `Deployment/web`
pub(super) fn object(root: &Node) -> Option<String> {
    let kind = root.get("kind")?.text()?;
    let name = root
        .get("metadata")
        .and_then(|metadata| metadata.get("name"));
    let name = name.and_then(Node::text).unwrap_or_default();
    root.get("apiVersion")?;
    Some(format!("{kind}/{name}"))
}

fn walk<'a>(node: &'a Node, path: &ValuesPath, owner: &str, found: &mut Vec<Container<'a>>) {
    // A `List` holds objects of its own.
    let owner = object(node).unwrap_or_else(|| owner.to_owned());
    match &node.kind {
        Kind::Map { entries, .. } => {
            for (key, value) in entries {
                let Some(key) = key.text() else { continue };
                let path = path.child(key);
                if LISTS.contains(&key) {
                    containers(value, &path, &owner, found);
                }
                walk(value, &path, &owner, found);
            }
        }
        Kind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &path.item(index), &owner, found);
            }
        }
        Kind::Scalar { .. } | Kind::Alias(_) => {}
    }
}

fn containers<'a>(list: &'a Node, path: &ValuesPath, owner: &str, found: &mut Vec<Container<'a>>) {
    for (index, item) in list.items().iter().enumerate() {
        let Some(image) = item.get("image") else {
            continue;
        };
        if let Some(text) = image.text() {
            found.push(Container {
                object: owner.to_owned(),
                name: item.get("name").and_then(Node::text).unwrap_or_default(),
                image: text,
                line: image.line,
                path: path.item(index).child("image"),
            });
        }
    }
}

/// Which containers a place names.
pub(super) enum Meant {
    /// Those of this name.
    Name,
    /// Those of this image.
    Image,
    /// None.
    None,
}

/// How `place` names a container; without a place by the image.
pub(super) fn meant(
    container: &Container<'_>,
    place: Option<&str>,
    document: &Document,
    new: &ImageRef,
) -> Meant {
    let edit = |new| Edit {
        text: "",
        document,
        path: &container.path,
        new,
        line: container.line,
    };
    let Ok(old) = edit(new).reference(container.image) else {
        return Meant::None;
    };
    let Some(place) = place else {
        return if edit(new).is_same(&old) {
            Meant::Image
        } else {
            Meant::None
        };
    };
    if place == container.name {
        return Meant::Name;
    }
    match edit(new).reference(place) {
        Ok(named) if named.tag.is_none() && named.digest.is_none() => {
            let same = named.registry == old.registry && named.repository == old.repository;
            if same { Meant::Image } else { Meant::None }
        }
        _ => Meant::None,
    }
}

/// The edit of one container.
pub(super) fn plan(
    text: &str,
    document: &Document,
    container: &Container<'_>,
    new: &ImageRef,
) -> Result<Plan, BumpError> {
    image::at(text, document, &container.path, new)
}
