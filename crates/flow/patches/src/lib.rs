//! The loop: what is watched, what stands on what, and how a moved base travels through all of it.
//!
//! ```text
//! manifest.pushed ─► index ───────────────► edges
//! tag.moved ───────► check-tag ─┐
//! time, a person ──► sweep ─────┴► answered ─► base.moved ─► plan ─► cascade.started ─► patch: judge, rebase or rebuild, publish
//! ```
//! Each arrow is a job over rows, which may be done twice or stop anywhere. What is decided is decided in `core/cascade` and
//! `core/verdict`; images are read and written through ports, our own registry among them ([`OwnImages`]).

mod advance;
mod ask;
mod cache;
mod check;
mod inputs;
mod judging;
mod own_images;
mod places;
mod planning;
mod publish;
mod reading;
mod rebuild;
mod show;
mod sweep;
mod testing;
mod waits;
mod work;

pub use ask::CascadeAsked;
pub use cache::BoundedCache;
pub use own_images::OwnImages;
pub use places::ServerPlaces;
pub use show::{CascadeShown, GraphShown};

use refloat_builds::Builds;
use refloat_core::{Failure, Rejection};
use refloat_flow::executors::{Tasks, Worker};
use refloat_flow::{FlowError, Registry};
use refloat_images::{ImageError, IndexCache};
use refloat_oci::RegistryHost;
use refloat_ports::{ImagesError, Places};
use refloat_store::Store;
use std::sync::Arc;

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

/// What the loop is made of.
pub struct Parts {
    /// Rows.
    pub store: Store,
    /// Our own registry.
    pub registry: Registry,
    /// How our own registry is called in references.
    pub host: RegistryHost,
    /// Every registry by its name, our own included.
    pub places: Arc<dyn Places>,
    /// Builds of tasks.
    pub builds: Builds,
    /// Indexes of layers.
    pub cache: Arc<dyn IndexCache + Send + Sync>,
}

/// The use cases of the loop. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Patches {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) parts: Parts,
    pub(crate) buckets: sweep::Buckets,
}

impl Patches {
    /// The loop made of these.
    pub fn new(parts: Parts) -> Self {
        Self {
            inner: Arc::new(Inner {
                parts,
                buckets: sweep::Buckets::default(),
            }),
        }
    }

    /// Begins to work. `owner` is what people see as the holder of jobs.
    pub fn start(&self, tasks: &Tasks, owner: &str) {
        let store = self.store();
        let worker = |work| Worker::new(store.clone(), work, owner);
        tasks.start(store.clone(), worker(work::Job::index(self)));
        tasks.start(store.clone(), worker(work::Job::check_tag(self)));
        tasks.start(store.clone(), worker(work::Job::sweep(self)));
        tasks.start(store.clone(), worker(work::Job::plan(self)));
        tasks.start(store.clone(), worker(work::Job::patch(self)));
        tasks.start(store.clone(), work::Sweeper::new(self));
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.parts.store
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.inner.parts
    }

    pub(crate) fn host(&self) -> &RegistryHost {
        &self.inner.parts.host
    }
}

/// What a place said, by consequence.
pub(crate) fn place_error(error: ImagesError) -> FlowError {
    match error {
        ImagesError::Failed(failure) => failure.into(),
        ImagesError::Damaged(text) => Failure::Damaged(text).into(),
        ImagesError::Unsupported(text) => Rejection::Unsupported(text).into(),
        ImagesError::NotPermitted(_) | ImagesError::Refused(_) => {
            Rejection::Invalid(error.to_string()).into()
        }
    }
}

/// What is wrong with an image, by consequence.
pub(crate) fn image_error(error: ImageError) -> FlowError {
    match error {
        ImageError::Place(error) => place_error(error),
        ImageError::Damaged { .. } => Failure::Damaged(error.to_string()).into(),
        ImageError::Unverified { .. } => Failure::Transient(error.to_string()).into(),
        ImageError::Absent(_)
        | ImageError::NotAnImage { .. }
        | ImageError::Missing { .. }
        | ImageError::NoBase { .. }
        | ImageError::Unsupported(_) => Rejection::Invalid(error.to_string()).into(),
    }
}

/// Whether it may go right another time.
pub(crate) fn is_transient(error: &FlowError) -> bool {
    matches!(
        error,
        FlowError::Failed(Failure::Transient(_) | Failure::Full(_))
    )
}
