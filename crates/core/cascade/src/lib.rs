//! What a moved base reaches, in which order, by which method and why: pure functions over views.
//!
//! [`plan::plan`] takes what the store found to stand on a moved base and returns nodes in their order, each with its reasons;
//! [`node`] and [`cascade`] are the lives of what is carried out; [`chain`] names layers so that a base is found without being
//! told; [`rule`] says which tag of a repository is a line's current one. The callers are `store/patches` and `flow/patches`.

pub mod cascade;
pub mod chain;
pub mod name;
pub mod node;
pub mod plan;
pub mod policy;
pub mod rule;

pub use cascade::{CascadeEvent, CascadeState};
pub use name::{BaseName, LineName};
pub use node::{NodeEvent, NodeState};
pub use plan::{Above, Edge, Forecast, LineView, Plan, PlanNode, PlanView, Stands, Task, plan};
pub use policy::{PatchMethod, PatchPolicy};
pub use rule::Rule;

/// A change that the state it meets does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} that is {state} does not take `{event}`")]
pub struct IllegalTransition {
    /// `a patch` or `a cascade`.
    pub what: &'static str,
    /// The state.
    pub state: &'static str,
    /// The event.
    pub event: &'static str,
}
