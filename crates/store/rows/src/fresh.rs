//! Random bytes and new ids: what an operation cannot compute.

use aws_lc_rs::rand;
use refloat_core::{Failure, Timestamp};
use refloat_database::StoreError;

/// `N` random bytes of the operating system.
///
/// # Errors
/// [`Failure::Terminal`] if there is no source of randomness.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes)
        .map_err(|_| Failure::Terminal("the operating system gives no random bytes".to_owned()))?;
    Ok(bytes)
}

/// A new ULID of the time `now`.
///
/// # Errors
/// [`Failure::Terminal`] if there is no source of randomness.
pub fn ulid(now: Timestamp) -> Result<ulid::Ulid, StoreError> {
    let millis = u64::try_from(now.micros().max(0)).unwrap_or_default() / 1000;
    Ok(ulid::Ulid::from_parts(
        millis,
        u128::from_be_bytes(bytes::<16>()?),
    ))
}
