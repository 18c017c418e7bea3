//! Indexes of layers in the user's cache folder: `refloat/layers-VERSION/sha256/HEX`. Losing it costs time only.

use futures_util::future::BoxFuture;
use refloat_images::IndexCache;
use refloat_layer::{FORMAT_VERSION, LayerIndex};
use refloat_oci::Digest;
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Indexes in a folder, and those of this call in memory.
pub(crate) struct FolderCache {
    /// `None` if there is no home to keep them in.
    folder: Option<PathBuf>,
    seen: Mutex<BTreeMap<Digest, Arc<LayerIndex>>>,
}

impl FolderCache {
    /// The cache of this user: `XDG_CACHE_HOME`, otherwise `~/.cache`.
    pub(crate) fn of_user() -> Self {
        let variable = |name| std::env::var_os(name).filter(|text| !text.is_empty());
        let home = || Some(PathBuf::from(variable("HOME")?).join(".cache"));
        let root = variable("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
        Self {
            folder: root.map(|root| root.join(format!("refloat/layers-{FORMAT_VERSION}"))),
            seen: Mutex::default(),
        }
    }

    fn path(&self, blob: &Digest) -> Option<PathBuf> {
        let text = blob.to_string();
        let (algorithm, hex) = text.split_once(':')?;
        Some(self.folder.as_ref()?.join(algorithm).join(hex))
    }

    fn remember(&self, blob: &Digest, index: &Arc<LayerIndex>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(*blob, Arc::clone(index));
    }
}

impl IndexCache for FolderCache {
    fn get<'a>(&'a self, blob: &'a Digest) -> BoxFuture<'a, Option<Arc<LayerIndex>>> {
        Box::pin(async move {
            let known = {
                let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.get(blob).cloned()
            };
            if known.is_some() {
                return known;
            }
            let path = self.path(blob)?;
            let read = tokio::task::spawn_blocking(move || {
                let bytes = std::fs::read(path).ok()?;
                // What cannot be read was written by another version, or cut off: it is made again.
                LayerIndex::from_bytes(&bytes).ok()
            });
            let index = Arc::new(read.await.ok()??);
            self.remember(blob, &index);
            Some(index)
        })
    }

    fn put<'a>(&'a self, blob: &'a Digest, index: &'a Arc<LayerIndex>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            self.remember(blob, index);
            let Some(path) = self.path(blob) else { return };
            let index = Arc::clone(index);
            let kept = tokio::task::spawn_blocking(move || keep(&path, &index.to_bytes()));
            if let Ok(Err(error)) = kept.await {
                tracing::debug!(%error, "an index is not kept");
            }
        })
    }
}

/// Writes beside the file and renames: whoever reads has a whole index or none.
fn keep(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    std::fs::write(&draft, bytes)?;
    std::fs::rename(&draft, path)
}
