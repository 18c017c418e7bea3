//! The registry's family: repositories, manifests, tags, uploads.

use crate::id::ProjectId;
use refloat_oci::{Digest, RepositoryName, TagName};
use serde::{Deserialize, Serialize};

/// What happens to what a registry holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistryEvent {
    /// A repository came to be, by the first upload or manifest under its name.
    #[serde(rename = "repository.created")]
    RepositoryCreated {
        /// Its name.
        repository: RepositoryName,
    },
    /// A repository belongs to another project, because prefixes changed.
    #[serde(rename = "repository.moved")]
    RepositoryMoved {
        /// Its name.
        repository: RepositoryName,
        /// The project it belonged to.
        from: ProjectId,
        /// The project it belongs to now.
        to: ProjectId,
    },
    /// A manifest or index is stored and can be pulled by its digest, unless it is quarantined.
    #[serde(rename = "manifest.pushed")]
    ManifestPushed {
        /// Where.
        repository: RepositoryName,
        /// Which.
        digest: Digest,
        /// The stored media type, byte for byte.
        media_type: String,
        /// The artifact type, if it is an artifact.
        artifact_type: Option<String>,
        /// What it refers to, present or not.
        subject: Option<Digest>,
        /// Length of the manifest itself.
        size_bytes: u64,
    },
    /// A manifest is gone.
    #[serde(rename = "manifest.deleted")]
    ManifestDeleted {
        /// Where.
        repository: RepositoryName,
        /// Which.
        digest: Digest,
    },
    /// A tag names a digest now.
    #[serde(rename = "tag.moved")]
    TagMoved {
        /// Where.
        repository: RepositoryName,
        /// The tag.
        tag: TagName,
        /// What it named before; `None` if it did not exist.
        from: Option<Digest>,
        /// What it names now.
        to: Digest,
    },
    /// A tag is gone.
    #[serde(rename = "tag.deleted")]
    TagDeleted {
        /// Where.
        repository: RepositoryName,
        /// The tag.
        tag: TagName,
        /// What it named.
        from: Digest,
    },
    /// A blob arrived whole and is a member of the repository.
    #[serde(rename = "upload.finished")]
    UploadFinished {
        /// Where.
        repository: RepositoryName,
        /// Which.
        digest: Digest,
        /// Its length.
        size_bytes: u64,
    },
    /// A blob became a member without bytes on the wire, from another repository.
    #[serde(rename = "upload.mounted")]
    UploadMounted {
        /// Where.
        repository: RepositoryName,
        /// Which.
        digest: Digest,
        /// The repository it was mounted from.
        from: RepositoryName,
    },
    /// A blob is no member of the repository any more: deleted by a caller, or collected unused.
    #[serde(rename = "upload.removed")]
    UploadRemoved {
        /// Where.
        repository: RepositoryName,
        /// Which.
        digest: Digest,
        /// Whether the garbage collector did it.
        collected: bool,
    },
}

impl RegistryEvent {
    /// The repository it happened to.
    pub fn repository(&self) -> &RepositoryName {
        match self {
            Self::RepositoryCreated { repository }
            | Self::RepositoryMoved { repository, .. }
            | Self::ManifestPushed { repository, .. }
            | Self::ManifestDeleted { repository, .. }
            | Self::TagMoved { repository, .. }
            | Self::TagDeleted { repository, .. }
            | Self::UploadFinished { repository, .. }
            | Self::UploadMounted { repository, .. }
            | Self::UploadRemoved { repository, .. } => repository,
        }
    }
}

super::names!(RegistryEvent {
    RepositoryCreated = "repository.created",
    RepositoryMoved = "repository.moved",
    ManifestPushed = "manifest.pushed",
    ManifestDeleted = "manifest.deleted",
    TagMoved = "tag.moved",
    TagDeleted = "tag.deleted",
    UploadFinished = "upload.finished",
    UploadMounted = "upload.mounted",
    UploadRemoved = "upload.removed",
});
