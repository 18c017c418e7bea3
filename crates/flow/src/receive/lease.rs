//! One request at a time writes one upload.

use refloat_core::{Rejection, UploadId};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

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
