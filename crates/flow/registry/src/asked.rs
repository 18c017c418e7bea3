//! What a request asks leave for, in a form that operations of the store can carry and repeat.

use crate::Caller;
use refloat_core::Principal;
use refloat_oci::RepositoryName;
use refloat_store::access::{
    Authorized, Because, Op, authorize, authorize_existing, could_pull_if_present,
};
use refloat_store::{StoreError, Tx};
use std::sync::Arc;

/// Who asks about which repository. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Asked(Arc<Inner>);

struct Inner {
    principal: Principal,
    repository: RepositoryName,
    personal: Option<String>,
    because: Because,
}

impl Asked {
    pub(crate) fn new(caller: &Caller, repository: &RepositoryName) -> Self {
        Self(Arc::new(Inner {
            principal: caller.principal.clone(),
            repository: repository.clone(),
            personal: caller.personal(),
            because: caller.because.clone(),
        }))
    }

    /// Leave to do `O`, made in the transaction that uses it.
    pub(crate) async fn authorize<O: Op>(
        &self,
        tx: &mut dyn Tx,
    ) -> Result<Authorized<O>, StoreError> {
        let leave = authorize::<O>(tx, &self.0.principal, &self.0.repository).await?;
        Ok(leave
            .with_personal(self.0.personal.clone())
            .with_because(self.0.because.clone()))
    }

    /// The same in a transaction that only reads: it makes no repository.
    pub(crate) async fn authorize_existing<O: Op>(
        &self,
        tx: &mut dyn Tx,
    ) -> Result<Authorized<O>, StoreError> {
        authorize_existing::<O>(tx, &self.0.principal, &self.0.repository).await
    }

    /// Whether the repository is absent and the caller could pull from it if it were there.
    pub(crate) async fn could_pull_if_present(&self, tx: &mut dyn Tx) -> Result<bool, StoreError> {
        could_pull_if_present(tx, &self.0.principal, &self.0.repository).await
    }
}

/// An operation of the store: clones what it captures each time it runs, since it may run more than once.
macro_rules! operation {
    ($tx:ident, [$($captured:ident),* $(,)?], $body:expr) => {
        {
            $(let $captured = $captured.clone();)*
            move |$tx| {
                $(let $captured = $captured.clone();)*
                Box::pin(async move { $body })
            }
        }
    };
}
pub(crate) use operation;
