//! What a registry does, for every face: the struct that carries the use cases of `receive`, `read`, `tags`.

use refloat_core::Principal;
use refloat_ports::Blobs;
use refloat_store::Store;
use std::sync::Arc;

/// Who asks, and what the log may keep about them as personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub principal: Principal,
    /// The address the request came from.
    pub address: Option<String>,
    /// The program that sent it.
    pub user_agent: Option<String>,
    /// The id of the request, as logs have it.
    pub request_id: String,
}

impl Caller {
    /// The server itself, for its jobs.
    pub fn system() -> Self {
        Self {
            principal: Principal::system(),
            address: None,
            user_agent: None,
            request_id: String::new(),
        }
    }
}

/// The bounds of what a registry takes and keeps. The default is what is served without configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The longest manifest in bytes (distribution-spec: at least 4 MiB).
    pub manifest_bytes_max: u64,
    /// The longest blob in bytes.
    pub blob_bytes_max: u64,
    /// The longest blob that is kept in its row instead of a file, in bytes.
    pub inline_bytes_max: u64,
    /// The most bytes of manifests kept in memory.
    pub cache_bytes_max: u64,
    /// How long an upload may rest before it is given up, in seconds.
    pub upload_idle_seconds: i64,
    /// How long bytes that nothing uses are kept, in seconds.
    pub gc_grace_seconds: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest_bytes_max: 4 * 1024 * 1024,
            blob_bytes_max: 256 * 1024 * 1024 * 1024,
            inline_bytes_max: 64 * 1024,
            cache_bytes_max: 32 * 1024 * 1024,
            upload_idle_seconds: 24 * 3600,
            gc_grace_seconds: 24 * 3600,
        }
    }
}

/// The use cases of a registry. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Registry {
    #[expect(dead_code, reason = "the bodies of the use cases follow")]
    inner: Arc<Inner>,
}

#[expect(dead_code, reason = "the bodies of the use cases follow")]
struct Inner {
    store: Store,
    blobs: Arc<dyn Blobs>,
    limits: Limits,
}

impl Registry {
    /// A registry over these rows and bytes.
    pub fn new(store: Store, blobs: Arc<dyn Blobs>, limits: Limits) -> Self {
        Self {
            inner: Arc::new(Inner { store, blobs, limits }),
        }
    }
}
