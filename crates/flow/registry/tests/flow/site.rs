//! A registry in a folder, and what tests do with it.

use bytes::Bytes;
use futures_util::StreamExt;
use refloat_core::Principal;
use refloat_files::LocalBlobs;
use refloat_flow::upkeep::Counts;
use refloat_flow::{Caller, FlowError, Limits, PutDone, PutManifest, Registry};
use refloat_oci::reference::TagOrDigest;
use refloat_oci::{Digest, RepositoryName};
use refloat_ports::ByteStream;
use refloat_ports::suite::body;
use refloat_store::collect::CollectPolicy;
use refloat_store::{Store, StoreOptions};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A data folder.
pub struct Site {
    rows: tempfile::TempDir,
    blobs: PathBuf,
    limits: Limits,
}

impl Site {
    pub fn new() -> Self {
        let rows = tempfile::tempdir().expect("a folder");
        Self {
            blobs: rows.path().to_owned(),
            rows,
            limits: Limits::default(),
        }
    }

    /// Bytes in another place than rows.
    pub fn with_blobs(blobs: &Path) -> Self {
        Self {
            blobs: blobs.to_owned(),
            ..Self::new()
        }
    }

    /// Nothing that is unused is kept.
    pub fn without_grace(mut self) -> Self {
        self.limits.collect = CollectPolicy {
            grace_seconds: 0,
            referrer_grace_seconds: 0,
            read_seconds: 0,
        };
        self
    }

    /// A process on this folder. Give the one before up with [`close`] first.
    pub async fn open(&self) -> Process {
        let options = StoreOptions::Sqlite {
            folder: self.rows.path().to_owned(),
        };
        let store = Store::open(options).await.expect("the store opens");
        let blobs = LocalBlobs::open(&self.blobs).expect("the blobs open");
        Process {
            registry: Registry::new(store.clone(), Arc::new(blobs), self.limits.clone()),
            store,
        }
    }

    /// How many uploads have a file.
    pub fn uploads(&self) -> usize {
        let folder = std::fs::read_dir(self.blobs.join("uploads"));
        folder.expect("the folder").count()
    }

    /// Every file of a finished blob.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for folder in std::fs::read_dir(self.blobs.join("blobs")).expect("the folder") {
            let folder = folder.expect("an entry").path();
            files.extend(
                std::fs::read_dir(folder)
                    .expect("the folder")
                    .map(|entry| entry.expect("an entry").path()),
            );
        }
        files
    }
}

/// A registry, and the store below for tests that look there.
pub struct Process {
    pub registry: Registry,
    pub store: Store,
}

impl Deref for Process {
    type Target = Registry;

    fn deref(&self) -> &Registry {
        &self.registry
    }
}

impl Process {
    /// Collects everything that is due by the site's policy.
    pub async fn collect_all(&self) -> Counts {
        let stop = self.tasks().stop_signal();
        let policy = self.limits().collect;
        self.collect(policy, &stop, |_| {})
            .await
            .expect("collected")
    }
}

/// Ends a process in order.
pub async fn close(process: Process) {
    assert!(
        process.tasks().stop(Duration::from_secs(30)).await,
        "all tasks end"
    );
}

pub fn caller() -> Caller {
    Caller {
        principal: Principal::system(),
        ..Caller::system()
    }
}

pub fn name(text: &str) -> RepositoryName {
    text.parse().expect("a name")
}

pub fn reference(text: &str) -> TagOrDigest {
    text.parse().expect("a reference")
}

pub fn empty() -> ByteStream {
    Box::pin(futures_util::stream::empty())
}

pub async fn push_blob(registry: &Registry, repository: &RepositoryName, bytes: &Bytes) -> Digest {
    let digest = Digest::sha256(bytes);
    let length = Some(bytes.len() as u64);
    registry
        .put_blob(&caller(), repository, length, body(bytes, 65_536), digest)
        .await
        .expect("a blob")
}

/// The whole blob; `None` if the stream broke off.
pub async fn pull_blob(
    registry: &Registry,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Option<Vec<u8>>, FlowError> {
    let mut blob = registry
        .open_blob(&caller(), repository, digest, None)
        .await?;
    let mut bytes = Vec::new();
    while let Some(part) = blob.stream.next().await {
        match part {
            Ok(part) => bytes.extend_from_slice(&part),
            Err(_) => return Ok(None),
        }
    }
    assert_eq!(
        bytes.len() as u64,
        blob.length,
        "a stream without error has its length"
    );
    Ok(Some(bytes))
}

/// Whether the blob comes back whole and right.
pub async fn pulls(
    registry: &Registry,
    repository: &RepositoryName,
    digest: &Digest,
    bytes: &Bytes,
) -> bool {
    matches!(pull_blob(registry, repository, digest).await, Ok(Some(read)) if read == *bytes)
}

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An image manifest over blobs that are there.
pub fn image(config: &Bytes, layers: &[&Bytes]) -> Bytes {
    let descriptor = |media_type: &str, bytes: &Bytes| serde_json::json!({ "mediaType": media_type, "digest": Digest::sha256(bytes).to_string(), "size": bytes.len() });
    let layers: Vec<_> = layers
        .iter()
        .map(|bytes| descriptor("application/vnd.oci.image.layer.v1.tar", bytes))
        .collect();
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": layers,
    });
    serde_json::to_vec(&manifest).expect("plain data").into()
}

pub async fn push_manifest(
    registry: &Registry,
    repository: &RepositoryName,
    reference: TagOrDigest,
    bytes: &Bytes,
) -> Result<PutDone, FlowError> {
    let put = PutManifest {
        reference,
        tags: Vec::new(),
        content_type: Some(MANIFEST.to_owned()),
        bytes: bytes.clone(),
    };
    registry.put_manifest(&caller(), repository, put).await
}

impl Site {
    /// Whether any upload has bytes in its file.
    pub fn uploads_have_bytes(&self) -> bool {
        let folder = std::fs::read_dir(self.blobs.join("uploads")).expect("the folder");
        folder
            .flatten()
            .any(|entry| entry.metadata().is_ok_and(|metadata| metadata.len() > 0))
    }
}
