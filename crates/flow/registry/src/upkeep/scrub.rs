//! The scrub reads back what was verified longest ago, at a bounded rate, and marks what does not have its checksums.

use super::progress::Counts;
use crate::asked::operation;
use crate::executors::{Stop, Work};
use crate::{FlowError, Registry};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use refloat_core::{Failure, Timestamp};
use refloat_oci::Digest;
use refloat_ports::Checksums;
use refloat_store::jobs::Job;
use refloat_store::registry::BlobContent;
use refloat_store::scrub::{self, ScrubBlob};
use std::time::Duration;
use tokio::time::Instant;

pub(super) const KIND: &str = "scrub";
/// Reads what is due by the interval.
pub(super) const COMMAND_DUE: &str = "scrub-due";
/// Reads everything that was not read since the job was made.
pub(super) const COMMAND_ALL: &str = "scrub-all";

/// Blobs between two notes in the rows.
const PAGE: usize = 64;

pub(super) struct ScrubWork {
    registry: Registry,
}

impl ScrubWork {
    pub(super) fn new(registry: Registry) -> Self {
        Self { registry }
    }
}

impl Work for ScrubWork {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn run<'a>(&'a self, job: &'a Job, stop: &'a Stop) -> BoxFuture<'a, Result<(), FlowError>> {
        Box::pin(async move {
            let interval = match job.command.as_str() {
                COMMAND_ALL => 0,
                _ => self.registry.limits().scrub_interval_seconds,
            };
            let before = job.created_at.plus_seconds(-interval);
            let report = |counts| self.registry.progress().set(&job.id, counts);
            self.registry.scrub(before, stop, report).await?;
            Ok(())
        })
    }
}

impl Registry {
    /// Reads back all blobs that were last verified before `before`, and reports after each page. The body of a job:
    /// people ask for one by [`Registry::request_scrub`].
    pub async fn scrub(
        &self,
        before: Timestamp,
        stop: &Stop,
        report: impl Fn(Counts) + Send + Sync,
    ) -> Result<Counts, FlowError> {
        let mut counts = Counts::default();
        let mut pace = Pace::new(self.limits().scrub_bytes_per_second);
        // Nothing is due: that is an answer, too.
        report(counts);
        while !stop.is_set() {
            let due = self
                .store()
                .read(move |tx| Box::pin(scrub::due(tx, before, PAGE)))
                .await?;
            if due.is_empty() {
                break;
            }
            let mut right: Vec<Digest> = Vec::with_capacity(due.len());
            for blob in due {
                counts.examined += 1;
                counts.bytes += blob.size;
                match self.read_back(&blob, &mut pace).await? {
                    None => right.push(blob.digest),
                    Some(detail) => {
                        counts.damaged += u64::from(self.note_damage(blob, detail).await?);
                    }
                }
                if stop.is_set() {
                    break;
                }
            }
            let noted =
                self.store()
                    .write(operation!(tx, [right], scrub::verified(tx, &right).await));
            noted.await?;
            report(counts);
        }
        Ok(counts)
    }

    /// What is wrong with the bytes, if anything. A failure of the world says nothing about them.
    async fn read_back(
        &self,
        blob: &ScrubBlob,
        pace: &mut Pace,
    ) -> Result<Option<String>, Failure> {
        let key = match &blob.content {
            BlobContent::Inline(bytes) => {
                let right = Checksums::of(bytes).to_row() == blob.checksums;
                return Ok(
                    (!right).then(|| "the bytes in the row do not have their checksum".to_owned())
                );
            }
            BlobContent::Stored(key) => key,
        };
        let Some(checksums) = Checksums::from_row(blob.checksums.clone(), blob.size) else {
            return Ok(Some("its checksums do not fit its length".to_owned()));
        };
        let mut stream = match self
            .blobs()
            .read(key.clone(), 0..blob.size, checksums)
            .await
        {
            Ok(stream) => stream,
            Err(Failure::Damaged(detail)) => return Ok(Some(detail)),
            Err(failure) => return Err(failure),
        };
        while let Some(part) = stream.next().await {
            match part {
                Ok(bytes) => pace.took(bytes.len() as u64).await,
                Err(error) if is_damage(error.kind()) => return Ok(Some(error.to_string())),
                Err(error) => {
                    return Err(Failure::Transient(format!(
                        "blob `{key}` cannot be read: {error}"
                    )));
                }
            }
        }
        Ok(None)
    }

    async fn note_damage(&self, blob: ScrubBlob, detail: String) -> Result<bool, FlowError> {
        tracing::error!(digest = %blob.digest, detail, "the scrub found a damaged blob");
        let noted = self.store().write(operation!(
            tx,
            [blob, detail],
            scrub::mark_damaged(tx, &blob, &detail).await
        ));
        Ok(noted.await?)
    }
}

fn is_damage(kind: std::io::ErrorKind) -> bool {
    matches!(
        kind,
        std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
    )
}

/// Holds the reading to a rate, so that it is never felt by those who pull.
struct Pace {
    bytes_per_second: u64,
    from: Instant,
    bytes: u64,
}

impl Pace {
    fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            from: Instant::now(),
            bytes: 0,
        }
    }

    async fn took(&mut self, bytes: u64) {
        self.bytes += bytes;
        let due =
            Duration::from_micros(self.bytes.saturating_mul(1_000_000) / self.bytes_per_second);
        tokio::time::sleep_until(self.from + due).await;
    }
}
