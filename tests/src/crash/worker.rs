//! Traffic: workers that push, pull, move and delete over repositories of their own and shared ones.
//!
//! Each worker follows from its seed. Layers come half from a pool that all workers share, so that the same bytes are
//! pushed, mounted, let go and collected at once. A worker writes every change into the ledger and goes on until it
//! is told to stop; a broken connection is nothing special to it, it tries the next thing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use refloat_rig::seed::Seed;
use refloat_rig::wait;

use super::checker::Grace;
use crate::client::{Client, Fault};
use crate::content::{Blob, Content, Manifest};
use crate::ledger::history::Register;
use crate::ledger::{Ledger, Operation};

mod admin;
mod images;
mod uploads;

pub use admin::Admin;

/// Distinct layers that all workers share.
const POOL: u64 = 12;

/// Repositories that all workers share.
const SHARED: [&str; 2] = ["shared/a", "shared/b"];

/// Tags of each repository: few, so that they move often.
const TAGS: u64 = 6;

/// A worker lets go of its oldest manifests beyond so many, so that a long run does not grow.
const KNOWN_MAX: usize = 24;

/// A repository with more manifests than this is thinned out, whoever pushed them.
const MANIFESTS_MAX: usize = 30;

/// And with more blobs than this.
const BLOBS_MAX: usize = 50;

/// So many of each are deleted at a time at most.
const TIDIED_MAX: usize = 60;

/// How long a worker waits for the word to stop once nobody answers any more.
const SILENCE_DEADLINE: Duration = Duration::from_mins(2);

/// One worker; it keeps what it knows from round to round.
#[derive(Debug)]
pub struct Worker {
    number: usize,
    seed: Seed,
    grace: Grace,
    client: Client,
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    known: Vec<Known>,
    notes: u64,
    refused: Vec<String>,
}

/// A manifest this worker pushed.
#[derive(Debug, Clone)]
struct Known {
    repository: String,
    manifest: Manifest,
    /// Layers that nobody else has.
    own_blobs: Vec<String>,
}

/// What a step came to beside its entries in the ledger.
type Step = Result<Result<(), Fault>>;

impl Worker {
    /// A worker that follows from `seed` and its number.
    pub fn new(
        number: usize,
        seed: u64,
        grace: Grace,
        ledger: &Arc<Ledger>,
        stop: &Arc<AtomicBool>,
    ) -> Self {
        let nowhere = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            number,
            seed: Seed::new(seed ^ (number as u64 + 1).wrapping_mul(0x9E37_79B9)),
            grace,
            client: Client::new(nowhere),
            ledger: Arc::clone(ledger),
            stop: Arc::clone(stop),
            known: Vec::new(),
            notes: 0,
            refused: Vec::new(),
        }
    }

    /// Sends traffic through `client` until it is told to stop. What it returns cannot be: a success that was none, or a
    /// refusal of what must be possible.
    pub fn work(&mut self, client: Client) -> Result<Vec<String>> {
        self.client = client;
        while !self.stop.load(Ordering::SeqCst) {
            match self.step()? {
                Ok(()) => {}
                Err(Fault::Wrong(what)) => self.refused.push(what),
                Err(fault @ Fault::Refused { .. }) => self.judge(&fault),
                Err(Fault::Broken(_)) => self.wait_for_somebody()?,
            }
        }
        Ok(std::mem::take(&mut self.refused))
    }

    /// One choice.
    fn step(&mut self) -> Step {
        match self.seed.below(100) {
            0..32 => self.push_image(),
            32..44 => self.move_tag(),
            44..58 => Ok(self.pull()),
            58..64 => self.delete_tag(),
            64..72 => self.delete_manifest(),
            72..78 => self.push_index(),
            78..84 => self.push_artifact(),
            84..90 => self.upload_in_chunks(),
            90..92 => self.cut_an_upload(),
            92 => self.delete_blob(),
            93..98 => self.tidy_up(),
            _ => Ok(self.list()),
        }
    }

    /// A refusal in the 4xx class is part of the traffic (somebody else deleted it); the server's own failures are not.
    fn judge(&mut self, fault: &Fault) {
        let fine = fault.is_definite() || matches!(fault.status(), Some(503 | 507));
        if !fine || matches!(fault.status(), Some(401 | 403)) {
            self.refused.push(fault.to_string());
        }
    }

    /// Nobody answers: the server is dead and the word to stop is near, or it was our own cut.
    fn wait_for_somebody(&mut self) -> Result<()> {
        let stop = Arc::clone(&self.stop);
        wait::until(
            "an answer or the end of the round",
            SILENCE_DEADLINE,
            || {
                let over = stop.load(Ordering::SeqCst);
                Ok((over
                    || self
                        .client
                        .another()
                        .expect("GET", "/healthz", &[200])
                        .is_ok())
                .then_some(()))
            },
        )
    }

    // Choices -----------------------------------------------------------------------------------

    fn repository(&mut self) -> String {
        if self.seed.one_in(2) {
            return SHARED[usize::from(self.seed.one_in(2))].to_owned();
        }
        self.own()
    }

    /// A repository that no other worker touches.
    fn own(&self) -> String {
        format!("own/w{}", self.number)
    }

    fn tag(&mut self) -> String {
        format!("t{}", self.seed.below(TAGS))
    }

    /// A text that nobody else uses.
    fn note(&mut self) -> String {
        self.notes += 1;
        format!("w{}-{}-{:x}", self.number, self.notes, self.seed.next_u64())
    }

    /// Mostly small, sometimes some MiB: rows, one chunk of checksums, several.
    fn size(&mut self) -> usize {
        let below = match self.seed.below(20) {
            0..10 => 60 * 1024,
            10..19 => 500 * 1024,
            _ => 3 * 1024 * 1024,
        };
        2 + usize::try_from(self.seed.below(below)).unwrap_or_default()
    }

    fn layer(&mut self) -> Blob {
        if self.seed.one_in(2) {
            let number = self.seed.below(POOL);
            return Content::new(
                number,
                40_000 + usize::try_from(number).unwrap_or_default() * 30_000,
            )
            .blob();
        }
        Content::new(self.seed.next_u64() | 1 << 63, self.size()).blob()
    }

    /// Something this worker pushed, in a repository of the caller's choice or any.
    fn some_known(&mut self) -> Option<Known> {
        let count = self.known.len() as u64;
        let index = usize::try_from(self.seed.below(count)).unwrap_or_default();
        self.known.get(index).cloned()
    }

    // Small steps -------------------------------------------------------------------------------

    fn pull(&mut self) -> Result<(), Fault> {
        let (repository, tag) = (self.repository(), self.tag());
        // Between its manifest and its blobs an image may be deleted by another worker, and then collected.
        let alone = repository == self.own() && self.grace == Grace::Long;
        match self.client.pull(&repository, &tag) {
            Err(Fault::Wrong(what)) if !alone && what.contains(" is not") => Ok(()),
            other => other.map(drop),
        }
    }

    fn list(&mut self) -> Result<(), Fault> {
        let repository = self.repository();
        let tags = self.client.tags(&repository)?.unwrap_or_default();
        if !tags.is_sorted() {
            let what = format!("the tags of {repository} are not sorted: {tags:?}");
            return Err(Fault::Wrong(what));
        }
        self.client.catalog().map(drop)
    }

    fn delete_tag(&mut self) -> Step {
        let (repository, tag) = (self.repository(), self.tag());
        let operation = Operation::DeleteTag {
            repository: repository.clone(),
            tag: tag.clone(),
        };
        self.ledger
            .record(operation, || self.client.delete_manifest(&repository, &tag))
    }

    fn delete_manifest(&mut self) -> Step {
        if self.known.is_empty() {
            return Ok(Ok(()));
        }
        let index = usize::try_from(self.seed.below(self.known.len() as u64)).unwrap_or_default();
        let known = self.known.remove(index);
        self.let_go(&known)
    }

    /// Deletes a manifest and the layers that nobody else has.
    fn let_go(&mut self, known: &Known) -> Step {
        let (repository, digest) = (known.repository.clone(), known.manifest.digest().to_owned());
        let operation = Operation::DeleteManifest {
            repository: repository.clone(),
            digest: digest.clone(),
        };
        let deleted = self.ledger.record(operation, || {
            self.client.delete_manifest(&repository, &digest)
        })?;
        if deleted.is_err() {
            return Ok(deleted);
        }
        for digest in &known.own_blobs {
            let deleted = self.delete_one_blob(&known.repository, digest)?;
            if !matches!(deleted, Ok(()) | Err(Fault::Refused { .. })) {
                return Ok(deleted);
            }
        }
        Ok(Ok(()))
    }

    /// Deletes some of what a repository has too much of: what lost its tag, what uploads left behind. What is in use
    /// is refused.
    fn tidy_up(&mut self) -> Step {
        let name = self.repository();
        let (manifests, blobs) = {
            let history = self.ledger.history();
            let Some(past) = history.repository(&name) else {
                return Ok(Ok(()));
            };
            (present(&past.manifests), present(&past.blobs))
        };
        for digest in self.excess(manifests, MANIFESTS_MAX) {
            let operation = Operation::DeleteManifest {
                repository: name.clone(),
                digest: digest.clone(),
            };
            let deleted = self
                .ledger
                .record(operation, || self.client.delete_manifest(&name, &digest))?;
            if !matches!(deleted, Ok(()) | Err(Fault::Refused { .. })) {
                return Ok(deleted);
            }
        }
        for digest in self.excess(blobs, BLOBS_MAX) {
            let deleted = self.delete_one_blob(&name, &digest)?;
            if !matches!(deleted, Ok(()) | Err(Fault::Refused { .. })) {
                return Ok(deleted);
            }
        }
        Ok(Ok(()))
    }

    /// What is above `limit`, drawn at random.
    fn excess(&mut self, mut digests: Vec<String>, limit: usize) -> Vec<String> {
        let count = digests.len().saturating_sub(limit).min(TIDIED_MAX);
        let mut drawn = Vec::with_capacity(count);
        for _ in 0..count {
            let index = usize::try_from(self.seed.below(digests.len() as u64)).unwrap_or_default();
            drawn.push(digests.swap_remove(index));
        }
        drawn
    }

    fn delete_blob(&mut self) -> Step {
        let blob = self.layer();
        let own = self.own();
        self.delete_one_blob(&own, &blob.digest)
    }

    fn delete_one_blob(&mut self, repository: &str, digest: &str) -> Step {
        let operation = Operation::DeleteBlob {
            repository: repository.to_owned(),
            digest: digest.to_owned(),
        };
        self.ledger
            .record(operation, || self.client.delete_blob(repository, digest))
    }
}

/// What may be there.
fn present(registers: &BTreeMap<String, Register<bool>>) -> Vec<String> {
    let there = registers
        .iter()
        .filter(|(_, register)| register.may_be(&true));
    there.map(|(digest, _)| digest.clone()).collect()
}
