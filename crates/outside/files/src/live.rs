//! What this process knows of uploads beyond their files: hashes so far, and who is writing.
//!
//! An absent entry costs one more reading of the file at the end, never correctness.

use refloat_core::{Failure, StorageKey};
use refloat_oci::{Algorithm, Digest, Hasher};
use refloat_ports::{Checksummer, Checksums};
use std::collections::HashMap;
use std::fs::Metadata;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// The most uploads whose hashes are kept while they rest; the one that rested longest is forgotten first.
const RESTING_MAX: usize = 4096;

/// Digest and checksums of the first `length` bytes of an upload.
#[derive(Clone)]
pub(crate) struct Hashes {
    algorithm: Algorithm,
    hasher: Hasher,
    checksummer: Checksummer,
    length: u64,
    /// The file's last change when these were its hashes: another process may have written it since.
    changed: Option<SystemTime>,
}

impl Hashes {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            hasher: Hasher::new(algorithm),
            checksummer: Checksummer::new(),
            length: 0,
            changed: None,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.checksummer.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// Remembers the file as it is now, with its bytes synced.
    pub(crate) fn stamp(&mut self, metadata: &Metadata) {
        self.changed = metadata.modified().ok();
    }

    /// Whether the file is as it was when it had these hashes.
    pub(crate) fn are_of(&self, metadata: &Metadata) -> bool {
        self.changed.is_some()
            && self.changed == metadata.modified().ok()
            && self.length == metadata.len()
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn finish(self) -> (Digest, Checksums) {
        (self.hasher.finish(), self.checksummer.finish())
    }
}

enum Slot {
    /// Somebody writes, finishes or deletes.
    Busy,
    Resting {
        hashes: Hashes,
        since: u64,
    },
}

#[derive(Default)]
struct Slots {
    by_key: HashMap<StorageKey, Slot>,
    clock: u64,
}

pub(crate) struct Live(Mutex<Slots>);

impl Live {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Remembers with which algorithm an upload will probably end.
    pub(crate) fn announce(&self, key: StorageKey, algorithm: Algorithm) {
        let mut slots = self.lock();
        if !slots.by_key.contains_key(&key) {
            slots.rest(key, Hashes::new(algorithm));
        }
    }

    /// Takes a key for one writer until the lease is dropped.
    pub(crate) fn take(live: &Arc<Self>, key: &StorageKey) -> Result<Lease, Failure> {
        let hashes = match live.lock().by_key.insert(key.clone(), Slot::Busy) {
            Some(Slot::Busy) => {
                return Err(Failure::Transient(format!("blob `{key}` is being written")));
            }
            Some(Slot::Resting { hashes, .. }) => Some(hashes),
            None => None,
        };
        Ok(Lease {
            live: Arc::clone(live),
            key: key.clone(),
            hashes,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    fn rest(&mut self, key: StorageKey, hashes: Hashes) {
        self.clock += 1;
        let since = self.clock;
        self.by_key.insert(key, Slot::Resting { hashes, since });
        if self.by_key.len() > RESTING_MAX {
            let age = |slot: &Slot| match slot {
                Slot::Busy => None,
                Slot::Resting { since, .. } => Some(*since),
            };
            let oldest = self
                .by_key
                .iter()
                .filter_map(|(key, slot)| Some((age(slot)?, key)))
                .min();
            if let Some(key) = oldest.map(|(_, key)| key.clone()) {
                self.by_key.remove(&key);
            }
        }
    }
}

/// The right to write one key. It travels with the work, so that a caller who goes away frees it only when the work ends.
pub(crate) struct Lease {
    live: Arc<Live>,
    key: StorageKey,
    /// What is known of the bytes; kept for the next lease.
    pub(crate) hashes: Option<Hashes>,
}

impl Lease {
    /// Hashes the bytes that follow, if all before them were.
    pub(crate) fn take_in(&mut self, bytes: &[u8]) {
        if let Some(hashes) = &mut self.hashes {
            hashes.update(bytes);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut slots = self.live.lock();
        match self.hashes.take() {
            Some(hashes) => slots.rest(self.key.clone(), hashes),
            None => drop(slots.by_key.remove(&self.key)),
        }
    }
}
