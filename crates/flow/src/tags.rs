//! Verbs of tags: set, remove, history, undo.

use crate::{Caller, FlowError, Listed, Page, Registry};
use refloat_core::{Failure, RecordId, Timestamp};
use refloat_oci::reference::TagOrDigest;
use refloat_oci::{Digest, RepositoryName, TagName};

/// A position a tag had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPosition {
    /// Which position, from 1.
    pub version: i64,
    /// What it named; `None` where it was deleted.
    pub digest: Option<Digest>,
    /// Since when.
    pub at: Timestamp,
    /// Who moved it there: an opaque id.
    pub actor: String,
    /// The record that says so.
    pub record: RecordId,
}

impl Registry {
    /// Makes `new` name what `from` names, and returns its digest.
    pub async fn tag(&self, _caller: &Caller, _repository: &RepositoryName, _from: &TagOrDigest, _new: TagName) -> Result<Digest, FlowError> {
        Err(unbuilt())
    }

    /// Takes a tag away.
    pub async fn untag(&self, _caller: &Caller, _repository: &RepositoryName, _tag: TagName) -> Result<(), FlowError> {
        Err(unbuilt())
    }

    /// Positions of a tag, the newest first; the page's key is a version.
    pub async fn tag_history(
        &self,
        _caller: &Caller,
        _repository: &RepositoryName,
        _tag: TagName,
        _page: Page<i64>,
    ) -> Result<Listed<TagPosition>, FlowError> {
        Err(unbuilt())
    }

    /// Moves a tag back to where it was before its last move; `None` if it was not there.
    pub async fn tag_undo(&self, _caller: &Caller, _repository: &RepositoryName, _tag: TagName) -> Result<Option<Digest>, FlowError> {
        Err(unbuilt())
    }
}

fn unbuilt() -> FlowError {
    Failure::Terminal("verbs of tags are not built yet".to_owned()).into()
}
