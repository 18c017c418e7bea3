//! Files of SOPS whose data key is wrapped by age: read and decrypted in memory.
//!
//! ```text
//! text ─► tree ─► sops.age[].enc ─(identity)─► data key ─► values, path by path ─► MAC ─► PlainText
//! ```
//! The rules are SOPS' (getsops/sops, `sops.go`, `aes/cipher.go`, `stores/yaml`) and age's (age-encryption.org/v1). The MAC is
//! always verified: a value that was moved, removed or put in by hand is refused. Nothing here writes or prints, and what was
//! decrypted has no Debug and no Display. Other key services than age, and split keys, are refused by name.

mod age;
mod cipher;
mod file;

pub use age::{Identities, IdentityError};
pub use file::{PlainText, SopsError, decrypt, is_encrypted};
