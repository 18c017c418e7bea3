//! Why a use case did not do what was asked.

use refloat_core::{Failure, Rejection};
use refloat_store::StoreError;

/// The caller's fault or the world's; a bug is an assertion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    /// The caller; said as the caller may know it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The world.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<StoreError> for FlowError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Rejected(rejection) => Self::Rejected(rejection),
            StoreError::Failed(failure) => Self::Failed(failure),
            StoreError::Conflict | StoreError::ForeignKey(_) | StoreError::Unique(_) => {
                Self::Failed(Failure::Transient(error.to_string()))
            }
        }
    }
}
