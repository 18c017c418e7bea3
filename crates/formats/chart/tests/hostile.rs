//! Hostile charts are refused, each in a process of its own that stays small.

#[path = "shared/fixed.rs"]
mod fixed;
#[path = "shared/hostile.rs"]
mod hostile;

use std::env;
use std::process::Command;

/// What a process may have held at its peak.
const PEAK_KIB_MAX: u64 = 256 << 10;
/// Names the case to a process that is started for it.
const CASE: &str = "REFLOAT_HOSTILE_CASE";
/// What such a process says before the peak of its memory.
const SAID: &str = "peak KiB: ";

#[test]
fn hostile_charts_are_refused_within_bounds() {
    for (name, _) in hostile::CASES {
        let program = env::current_exe().expect("a test knows its program");
        let output = Command::new(program)
            .args(["--exact", "the_case_of_a_process_of_its_own", "--nocapture"])
            .env(CASE, name)
            .output()
            .expect("a test starts again");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {text}");
        let peak = text.lines().find_map(|line| line.strip_prefix(SAID));
        let peak: u64 = peak
            .and_then(|peak| peak.parse().ok())
            .expect("the peak is told");
        assert!(peak <= PEAK_KIB_MAX, "{name}: {peak} KiB");
    }
}

#[test]
#[expect(
    clippy::print_stderr,
    reason = "the process that started this one reads it"
)]
fn the_case_of_a_process_of_its_own() {
    let Ok(wanted) = env::var(CASE) else {
        return;
    };
    let case = hostile::CASES.iter().find(|(name, _)| *name == wanted);
    let (name, case) = case.expect("the case is known");
    let refusal = case().expect_err(name);
    assert!(!refusal.is_empty(), "{name}");
    eprintln!("{SAID}{}", hostile::peak_kib());
}
