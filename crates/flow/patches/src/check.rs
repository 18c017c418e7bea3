//! The one check in which a push to our registry and a sweep of a foreign one end: what does this reference name now?

use crate::{Patches, operation};
use refloat_cascade::BaseName;
use refloat_core::event::SeenBy;
use refloat_flow::FlowError;
use refloat_oci::{Digest, RepositoryName, TagName};
use refloat_store_patches::bases::{self, Answer, Seen};
use refloat_store_patches::{By, bases as rows};
use std::sync::Arc;
use std::time::Duration;

/// How long images that were pushed before are waited for: what they stand on is not known before they are read.
const READING_MAX: Duration = Duration::from_secs(30);
/// How often that is looked at.
const READING_PACE: Duration = Duration::from_millis(30);

impl Patches {
    /// Takes in what a reference names. `digest` is what it answered; `None` is a definite absence.
    pub(crate) async fn answered(
        &self,
        name: &BaseName,
        digest: Option<Digest>,
        seen_by: SeenBy,
        by: &By,
    ) -> Result<Seen, FlowError> {
        if let Some(digest) = digest {
            let is_image = self
                .read(name.registry.as_ref(), &name.repository, digest, by)
                .await?;
            if !is_image && name.registry.is_none() {
                return Ok(Seen::Same);
            }
        }
        refloat_fail::point("watch.read").map_err(refloat_store::StoreError::from)?;
        let answer = Arc::new(Answer {
            name: name.clone(),
            written: name.written(self.host()),
            digest,
            seen_by,
        });
        let by = by.clone();
        let seen = self.store().write(operation!(
            tx,
            [answer, by],
            bases::answered(tx, &answer, &by).await
        ));
        Ok(seen.await?)
    }

    /// One of our own tags moved.
    pub(crate) async fn check_own_tag(
        &self,
        repository: &RepositoryName,
        tag: &TagName,
    ) -> Result<(), FlowError> {
        self.wait_for_reading().await?;
        let (name, wanted) = (repository.clone(), tag.clone());
        let position = self.store().read(operation!(
            tx,
            [name, wanted],
            rows::own_tag(tx, &name, &wanted).await
        ));
        let Some(position) = position.await? else {
            return Ok(());
        };
        let by = By {
            cascade: position.cascade,
            ..By::system(position.project).because(vec![position.record])
        };
        let base = BaseName {
            registry: None,
            repository: repository.clone(),
            tag: tag.clone(),
        };
        self.answered(&base, position.digest, SeenBy::Push, &by)
            .await
            .map(drop)
    }

    /// Waits until the images that were pushed before now are read, as far as that goes in bounded time.
    pub(crate) async fn wait_for_reading(&self) -> Result<(), FlowError> {
        let begin = std::time::Instant::now();
        let now = self
            .store()
            .read(|tx| {
                let now = tx.now();
                Box::pin(async move { Ok(now) })
            })
            .await?;
        loop {
            let reading = self
                .store()
                .read(move |tx| Box::pin(rows::is_reading(tx, now)))
                .await?;
            if !reading || begin.elapsed() > READING_MAX {
                return Ok(());
            }
            tokio::time::sleep(READING_PACE).await;
        }
    }
}
