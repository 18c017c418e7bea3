//! Wrong tries are counted per address: a bucket of tries that fills slowly.
//!
//! Only failures cost, and whoever was verified within the last minute is never asked here: an attacker behind the same
//! address does not lock the others out at once.

use refloat_core::Rejection;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Wrong tries that an address has at first.
const TRIES_MAX: f64 = 50.0;
/// Wrong tries that come back per second.
const TRIES_PER_SECOND: f64 = 0.5;
/// The most addresses that are remembered.
const ADDRESSES_MAX: usize = 50_000;

#[derive(Default)]
pub(super) struct Throttle {
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

struct Bucket {
    tries: f64,
    at: Instant,
}

impl Bucket {
    fn refilled(&self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        (self.tries + passed * TRIES_PER_SECOND).min(TRIES_MAX)
    }
}

impl Throttle {
    /// Whether `address` may try.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), Rejection> {
        self.check_at(address, Instant::now())
    }

    /// `address` tried and was wrong.
    pub(super) fn failed(&self, address: IpAddr) {
        self.failed_at(address, Instant::now());
    }

    fn check_at(&self, address: IpAddr, now: Instant) -> Result<(), Rejection> {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        match buckets.get(&network(address)) {
            Some(bucket) if bucket.refilled(now) < 1.0 => Err(Rejection::TooMany(
                "too many wrong credentials from this address".to_owned(),
            )),
            Some(_) | None => Ok(()),
        }
    }

    fn failed_at(&self, address: IpAddr, now: Instant) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= ADDRESSES_MAX {
            buckets.retain(|_, bucket| bucket.refilled(now) < TRIES_MAX);
        }
        if buckets.len() >= ADDRESSES_MAX {
            // An attack from everywhere: forgetting costs less than growing.
            buckets.clear();
        }
        let bucket = buckets.entry(network(address)).or_insert(Bucket {
            tries: TRIES_MAX,
            at: now,
        });
        bucket.tries = (bucket.refilled(now) - 1.0).max(0.0);
        bucket.at = now;
    }
}

/// What one party usually owns: an IPv4 address, or the upper half of an IPv6 one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn tries_run_out_and_come_back() {
        let throttle = Throttle::default();
        let (start, address) = (Instant::now(), IpAddr::from([10, 0, 0, 1]));
        for _ in 0..50 {
            assert_eq!(throttle.check_at(address, start), Ok(()));
            throttle.failed_at(address, start);
        }
        assert!(matches!(
            throttle.check_at(address, start),
            Err(Rejection::TooMany(_))
        ));
        assert_eq!(
            throttle.check_at(IpAddr::from([10, 0, 0, 2]), start),
            Ok(())
        );
        assert_eq!(
            throttle.check_at(address, start + Duration::from_secs(3)),
            Ok(())
        );
    }

    #[test]
    fn one_ipv6_network_is_one_party() {
        let one: IpAddr = "2001:db8::1".parse().expect("an address");
        let same: IpAddr = "2001:db8::ffff:1".parse().expect("an address");
        let other: IpAddr = "2001:db8:0:1::1".parse().expect("an address");
        assert_eq!(network(one), network(same));
        assert_ne!(network(one), network(other));
    }
}
