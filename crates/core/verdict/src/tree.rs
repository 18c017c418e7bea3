//! Merged trees: layers applied one on the other (image-spec, layer.md, "Applying Changesets").
//!
//! A tree holds no contents and copies no entries: a node names the layer and the entry that wrote it. Another type
//! replaces what was there, a directory over a directory replaces attributes only, whiteouts hide lower layers only.

use refloat_layer::{Entry, Kind, LayerIndex, path};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// A directory that no layer has an entry for: runtimes make it so.
static IMPLIED: Entry = Entry {
    path: String::new(),
    kind: Kind::Directory,
    mode: 0o755,
    uid: 0,
    gid: 0,
    xattrs: BTreeMap::new(),
    hardlink: None,
};

/// Who wrote a path: a layer's entry, or nobody for an implied directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    /// Position of the layer, lowest is 0.
    pub layer: usize,
    entry: Option<usize>,
}

/// What a layer does at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Write,
    Hide,
    Opaque,
}

/// One thing that a layer does, and where it ends up in this tree.
#[derive(Debug, Clone)]
pub(crate) struct Touch {
    pub act: Act,
    pub layer: usize,
    /// As the layer writes it.
    pub written: String,
    /// With its parents resolved through the links of the tree.
    pub path: String,
    /// The link on the way, if any: runtimes may follow or replace it.
    pub through: Option<String>,
    /// What stood in the way as a file and is replaced by a directory.
    pub over: Option<String>,
    entry: Option<usize>,
}

/// A merged tree.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    layers: Vec<Arc<LayerIndex>>,
    nodes: BTreeMap<Arc<str>, Node>,
}

impl Tree {
    /// The tree of an image, and what its layers did that is ambiguous.
    pub fn of(layers: &[Arc<LayerIndex>]) -> (Self, Vec<Touch>) {
        let mut tree = Self::default();
        let mut ambiguous = Vec::new();
        for layer in layers {
            let touches = tree.apply(layer);
            ambiguous.extend(touches.into_iter().filter(Touch::is_ambiguous));
        }
        (tree, ambiguous)
    }

    /// What is at a path, links not followed. The root is always there.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        if path.is_empty() && !self.nodes.contains_key("") {
            return Some(&IMPLIED);
        }
        self.nodes.get(path).map(|node| self.entry(*node))
    }

    /// Who wrote a path.
    pub fn node(&self, path: &str) -> Option<Node> {
        self.nodes.get(path).copied()
    }

    fn entry(&self, node: Node) -> &Entry {
        node.entry
            .map_or(&IMPLIED, |at| &self.layers[node.layer].entries[at])
    }

    /// The DiffID of a layer, as reasons name it.
    pub fn layer_name(&self, layer: usize) -> String {
        self.layers[layer].diff_id.to_string()
    }

    /// The layers, lowest first.
    pub fn layers(&self) -> &[Arc<LayerIndex>] {
        &self.layers
    }

    /// All paths, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Node, &Entry)> {
        self.nodes
            .iter()
            .map(|(path, node)| (path.as_ref(), *node, self.entry(*node)))
    }

    /// Paths strictly below a directory, ascending.
    pub fn below<'a>(&'a self, directory: &'a str) -> impl Iterator<Item = (&'a str, &'a Entry)> {
        let start = beginning_below(directory);
        self.nodes
            .range::<str, _>((Bound::Included(start.as_str()), Bound::Unbounded))
            .map(|(path, node)| (path.as_ref(), self.entry(*node)))
            .skip_while(|(path, _)| path.is_empty())
            .take_while(move |(path, _)| path::is_below(path, directory))
    }

    /// The kept content of a file, links followed.
    pub fn content(&self, at: &str) -> Content<'_> {
        let Some(resolved) = self.resolve(at) else {
            return Content::Absent;
        };
        let Some(node) = self.node(&resolved) else {
            return Content::Absent;
        };
        let entry = self.entry(node);
        if !matches!(entry.kind, Kind::File { .. }) {
            return Content::Unknown;
        }
        match self.layers[node.layer].kept.get(&entry.path) {
            Some(bytes) => Content::Known(bytes),
            None => Content::Unknown,
        }
    }

    /// Applies a layer on top and says where everything went, in the order of the index.
    pub fn apply(&mut self, layer: &Arc<LayerIndex>) -> Vec<Touch> {
        let number = self.layers.len();
        self.layers.push(Arc::clone(layer));
        let mut touches = Vec::with_capacity(layer.entries.len());
        let mut parents = Parents::default();
        for written in &layer.opaques {
            let mut touch = self.locate(written, number, Act::Opaque, &mut parents);
            if let Some(Kind::Symlink(_)) = self.get(&touch.path).map(|entry| &entry.kind) {
                touch.through = Some(touch.path.clone());
            }
            self.remove_below(&touch.path);
            touches.push(touch);
        }
        for written in &layer.whiteouts {
            let touch = self.locate(written, number, Act::Hide, &mut parents);
            self.remove_below(&touch.path);
            self.nodes.remove(touch.path.as_str());
            touches.push(touch);
        }
        parents = Parents::default();
        for (at, entry) in layer.entries.iter().enumerate() {
            let mut touch = self.locate(&entry.path, number, Act::Write, &mut parents);
            touch.entry = Some(at);
            self.put(&mut touch, number, at, entry);
            if entry.kind != Kind::Directory {
                parents = Parents::default();
            }
            touches.push(touch);
        }
        touches
    }

    fn put(&mut self, touch: &mut Touch, layer: usize, at: usize, entry: &Entry) {
        let before = self.get(&touch.path).map(|before| before.kind.clone());
        let was_directory = before == Some(Kind::Directory);
        if entry.kind != Kind::Directory && was_directory {
            self.remove_below(&touch.path);
        }
        if entry.kind == Kind::Directory
            && !was_directory
            && let Some(Kind::Symlink(_)) = before
        {
            touch.over = Some(touch.path.clone());
        }
        self.imply_parents(&touch.path, layer);
        let mut node = Node {
            layer,
            entry: Some(at),
        };
        if let Kind::LowerHardlink(target) = &entry.kind {
            // The lower file itself, under a second name; dangling where there is none.
            node = self.nodes.get(target.as_str()).copied().unwrap_or(node);
        }
        self.nodes.insert(touch.path.as_str().into(), node);
    }

    fn imply_parents(&mut self, path: &str, layer: usize) {
        for above in path::ancestors(path) {
            if above.is_empty() || self.nodes.contains_key(above) {
                break;
            }
            self.nodes.insert(above.into(), Node { layer, entry: None });
        }
    }

    fn remove_below(&mut self, directory: &str) {
        let start = beginning_below(directory);
        let below: Vec<Arc<str>> = self
            .nodes
            .range::<str, _>((Bound::Included(start.as_str()), Bound::Unbounded))
            .map(|(path, _)| Arc::clone(path))
            .take_while(|path| path::is_below(path, directory))
            .collect();
        for path in below {
            self.nodes.remove(&path);
        }
    }

    fn locate(&mut self, written: &str, layer: usize, act: Act, parents: &mut Parents) -> Touch {
        let directory = path::parent(written).unwrap_or_default();
        if parents.written != directory || !parents.is_set {
            *parents = self.parents(directory);
            if let Some(over) = &parents.over
                && act == Act::Write
            {
                let over = over.clone();
                self.nodes
                    .insert(over.as_str().into(), Node { layer, entry: None });
            }
        }
        Touch {
            act,
            layer,
            written: written.to_owned(),
            path: if written.is_empty() {
                String::new()
            } else {
                path::join(&parents.path, path::name(written))
            },
            through: parents.through.clone(),
            over: parents.over.clone(),
            entry: None,
        }
    }

    fn parents(&self, directory: &str) -> Parents {
        let mut found = Parents {
            is_set: true,
            written: directory.to_owned(),
            ..Parents::default()
        };
        for segment in directory.split('/').filter(|segment| !segment.is_empty()) {
            let next = path::join(&found.path, segment);
            match self.get(&next).map(|entry| &entry.kind) {
                Some(Kind::Symlink(_)) => {
                    found.through = Some(next.clone());
                    // A link to nowhere is replaced by a directory.
                    found.path = self.resolve(&next).unwrap_or(next);
                }
                Some(Kind::Directory) | None => found.path = next,
                Some(_) => {
                    found.over = Some(next.clone());
                    found.path = next;
                }
            }
        }
        found
    }

    /// The entry behind a touch that writes.
    pub fn touched(&self, touch: &Touch) -> Option<&Entry> {
        touch.entry.map(|at| &self.layers[touch.layer].entries[at])
    }
}

/// The first text that paths below a directory may have.
fn beginning_below(directory: &str) -> String {
    if directory.is_empty() {
        String::new()
    } else {
        format!("{directory}/")
    }
}

/// Where a directory of a layer is in the tree.
#[derive(Default)]
struct Parents {
    is_set: bool,
    written: String,
    path: String,
    through: Option<String>,
    over: Option<String>,
}

impl Touch {
    /// True where runtimes disagree on what the layer does.
    pub fn is_ambiguous(&self) -> bool {
        self.through.is_some() || self.over.is_some()
    }
}

/// What is known of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// There is no such file.
    Absent,
    /// It is there, and its content was not kept.
    Unknown,
    /// Its bytes.
    Known(&'a [u8]),
}
