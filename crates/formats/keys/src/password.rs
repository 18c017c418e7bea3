//! Hashes of passwords.

use crate::{KeyError, fault};
use aws_lc_rs::rand::SecureRandom;

/// Go's default.
const COST: u32 = 10;
/// What bcrypt takes; Go refuses more.
const BYTES_MAX: usize = 72;

/// `bcrypt` of sprig: `$2a$10$..`. What is too long gives the words that sprig gives.
///
/// # Errors
/// There are no random bits.
pub fn bcrypt_hash(password: &str, random: &dyn SecureRandom) -> Result<String, KeyError> {
    if password.len() > BYTES_MAX {
        let words =
            "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes";
        return Ok(words.to_owned());
    }
    let mut salt = [0; 16];
    random
        .fill(&mut salt)
        .map_err(|_| fault("there are no random bits"))?;
    let parts = bcrypt::hash_with_salt(password, COST, salt);
    let parts = parts.map_err(|error| fault(error.to_string()))?;
    Ok(parts.format_for_version(bcrypt::Version::TwoA))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;

    #[test]
    fn a_hash_is_verified_by_its_password_alone() -> Result<(), KeyError> {
        let hash = bcrypt_hash("secret", &SystemRandom::new())?;
        let fits = |password: &str| bcrypt::verify(password, &hash).is_ok_and(|fits| fits);
        assert!(hash.starts_with("$2a$10$") && hash.len() == 60, "{hash}");
        assert!(fits("secret"));
        assert!(!fits("other"));
        assert!(
            bcrypt_hash(&"x".repeat(73), &SystemRandom::new())?.starts_with("failed to encrypt")
        );
        Ok(())
    }
}
