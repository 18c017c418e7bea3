//! Secrets: each under a data key of its own (AES-256-GCM), that key under the master key, which is not in the database.
//!
//! ```text
//!   wrapped_key  = key id (1) | nonce (12) | data key under the master key (32 + 16)
//!   ciphertext   =              nonce (12) | value under the data key (n + 16)
//! ```
//! The secret's id is authenticated with both, so that no row can stand in for another. The key id says which master
//! key wrapped it: a rotation wraps data keys anew and touches no value.

mod sealed;

pub use sealed::{keyed_hash, open_text, seal_text};

use crate::fresh;
use crate::projects::DEFAULT_PROJECT;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use refloat_core::{Failure, ProjectId, Secret, SecretId};
use refloat_database::{StoreError, Tx, sql};

/// Length of master and data keys in bytes.
pub const KEY_BYTES: usize = 32;
/// The longest value in bytes.
pub const VALUE_MAX_BYTES: usize = 256 * 1024;

/// The key that opens the secrets table. Where it lies is the binary's business.
#[derive(Clone)]
pub struct MasterKey {
    id: u8,
    key: Secret<[u8; KEY_BYTES]>,
}

impl MasterKey {
    /// The master key with this id; ids tell keys apart when one replaces another.
    pub fn new(id: u8, key: Secret<[u8; KEY_BYTES]>) -> Self {
        Self { id, key }
    }
}

/// A key of the server itself, made once per database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerKey {
    /// Signs bearer tokens (HS256).
    Tokens,
    /// Signs checkpoints of the log (Ed25519 seed).
    Checkpoints,
    /// Authenticates cursors (HMAC-SHA256).
    Cursors,
}

impl ServerKey {
    fn purpose(self) -> &'static str {
        match self {
            Self::Tokens => "server.tokens",
            Self::Checkpoints => "server.checkpoints",
            Self::Cursors => "server.cursors",
        }
    }
}

/// The 32 random bytes of a server key, made by whoever asks first; two processes that start at once get the same.
///
/// # Errors
/// [`Failure::Terminal`] if this master key does not open it.
pub async fn server_key(
    tx: &mut dyn Tx,
    master: &MasterKey,
    key: ServerKey,
) -> Result<Secret<[u8; KEY_BYTES]>, StoreError> {
    for _ in 0..2 {
        let row = tx
            .first(
                sql("select id, wrapped_key, ciphertext from secret where purpose = $1"),
                &[key.purpose().into()],
            )
            .await?;
        if let Some(row) = row {
            let value = unseal(master, row.text(0)?, &row.bytes(1)?, &row.bytes(2)?)?;
            let bytes = <[u8; KEY_BYTES]>::try_from(value.expose().as_slice());
            return bytes
                .map(Secret::new)
                .map_err(|_| Failure::Damaged(format!("the key `{}`", key.purpose())).into());
        }
        let value = Secret::new(fresh::bytes::<KEY_BYTES>()?.to_vec());
        let project = DEFAULT_PROJECT
            .parse()
            .map_err(|_| StoreError::column(0, "not an id"))?;
        insert(tx, master, &project, key.purpose(), &value).await?;
    }
    Err(StoreError::Conflict)
}

/// Stores a value and returns its id.
///
/// # Errors
/// [`refloat_core::Rejection::TooLarge`].
pub async fn put(
    tx: &mut dyn Tx,
    master: &MasterKey,
    project: &ProjectId,
    purpose: &str,
    value: &Secret<Vec<u8>>,
) -> Result<SecretId, StoreError> {
    if value.expose().len() > VALUE_MAX_BYTES {
        return Err(refloat_core::Rejection::TooLarge {
            what: "the secret",
            limit_bytes: VALUE_MAX_BYTES as u64,
        }
        .into());
    }
    insert(tx, master, project, purpose, value).await
}

/// The value of a secret.
///
/// # Errors
/// [`Failure::Terminal`] if this master key does not open it, [`Failure::Damaged`] if it was altered.
pub async fn get(
    tx: &mut dyn Tx,
    master: &MasterKey,
    id: &SecretId,
) -> Result<Secret<Vec<u8>>, StoreError> {
    let row = tx
        .first(
            sql("select wrapped_key, ciphertext from secret where id = $1"),
            &[id.as_str().into()],
        )
        .await?
        .ok_or_else(|| Failure::Damaged(format!("secret `{id}` is missing")))?;
    unseal(master, id.as_str(), &row.bytes(0)?, &row.bytes(1)?)
}

/// Forgets a secret that no row names.
pub(crate) async fn delete(tx: &mut dyn Tx, id: &SecretId) -> Result<(), StoreError> {
    tx.execute(
        sql("delete from secret where id = $1"),
        &[id.as_str().into()],
    )
    .await
    .map(drop)
}

async fn insert(
    tx: &mut dyn Tx,
    master: &MasterKey,
    project: &ProjectId,
    purpose: &str,
    value: &Secret<Vec<u8>>,
) -> Result<SecretId, StoreError> {
    let now = tx.now();
    let id = SecretId::from_ulid(fresh::ulid(now)?);
    let data_key = fresh::bytes::<KEY_BYTES>()?;
    let mut wrapped = vec![master.id];
    wrapped.extend(seal(master.key.expose(), id.as_str(), &data_key)?);
    let ciphertext = seal(&data_key, id.as_str(), value.expose())?;
    tx.execute(
        sql("insert into secret (id, project_id, purpose, wrapped_key, ciphertext, created_at) values ($1, $2, $3, $4, $5, $6) \
             on conflict do nothing"),
        &[
            id.as_str().into(),
            project.as_str().into(),
            purpose.into(),
            wrapped.into(),
            ciphertext.into(),
            now.into(),
        ],
    )
    .await?;
    Ok(id)
}

fn cipher(key: &[u8; KEY_BYTES]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key of 32 bytes"))
}

fn seal(key: &[u8; KEY_BYTES], id: &str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
    let nonce = fresh::bytes::<NONCE_LEN>()?;
    let mut sealed = value.to_vec();
    cipher(key)
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(id.as_bytes()),
            &mut sealed,
        )
        .map_err(|_| Failure::Terminal("a secret could not be sealed".to_owned()))?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn open(key: &[u8; KEY_BYTES], id: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let mut value = ciphertext.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let opened = cipher(key)
        .open_in_place(nonce, Aad::from(id.as_bytes()), &mut value)
        .ok()?
        .len();
    value.truncate(opened);
    Some(value)
}

fn unseal(
    master: &MasterKey,
    id: &str,
    wrapped: &[u8],
    ciphertext: &[u8],
) -> Result<Secret<Vec<u8>>, StoreError> {
    let (key_id, sealed_key) = wrapped
        .split_first()
        .ok_or_else(|| StoreError::column(1, "empty"))?;
    let wrong = || {
        Failure::Terminal(format!(
            "secret `{id}` was stored under another master key (number {key_id}); start with the key file of this data"
        ))
    };
    if *key_id != master.id {
        return Err(wrong().into());
    }
    let data_key = open(master.key.expose(), id, sealed_key).ok_or_else(wrong)?;
    let data_key = <[u8; KEY_BYTES]>::try_from(data_key.as_slice())
        .map_err(|_| StoreError::column(1, "not a key"))?;
    let value = open(&data_key, id, ciphertext)
        .ok_or_else(|| Failure::Damaged(format!("secret `{id}`")))?;
    Ok(Secret::new(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_what_it_sealed_under_the_same_id() {
        let (key, other) = ([7; KEY_BYTES], [8; KEY_BYTES]);
        let sealed = seal(&key, "sec_a", b"value").expect("random bytes");
        assert_eq!(
            open(&key, "sec_a", &sealed).as_deref(),
            Some(b"value".as_slice())
        );
        assert_eq!(open(&key, "sec_b", &sealed), None);
        assert_eq!(open(&other, "sec_a", &sealed), None);
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(open(&key, "sec_a", &altered), None, "byte {at}");
        }
        assert_eq!(open(&key, "sec_a", &sealed[..5]), None);
        assert_ne!(
            seal(&key, "sec_a", b"value").expect("random bytes"),
            sealed,
            "a nonce is never used twice"
        );
    }
}
