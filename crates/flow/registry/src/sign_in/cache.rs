//! A bounded memory of what was found out.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// Keeps about `entries_max` of the newest entries: when the young half is full, it becomes the old half and
/// what was old is forgotten. An entry that is used from the old half moves to the young one.
pub(super) struct Cache<K, V> {
    halves: Mutex<Halves<K, V>>,
    half_max: usize,
}

struct Halves<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    pub(super) fn new(entries_max: usize) -> Self {
        let halves = Halves {
            young: HashMap::new(),
            old: HashMap::new(),
        };
        Self {
            halves: Mutex::new(halves),
            half_max: (entries_max / 2).max(1),
        }
    }

    pub(super) fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = halves.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = halves.old.remove_entry(key)?;
        halves.put(key, value.clone(), self.half_max);
        Some(value)
    }

    pub(super) fn put(&self, key: K, value: V) {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        halves.put(key, value, self.half_max);
    }
}

impl<K: Eq + Hash, V> Halves<K, V> {
    fn put(&mut self, key: K, value: V, half_max: usize) {
        if self.young.len() >= half_max && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_is_bounded_and_keeps_what_is_used() {
        let cache = Cache::new(100);
        for number in 0..1000 {
            cache.put(number, number);
            assert_eq!(cache.get(&0), Some(0), "it is used all the time");
        }
        let kept = (0..1000)
            .filter(|number| {
                cache
                    .halves
                    .lock()
                    .expect("sound")
                    .young
                    .contains_key(number)
            })
            .count();
        assert!(kept <= 50);
        assert_eq!(cache.get(&999), Some(999));
        assert_eq!(cache.get(&500), None);
    }
}
