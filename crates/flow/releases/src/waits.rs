//! What a change still waits for on its way, for those who ask how far something came.

use crate::{Releases, operation};
use refloat_core::{CascadeId, RecordId};
use refloat_flow::FlowError;
use refloat_release::due;
use refloat_store::documents;
use refloat_store_releases::ReleaseKey;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The most releases that are looked at for one answer.
const RELEASES_MAX: usize = 500;

impl Releases {
    /// Releases whose newest change is one of these records, or that wait for one of these cascades, each as `why` shows a
    /// record: its type is `release.waiting`, `detail` says on what it waits.
    ///
    /// # Errors
    /// [`FlowError`] of the store.
    pub async fn waits(
        &self,
        records: &BTreeSet<RecordId>,
        cascades: &BTreeSet<CascadeId>,
    ) -> Result<Vec<Value>, FlowError> {
        let read = self
            .store()
            .read(operation!(tx, [], documents::releases(tx, None).await));
        let mut waiting = Vec::new();
        for (project, document) in read.await?.into_iter().take(RELEASES_MAX) {
            let key = ReleaseKey {
                project,
                name: document.name,
            };
            let Some(seen) = self.look(&key).await? else {
                continue;
            };
            let newest = seen.newest.as_ref();
            let change = newest.and_then(|change| change.record.clone());
            let change = change.filter(|record| records.contains(record));
            let busy = seen.view.busy.clone();
            let busy = busy.filter(|cascade| cascades.contains(cascade));
            if change.is_none() && busy.is_none() {
                continue;
            }
            let (_, waits) = due(&seen.view, seen.now);
            if waits.is_empty() {
                continue;
            }
            waiting.push(json!({
                "id": format!("release/{}", key.name),
                "type": "release.waiting",
                "at": Value::Null,
                "actor": Value::Null,
                "subject": { "kind": "release", "name": key.name, "digest": Value::Null },
                "method": Value::Null,
                "packages": [],
                "proof": Value::Null,
                "detail": waits.join("; "),
                "cascade": busy,
                "causes": change.into_iter().collect::<Vec<_>>(),
            }));
        }
        Ok(waiting)
    }
}
