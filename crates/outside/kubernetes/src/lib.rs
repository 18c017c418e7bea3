//! Kubernetes as a place to release to, by its API alone: server-side apply, helm's own records, readiness by kstatus's rules.
//!
//! ```text
//! start    record pending ─► definitions ─► objects in helm's order ─► what left the manifest is removed
//! observe  every object ready ─► earlier record superseded, this one deployed │ too late, or hopeless ─► failed
//! ```
//! Everything that lasts stands in the cluster: the record of a release carries the id of the deployment that wrote it,
//! so that a deployment goes on after a crash and is never done twice. Nothing without the release's own marks is touched.

mod client;
mod cluster;
mod deploy;
mod kubeconfig;
mod objects;
mod observe;
mod ready;
mod record;
mod yaml;

pub use client::ApiError;
pub use cluster::{Cluster, KubernetesDeployer};
pub use kubeconfig::{Access, Files};
pub use ready::{Readiness, readiness};
pub use record::{Record, Status};
pub use yaml::read_all as read_yaml;
