//! Uploads that the end of the server met: they are still there and can be finished.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::Checker;
use crate::client::{Fault, Upload};
use crate::http::Body;
use crate::ledger::history::{Fate, Repository, Seen, Unfinished};

/// Longer than a process that was killed can hold the lease of an upload in shared rows.
const LEASE_DEADLINE: Duration = Duration::from_secs(40);
/// How often that is looked at.
const LEASE_LOOK: Duration = Duration::from_millis(200);

/// Sends `request` until nobody else writes the upload any more.
fn when_free<T>(mut request: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    let begun = Instant::now();
    loop {
        match request() {
            Err(fault) if fault.status() == Some(409) && begun.elapsed() < LEASE_DEADLINE => {
                thread::sleep(LEASE_LOOK);
            }
            answer => return answer,
        }
    }
}

impl Checker {
    /// Each upload stands at least where it was acknowledged, and becomes the blob it was to be.
    pub(super) fn uploads(&mut self, name: &str, past: &Repository, seen: &mut Seen) -> Result<()> {
        for (location, unfinished) in &past.uploads {
            self.findings.checked += 1;
            let asked = Upload {
                location: location.clone(),
                received: 0,
            };
            let Some(status) = self.ask(|client| client.upload_status(&asked))? else {
                continue;
            };
            match status {
                Some(upload) if upload.received < unfinished.acknowledged => {
                    let (now, then) = (upload.received, unfinished.acknowledged);
                    self.findings.lost.push(format!(
                        "upload {location} stands at {now}, {then} was acknowledged"
                    ));
                }
                Some(upload) => self.finish(name, &upload, unfinished, seen)?,
                None => self.absent(name, location, unfinished)?,
            }
        }
        Ok(())
    }

    fn finish(
        &mut self,
        name: &str,
        upload: &Upload,
        unfinished: &Unfinished,
        seen: &mut Seen,
    ) -> Result<()> {
        let blob = unfinished.content.blob();
        let Some(rest) = blob.bytes.get(upload.received..) else {
            let what = format!(
                "upload {} has {} bytes, more than were ever sent",
                upload.location, upload.received
            );
            self.findings.wrong.push(what);
            return Ok(());
        };
        let body = if rest.is_empty() {
            Body::Empty
        } else {
            Body::Whole(rest)
        };
        // That the bytes before are the right ones is what the digest says.
        if self
            .ask(|client| when_free(|| client.finish(upload, &blob.digest, body)))?
            .is_some()
            && self.blob(name, &blob.digest)? == Some(true)
        {
            seen.blobs.insert(blob.digest);
        }
        Ok(())
    }

    /// An upload that is not there was finished or given up by a request that nobody saw answered.
    fn absent(&mut self, name: &str, location: &str, unfinished: &Unfinished) -> Result<()> {
        let accounted = match unfinished.fate {
            Fate::Open => false,
            Fate::PerhapsCancelled => true,
            Fate::PerhapsFinished => {
                self.blob(name, &unfinished.content.blob().digest)? == Some(true)
            }
        };
        if !accounted {
            let then = unfinished.acknowledged;
            self.findings.lost.push(format!(
                "upload {location} in {name} is not known, {then} bytes were acknowledged"
            ));
        }
        Ok(())
    }
}
