//! Lists: tags of a repository, repositories, referrers of a digest.

use crate::asked::{Asked, operation};
use crate::page::{Listed, PAGE_ITEMS_MAX, Page};
use crate::{Caller, FlowError, Registry};
use refloat_core::Rejection;
use refloat_oci::{Digest, RepositoryName, TagName};
use refloat_store::StoreError;
use refloat_store::access::Pull;
use refloat_store::registry::{self, Found, Referrer};
use serde_json::{Map, Value};

/// One page of what refers to a digest.
#[derive(Debug, Clone, PartialEq)]
pub struct Referrers {
    /// Descriptors with artifact type and annotations, as the response's index lists them.
    pub descriptors: Vec<Value>,
    /// Where the next page begins, if there is one.
    pub next: Option<Digest>,
}

impl Registry {
    /// Tags in lexical order.
    pub async fn list_tags(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        page: Page<TagName>,
    ) -> Result<Listed<TagName>, FlowError> {
        let asked = Asked::new(caller, repository);
        let found = self.store().read(operation!(tx, [asked, page], {
            let leave = asked.authorize::<Pull>(tx).await?;
            registry::list_tags(tx, &leave, page.after.as_ref(), page.limit()).await
        }));
        Ok(listed(found.await?))
    }

    /// Repositories the caller may pull from, in lexical order.
    pub async fn catalog(
        &self,
        caller: &Caller,
        page: Page<RepositoryName>,
    ) -> Result<Listed<RepositoryName>, FlowError> {
        let principal = caller.principal.clone();
        let found = self.store().read(operation!(tx, [principal, page], {
            registry::catalog(tx, &principal, page.after.as_ref(), page.limit()).await
        }));
        Ok(listed(found.await?))
    }

    /// What refers to `digest`, whether that is there or not.
    pub async fn referrers(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        digest: &Digest,
        artifact_type: Option<String>,
        after: Option<Digest>,
        limit: usize,
    ) -> Result<Referrers, FlowError> {
        let (asked, digest) = (Asked::new(caller, repository), *digest);
        let limit = limit.min(PAGE_ITEMS_MAX);
        let found = self.store().read(operation!(tx, [asked, artifact_type], {
            let leave = match asked.authorize::<Pull>(tx).await {
                // The list is never a 404 (distribution-spec 1.1, "Listing Referrers"), but for who may not pull.
                Err(StoreError::Rejected(Rejection::RepositoryUnknown(_)))
                    if asked.could_pull_if_present(tx).await? =>
                {
                    return Ok(Found {
                        items: Vec::new(),
                        more: false,
                    });
                }
                leave => leave?,
            };
            registry::referrers(
                tx,
                &leave,
                &digest,
                artifact_type.as_deref(),
                after.as_ref(),
                limit,
            )
            .await
        }));
        let found = found.await?;
        let next = found
            .items
            .last()
            .filter(|_| found.more)
            .map(|last| last.digest);
        Ok(Referrers {
            descriptors: found.items.iter().map(descriptor).collect(),
            next,
        })
    }
}

fn listed<T>(found: Found<T>) -> Listed<T> {
    Listed {
        items: found.items,
        more: found.more,
    }
}

/// A referrer as the index of the response lists it (distribution-spec 1.1, "Listing Referrers").
fn descriptor(referrer: &Referrer) -> Value {
    let mut fields = Map::new();
    fields.insert("mediaType".to_owned(), referrer.media_type.as_str().into());
    fields.insert("digest".to_owned(), referrer.digest.to_string().into());
    fields.insert("size".to_owned(), referrer.size.into());
    if let Some(artifact_type) = &referrer.artifact_type {
        fields.insert("artifactType".to_owned(), artifact_type.as_str().into());
    }
    let annotations = referrer
        .annotations
        .as_deref()
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(annotations) = annotations {
        fields.insert("annotations".to_owned(), annotations);
    }
    Value::Object(fields)
}
