//! Hostile charts are refused, all of them in one process that stays small.

#[path = "shared/fixed.rs"]
mod fixed;
#[path = "shared/hostile.rs"]
mod hostile;

/// What the whole process may have held; most of it are the test's own copies of texts of 100 MB.
const PEAK_KIB_MAX: u64 = 1 << 20;

#[test]
fn hostile_charts_are_refused_within_bounds() {
    for (name, case) in hostile::CASES {
        let refusal = case().expect_err(name);
        assert!(!refusal.is_empty(), "{name}");
    }
    let peak = hostile::peak_kib();
    assert!(peak <= PEAK_KIB_MAX, "{peak} KiB");
}
