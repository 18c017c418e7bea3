//! Where the result comes from, as a referrer: an in-toto statement with SLSA provenance, and the verdict it rests on.
//!
//! Materials are the image, its old base and the new one, by digest (slsa.dev/provenance/v1, `resolvedDependencies`).
//! Deterministic, without times: the same rebase has the same provenance.

use crate::error::ImageError;
use crate::rebase::copy;
use crate::rebase::judge::Judged;
use bytes::Bytes;
use refloat_oci::{Digest, TagOrDigest, media_type};
use refloat_ports::Place;
use serde_json::{Value, json};

/// The type of an in-toto statement, as artifact and as layer.
const IN_TOTO: &str = "application/vnd.in-toto+json";
/// The type of a verdict.
const VERDICT: &str = "application/vnd.refloat.verdict.v1+json";
/// What SLSA calls its predicate.
const PREDICATE: &str = "https://slsa.dev/provenance/v1";
/// What is done here, in the statement's words.
const BUILD_TYPE: &str = "urn:refloat:build-type:rebase:v1";

/// What the provenance is about.
pub(super) struct Subject {
    pub(super) digest: Digest,
    pub(super) size: usize,
    pub(super) media_type: String,
}

/// The provenance of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// The referrer's manifest.
    pub provenance: Digest,
    /// The verdict's blob.
    pub verdict: Digest,
}

/// Writes the provenance beside the result.
pub(super) async fn seal(
    judged: &Judged,
    subject: &Subject,
    to: &Place,
) -> Result<Sealed, ImageError> {
    let verdict = Bytes::from(judged.verdict_json().to_string());
    let verdict_digest = copy::bytes(&verdict, to).await?;
    let statement = Bytes::from(statement(judged, subject, &verdict_digest).to_string());
    let statement_digest = copy::bytes(&statement, to).await?;
    let empty = Bytes::from_static(b"{}");
    let empty_digest = copy::bytes(&empty, to).await?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "artifactType": IN_TOTO,
        "config": { "mediaType": media_type::OCI_EMPTY, "digest": empty_digest, "size": 2 },
        "layers": [
            { "mediaType": IN_TOTO, "digest": statement_digest, "size": statement.len(),
              "annotations": { "in-toto.io/predicate-type": PREDICATE } },
            { "mediaType": VERDICT, "digest": verdict_digest, "size": verdict.len() },
        ],
        "subject": { "mediaType": subject.media_type, "digest": subject.digest, "size": subject.size },
        "annotations": { "in-toto.io/predicate-type": PREDICATE },
    });
    let manifest = Bytes::from(manifest.to_string());
    let target = TagOrDigest::Digest(Digest::sha256(&manifest));
    let provenance = to
        .images
        .put_manifest(&to.repository, &target, media_type::OCI_MANIFEST, manifest)
        .await?;
    Ok(Sealed {
        provenance,
        verdict: verdict_digest,
    })
}

fn statement(judged: &Judged, subject: &Subject, verdict: &Digest) -> Value {
    let mut materials = vec![material(
        "image",
        &judged.image.pinned(),
        &judged.image.root.digest,
    )];
    let mut seen: Vec<Digest> = Vec::new();
    for platform in &judged.platforms {
        if let Some(base) = &platform.base
            && !seen.contains(&base.tree.root.digest)
        {
            seen.push(base.tree.root.digest);
            materials.push(material(
                "old-base",
                &base.tree.pinned(),
                &base.tree.root.digest,
            ));
        }
    }
    materials.push(material(
        "new-base",
        &judged.onto.pinned(),
        &judged.onto.root.digest,
    ));
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": subject.digest.to_string(), "digest": hashes(&subject.digest) }],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": { "image": judged.image.place.written, "onto": judged.onto.place.written },
                "internalParameters": { "verdict": hashes(verdict) },
                "resolvedDependencies": materials,
            },
            "runDetails": {
                "builder": { "id": "urn:refloat:rebase", "version": { "refloat": env!("CARGO_PKG_VERSION") } },
                "byproducts": [{ "name": "verdict", "mediaType": VERDICT, "digest": hashes(verdict) }],
            },
        },
    })
}

fn material(name: &str, uri: &str, digest: &Digest) -> Value {
    json!({ "name": name, "uri": uri, "digest": hashes(digest) })
}

/// `{"sha256":"HEX"}`
fn hashes(digest: &Digest) -> Value {
    let text = digest.to_string();
    let (algorithm, hex) = text.split_once(':').unwrap_or_default();
    json!({ algorithm: hex })
}
