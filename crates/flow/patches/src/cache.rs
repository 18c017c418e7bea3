//! Indexes of layers in memory, as many as fit; what was used longest ago goes first.

use futures_util::future::BoxFuture;
use refloat_images::IndexCache;
use refloat_layer::LayerIndex;
use refloat_oci::Digest;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Paths in all indexes together: of the order of 100 bytes each.
const PATHS_MAX: usize = 1_500_000;

/// A bounded cache.
#[derive(Default)]
pub struct BoundedCache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    indexes: BTreeMap<Digest, (u64, Arc<LayerIndex>)>,
    paths: usize,
    clock: u64,
}

impl BoundedCache {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Kept {
    fn take(&mut self, blob: &Digest) -> Option<Arc<LayerIndex>> {
        self.clock += 1;
        let clock = self.clock;
        let (used, index) = self.indexes.get_mut(blob)?;
        *used = clock;
        Some(Arc::clone(index))
    }

    fn keep(&mut self, blob: Digest, index: Arc<LayerIndex>) {
        self.clock += 1;
        self.paths += index.entries.len() + 1;
        if let Some((_, old)) = self.indexes.insert(blob, (self.clock, index)) {
            self.paths -= old.entries.len() + 1;
        }
        while self.paths > PATHS_MAX && self.indexes.len() > 1 {
            let oldest = self.indexes.iter().min_by_key(|(_, (used, _))| *used);
            let Some(oldest) = oldest.map(|(blob, _)| *blob) else {
                return;
            };
            if let Some((_, gone)) = self.indexes.remove(&oldest) {
                self.paths -= gone.entries.len() + 1;
            }
        }
    }
}

impl IndexCache for BoundedCache {
    fn get<'a>(&'a self, blob: &'a Digest) -> BoxFuture<'a, Option<Arc<LayerIndex>>> {
        let found = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(blob);
        Box::pin(async move { found })
    }

    fn put<'a>(&'a self, blob: &'a Digest, index: &'a Arc<LayerIndex>) -> BoxFuture<'a, ()> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keep(*blob, Arc::clone(index));
        Box::pin(async {})
    }
}
