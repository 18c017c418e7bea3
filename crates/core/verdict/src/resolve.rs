//! Links, as a kernel would follow them inside the tree.

use crate::tree::Tree;
use refloat_layer::{Entry, Kind, path};

/// Links that are followed before it counts as a loop (path_resolution(7)).
const LINKS_MAX: usize = 40;

impl Tree {
    /// The path behind all links; `None` if there is nothing, or a loop. Takes `/a/b` and `a/b`; relative paths are
    /// from the root.
    pub fn resolve(&self, wanted: &str) -> Option<String> {
        let mut links = 0;
        let mut at = String::new();
        let mut rest: Vec<String> = segments(wanted);
        while let Some(segment) = rest.pop() {
            if segment == ".." {
                at.truncate(path::parent(&at).unwrap_or_default().len());
                continue;
            }
            let next = path::join(&at, &segment);
            match &self.get(&next)?.kind {
                Kind::Symlink(target) => {
                    links += 1;
                    if links > LINKS_MAX {
                        return None;
                    }
                    if target.starts_with('/') {
                        at = String::new();
                    }
                    rest.extend(segments(target));
                }
                Kind::Directory => at = next,
                _ if rest.is_empty() => at = next,
                _ => return None,
            }
        }
        Some(at)
    }

    /// What is behind all links.
    pub fn follow(&self, wanted: &str) -> Option<(String, &Entry)> {
        let resolved = self.resolve(wanted)?;
        let entry = self.get(&resolved)?;
        Some((resolved, entry))
    }

    /// The content's hash of the file behind all links.
    pub fn hash_of(&self, wanted: &str) -> Option<[u8; 32]> {
        match self.follow(wanted)?.1.kind {
            Kind::File { hash, .. } => Some(hash),
            _ => None,
        }
    }
}

/// Segments in reverse, ready to be popped.
fn segments(of: &str) -> Vec<String> {
    of.split('/')
        .filter(|segment| !segment.is_empty() && *segment != ".")
        .map(str::to_owned)
        .rev()
        .collect()
}
