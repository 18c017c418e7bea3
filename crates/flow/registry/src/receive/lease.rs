//! One request at a time writes one upload: within this process by a set, between processes by a lease in the row.

use crate::asked::{Asked, operation};
use crate::{FlowError, Registry};
use refloat_core::{Rejection, UploadId};
use refloat_store::StoreError;
use refloat_store::access::Push;
use refloat_store::uploads;
use std::collections::HashSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a process may go without a word before another one may write.
const LEASE_SECONDS: i64 = 15;
/// How often it says one.
const RENEW: Duration = Duration::from_secs(5);

/// Uploads that a request of this process is writing. Between processes the offset in the row decides.
#[derive(Clone, Default)]
pub(crate) struct Leases(Arc<Mutex<HashSet<UploadId>>>);

/// The right to write an upload, until it is dropped.
pub(crate) struct Lease {
    leases: Leases,
    id: UploadId,
}

impl Leases {
    pub(crate) fn take(&self, id: &UploadId) -> Result<Lease, Rejection> {
        if !self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.clone())
        {
            return Err(Rejection::Conflict(format!(
                "another request is writing upload `{id}`; wait for it to end"
            )));
        }
        Ok(Lease {
            leases: self.clone(),
            id: id.clone(),
        })
    }
}

impl Registry {
    /// Runs `work`, the only writer of this upload meanwhile. A process that has the rows to itself needs no lease in them.
    pub(super) async fn alone<T>(
        &self,
        asked: &Asked,
        id: &UploadId,
        work: impl Future<Output = Result<T, FlowError>>,
    ) -> Result<T, FlowError> {
        let _lease = self.leases().take(id)?;
        if self.store().generation().is_some() {
            return work.await;
        }
        self.lease_row(asked, id).await?;
        let renewing = async {
            loop {
                tokio::time::sleep(RENEW).await;
                if let Err(StoreError::Rejected(rejection)) = self.lease_row(asked, id).await {
                    return rejection;
                }
            }
        };
        let result = tokio::select! {
            result = work => result,
            rejection = renewing => Err(rejection.into()),
        };
        let owner = self.owner().to_owned();
        let released = self.store().write(operation!(
            tx,
            [id, owner],
            uploads::release(tx, &id, &owner).await
        ));
        if let Err(error) = released.await {
            tracing::debug!(upload = %id, %error, "a lease is left to run out");
        }
        result
    }

    async fn lease_row(&self, asked: &Asked, id: &UploadId) -> Result<(), StoreError> {
        let owner = self.owner().to_owned();
        let leased = self.store().write(operation!(tx, [asked, id, owner], {
            let leave = asked.authorize_existing::<Push>(tx).await?;
            uploads::lease(tx, &leave, &id, &owner, LEASE_SECONDS).await
        }));
        leased.await.map(drop)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let leases = Leases::default();
        let id = UploadId::from_ulid(ulid::Ulid::new());
        let first = leases.take(&id).expect("free");
        assert!(leases.take(&id).is_err());
        drop(first);
        assert!(leases.take(&id).is_ok());
    }
}
