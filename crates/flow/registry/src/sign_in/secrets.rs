//! Long-lived tokens and fingerprints of credentials: random bytes in, hashes out.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use refloat_core::{Failure, Secret};

/// Random bytes of a long-lived token: far too many to try, so that its plain hash may be kept.
const TOKEN_RANDOM_BYTES: usize = 32;

pub(super) fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], Failure> {
    let mut bytes = [0; LENGTH];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| Failure::Terminal("the system gives no random bytes".to_owned()))?;
    Ok(bytes)
}

/// A new long-lived token that begins with `prefix`, and the hash to keep. The token is shown once.
///
/// # Errors
/// [`Failure::Terminal`] if the system gives no random bytes.
pub fn new_long_token(prefix: &str) -> Result<(Secret<String>, [u8; 32]), Failure> {
    let token = format!(
        "{prefix}{}",
        URL_SAFE_NO_PAD.encode(random::<TOKEN_RANDOM_BYTES>()?)
    );
    let hash = token_hash(&token);
    Ok((Secret::new(token), hash))
}

/// The hash of a long-lived token as its row keeps it: SHA-256 of the whole text.
pub fn token_hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes()).as_ref(),
    );
    hash
}

/// Names a password's hash without telling it: what a bearer token carries to be worth nothing after a change.
pub(super) fn stamp(password_hash: &str) -> String {
    URL_SAFE_NO_PAD.encode(&token_hash(password_hash)[..12])
}

/// Names credentials in memory without keeping them: HMAC-SHA256 under a key that dies with the process.
pub(super) struct Fingerprint(hmac::Key);

impl Fingerprint {
    pub(super) fn random() -> Result<Self, Failure> {
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()?)))
    }

    pub(super) fn of(&self, name: &str, password: &Secret<String>) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&(name.len() as u64).to_be_bytes());
        context.update(name.as_bytes());
        context.update(password.expose().as_bytes());
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(context.sign().as_ref());
        fingerprint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_hash_alike() {
        let (one, hash) = new_long_token("rft_").expect("random bytes");
        let (other, _) = new_long_token("rft_").expect("random bytes");
        assert_ne!(one.expose(), other.expose());
        assert!(one.expose().starts_with("rft_"));
        assert_eq!(token_hash(one.expose()), hash);
    }

    #[test]
    fn fingerprints_do_not_confuse_name_and_password() {
        let fingerprint = Fingerprint::random().expect("random bytes");
        let secret = |text: &str| Secret::new(text.to_owned());
        assert_eq!(
            fingerprint.of("a", &secret("bc")),
            fingerprint.of("a", &secret("bc"))
        );
        assert_ne!(
            fingerprint.of("a", &secret("bc")),
            fingerprint.of("ab", &secret("c"))
        );
    }
}
