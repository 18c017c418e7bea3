//! Lists: tags of a repository, repositories, referrers of a digest.

use crate::{Caller, FlowError, Listed, Page, Registry};
use refloat_core::Failure;
use refloat_oci::{Digest, RepositoryName, TagName};

/// One page of what refers to a digest.
#[derive(Debug, Clone, PartialEq)]
pub struct Referrers {
    /// Descriptors with artifact type and annotations, as the response's index lists them.
    pub descriptors: Vec<serde_json::Value>,
    /// Where the next page begins, if there is one.
    pub next: Option<Digest>,
}

impl Registry {
    /// Tags in lexical order.
    pub async fn list_tags(&self, _caller: &Caller, _repository: &RepositoryName, _page: Page<TagName>) -> Result<Listed<TagName>, FlowError> {
        Err(unbuilt())
    }

    /// Repositories the caller may pull from, in lexical order.
    pub async fn catalog(&self, _caller: &Caller, _page: Page<RepositoryName>) -> Result<Listed<RepositoryName>, FlowError> {
        Err(unbuilt())
    }

    /// What refers to `digest`, whether that is there or not.
    pub async fn referrers(
        &self,
        _caller: &Caller,
        _repository: &RepositoryName,
        _digest: &Digest,
        _artifact_type: Option<String>,
        _after: Option<Digest>,
        _limit: usize,
    ) -> Result<Referrers, FlowError> {
        Err(unbuilt())
    }
}

fn unbuilt() -> FlowError {
    Failure::Terminal("lists are not built yet".to_owned()).into()
}
