//! What every implementation of [`Images`] passes: one call in a test of its crate.
//!
//! A failed promise panics with its name. The repositories are empty at the start; a place that has one only passes it twice.

use crate::suite::{body, broken_body, drain, sample};
use crate::{ImageManifest, Images, ImagesError};
use bytes::Bytes;
use refloat_oci::{Digest, RepositoryName, TagName, TagOrDigest, media_type};
use serde_json::json;

/// Runs every case in `repository`; `other` is a second one of the same place.
///
/// # Panics
/// If a promise of the contract is broken.
pub async fn run(images: &dyn Images, repository: &RepositoryName, other: &RepositoryName) {
    let place = Subject { images, repository };
    place.what_is_not_there_is_absent().await;
    place.blobs_come_back().await;
    place.wrong_bytes_are_not_kept().await;
    place.a_manifest_follows_its_blobs().await;
    place.tags_move_and_digests_stay().await;
    place.indexes_and_subjects_are_kept().await;
    place.tags_are_listed_in_order().await;
    place.blobs_are_mounted(other).await;
}

struct Subject<'a> {
    images: &'a dyn Images,
    repository: &'a RepositoryName,
}

fn tag(text: &str) -> TagOrDigest {
    TagOrDigest::Tag(text.parse().expect("a tag of the suite"))
}

impl Subject<'_> {
    async fn put(&self, bytes: &Bytes) -> Digest {
        let digest = Digest::sha256(bytes);
        let size = bytes.len() as u64;
        self.images
            .put_blob(self.repository, &digest, size, body(bytes, 70_000))
            .await
            .expect("a blob is taken");
        digest
    }

    /// An image of a layer and a configuration of its own.
    async fn image(&self, seed: usize) -> Bytes {
        let layer = sample(1_000 + seed);
        self.put(&layer).await;
        let config = Bytes::from(format!(
            "{{\"architecture\":\"amd64\",\"os\":\"linux\",\"seed\":{seed}}}"
        ));
        self.put(&config).await;
        manifest(&config, &layer)
    }

    async fn put_manifest(&self, target: &TagOrDigest, media_type: &str, bytes: &Bytes) -> Digest {
        self.images
            .put_manifest(self.repository, target, media_type, bytes.clone())
            .await
            .expect("a manifest is taken")
    }

    async fn manifest(&self, target: &TagOrDigest) -> Option<ImageManifest> {
        let found = self.images.manifest(self.repository, target).await;
        found.expect("a manifest is asked for")
    }

    async fn what_is_not_there_is_absent(&self) {
        let digest = Digest::sha256(b"nobody has this");
        let targets = [tag("absent"), TagOrDigest::Digest(digest)];
        for target in &targets {
            let resolved = self.images.resolve(self.repository, target).await;
            assert_eq!(resolved, Ok(None), "{target} does not resolve");
            assert_eq!(self.manifest(target).await, None, "{target} is no manifest");
        }
        let blob = self.images.blob(self.repository, &digest).await;
        assert!(blob.expect("a blob is asked for").is_none(), "no such blob");
        for from in [None, Some(self.repository)] {
            let mounted = self.images.mount(self.repository, &digest, from).await;
            assert_eq!(mounted, Ok(false), "what is nowhere is not mounted");
        }
    }

    async fn blobs_come_back(&self) {
        for length in [1, 4_096, 3_000_000] {
            let bytes = sample(length);
            let digest = self.put(&bytes).await;
            assert_eq!(self.put(&bytes).await, digest, "a blob may be put again");
            let read = self.images.blob(self.repository, &digest).await;
            let read = read.expect("a blob is read").expect("the blob is there");
            assert_eq!(read.size, length as u64, "the length is told");
            let (seen, error) = drain(read.stream).await;
            assert!(error.is_none(), "{error:?}");
            assert!(seen == bytes, "the same bytes come back");
            let there = self.images.mount(self.repository, &digest, None).await;
            assert_eq!(there, Ok(true), "what is there needs no bytes");
        }
    }

    async fn wrong_bytes_are_not_kept(&self) {
        let bytes = sample(50_000);
        let digest = Digest::sha256(b"other bytes");
        let put = self
            .images
            .put_blob(self.repository, &digest, 50_000, body(&bytes, 9_000));
        assert!(put.await.is_err(), "bytes with another digest are refused");
        let broken = sample(60_000);
        let broken_digest = Digest::sha256(&broken);
        let put = self.images.put_blob(
            self.repository,
            &broken_digest,
            60_000,
            broken_body(&broken.slice(..30_000)),
        );
        assert!(put.await.is_err(), "a body that breaks off is no blob");
        for digest in [digest, broken_digest] {
            let there = self.images.mount(self.repository, &digest, None).await;
            assert_eq!(there, Ok(false), "nothing of it is there");
        }
    }

    async fn a_manifest_follows_its_blobs(&self) {
        let early = manifest(&sample(77), &sample(78));
        let target = tag("early");
        let put =
            self.images
                .put_manifest(self.repository, &target, media_type::OCI_MANIFEST, early);
        let refused = put.await;
        assert!(
            matches!(
                refused,
                Err(ImagesError::Refused(_) | ImagesError::NotPermitted(_))
            ),
            "a manifest without its blobs is refused: {refused:?}"
        );
        let bytes = self.image(1).await;
        let wrong = TagOrDigest::Digest(Digest::sha256(b"another manifest"));
        let put =
            self.images
                .put_manifest(self.repository, &wrong, media_type::OCI_MANIFEST, bytes);
        assert!(
            put.await.is_err(),
            "a manifest has the digest it is put under"
        );
        assert_eq!(self.manifest(&tag("early")).await, None, "nothing moved");
    }

    async fn tags_move_and_digests_stay(&self) {
        let (first, second) = (self.image(2).await, self.image(3).await);
        let (one, two) = (Digest::sha256(&first), Digest::sha256(&second));
        let kind = media_type::OCI_MANIFEST;
        let moving = tag("moving");
        assert_eq!(self.put_manifest(&moving, kind, &first).await, one);
        let by_digest = TagOrDigest::Digest(two);
        assert_eq!(self.put_manifest(&by_digest, kind, &second).await, two);
        let now = self.images.resolve(self.repository, &moving).await;
        let now = now.expect("a tag is resolved").expect("the tag is there");
        assert_eq!(now.digest, one, "a put by digest moves no tag");
        assert_eq!(
            (now.media_type.as_str(), now.size),
            (kind, first.len() as u64)
        );
        self.put_manifest(&moving, kind, &second).await;
        self.put_manifest(&moving, kind, &second).await;
        for (target, digest, bytes) in [
            (moving, two, &second),
            (by_digest, two, &second),
            (TagOrDigest::Digest(one), one, &first),
        ] {
            let expected = ImageManifest {
                digest,
                media_type: kind.to_owned(),
                bytes: bytes.clone(),
            };
            assert_eq!(self.manifest(&target).await, Some(expected), "{target}");
        }
    }

    async fn indexes_and_subjects_are_kept(&self) {
        let image = self.image(4).await;
        let digest = Digest::sha256(&image);
        let child = json!({ "mediaType": media_type::OCI_MANIFEST, "digest": digest, "size": image.len(),
            "platform": { "os": "linux", "architecture": "amd64" } });
        self.put_manifest(
            &TagOrDigest::Digest(digest),
            media_type::OCI_MANIFEST,
            &image,
        )
        .await;
        let index =
            json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [child] });
        let index = Bytes::from(index.to_string());
        self.put_manifest(&tag("index"), media_type::OCI_INDEX, &index)
            .await;
        let read = self
            .manifest(&tag("index"))
            .await
            .expect("the index is there");
        assert_eq!(
            (read.media_type.as_str(), read.bytes),
            (media_type::OCI_INDEX, index)
        );

        let empty = Bytes::from_static(b"{}");
        self.put(&empty).await;
        let blob = json!({ "mediaType": media_type::OCI_EMPTY, "digest": Digest::sha256(&empty), "size": 2 });
        for kind in ["application/vnd.example.one", "application/vnd.example.two"] {
            let note = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": kind,
                "config": blob, "layers": [blob], "subject":
                { "mediaType": media_type::OCI_MANIFEST, "digest": digest, "size": image.len() } });
            let note = Bytes::from(note.to_string());
            let target = TagOrDigest::Digest(Digest::sha256(&note));
            for _ in 0..2 {
                self.put_manifest(&target, media_type::OCI_MANIFEST, &note)
                    .await;
            }
            let read = self.manifest(&target).await.expect("the referrer is there");
            assert_eq!(read.bytes, note, "a referrer keeps its bytes");
        }
    }

    async fn tags_are_listed_in_order(&self) {
        let image = self.image(5).await;
        let names: [&str; 4] = ["t-1", "t-10", "t-2", "t.1"];
        for name in ["t-2", "t.1", "t-10", "t-1"] {
            self.put_manifest(&tag(name), media_type::OCI_MANIFEST, &image)
                .await;
        }
        let mut seen: Vec<TagName> = Vec::new();
        loop {
            let page = self.images.tags(self.repository, seen.last(), 3).await;
            let page = page.expect("tags are listed");
            assert!(page.len() <= 3, "a page has its limit");
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        assert!(
            seen.is_sorted_by(|one, two| one < two),
            "ascending, each once: {seen:?}"
        );
        let ours: Vec<&str> = seen
            .iter()
            .map(TagName::as_str)
            .filter(|name| name.starts_with("t-") || name.starts_with("t."))
            .collect();
        assert_eq!(ours, names);
    }

    async fn blobs_are_mounted(&self, other: &RepositoryName) {
        let bytes = sample(12_345);
        let digest = self.put(&bytes).await;
        let mounted = self
            .images
            .mount(other, &digest, Some(self.repository))
            .await;
        if mounted.expect("a mount is asked for") {
            let read = self
                .images
                .blob(other, &digest)
                .await
                .expect("a blob is read");
            let (seen, error) = drain(read.expect("what is mounted is there").stream).await;
            assert!(
                error.is_none() && seen == bytes,
                "a mounted blob is the same"
            );
        }
    }
}

fn manifest(config: &Bytes, layer: &Bytes) -> Bytes {
    let descriptor = |kind: &str, bytes: &Bytes| json!({ "mediaType": kind, "digest": Digest::sha256(bytes), "size": bytes.len() });
    let document = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": descriptor(media_type::OCI_CONFIG, config),
        "layers": [descriptor(media_type::OCI_LAYER_GZIP, layer)],
    });
    Bytes::from(document.to_string())
}
