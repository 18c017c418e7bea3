//! What a registry does, for every face: the struct that carries the use cases of `receive`, `read`, `tags`.

use crate::executors::Tasks;
use crate::read::{Cache, ManifestBody};
use crate::receive::Leases;
use crate::upkeep::Progress;
use refloat_core::Principal;
use refloat_oci::Digest;
use refloat_oci::reference::TagOrDigest;
use refloat_ports::Blobs;
use refloat_store::Store;
pub use refloat_store::access::Because;
use refloat_store::collect::CollectPolicy;
use refloat_store::registry::StoredBlob;
use refloat_store::uploads::INLINE_MAX_BYTES;
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
    /// Why, where records of the log led to it.
    pub because: Because,
}

impl Caller {
    /// The server itself, for its jobs.
    pub fn system() -> Self {
        Self {
            principal: Principal::system(),
            address: None,
            user_agent: None,
            request_id: String::new(),
            because: Because::default(),
        }
    }

    /// Personal data of the request as JSON; kept apart from the record, so that it can be erased.
    pub fn personal(&self) -> Option<String> {
        if self.address.is_none() && self.user_agent.is_none() {
            return None;
        }
        let personal =
            serde_json::json!({ "address": self.address, "user_agent": self.user_agent });
        Some(personal.to_string())
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
    /// The most bytes of manifests and small blobs kept in memory.
    pub cache_bytes_max: u64,
    /// How long things that nothing uses stay.
    pub collect: CollectPolicy,
    /// How long the scrub may leave a blob unread, in seconds.
    pub scrub_interval_seconds: i64,
    /// How fast the scrub reads, in bytes per second.
    pub scrub_bytes_per_second: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest_bytes_max: 4 * 1024 * 1024,
            blob_bytes_max: 256 * 1024 * 1024 * 1024,
            inline_bytes_max: INLINE_MAX_BYTES,
            cache_bytes_max: 32 * 1024 * 1024,
            collect: CollectPolicy::default(),
            scrub_interval_seconds: 7 * 24 * 3600,
            scrub_bytes_per_second: 64 * 1024 * 1024,
        }
    }
}

/// The use cases of a registry. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    blobs: Arc<dyn Blobs>,
    limits: Limits,
    tasks: Tasks,
    leases: Leases,
    /// What this process is called in leases of rows; never used again.
    owner: String,
    progress: Progress,
    manifests: Cache<TagOrDigest, ManifestBody>,
    places: Cache<Digest, Arc<StoredBlob>>,
}

impl Registry {
    /// A registry over these rows and bytes.
    pub fn new(store: Store, blobs: Arc<dyn Blobs>, limits: Limits) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                blobs,
                tasks: Tasks::new(),
                leases: Leases::default(),
                owner: ulid::Ulid::new().to_string(),
                progress: Progress::default(),
                manifests: Cache::new(limits.cache_bytes_max / 4 * 3),
                places: Cache::new(limits.cache_bytes_max / 4),
                limits,
            }),
        }
    }

    /// The bounds it keeps.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn blobs(&self) -> &Arc<dyn Blobs> {
        &self.inner.blobs
    }

    /// The runtime of its durable work and its executors; stop it before the process ends.
    pub fn tasks(&self) -> &Tasks {
        &self.inner.tasks
    }

    pub(crate) fn owner(&self) -> &str {
        &self.inner.owner
    }

    pub(crate) fn progress(&self) -> &Progress {
        &self.inner.progress
    }

    pub(crate) fn leases(&self) -> &Leases {
        &self.inner.leases
    }

    pub(crate) fn manifests(&self) -> &Cache<TagOrDigest, ManifestBody> {
        &self.inner.manifests
    }

    pub(crate) fn places(&self) -> &Cache<Digest, Arc<StoredBlob>> {
        &self.inner.places
    }
}
