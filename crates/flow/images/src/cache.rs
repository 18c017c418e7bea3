//! Where indexes of layers are kept: made once per blob, used by every image that has the layer.

use futures_util::future::BoxFuture;
use refloat_layer::LayerIndex;
use refloat_oci::Digest;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Indexes by the blob's digest: what a configuration claims as DiffID is checked against the index each time, so that a
/// configuration that lies finds nothing. Losing entries costs time only; errors are the implementation's to log.
pub trait IndexCache: Send + Sync {
    /// The index of a blob.
    fn get<'a>(&'a self, blob: &'a Digest) -> BoxFuture<'a, Option<Arc<LayerIndex>>>;

    /// Keeps the index of a blob.
    fn put<'a>(&'a self, blob: &'a Digest, index: &'a Arc<LayerIndex>) -> BoxFuture<'a, ()>;
}

/// Indexes in memory.
#[derive(Default)]
pub struct MemoryCache {
    kept: Mutex<BTreeMap<Digest, Arc<LayerIndex>>>,
}

impl MemoryCache {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

impl IndexCache for MemoryCache {
    fn get<'a>(&'a self, blob: &'a Digest) -> BoxFuture<'a, Option<Arc<LayerIndex>>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(blob).cloned();
        Box::pin(async move { found })
    }

    fn put<'a>(&'a self, blob: &'a Digest, index: &'a Arc<LayerIndex>) -> BoxFuture<'a, ()> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(*blob, Arc::clone(index));
        Box::pin(async {})
    }
}
