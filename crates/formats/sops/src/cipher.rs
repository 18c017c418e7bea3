//! One value of a SOPS file: `ENC[AES256_GCM,data:..,iv:..,tag:..,type:..]` (sops, aes/cipher.go).

use aes_gcm::aead::consts::U32;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// SOPS takes nonces of 32 bytes.
type Cipher = AesGcm<Aes256, U32>;

/// What opens the values of one file.
pub(crate) struct DataKey(Cipher);

/// A value that was decrypted: its text, and what it is.
pub(crate) struct Opened {
    pub(crate) text: String,
    pub(crate) kind: OpenedKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenedKind {
    Text,
    Number,
    Boolean,
    Comment,
}

impl DataKey {
    /// `None` unless it has 32 bytes.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        Cipher::new_from_slice(bytes).ok().map(Self)
    }

    /// Decrypts a value that stands at `path` (keys, each with `:` behind it). `None` if it is none of this file's at this
    /// place.
    pub(crate) fn open(&self, sealed: &str, path: &str) -> Option<Opened> {
        let text = |text: String| Opened {
            text,
            kind: OpenedKind::Text,
        };
        if sealed.is_empty() {
            return Some(text(String::new()));
        }
        let inner = sealed
            .strip_prefix("ENC[AES256_GCM,data:")?
            .strip_suffix(']')?;
        let (data, rest) = inner.split_once(",iv:")?;
        let (nonce, rest) = rest.split_once(",tag:")?;
        let (tag, kind) = rest.split_once(",type:")?;
        let mut bytes = STANDARD.decode(data).ok()?;
        bytes.extend(STANDARD.decode(tag).ok()?);
        let nonce: [u8; 32] = STANDARD.decode(nonce).ok()?.try_into().ok()?;
        let payload = Payload {
            msg: &bytes,
            aad: path.as_bytes(),
        };
        let opened = self.0.decrypt(&Nonce::<U32>::from(nonce), payload).ok()?;
        let kind = match kind {
            "str" | "bytes" | "time" => OpenedKind::Text,
            "int" | "float" => OpenedKind::Number,
            "bool" => OpenedKind::Boolean,
            "comment" => OpenedKind::Comment,
            _ => return None,
        };
        let text = String::from_utf8(opened).ok()?;
        Some(Opened { text, kind })
    }
}
