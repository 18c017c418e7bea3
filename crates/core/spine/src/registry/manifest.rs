//! Manifests: what must be there before one is stored, and what keeps one from going.

use super::tag::{TagRules, TagView, decide_move};
use crate::event::RegistryEvent;
use crate::rejection::Rejection;
use refloat_oci::{Digest, RepositoryName, TagName};

/// The most tags of one push (`?tag=`; the specification asks for at least ten).
pub const TAGS_PER_PUSH_MAX: usize = 100;
/// How many missing digests a rejection names.
const MISSING_NAMED_MAX: usize = 10;

/// What a push says about its manifest, parsed from its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFacts {
    /// Its digest.
    pub digest: Digest,
    /// The media type, byte for byte.
    pub media_type: String,
    /// The artifact type, if it is an artifact.
    pub artifact_type: Option<String>,
    /// What it refers to, present or not.
    pub subject: Option<Digest>,
    /// Length of the manifest itself.
    pub size_bytes: u64,
}

/// What a repository holds, as far as one push is concerned.
#[derive(Debug, Clone)]
pub struct PutView<'a> {
    /// Rules and rights.
    pub rules: TagRules<'a>,
    /// Whether these bytes are stored already.
    pub stored: bool,
    /// Blobs and children that the manifest needs and the repository does not have for this caller.
    pub missing: Vec<Digest>,
    /// The tags the push names, where they stand now.
    pub tags: Vec<TagView>,
}

/// Stores a manifest and points tags at it. The same push again decides nothing.
///
/// # Errors
/// [`Rejection::ManifestReferencesUnknown`], [`Rejection::TooLarge`] for too many tags, [`Rejection::Denied`],
/// [`Rejection::Immutable`]; then nothing of the push is done.
pub fn decide_put(
    view: &PutView<'_>,
    manifest: &ManifestFacts,
) -> Result<Vec<RegistryEvent>, Rejection> {
    if view.tags.len() > TAGS_PER_PUSH_MAX {
        return Err(Rejection::Invalid(format!(
            "a push may name at most {TAGS_PER_PUSH_MAX} tags"
        )));
    }
    if !view.missing.is_empty() {
        let mut missing = view.missing.clone();
        missing.truncate(MISSING_NAMED_MAX);
        return Err(Rejection::ManifestReferencesUnknown {
            repository: view.rules.repository.clone(),
            missing,
        });
    }
    let mut events = Vec::with_capacity(1 + view.tags.len());
    if !view.stored {
        events.push(RegistryEvent::ManifestPushed {
            repository: view.rules.repository.clone(),
            digest: manifest.digest,
            media_type: manifest.media_type.clone(),
            artifact_type: manifest.artifact_type.clone(),
            subject: manifest.subject,
            size_bytes: manifest.size_bytes,
        });
    }
    for tag in &view.tags {
        events.extend(decide_move(&view.rules, tag, manifest.digest)?);
    }
    Ok(events)
}

/// Deletes a manifest and every tag that names it.
///
/// # Errors
/// [`Rejection::InUse`] names the index that still lists it, [`Rejection::Immutable`] the tag that holds it.
pub fn decide_manifest_delete(
    rules: &TagRules<'_>,
    digest: Digest,
    tags: &[TagName],
    parents: &[Digest],
) -> Result<Vec<RegistryEvent>, Rejection> {
    if let Some(parent) = parents.first() {
        return Err(in_use("manifest", digest, *parent, rules.repository));
    }
    let mut events = Vec::with_capacity(1 + tags.len());
    for tag in tags {
        rules.mutable(tag)?;
        events.push(RegistryEvent::TagDeleted {
            repository: rules.repository.clone(),
            tag: tag.clone(),
            from: digest,
        });
    }
    events.push(RegistryEvent::ManifestDeleted {
        repository: rules.repository.clone(),
        digest,
    });
    Ok(events)
}

/// The rejection that names who still uses a thing.
pub(super) fn in_use(
    kind: &str,
    digest: Digest,
    user: Digest,
    repository: &RepositoryName,
) -> Rejection {
    Rejection::InUse(format!(
        "{kind} `{digest}` is used by manifest `{user}` of `{repository}`: delete that first"
    ))
}
