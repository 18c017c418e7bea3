//! Writes that are sent twice: the answer under an `Idempotency-Key` is kept for a day, and given again.
//!
//! The use cases are safe to repeat by themselves; the kept answer sees to it that a client which lost the first one is
//! told the same.

use super::Administration;
use crate::FlowError;
use crate::asked::operation;
use bytes::Bytes;
use refloat_core::Principal;
use refloat_oci::{Algorithm, Hasher};
use refloat_store::StoreError;
use refloat_store::access::actor;
use refloat_store::idempotency::{self, KeptAnswer};
use serde_json::Value;

/// A write that may come again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeat {
    actor: String,
    key: String,
    hash: Vec<u8>,
}

impl Repeat {
    /// The write of `principal` under `key`; `request` is all that makes it what it is.
    pub fn new(principal: &Principal, key: &str, request: &[&[u8]]) -> Self {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        for part in request {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self {
            actor: actor(principal),
            key: key.to_owned(),
            hash: hasher.finish().hash().to_vec(),
        }
    }
}

impl Administration {
    /// The status and body that this write was answered with before.
    ///
    /// # Errors
    /// [`refloat_core::Rejection::Conflict`] if the key was used for another write.
    pub async fn answered_before(
        &self,
        repeat: &Repeat,
    ) -> Result<Option<(u16, Value)>, FlowError> {
        let repeat = repeat.clone();
        let found = self.store().read(operation!(
            tx,
            [repeat],
            idempotency::find(tx, &repeat.actor, &repeat.key, &repeat.hash).await
        ));
        let body = |kept: KeptAnswer| {
            (
                kept.status,
                serde_json::from_slice(&kept.body).unwrap_or_default(),
            )
        };
        Ok(found.await?.map(body))
    }

    /// Keeps the answer of this write. Of two at once the first one stays.
    ///
    /// # Errors
    /// [`FlowError`] of the store.
    pub async fn keep_answer(
        &self,
        repeat: &Repeat,
        status: u16,
        body: &Value,
    ) -> Result<(), FlowError> {
        let (repeat, body) = (repeat.clone(), Bytes::from(body.to_string()));
        let kept = self.store().write(operation!(tx, [repeat, body], {
            if idempotency::find(tx, &repeat.actor, &repeat.key, &repeat.hash)
                .await?
                .is_some()
            {
                return Ok(());
            }
            let answer = KeptAnswer { status, body };
            idempotency::keep(tx, &repeat.actor, &repeat.key, &repeat.hash, &answer).await
        }));
        match kept.await {
            Err(StoreError::Conflict) => Ok(()),
            other => Ok(other?),
        }
    }
}
