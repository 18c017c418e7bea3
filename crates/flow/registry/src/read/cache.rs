//! What was read at one generation of the store, kept until the next commit.
//!
//! Valid exactly while [`refloat_store::Store::generation`] is what it was when the read began: whoever finds an entry gets
//! the answer the store would give now, permissions included. What depends on the clock alone (an account that expires)
//! is at most [`AGE_MAX`] late. On PostgreSQL there is no generation and so no cache.
//!
//! Invariants: an entry is returned only for an equal key at an equal generation; a shard's entries never weigh more
//! than its share of the bound.

use refloat_core::Principal;
use refloat_oci::RepositoryName;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const SHARDS: usize = 16;
/// What an entry weighs beyond its value, in bytes: keys, maps, the allocator.
const ENTRY_OVERHEAD_BYTES: u64 = 512;
/// How long an entry is good without a commit.
const AGE_MAX: Duration = Duration::from_secs(5);

/// Values by (who asks, repository, name within it).
pub(crate) struct Cache<N, V> {
    shards: Vec<Mutex<Shard<N, V>>>,
    hasher: RandomState,
    shard_bytes_max: u64,
}

struct Shard<N, V> {
    // By the hash of the key: a lookup needs no key of its own. Of two keys with one hash the later one stays.
    entries: HashMap<u64, Entry<N, V>>,
    bytes: u64,
}

struct Entry<N, V> {
    generation: u64,
    made: Instant,
    principal: Principal,
    repository: RepositoryName,
    name: N,
    value: V,
    bytes: u64,
}

/// A key that only looks.
pub(crate) struct Key<'k, N> {
    pub(crate) principal: &'k Principal,
    pub(crate) repository: &'k RepositoryName,
    pub(crate) name: &'k N,
}

impl<N: Hash + Eq + Clone, V: Clone> Cache<N, V> {
    pub(crate) fn new(bytes_max: u64) -> Self {
        let shard = || Shard {
            entries: HashMap::new(),
            bytes: 0,
        };
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(shard())).collect(),
            hasher: RandomState::new(),
            shard_bytes_max: bytes_max / SHARDS as u64,
        }
    }

    pub(crate) fn get(&self, key: &Key<'_, N>, generation: u64) -> Option<V> {
        let hash = self.hash(key);
        let shard = self
            .shard(hash)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let entry = shard.entries.get(&hash)?;
        let found =
            entry.generation == generation && entry.made.elapsed() < AGE_MAX && entry.is(key);
        found.then(|| entry.value.clone())
    }

    /// Keeps `value`, of `bytes` bytes, read at `generation`.
    pub(crate) fn put(&self, key: &Key<'_, N>, generation: u64, value: V, bytes: u64) {
        let bytes = bytes + ENTRY_OVERHEAD_BYTES;
        if bytes > self.shard_bytes_max {
            return;
        }
        let hash = self.hash(key);
        let entry = Entry {
            generation,
            made: Instant::now(),
            principal: key.principal.clone(),
            repository: key.repository.clone(),
            name: key.name.clone(),
            value,
            bytes,
        };
        let mut shard = self
            .shard(hash)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        shard.remove(hash);
        if shard.bytes + bytes > self.shard_bytes_max {
            shard.make_room(self.shard_bytes_max - bytes, generation);
        }
        shard.bytes += bytes;
        shard.entries.insert(hash, entry);
    }

    fn hash(&self, key: &Key<'_, N>) -> u64 {
        self.hasher.hash_one((
            &key.principal.id,
            &key.principal.name,
            key.repository,
            key.name,
        ))
    }

    fn shard(&self, hash: u64) -> &Mutex<Shard<N, V>> {
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or(0)]
    }
}

impl<N: Eq, V> Entry<N, V> {
    fn is(&self, key: &Key<'_, N>) -> bool {
        self.name == *key.name
            && self.repository == *key.repository
            && self.principal == *key.principal
    }
}

impl<N, V> Shard<N, V> {
    fn remove(&mut self, hash: u64) {
        if let Some(entry) = self.entries.remove(&hash) {
            self.bytes -= entry.bytes;
        }
    }

    /// Drops what is no longer valid, then as much of the rest as it takes, in the map's random order.
    fn make_room(&mut self, bytes_max: u64, generation: u64) {
        let mut kept = 0;
        self.entries.retain(|_, entry| {
            let keep = entry.generation == generation && kept + entry.bytes <= bytes_max;
            kept += if keep { entry.bytes } else { 0 };
            keep
        });
        self.bytes = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(name: &str) -> Principal {
        Principal {
            name: name.to_owned(),
            ..Principal::anonymous()
        }
    }

    #[test]
    fn answers_only_the_same_asker_at_the_same_generation() {
        let cache: Cache<u32, &str> = Cache::new(1 << 20);
        let (alice, bob) = (principal("alice"), principal("bob"));
        let narrowed = Principal {
            scopes: Some(Vec::new()),
            ..alice.clone()
        };
        let repository: RepositoryName = "apps/web".parse().expect("a name");
        let key = |principal| Key {
            principal,
            repository: &repository,
            name: &1,
        };
        cache.put(&key(&alice), 7, "value", 5);
        assert_eq!(cache.get(&key(&alice), 7), Some("value"));
        assert_eq!(cache.get(&key(&alice), 8), None);
        assert_eq!(cache.get(&key(&bob), 7), None);
        assert_eq!(cache.get(&key(&narrowed), 7), None);
    }

    #[test]
    fn keeps_its_bound() {
        let bytes_max = 1 << 20;
        let cache: Cache<u32, ()> = Cache::new(bytes_max);
        let alice = principal("alice");
        let repository: RepositoryName = "apps/web".parse().expect("a name");
        for name in 0..10_000 {
            let key = Key {
                principal: &alice,
                repository: &repository,
                name: &name,
            };
            cache.put(&key, u64::from(name / 100), (), 1000);
            assert!(cache.get(&key, u64::from(name / 100)).is_some());
        }
        let total: u64 = cache
            .shards
            .iter()
            .map(|shard| shard.lock().expect("no panic").bytes)
            .sum();
        assert!((bytes_max / 4..=bytes_max).contains(&total), "{total}");
        let too_large = Key {
            principal: &alice,
            repository: &repository,
            name: &10_000,
        };
        cache.put(&too_large, 1, (), bytes_max);
        assert!(cache.get(&too_large, 1).is_none());
    }
}
