//! The files that an image shows when its layers lie one on the other (image-spec layer.md, "Applying Changesets").
//!
//! Parents are resolved through links, as runtimes do: `bin/x` over a link `bin -> usr/bin` is `usr/bin/x`.

use refloat_layer::{Entry, Kind, LayerIndex, path};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most links on the way to a path; a longer chain leads nowhere.
const LINKS_MAX: usize = 40;

/// Merged files. A node names the layer and the entry that wrote it; implied directories have none.
#[derive(Default)]
pub(crate) struct Files {
    layers: Vec<Arc<LayerIndex>>,
    nodes: BTreeMap<String, Option<(usize, usize)>>,
}

impl Files {
    pub(crate) fn of(layers: &[Arc<LayerIndex>]) -> Self {
        let mut files = Self::default();
        for layer in layers {
            files.apply(layer);
        }
        files
    }

    /// Every path with its entry, ascending. The root and implied directories are left out: builders differ in them.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        let written = self.nodes.iter().filter(|(path, _)| !path.is_empty());
        written.filter_map(|(path, at)| Some((path.as_str(), self.entry(*at)?)))
    }

    /// The kept content of a file.
    pub(crate) fn content(&self, path: &str) -> Option<&[u8]> {
        let (layer, at) = (*self.nodes.get(path)?)?;
        let layer = &self.layers[layer];
        layer.kept.get(&layer.entries[at].path).map(Vec::as_slice)
    }

    /// Paths of files directly below a directory.
    pub(crate) fn files_in<'a>(&'a self, directory: &'a str) -> impl Iterator<Item = &'a str> {
        let start = format!("{directory}/");
        let below = self.nodes.range(start..);
        below
            .map(|(path, _)| path.as_str())
            .take_while(move |path| path::is_below(path, directory))
            .filter(move |path| path::parent(path) == Some(directory))
    }

    fn entry(&self, at: Option<(usize, usize)>) -> Option<&Entry> {
        at.map(|(layer, entry)| &self.layers[layer].entries[entry])
    }

    fn apply(&mut self, layer: &Arc<LayerIndex>) {
        let number = self.layers.len();
        self.layers.push(Arc::clone(layer));
        for opaque in &layer.opaques {
            let at = self.located(opaque);
            self.remove_below(&at);
        }
        for hidden in &layer.whiteouts {
            let at = self.located(hidden);
            self.remove_below(&at);
            self.nodes.remove(&at);
        }
        for (position, entry) in layer.entries.iter().enumerate() {
            let at = self.located(&entry.path);
            if entry.kind != Kind::Directory {
                self.remove_below(&at);
            }
            for above in path::ancestors(&at) {
                self.nodes.entry(above.to_owned()).or_insert(None);
            }
            let node = match &entry.kind {
                Kind::LowerHardlink(target) => {
                    let target = self.located(target);
                    self.nodes.get(&target).copied().flatten()
                }
                _ => None,
            };
            self.nodes
                .insert(at, Some(node.unwrap_or((number, position))));
        }
    }

    /// A path with its parents resolved.
    fn located(&self, written: &str) -> String {
        let (Some(parent), name) = (path::parent(written), path::name(written)) else {
            return written.to_owned();
        };
        path::join(&self.followed(parent, LINKS_MAX), name)
    }

    fn followed(&self, directory: &str, links_left: usize) -> String {
        let mut done = String::new();
        for segment in directory.split('/').filter(|segment| !segment.is_empty()) {
            let next = path::join(&done, segment);
            let entry = self.nodes.get(&next).and_then(|at| self.entry(*at));
            done = match entry.map(|entry| &entry.kind) {
                Some(Kind::Symlink(target)) if links_left > 0 => {
                    let whole = match target.strip_prefix('/') {
                        Some(absolute) => absolute.to_owned(),
                        None => format!("{done}/{target}"),
                    };
                    self.followed(&flat(&whole), links_left - 1)
                }
                _ => next,
            };
        }
        done
    }

    fn remove_below(&mut self, directory: &str) {
        let start = format!("{directory}/");
        let below: Vec<String> = self
            .nodes
            .range(start..)
            .map(|(path, _)| path.clone())
            .take_while(|path| path::is_below(path, directory))
            .collect();
        for path in below {
            self.nodes.remove(&path);
        }
    }
}

/// Without `.` and `..`; nothing leads above the root.
fn flat(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
