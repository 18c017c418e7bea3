//! Releases: from a line that moved to environments that run it.
//!
//! ```text
//! look (lines, chart, cascades, rows) ─► due ─► begin: bump, version, causes ─► make: render everywhere, then store ─► deploy: start, observe
//! ```
//! A change is a new chart version or commit whose stored bytes contain the new references. Every step is written down
//! before the next one begins and may be repeated: after a crash the same change goes on. The environments follow in
//! their order; a failure stops those after it and says so. People ask by [`Releases`], jobs work through [`Releases::start`].

mod begin;
mod change;
mod charts;
mod deploy;
mod look;
mod make;
mod oracle;
mod overview;
mod record;
mod secrets;
mod settle;
mod source;
mod waits;
mod work;

pub use overview::{EnvironmentNow, HistoryEntry, ReleaseNow};
pub use record::{AssembleError, assemble};

use refloat_core::{Failure, ProjectId};
use refloat_flow::{FlowError, Registry};
use refloat_ports::{Capabilities, DeployStatus, Deployer, Deployment, Git, Target};
use refloat_store::Store;
use refloat_store::secrets::MasterKey;
use refloat_store_releases::ReleaseKey;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What releases need of the world.
#[derive(Clone)]
pub struct World {
    /// Opens the credentials of documents.
    pub master: MasterKey,
    /// What this registry is called in charts: host, or host and port.
    pub host: String,
    /// Git.
    pub git: Arc<dyn Git>,
    /// Deploys to folders.
    pub folders: Arc<dyn Deployer>,
    /// Deploys to clusters.
    pub clusters: Arc<dyn Deployer>,
}

/// Releases. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Releases {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    registry: Registry,
    world: World,
    /// Releases that are being settled in this process, and whether something happened to them meanwhile.
    busy: Mutex<BTreeMap<ReleaseKey, bool>>,
}

impl Releases {
    /// Releases over these rows, charts of this registry, and the world.
    pub fn new(store: Store, registry: Registry, world: World) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                registry,
                world,
                busy: Mutex::default(),
            }),
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    pub(crate) fn world(&self) -> &World {
        &self.inner.world
    }

    fn deployer(&self, target: &Target) -> &Arc<dyn Deployer> {
        match target {
            Target::Folder { .. } => &self.inner.world.folders,
            Target::Kubernetes { .. } => &self.inner.world.clusters,
        }
    }

    pub(crate) async fn capabilities(
        &self,
        target: &Target,
    ) -> Result<Option<Capabilities>, Failure> {
        self.deployer(target).capabilities(target).await
    }

    pub(crate) async fn start_deployment(&self, deployment: &Deployment) -> Result<(), Failure> {
        let deployer = self.deployer(&deployment.target);
        deployer.start(deployment.clone()).await
    }

    pub(crate) async fn observe(&self, deployment: &Deployment) -> Result<DeployStatus, Failure> {
        self.deployer(&deployment.target).observe(deployment).await
    }
}

/// Why a step was not done: a person has to act, or it is tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StepError {
    /// It will fail again with the same inputs.
    #[error("{0}")]
    Final(String),
    /// The world.
    #[error(transparent)]
    Again(#[from] FlowError),
}

impl From<Failure> for StepError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Terminal(message) => Self::Final(message),
            other => Self::Again(FlowError::Failed(other)),
        }
    }
}

impl From<refloat_store::StoreError> for StepError {
    fn from(error: refloat_store::StoreError) -> Self {
        Self::Again(error.into())
    }
}

/// An operation of the store: clones what it captures each time it runs, since it may run more than once.
macro_rules! operation {
    ($tx:ident, [$($captured:ident),* $(,)?], $body:expr) => {
        {
            $(let $captured = $captured.clone();)*
            move |$tx| {
                $(let $captured = $captured.clone();)*
                Box::pin(async move { $body })
            }
        }
    };
}
pub(crate) use operation;

/// The project whose jobs look at every release.
pub(crate) fn default_project() -> ProjectId {
    refloat_store::projects::DEFAULT_PROJECT
        .parse()
        .expect("the default project's id is one")
}
