//! Deployers: what brings a rendered chart to a place where it runs. A long effect: `start` is repeatable by its id.

use futures_util::future::BoxFuture;
use refloat_core::{Failure, ReleaseId, Secret};

/// A chart as it was rendered for one environment, with what Helm's release record needs.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The release's name.
    pub name: String,
    /// The namespace.
    pub namespace: String,
    /// The objects, in Helm's order, as `helm template` prints them without hooks.
    pub manifest: String,
    /// Definitions of kinds (`crds/`), which are made before anything else and never changed.
    pub crds: String,
    /// Files of the manifest by their template's path: what a folder target writes.
    pub files: Vec<(String, String)>,
    /// Hooks: name, kind, path, manifest, events, weight, delete policies, as the record has them (JSON).
    pub hooks: serde_json::Value,
    /// The chart as the record has it (JSON: metadata, lock, templates, values, schema, files).
    pub chart: serde_json::Value,
    /// The user's values as the record has them.
    pub config: serde_json::Value,
    /// The notes.
    pub notes: String,
    /// What it is, for people: becomes the record's description.
    pub description: String,
}

/// Where it goes.
#[derive(Debug, Clone)]
pub enum Target {
    /// A folder on the server's machine: one file per template below `path/NAME/`.
    Folder {
        /// The folder.
        path: String,
    },
    /// A cluster.
    Kubernetes {
        /// The text of a kubeconfig.
        kubeconfig: Secret<String>,
        /// Its context; `None` is the current one.
        context: Option<String>,
    },
}

/// What is to be deployed.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The id that makes starting repeatable.
    pub id: ReleaseId,
    /// Where.
    pub target: Target,
    /// What.
    pub rendered: Rendered,
    /// What to wait for.
    pub wait: Wait,
    /// How long to wait for it, in seconds.
    pub timeout_seconds: u64,
    /// What to do about a namespace that is not there.
    pub namespace: Namespace,
}

/// When a deployment counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// When everything runs and is ready.
    Rollout,
    /// When everything is applied.
    Applied,
}

/// What to do about a namespace that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// It is an error.
    MustExist,
    /// It is made.
    Create,
}

/// Where a deployment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeployStatus {
    /// Nothing of this id is there.
    Absent,
    /// It is applied and being waited for.
    Running {
        /// On what, for people.
        waiting_for: Vec<String>,
    },
    /// It runs and is ready.
    Deployed {
        /// The revision.
        revision: u32,
    },
    /// It is not ready in time, or an object was refused.
    Failed {
        /// What went wrong.
        error: String,
        /// The revision, if a record was written.
        revision: Option<u32>,
    },
}

/// What a target is able to, as templates see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The version of the cluster, for example `v1.34.4`.
    pub version: String,
    /// Its API versions, alone and with their kinds: `apps/v1`, `apps/v1/Deployment`.
    pub api_versions: Vec<String>,
}

/// A deployer. One deployment of a release at a time.
pub trait Deployer: Send + Sync + 'static {
    /// What the target is able to; `None` if it is no cluster.
    fn capabilities<'a>(
        &'a self,
        target: &'a Target,
    ) -> BoxFuture<'a, Result<Option<Capabilities>, Failure>>;

    /// Applies it, or does nothing if this id was applied.
    fn start(&self, deployment: Deployment) -> BoxFuture<'_, Result<(), Failure>>;

    /// Where it stands; the deployment is passed again, since the deployer keeps nothing but what the target keeps.
    fn observe<'a>(
        &'a self,
        deployment: &'a Deployment,
    ) -> BoxFuture<'a, Result<DeployStatus, Failure>>;

    /// Ends the waiting; what was applied stays, the record says `failed`.
    fn cancel<'a>(&'a self, deployment: &'a Deployment) -> BoxFuture<'a, Result<(), Failure>>;
}
