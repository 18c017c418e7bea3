//! Passwords: argon2id on blocking threads, few at a time.

use super::secrets::random;
use crate::FlowError;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use refloat_core::{Failure, Rejection, Secret};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// Memory of one hash in KiB, and its passes (OWASP's second choice for argon2id).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
/// Hashes computed at a time; each takes a core and [`MEMORY_KIB`].
const AT_ONCE: usize = 2;
/// The most requests that wait for their turn.
const WAITING_MAX: usize = 256;
/// The shortest password that is taken, in characters.
pub const PASSWORD_MIN_CHARACTERS: usize = 8;
/// The longest, in bytes.
pub const PASSWORD_MAX_BYTES: usize = 1024;

/// A password that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a password has at least 8 characters and at most 1024 bytes")]
pub struct PasswordError;

/// Computes and checks hashes of passwords. Cheap to clone; all clones share the threads.
#[derive(Clone)]
pub struct Passwords {
    inner: Arc<Inner>,
}

struct Inner {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    // What is verified for accounts that do not exist or have no password, so that the time tells nothing.
    dummy: String,
}

impl Passwords {
    /// A pool that has computed one hash already, the one for accounts that do not exist.
    ///
    /// # Errors
    /// [`Failure::Terminal`] if the system gives no random bytes.
    pub fn new() -> Result<Self, Failure> {
        let nobodys = Secret::new(random::<32>()?.to_vec());
        let inner = Inner {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: AtomicUsize::new(0),
            dummy: hash(nobodys.expose())?,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The hash to keep for a new password, in PHC form.
    ///
    /// # Errors
    /// [`Rejection::Invalid`] for a password that is too short or too long.
    pub async fn hash(&self, password: &Secret<String>) -> Result<String, FlowError> {
        let text = password.expose();
        if text.chars().count() < PASSWORD_MIN_CHARACTERS || text.len() > PASSWORD_MAX_BYTES {
            return Err(Rejection::Invalid(PasswordError.to_string()).into());
        }
        let password = password.clone();
        self.in_turn(move || hash(password.expose().as_bytes()))
            .await?
    }

    /// Whether the password has the hash. Without a hash it takes as long and is wrong.
    ///
    /// # Errors
    /// [`Rejection::TooMany`] if too many wait.
    pub(super) async fn verify(
        &self,
        password: &Secret<String>,
        stored: Option<&str>,
    ) -> Result<bool, FlowError> {
        let exists = stored.is_some();
        let stored = stored.unwrap_or(&self.inner.dummy).to_owned();
        let password = password.clone();
        let matches = self
            .in_turn(move || verify(password.expose().as_bytes(), &stored))
            .await?;
        Ok(matches && exists)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, FlowError> {
        let waiting = Waiting::enter(&self.inner.waiting)?;
        let turn = self.inner.turns.clone().acquire_owned().await;
        let turn =
            turn.map_err(|_| Failure::Terminal("the pool for passwords is closed".to_owned()))?;
        drop(waiting);
        // The turn goes with the work: a caller who leaves does not make room for one more at the same time.
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        Ok(done
            .await
            .map_err(|error| Failure::Terminal(format!("the pool for passwords: {error}")))?)
    }
}

struct Waiting<'p>(&'p AtomicUsize);

impl<'p> Waiting<'p> {
    fn enter(count: &'p AtomicUsize) -> Result<Self, Rejection> {
        let waiting = Self(count);
        if count.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            return Err(Rejection::TooMany("too many sign-ins at once".to_owned()));
        }
        Ok(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn hash<E: From<Failure>>(password: &[u8]) -> Result<String, E> {
    let failed =
        |error: &dyn std::fmt::Display| E::from(Failure::Terminal(format!("argon2: {error}")));
    let parameters = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| failed(&error))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    let salt = random::<16>()?;
    argon2
        .hash_password_with_salt(password, &salt)
        .map(|hash| hash.to_string())
        .map_err(|error| failed(&error))
}

/// The parameters are the stored hash's own, so that stronger ones can be chosen later.
fn verify(password: &[u8], stored: &str) -> bool {
    PasswordHash::new(stored)
        .is_ok_and(|stored| Argon2::default().verify_password(password, &stored).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn only_the_password_has_its_hash() {
        let passwords = Passwords::new().expect("a pool");
        let stored = passwords
            .hash(&secret("correct horse"))
            .await
            .expect("a hash");
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        assert_eq!(
            passwords
                .verify(&secret("correct horse"), Some(&stored))
                .await,
            Ok(true)
        );
        assert_eq!(
            passwords
                .verify(&secret("wrong horse"), Some(&stored))
                .await,
            Ok(false)
        );
        assert_eq!(
            passwords.verify(&secret("correct horse"), None).await,
            Ok(false)
        );
        assert_eq!(
            passwords.verify(&secret("x"), Some("not a hash")).await,
            Ok(false)
        );
        assert!(passwords.hash(&secret("short")).await.is_err());
    }
}
