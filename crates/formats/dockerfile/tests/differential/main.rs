//! Random Dockerfiles against BuildKit's own front end: the same images, for the same platforms, named on the same lines.
//!
//! A fixed number of cases runs with the other tests; `cargo xtask differential --of dockerfiles --cases N` runs more. Each
//! case is made from its number alone, so that a difference is told by a number that makes it again.

#![expect(
    clippy::print_stdout,
    reason = "tests tell what they counted or why they did not run"
)]

mod compare;
#[path = "../../../chart/tests/differential/draw.rs"]
mod draw;
#[path = "../../../chart/tests/differential/engine.rs"]
mod engine;
mod files;

use draw::Draw;
use engine::Engine;
use refloat_rig::{Tool, tools};
use std::collections::BTreeMap;
use std::env;

/// Cases that run with the other tests.
const CASES: u64 = 5000;
/// Of these, as many gave the same edges when this was last raised. It is never lowered.
const EDGES_MIN: u64 = 1500;
/// Differences that are told in full.
const TOLD: usize = 10;

#[test]
fn random_dockerfiles_stand_on_what_buildkit_asks_for() {
    let Some(mut engine) = started() else {
        return;
    };
    let number = |name: &str, otherwise| {
        let text = env::var(name).ok();
        text.map_or(otherwise, |text| text.parse().expect("a number"))
    };
    let from = number("REFLOAT_DIFFERENTIAL_FROM", 0);
    let cases = number("REFLOAT_DIFFERENTIAL_CASES", CASES);
    let mut counts: BTreeMap<compare::Agreed, u64> = BTreeMap::new();
    let mut different = Vec::new();
    for number in from..from + cases {
        let case = files::case(&mut Draw::of(number));
        match compare::case(&case, &mut engine) {
            Ok(agreed) => *counts.entry(agreed).or_default() += 1,
            Err(difference) => {
                if different.len() < TOLD {
                    println!("case {number}: {difference}\n");
                }
                different.push(number);
            }
        }
    }
    println!(
        "{cases} cases from {from}: {counts:?}, {} different",
        different.len()
    );
    assert!(different.is_empty(), "different: {different:?}");
    let edges = counts
        .get(&compare::Agreed::Edges)
        .copied()
        .unwrap_or_default();
    assert!(
        edges >= EDGES_MIN.min(cases / 10),
        "fewer cases have edges than before"
    );
}

fn started() -> Option<Engine> {
    if tools::is_ci() {
        tools::ensure(&[Tool::DockerfileEngine])
            .expect("the program over BuildKit's front end is built");
    }
    match Tool::DockerfileEngine.path() {
        Ok(program) => Some(Engine::start(&program)),
        Err(reason) => {
            println!("skipped: {reason}");
            None
        }
    }
}
