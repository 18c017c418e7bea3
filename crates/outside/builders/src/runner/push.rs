//! The third step: from the candidate on disk to its registry, by digest; then, perhaps, a tag.

use super::{Ended, Push, Runner};
use crate::folder::StoredBuild;
use bytes::Bytes;
use futures_util::stream;
use refloat_oci::{Digest, ManifestView, Reference, TagOrDigest};
use refloat_ports::{ByteStream, Images};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How much of a blob is in memory.
const PART_BYTES: usize = 256 * 1024;
/// How many bases are asked for a blob.
const MOUNTS_MAX: usize = 4;

impl Runner {
    fn registry(&self, push: &Push, destination: &Reference) -> Result<Arc<dyn Images>, Ended> {
        let login = self.login(&destination.registry);
        let shown = login.map(|login| (login.username.clone(), login.password.clone()));
        push(&destination.registry, shown).map_err(Ended::Failed)
    }

    pub(super) fn push(
        &mut self,
        build: &StoredBuild,
        push: &Push,
        destination: &Reference,
        digest: Digest,
    ) -> Result<(), Ended> {
        self.say(&format!(
            "push to {}/{}@{digest}",
            destination.registry, destination.repository
        ));
        let candidate = self.work("candidate");
        let bytes = fs::read(manifest_path(&candidate, digest))?;
        if Digest::of(digest.algorithm(), &bytes) != digest {
            return Err(Ended::Failed(
                "the candidate's manifest is damaged".to_owned(),
            ));
        }
        let view =
            ManifestView::parse(&bytes, None).map_err(|error| Ended::Failed(error.to_string()))?;
        let media_type = view.media_type.clone();
        let blobs = view.blobs;
        let work = async {
            let images = self.registry(push, destination)?;
            for blob in &blobs {
                if is_there(build, &*images, destination, &blob.digest).await? {
                    continue;
                }
                let path = blob_path(&candidate, blob.digest);
                let stream = file_stream(&path)?;
                let sent =
                    images.put_blob(&destination.repository, &blob.digest, blob.size, stream);
                sent.await.map_err(failed)?;
            }
            let target = TagOrDigest::Digest(digest);
            let put = images.put_manifest(
                &destination.repository,
                &target,
                &media_type,
                Bytes::from(bytes),
            );
            put.await.map_err(failed)?;
            Ok(())
        };
        self.in_time(work)
    }

    pub(super) fn tag(
        &mut self,
        push: &Push,
        destination: &Reference,
        digest: Digest,
    ) -> Result<(), Ended> {
        let Some(tag) = &destination.tag else {
            return Ok(());
        };
        let bytes = fs::read(manifest_path(&self.work("candidate"), digest))?;
        let view =
            ManifestView::parse(&bytes, None).map_err(|error| Ended::Failed(error.to_string()))?;
        let media_type = view.media_type.clone();
        let work = async {
            let images = self.registry(push, destination)?;
            let target = TagOrDigest::Tag(tag.clone());
            let put = images.put_manifest(
                &destination.repository,
                &target,
                &media_type,
                Bytes::from(bytes),
            );
            put.await.map_err(failed)?;
            Ok(())
        };
        self.in_time(work)
    }

    /// Runs asynchronous work to its end, or until the run must not go on.
    fn in_time(&self, work: impl Future<Output = Result<(), Ended>>) -> Result<(), Ended> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let stopped = async {
            loop {
                if let Some(why) = self.stop() {
                    return why;
                }
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        runtime.block_on(async {
            tokio::select! {
                done = work => done,
                why = stopped => Err(why),
            }
        })
    }
}

/// Whether a blob need not be sent: the repository has it, or that of a base beside it does.
async fn is_there(
    build: &StoredBuild,
    images: &dyn Images,
    destination: &Reference,
    digest: &Digest,
) -> Result<bool, Ended> {
    let repository = &destination.repository;
    if images
        .mount(repository, digest, None)
        .await
        .map_err(failed)?
    {
        return Ok(true);
    }
    let beside = |text: &String| {
        let base = Reference::parse(text, None).ok()?;
        (base.registry == destination.registry).then_some(base.repository)
    };
    let mut bases: Vec<_> = build.bases.values().filter_map(beside).collect();
    bases.sort();
    bases.dedup();
    for base in bases.iter().take(MOUNTS_MAX) {
        if images
            .mount(repository, digest, Some(base))
            .await
            .map_err(failed)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn failed(error: refloat_ports::ImagesError) -> Ended {
    match error {
        refloat_ports::ImagesError::Failed(refloat_core::Failure::Transient(text)) => {
            Ended::Later(text)
        }
        other => Ended::Failed(other.to_string()),
    }
}

/// A manifest in a layout, or in the folder form that keeps docker's format.
fn manifest_path(candidate: &Path, digest: Digest) -> PathBuf {
    let folder = candidate.join("manifest.json");
    if folder.exists() {
        folder
    } else {
        blob_path(candidate, digest)
    }
}

fn blob_path(candidate: &Path, digest: Digest) -> PathBuf {
    let text = digest.to_string();
    let (algorithm, hash) = text.split_once(':').unwrap_or(("sha256", &text));
    let layout = candidate.join("blobs").join(algorithm).join(hash);
    if layout.exists() {
        layout
    } else {
        candidate.join(hash)
    }
}

fn file_stream(path: &Path) -> Result<ByteStream, Ended> {
    let file = fs::File::open(path)?;
    let parts = stream::unfold(Some(file), |file| async {
        let mut file = file?;
        let mut part = vec![0; PART_BYTES];
        match file.read(&mut part) {
            Ok(0) => None,
            Ok(length) => {
                part.truncate(length);
                Some((Ok::<_, io::Error>(Bytes::from(part)), Some(file)))
            }
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(Box::pin(parts))
}
