//! Random charts, values and `--set` texts against Helm's own engine: what one side renders or refuses, the other must.
//!
//! A fixed number of cases runs with the other tests; `cargo xtask differential --cases N` runs more. Each case is made
//! from its number alone, so that a difference is told by a number that makes it again.

#![expect(
    clippy::print_stdout,
    reason = "tests tell what they counted or why they did not run"
)]

mod compare;
mod draw;
mod engine;
mod expressions;
#[path = "../shared/fixed.rs"]
mod fixed;
mod scalars;
mod sets;
mod signatures;
mod templates;
mod values;

use draw::Draw;
use engine::Engine;
use refloat_rig::{Tool, tools};
use std::env;

/// Cases that run with the other tests.
const CASES: u64 = 2000;
/// Differences that are told in full.
const TOLD: usize = 25;

#[test]
fn random_charts_render_as_helm_renders_them() {
    let Some(mut engine) = started() else {
        return;
    };
    let number = |name: &str, otherwise| {
        let text = env::var(name).ok();
        text.map_or(otherwise, |text| text.parse().expect("a number"))
    };
    let from = number("REFLOAT_DIFFERENTIAL_FROM", 0);
    let cases = number("REFLOAT_DIFFERENTIAL_CASES", CASES);
    let mut different = Vec::new();
    let (mut rendered, mut refused, mut unanswered) = (0_u64, 0_u64, 0_u64);
    for case in from..from + cases {
        match compare::case(Draw::of(case), &mut engine) {
            Ok(compare::Agreed::Rendered) => rendered += 1,
            Ok(compare::Agreed::Refused) => refused += 1,
            Ok(compare::Agreed::Unanswered) => unanswered += 1,
            Err(difference) => {
                if different.len() < TOLD {
                    println!("case {case}: {difference}\n");
                }
                different.push(case);
            }
        }
    }
    println!(
        "{cases} cases from {from}: {rendered} rendered alike, {refused} refused alike, {unanswered} that Helm has no answer to, {} different",
        different.len()
    );
    assert!(different.is_empty(), "different: {different:?}");
    assert!(
        unanswered * 200 <= cases,
        "Helm's engine has too few answers"
    );
}

fn started() -> Option<Engine> {
    if tools::is_ci() {
        tools::ensure(&[Tool::HelmEngine]).expect("the program over Helm's engine is built");
    }
    match Tool::HelmEngine.path() {
        Ok(program) => Some(Engine::start(&program)),
        Err(reason) => {
            println!("skipped: {reason}");
            None
        }
    }
}
