//! Fail points: named places at which a test makes the process die, stop or fail.
//!
//! `REFLOAT_FAIL=area.step=kill|stop|error@N` arms one point (several, separated by commas): the Nth time
//! it is passed (1 if left out) the process sends itself SIGKILL or SIGSTOP, or the call returns
//! [`Injected`]. They are compiled into development builds only (`debug_assertions`); in a release
//! build [`point`] is an empty function. Every name stands in [`POINTS`], which the tests walk.

/// Every fail point of the product, in the order of its areas. `cargo xtask tidy` compares this list with the sources.
pub const POINTS: &[&str] = &[
    "backup.copied",
    "backup.linked",
    "backup.listed",
    "backup.renamed",
    "blob.finished",
    "blob.folder_made",
    "blob.folder_synced",
    "blob.removed",
    "blob.renamed",
    "blob.synced",
    "cascade.building",
    "cascade.finished",
    "cascade.foreign_tagged",
    "cascade.judged",
    "cascade.node_ended",
    "cascade.planned",
    "cascade.published",
    "cascade.publishing",
    "cascade.rebased",
    "cascade.requested",
    "cascade.started",
    "cascade.testing",
    "cascade.tests_requested",
    "checkpoint.after",
    "checkpoint.before",
    "commit.after",
    "commit.before",
    "cursor.advanced",
    "gc.bytes_deleted",
    "gc.rows_deleted",
    "index.read",
    "job.claimed",
    "job.enqueued",
    "job.failed",
    "job.finished",
    "keep.blob_renamed",
    "keep.blob_written",
    "keep.name_renamed",
    "keep.name_written",
    "log.appended",
    "manifest.inserted",
    "manifest.stored",
    "migrate.step",
    "number.after",
    "number.before",
    "patch.blobs_put",
    "patch.index_put",
    "patch.manifest_put",
    "patch.provenance_put",
    "patch.tag_put",
    "release.applied",
    "release.begun",
    "release.change_made",
    "release.chart_published",
    "release.chart_stored",
    "release.ended",
    "release.recorded",
    "release.started",
    "restore.copied",
    "retention.dropped",
    "retention.expired",
    "run.finished",
    "run.prepared",
    "run.requested",
    "run.settled",
    "run.started",
    "segment.closed",
    "start.secret_durable",
    "start.secret_written",
    "sweep.finished",
    "upload.begun",
    "upload.finished",
    "upload.finishing",
    "upload.held",
    "upload.placed",
    "upload.recorded",
    "upload.synced",
    "upload.written",
    "watch.moved",
    "watch.read",
    "watch.swept",
];

/// The error that an armed point of kind `error` returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Injected(
    /// The point's name.
    pub &'static str,
);

impl std::fmt::Display for Injected {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "injected failure at {}", self.0)
    }
}

impl std::error::Error for Injected {}

impl From<Injected> for std::io::Error {
    fn from(injected: Injected) -> Self {
        Self::other(injected)
    }
}

/// Passes the point `name`: usually nothing happens.
///
/// # Errors
/// [`Injected`] if this point was armed with `error` and its turn has come.
#[inline]
pub fn point(name: &'static str) -> Result<(), Injected> {
    #[cfg(debug_assertions)]
    return armed::pass(name);
    #[cfg(not(debug_assertions))]
    {
        let _ = name;
        Ok(())
    }
}

#[cfg(debug_assertions)]
mod armed {
    use super::Injected;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    enum Consequence {
        Kill,
        Stop,
        Error,
    }

    struct Armed {
        name: String,
        consequence: Consequence,
        turn: u64,
        passed: AtomicU64,
    }

    static ARMED: OnceLock<Vec<Armed>> = OnceLock::new();

    fn parse(entry: &str) -> Option<Armed> {
        let (name, rest) = entry.trim().split_once('=')?;
        let (word, turn) = rest.split_once('@').unwrap_or((rest, "1"));
        let consequence = match word {
            "kill" => Consequence::Kill,
            "stop" => Consequence::Stop,
            "error" => Consequence::Error,
            _ => return None,
        };
        Some(Armed {
            name: name.to_owned(),
            consequence,
            turn: turn.parse().ok()?,
            passed: AtomicU64::new(0),
        })
    }

    fn armed() -> &'static [Armed] {
        ARMED.get_or_init(|| {
            std::env::var("REFLOAT_FAIL")
                .map(|value| value.split(',').filter_map(parse).collect())
                .unwrap_or_default()
        })
    }

    pub(super) fn pass(name: &'static str) -> Result<(), Injected> {
        for entry in armed() {
            if entry.name != name || entry.passed.fetch_add(1, Ordering::SeqCst) + 1 != entry.turn {
                continue;
            }
            let own = rustix::process::getpid();
            match entry.consequence {
                Consequence::Kill => {
                    let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
                    loop {
                        std::thread::park();
                    }
                }
                Consequence::Stop => {
                    let _ = rustix::process::kill_process(own, rustix::process::Signal::STOP);
                }
                Consequence::Error => return Err(Injected(name)),
            }
        }
        Ok(())
    }
}
