//! Hostile bytes for the readers, in a process of their own: nothing else counts into its memory.

use std::process::Command;

/// A minute for all readers together where it counts, a moment elsewhere.
#[test]
fn a_minute_of_hostile_bytes() {
    let each = if std::env::var_os("CI").is_some() {
        "12"
    } else {
        "1"
    };
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["fuzz", "--seconds", each])
        .output()
        .expect("it runs");
    let told = String::from_utf8(output.stdout).expect("text");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{said}");
    assert_eq!(told.lines().count(), 5, "a line for each reader: {told}");
    for line in told.lines() {
        let numbers: Vec<u64> = line
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect();
        let [cases, readable, ..] = numbers.as_slice() else {
            panic!("{line}");
        };
        assert!(*cases > 10 && *readable > 0, "{line}");
    }
}
