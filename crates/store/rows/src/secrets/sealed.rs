//! Texts that rows of their own keep sealed, because they may hold decrypted values: what was rendered for an environment
//! with secrets. The same two keys as in the secrets table; the context is authenticated in the place of an id.
//!
//! ```text
//!   sealed:1:  base64( wrapped key (61) | nonce (12) | text under the data key (n + 16) )
//! ```

use super::{KEY_BYTES, MasterKey, seal, unseal};
use crate::fresh;
use aws_lc_rs::aead::NONCE_LEN;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use refloat_core::{Failure, Secret};
use refloat_database::StoreError;

const MARK: &str = "sealed:1:";
/// Length of a wrapped data key: the master key's id, nonce, key, tag.
const WRAPPED_BYTES: usize = 1 + NONCE_LEN + KEY_BYTES + 16;
/// What the master key is used for besides wrapping.
const HASH_LABEL: &[u8] = b"refloat keyed hash 1";

/// Seals a text for a context, which names the row that keeps it.
///
/// # Errors
/// [`Failure::Terminal`] without random bytes.
pub fn seal_text(master: &MasterKey, context: &str, text: &str) -> Result<String, StoreError> {
    let data_key = fresh::bytes::<KEY_BYTES>()?;
    let mut bytes = vec![master.id];
    bytes.extend(seal(master.key.expose(), context, &data_key)?);
    bytes.extend(seal(&data_key, context, text.as_bytes())?);
    Ok(format!("{MARK}{}", STANDARD.encode(bytes)))
}

/// The text that was sealed for this context; `None` if the text is not a sealed one.
///
/// # Errors
/// [`Failure::Terminal`] if this master key does not open it, [`Failure::Damaged`] if it was altered.
pub fn open_text(
    master: &MasterKey,
    context: &str,
    kept: &str,
) -> Result<Option<Secret<String>>, StoreError> {
    let Some(text) = kept.strip_prefix(MARK) else {
        return Ok(None);
    };
    let damaged = || Failure::Damaged(format!("the sealed text of {context}"));
    let bytes = STANDARD.decode(text).map_err(|_| damaged())?;
    let (wrapped, ciphertext) = bytes.split_at_checked(WRAPPED_BYTES).ok_or_else(damaged)?;
    let plain = unseal(master, context, wrapped, ciphertext)?;
    let text = String::from_utf8(plain.expose().clone()).map_err(|_| damaged())?;
    Ok(Some(Secret::new(text)))
}

/// A hash that nobody can try values against without the master key (HMAC-SHA256).
pub fn keyed_hash(master: &MasterKey, bytes: &[u8]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, master.key.expose());
    let derived = hmac::sign(&key, HASH_LABEL);
    let key = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
    let mut hash = [0; 32];
    hash.copy_from_slice(hmac::sign(&key, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_opens_with_its_key_and_context_alone() {
        let key = |id, byte| MasterKey::new(id, Secret::new([byte; KEY_BYTES]));
        let sealed = seal_text(&key(1, 7), "a/b/c", "hidden").expect("random bytes");
        assert!(!sealed.contains("hidden"));
        let opened = open_text(&key(1, 7), "a/b/c", &sealed).expect("its key");
        assert_eq!(opened.expect("a sealed text").expose(), "hidden");
        assert!(open_text(&key(1, 8), "a/b/c", &sealed).is_err());
        assert!(open_text(&key(1, 7), "a/b/d", &sealed).is_err());
        assert!(open_text(&key(1, 7), "a/b/c", &sealed[..40]).is_err());
        assert!(matches!(open_text(&key(1, 7), "x", "{}"), Ok(None)));
    }

    #[test]
    fn a_keyed_hash_depends_on_key_and_bytes() {
        let key = |byte| MasterKey::new(1, Secret::new([byte; KEY_BYTES]));
        assert_eq!(keyed_hash(&key(1), b"a"), keyed_hash(&key(1), b"a"));
        assert_ne!(keyed_hash(&key(1), b"a"), keyed_hash(&key(2), b"a"));
        assert_ne!(keyed_hash(&key(1), b"a"), keyed_hash(&key(1), b"b"));
    }
}
