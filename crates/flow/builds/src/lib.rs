//! Builds: runs of tasks, from the request to the tags, and what tasks stand on.
//!
//! ```text
//! request ─► run.requested ─► commit, Dockerfile, pinned bases ─► Builder::start ─► run.started
//!     ▲                                                              │ observe, log, a look at a time
//!  a person, a cascade          stable tags, edges ◄─ run.finished ◄─┘ unique tag
//! ```
//! A run is looked at by short jobs of the kind `build`, each of which makes the next one: nothing is held while a builder
//! works, and whoever takes the next look, after a crash too, finds all it needs in rows. By hand, a run moves its task's
//! stable tags at its end; in a cascade that is the cascade's. A run of tests alone has the same life, and builds nothing.

mod begin;
mod edges;
mod end;
mod look;
mod pins;
mod secrets;
mod spec;
mod tests;
mod work;

pub use refloat_store_builds::{NewRun, NewTests, Run, RunFilter, TestSpec};
pub use tests::TESTS_SECONDS_MAX;

use refloat_core::{Failure, PrincipalKind, ProjectId, Rejection, RunId};
use refloat_flow::executors::{Tasks, Worker};
use refloat_flow::{Caller, FlowError, Registry};
use refloat_oci::RegistryHost;
use refloat_ports::{Builder, Git, Places};
use refloat_store::access::{actor, authorize_project};
use refloat_store::secrets::MasterKey;
use refloat_store::{Store, StoreError};
use refloat_store_builds as rows;
use std::sync::Arc;
use std::time::Duration;

/// The longest that a reader of a log is kept waiting for more.
pub const LOG_WAIT_MAX: Duration = Duration::from_secs(30);
/// The most parts of a log in one answer.
const LOG_PARTS_MAX: i64 = 16;

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

/// What builds are made with.
pub struct Parts {
    /// Rows.
    pub store: Store,
    /// Our own registry.
    pub registry: Registry,
    /// Opens credentials.
    pub master: MasterKey,
    /// How our own registry is called in references, and reached by builders.
    pub host: RegistryHost,
    /// The builder.
    pub builder: Arc<dyn Builder>,
    /// Git.
    pub git: Arc<dyn Git>,
    /// Foreign registries.
    pub places: Arc<dyn Places>,
    /// How many runs may be at the builder at once.
    pub concurrency: i64,
}

/// The use cases of builds. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Builds {
    pub(crate) inner: Arc<Parts>,
}

/// What a reader of a log gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPart {
    /// The bytes from where it asked.
    pub bytes: Vec<u8>,
    /// Where to ask next.
    pub next: u64,
    /// Whether nothing will follow.
    pub ended: bool,
}

impl Builds {
    /// Builds made of these.
    pub fn new(parts: Parts) -> Self {
        Self {
            inner: Arc::new(parts),
        }
    }

    /// Begins to look at runs. `owner` is what people see as the holder of jobs.
    pub fn start(&self, tasks: &Tasks, owner: &str) {
        let store = self.store();
        tasks.start(
            store.clone(),
            Worker::new(store.clone(), work::Look(self.clone()), owner),
        );
    }

    /// Whether a host is this registry: loopback has several names.
    pub(crate) fn is_own(&self, host: &RegistryHost) -> bool {
        refloat_cascade::name::is_own(host, &self.inner.host)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Asks for a run, or finds the one of the same occasion.
    ///
    /// # Errors
    /// [`Rejection::NotFound`] if there is no such task.
    pub async fn request(&self, new: NewRun) -> Result<RunId, FlowError> {
        let new = Arc::new(new);
        let made = self
            .store()
            .write(operation!(tx, [new], rows::request(tx, &new).await));
        Ok(made.await?)
    }

    /// A person asks for a run of the task as its branch stands.
    ///
    /// # Errors
    /// [`Rejection::NotFound`] or [`Rejection::Denied`] without leave for the project, or without such a task.
    pub async fn run(
        &self,
        caller: &Caller,
        task: String,
        project: Option<String>,
    ) -> Result<Run, FlowError> {
        let (principal, project) = (caller.principal.clone(), project_or_default(project));
        let made = self
            .store()
            .write(operation!(tx, [principal, task, project], {
                let leave = authorize_project(tx, &principal, &project).await?;
                let cause = match principal.kind {
                    PrincipalKind::System => "system",
                    PrincipalKind::User | PrincipalKind::Robot | PrincipalKind::Anonymous => {
                        "person"
                    }
                };
                let new = NewRun {
                    project: leave.id().clone(),
                    task,
                    once: None,
                    commit: None,
                    bases: Vec::new(),
                    cause: cause.to_owned(),
                    actor: actor(&principal),
                    causes: Vec::new(),
                    cascade: None,
                };
                let id = rows::request(tx, &new).await?;
                found(tx, &id).await
            }));
        Ok(made.await?)
    }

    /// A run, whoever asks.
    ///
    /// # Errors
    /// [`Rejection::NotFound`].
    pub async fn get(&self, id: &RunId) -> Result<Run, FlowError> {
        let run = self
            .store()
            .read(operation!(tx, [id], found(tx, &id).await));
        Ok(run.await?)
    }

    /// A run of a project that the caller administers.
    ///
    /// # Errors
    /// [`Rejection::NotFound`], also for a run of another project.
    pub async fn show(
        &self,
        caller: &Caller,
        id: &RunId,
        project: Option<String>,
    ) -> Result<Run, FlowError> {
        let (principal, project) = (caller.principal.clone(), project_or_default(project));
        let run = self.store().read(operation!(tx, [principal, id, project], {
            let leave = authorize_project(tx, &principal, &project).await?;
            owned(tx, &id, leave.id()).await
        }));
        Ok(run.await?)
    }

    /// Runs of a project, the newest first, before the run `before`.
    ///
    /// # Errors
    /// [`Rejection::NotFound`] or [`Rejection::Denied`] without leave.
    pub async fn list(
        &self,
        caller: &Caller,
        project: Option<String>,
        filter: RunFilter,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<Vec<Run>, FlowError> {
        let (principal, project) = (caller.principal.clone(), project_or_default(project));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = self
            .store()
            .read(operation!(tx, [principal, project, filter, before], {
                let leave = authorize_project(tx, &principal, &project).await?;
                rows::list(tx, leave.id(), &filter, before.as_ref(), limit).await
            }));
        Ok(found.await?)
    }

    /// Calls a run off; it ends soon after, if it has not been faster.
    ///
    /// # Errors
    /// [`Rejection::NotFound`]; [`Rejection::Conflict`] if it has ended.
    pub async fn cancel(
        &self,
        caller: &Caller,
        id: &RunId,
        project: Option<String>,
    ) -> Result<(), FlowError> {
        let (principal, project) = (caller.principal.clone(), project_or_default(project));
        let reason = format!("called off by {}", principal.name);
        let done = self
            .store()
            .write(operation!(tx, [principal, id, project, reason], {
                let leave = authorize_project(tx, &principal, &project).await?;
                let run = owned(tx, &id, leave.id()).await?;
                rows::ask_to_cancel(tx, &run.id, &reason).await
            }));
        Ok(done.await?)
    }

    /// Calls a run off because of what the server knows, for example that its cascade ended.
    ///
    /// # Errors
    /// [`Rejection::NotFound`]; [`Rejection::Conflict`] if it has ended.
    pub async fn call_off(&self, id: &RunId, reason: String) -> Result<(), FlowError> {
        let done = self.store().write(operation!(
            tx,
            [id, reason],
            rows::ask_to_cancel(tx, &id, &reason).await
        ));
        Ok(done.await?)
    }

    /// The log of a run from a byte on; waits for more for `wait` at most if there is none yet.
    ///
    /// # Errors
    /// [`Rejection::NotFound`].
    pub async fn log(
        &self,
        caller: &Caller,
        id: &RunId,
        project: Option<String>,
        from: u64,
        wait: Duration,
    ) -> Result<LogPart, FlowError> {
        let until = std::time::Instant::now() + wait.min(LOG_WAIT_MAX);
        loop {
            let committed = self.store().committed();
            let run = self.show(caller, id, project.clone()).await?;
            let read = self.store().read(operation!(
                tx,
                [id],
                rows::read_log(tx, &id, from, LOG_PARTS_MAX).await
            ));
            let bytes = read.await?;
            let ended = run.state.has_ended() && run.settled;
            let left = until.saturating_duration_since(std::time::Instant::now());
            if !bytes.is_empty() || ended || left.is_zero() {
                return Ok(LogPart {
                    next: from + bytes.len() as u64,
                    ended: ended && bytes.is_empty(),
                    bytes,
                });
            }
            // Another process may have written: a look each second at the latest.
            let pause = left.min(Duration::from_secs(1));
            let _ = tokio_timeout(pause, committed).await;
        }
    }
}

/// Waits for `work`, at most for `limit`.
async fn tokio_timeout(limit: Duration, work: impl Future<Output = ()>) -> bool {
    tokio::time::timeout(limit, work).await.is_ok()
}

fn project_or_default(project: Option<String>) -> String {
    project.unwrap_or_else(|| refloat_flow::administer::DEFAULT_PROJECT.to_owned())
}

async fn found(tx: &mut dyn refloat_store::Tx, id: &RunId) -> Result<Run, StoreError> {
    let run = rows::get(tx, id).await?;
    run.ok_or_else(|| unknown(id).into())
}

async fn owned(
    tx: &mut dyn refloat_store::Tx,
    id: &RunId,
    project: &ProjectId,
) -> Result<Run, StoreError> {
    let run = found(tx, id).await?;
    if run.project == *project {
        Ok(run)
    } else {
        Err(unknown(id).into())
    }
}

fn unknown(id: &RunId) -> Rejection {
    Rejection::NotFound {
        kind: "run",
        name: id.to_string(),
    }
}

/// What the world said, as a failure that may go right another time.
pub(crate) fn transient(error: impl std::fmt::Display) -> FlowError {
    Failure::Transient(error.to_string()).into()
}
