//! Whether a base can be swapped under an image: gates, hazards, tiers, evidence.
//!
//! [`judge`] is a pure function of the three images' indexes and configs. [`BaseDelta`] holds what the two bases say
//! alone; it is computed once and shared by all dependents ([`judge_with`]). [`merge_config`] makes the config that
//! the result would have. The rule above all: what cannot be judged is not proven.

mod case;
mod config;
mod delta;
mod gates;
mod hazards;
mod input;
mod judge;
mod resolve;
mod search;
mod system;
mod tree;
mod verdict;

pub use config::{Conflict, Seam, merge_config, seam};
pub use delta::BaseDelta;
pub use input::{GraphFacts, ImageFacts, JudgeInput, PlatformName};
pub use judge::{judge, judge_with};
pub use verdict::{Code, Reason, Tier, Verdict};
