//! Jobs of kind `release`: something happened to a repository, a release, or a minute has passed.

use crate::{Releases, default_project, operation};
use futures_util::future::BoxFuture;
use refloat_documents::{ReleaseDocument, ReleaseSource};
use refloat_flow::FlowError;
use refloat_flow::executors::{Clock, Periodic, Stop, Tasks, Work, Worker};
use refloat_store::documents::{self, StoredDocument};
use refloat_store::jobs::Job;
use refloat_store_releases::ReleaseKey;

/// The kind of job.
pub(crate) const KIND: &str = "release";
/// Releases that are settled at once by one process.
const WORKERS: usize = 3;
/// What nobody told us is found by then.
const PERIODIC: Periodic = Periodic {
    kind: KIND,
    command: "look-at-releases",
    every_seconds: 30,
};

impl Releases {
    /// Starts the executors, which run until the tasks are stopped.
    pub fn start(&self, tasks: &Tasks, owner: &str) {
        let store = self.store().clone();
        let clock = Clock::new(store.clone(), default_project(), vec![PERIODIC]);
        tasks.start(store.clone(), clock);
        for _ in 0..WORKERS {
            let work = ReleaseWork {
                releases: self.clone(),
            };
            tasks.start(store.clone(), Worker::new(store.clone(), work, owner));
        }
    }

    /// The releases that a job is about: one by name, those that use a repository, or all.
    async fn meant(&self, subject: &str) -> Result<Vec<ReleaseKey>, FlowError> {
        let name = subject.strip_prefix("release/").map(str::to_owned);
        let repository = match name {
            Some(_) => None,
            None => Some(subject).filter(|subject| !subject.is_empty()),
        };
        let found = self
            .store()
            .read(operation!(tx, [name], {
                documents::releases(tx, name.as_deref()).await
            }))
            .await?;
        let uses = |document: &StoredDocument| {
            repository.is_none_or(|repository| uses(document, repository))
        };
        Ok(found
            .into_iter()
            .filter(|(_, document)| uses(document))
            .map(|(project, document)| ReleaseKey {
                project,
                name: document.name,
            })
            .collect())
    }
}

fn uses(document: &StoredDocument, repository: &str) -> bool {
    let Some(release) = parsed(document) else {
        return false;
    };
    let images = release.images.iter();
    let is_image = images
        .map(|image| image.repository.as_str())
        .any(|name| name == repository);
    let is_chart = matches!(&release.source, ReleaseSource::Chart { repository: own, .. } if own.as_str() == repository);
    is_image || is_chart
}

/// The document as it was applied; `None` if it was written by a version that knew other keys.
pub(crate) fn parsed(document: &StoredDocument) -> Option<ReleaseDocument> {
    let json = serde_json::from_str(&document.content).ok()?;
    ReleaseDocument::from_json(json).ok()
}

struct ReleaseWork {
    releases: Releases,
}

impl Work for ReleaseWork {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn run<'a>(&'a self, job: &'a Job, stop: &'a Stop) -> BoxFuture<'a, Result<(), FlowError>> {
        Box::pin(async move {
            let mut first_error = None;
            // One release that cannot go on stops no other.
            for key in self.releases.meant(&job.subject).await? {
                if stop.is_set() {
                    break;
                }
                if let Err(error) = self.releases.settle(&key, stop).await {
                    tracing::warn!(release = key.name, %error, "a release cannot go on now");
                    first_error.get_or_insert(error);
                }
            }
            first_error.map_or(Ok(()), Err)
        })
    }
}
