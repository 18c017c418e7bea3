//! Values of a chart in layers: which file and line won, what it hid, and which keys an environment misses or misspells.
//!
//! ```text
//! values.yaml of the charts below ─► values.yaml ─► files of the release ─► files of the environment ─► flags
//!      lowest                                                                            highest
//! ```
//! Maps merge, all else is replaced, null takes away: as Helm lays files over each other. Pure; values of secret files are
//! never shown, only where they stand.

mod check;
mod explain;
mod layer;
mod near;
#[cfg(test)]
mod tests;
mod usage;

pub use check::{Environment, Known, Level, Problem, check};
pub use explain::{Explanation, Place, explain};
pub use layer::{Layer, LayerError, Located, Shape};
pub use usage::used_paths;
