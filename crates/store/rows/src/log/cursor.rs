//! Cursors as outsiders hold them: sealed, so that they tell nothing (a filtered reader must see no gaps in numbers), and bound to
//! the list and the filter they were made for.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use refloat_core::{Failure, Rejection, Secret};

/// The longest cursor that is looked at, in characters.
const CURSOR_MAX: usize = 2048;

/// The key that seals cursors: 32 bytes that all processes of a region share.
pub struct CursorKey(RandomizedNonceKey);

/// What a cursor is for: a list, and the filter it was asked with. A cursor opens for the same two only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing<'a> {
    /// The list: `events`, `tags`..
    pub list: &'a str,
    /// Everything that decides what is in it, and for whom.
    pub filter: &'a str,
}

impl Listing<'_> {
    fn aad(&self) -> Aad<Vec<u8>> {
        // The length in front keeps ("ab", "c") apart from ("a", "bc").
        let mut bytes = self.list.len().to_be_bytes().to_vec();
        bytes.extend_from_slice(self.list.as_bytes());
        bytes.extend_from_slice(self.filter.as_bytes());
        Aad::from(bytes)
    }
}

impl CursorKey {
    /// Takes the key.
    ///
    /// # Errors
    /// [`Failure::Damaged`] if it does not have 32 bytes.
    pub fn new(key: &Secret<Vec<u8>>) -> Result<Self, Failure> {
        let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, key.expose());
        key.map(Self).map_err(|_| {
            Failure::Damaged("the key that seals cursors does not have 32 bytes".to_owned())
        })
    }

    /// Seals the last key that a page showed.
    ///
    /// # Errors
    /// [`Failure::Terminal`] if the system gives no random bytes.
    pub fn encode(&self, listing: Listing<'_>, last: &str) -> Result<String, Failure> {
        let mut sealed = last.as_bytes().to_vec();
        let nonce = self.0.seal_in_place_append_tag(listing.aad(), &mut sealed);
        let nonce =
            nonce.map_err(|_| Failure::Terminal("the system gives no random bytes".to_owned()))?;
        let whole = [nonce.as_ref().as_slice(), &sealed].concat();
        Ok(URL_SAFE_NO_PAD.encode(whole))
    }

    /// Opens a cursor; the last key it holds.
    ///
    /// # Errors
    /// [`Rejection::Invalid`] if it was not made here for this list and this filter.
    pub fn decode(&self, listing: Listing<'_>, cursor: &str) -> Result<String, Rejection> {
        self.open(listing, cursor).ok_or_else(|| {
            Rejection::Invalid(
                "the cursor does not belong to this list; begin without one".to_owned(),
            )
        })
    }

    fn open(&self, listing: Listing<'_>, cursor: &str) -> Option<String> {
        if cursor.len() > CURSOR_MAX {
            return None;
        }
        let mut whole = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (nonce, sealed) = whole.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let last = self.0.open_in_place(nonce, listing.aad(), sealed).ok()?;
        String::from_utf8(last.to_vec()).ok()
    }
}

impl std::fmt::Debug for CursorKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("(cursor key)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAGS: Listing<'_> = Listing {
        list: "tags",
        filter: "apps/web",
    };

    fn key(byte: u8) -> CursorKey {
        CursorKey::new(&Secret::new(vec![byte; 32])).expect("32 bytes")
    }

    #[test]
    fn a_cursor_opens_where_it_was_made_and_nowhere_else() {
        let cursor = key(1).encode(TAGS, "v1.2").expect("a cursor");
        assert_eq!(key(1).decode(TAGS, &cursor), Ok("v1.2".to_owned()));
        let other = Listing {
            filter: "apps/api",
            ..TAGS
        };
        assert!(key(1).decode(other, &cursor).is_err(), "another filter");
        let shifted = Listing {
            list: "tagsa",
            filter: "pps/web",
        };
        assert!(
            key(1).decode(shifted, &cursor).is_err(),
            "the same letters, cut elsewhere"
        );
        assert!(key(2).decode(TAGS, &cursor).is_err(), "another key");
    }

    #[test]
    fn a_changed_cursor_does_not_open() {
        let cursor = key(1).encode(TAGS, "41").expect("a cursor");
        for at in 0..cursor.len() {
            let mut bytes = cursor.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert!(key(1).decode(TAGS, &changed).is_err(), "{changed}");
        }
        for bad in ["", "A", "%%%", &"A".repeat(CURSOR_MAX + 1)] {
            assert!(key(1).decode(TAGS, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cursor_tells_nothing() {
        let one = key(1).encode(TAGS, "41").expect("a cursor");
        let two = key(1).encode(TAGS, "41").expect("a cursor");
        assert_ne!(one, two, "the same place looks different each time");
        assert!(CursorKey::new(&Secret::new(vec![1; 31])).is_err());
    }
}
