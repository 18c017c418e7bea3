//! Verbs of tags: set, remove, history, undo.

use crate::asked::{Asked, operation};
use crate::{Caller, FlowError, Listed, Page, Registry};
use refloat_oci::reference::TagOrDigest;
use refloat_oci::{Digest, RepositoryName, TagName};
use refloat_store::access::{Delete, Pull, Push, Update};
use refloat_store::registry;

pub use refloat_store::registry::{TagOutcome, TagPosition};

impl Registry {
    /// Makes `new` name what `from` names; the outcome has its digest.
    pub async fn tag(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        from: &TagOrDigest,
        new: TagName,
    ) -> Result<TagOutcome, FlowError> {
        let asked = Asked::new(caller, repository);
        let moved = self.store().write(operation!(tx, [asked, from, new], {
            let leave = asked.authorize::<Push>(tx).await?;
            registry::tag(tx, &leave, &from, &new).await
        }));
        Ok(moved.await?)
    }

    /// Takes a tag away.
    pub async fn untag(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        tag: TagName,
    ) -> Result<(), FlowError> {
        let asked = Asked::new(caller, repository);
        let removed = self.store().write(operation!(tx, [asked, tag], {
            let leave = asked.authorize::<Delete>(tx).await?;
            registry::untag(tx, &leave, &tag).await
        }));
        Ok(removed.await?)
    }

    /// Positions of a tag, the newest first; the page's key is a version.
    pub async fn tag_history(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        tag: TagName,
        page: Page<i64>,
    ) -> Result<Listed<TagPosition>, FlowError> {
        let (asked, limit) = (Asked::new(caller, repository), page.limit());
        let found = self.store().read(operation!(tx, [asked, tag, page], {
            let leave = asked.authorize::<Pull>(tx).await?;
            // One more than asked for tells whether there are more.
            registry::tag_history(tx, &leave, &tag, page.after, limit + 1).await
        }));
        let mut items = found.await?;
        let more = items.len() > limit;
        items.truncate(limit);
        Ok(Listed { items, more })
    }

    /// Moves a tag back to where it was before its last move; `None` if it was not there.
    pub async fn tag_undo(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        tag: TagName,
    ) -> Result<Option<Digest>, FlowError> {
        let asked = Asked::new(caller, repository);
        let moved = self.store().write(operation!(tx, [asked, tag], {
            let leave = asked.authorize::<Update>(tx).await?;
            registry::tag_undo(tx, &leave, &tag).await
        }));
        Ok(moved.await?.digest)
    }
}
