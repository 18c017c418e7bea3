//! When a release is due, and where: changes, environments in their order, and how each deployment goes on.
//!
//! ```text
//! lines moved, chart moved ─► change: making ─► made ─► per environment: waiting ─► started ─► deployed
//!                                          └► failed                      │            └► failed ─► those after it: stopped
//!                                                                         └► superseded by a newer change
//! ```
//! Pure: the view and the time are arguments; what is to be done comes with the reason for what is not.

mod deployment;
mod due;
mod inputs;

pub use deployment::{Deployment, DeploymentEvent, IllegalTransition};
pub use due::{ChangeState, EnvironmentView, Explanation, ReleaseView, Step, due, stopped_by};
pub use inputs::{InputImage, Inputs};
