//! Uploads in pieces: finished, given up, left open, cut in the middle.

use super::{Step, Worker};
use crate::client::{Fault, Upload};
use crate::content::{Algorithm, Blob, Content};
use crate::http::{Body, Request};
use crate::ledger::Operation;

impl Worker {
    /// An upload of one to four pieces. Every second one is finished, the others stay open or are given up.
    pub(super) fn upload_in_chunks(&mut self) -> Step {
        let own = self.own();
        let (content, blob) = self.fresh_content();
        let mut upload = match self.begin_upload(&own, content)? {
            Ok(upload) => upload,
            Err(fault) => return Ok(Err(fault)),
        };
        let pieces = 1 + usize::try_from(self.seed.below(4)).unwrap_or_default();
        let piece_bytes = blob.bytes.len().div_ceil(pieces).max(2);
        let key = upload.location.clone();
        for piece in blob
            .bytes
            .chunks(piece_bytes)
            .filter(|piece| piece.len() > 1)
        {
            let operation = Operation::AppendUpload {
                repository: own.clone(),
                location: key.clone(),
                end: upload.received + piece.len(),
            };
            upload = match self
                .ledger
                .record(operation, || self.client.append(&upload, piece))?
            {
                Ok(upload) => upload,
                Err(fault) => return Ok(Err(fault)),
            };
            if self.seed.one_in(8) {
                return Ok(Ok(()));
            }
        }
        if self.seed.one_in(6) {
            let operation = Operation::CancelUpload {
                repository: own,
                location: key,
            };
            return self
                .ledger
                .record(operation, || self.client.cancel(&upload));
        }
        self.finish_upload(&own, &key, &upload, &blob)
    }

    /// Drops the connection in the middle of a piece, asks where the upload stands, and goes on from there.
    pub(super) fn cut_an_upload(&mut self) -> Step {
        let own = self.own();
        let (content, blob) = self.fresh_content();
        let upload = match self.begin_upload(&own, content)? {
            Ok(upload) => upload,
            Err(fault) => return Ok(Err(fault)),
        };
        let key = upload.location.clone();
        let sent = usize::try_from(self.seed.below(blob.bytes.len() as u64)).unwrap_or_default();
        let mut other = self.client.another();
        let request = Request {
            method: "PATCH",
            target: &upload.location,
            headers: vec![("Content-Range", format!("0-{}", blob.bytes.len() - 1))],
            body: Body::Cut {
                bytes: &blob.bytes,
                sent,
            },
        };
        let _cut = other.send(request);
        let stands = match self.client.upload_status(&upload) {
            Ok(Some(stands)) => stands,
            Ok(None) => {
                return Ok(Err(Fault::Wrong(format!(
                    "{key} is gone after its connection was cut"
                ))));
            }
            Err(fault) => return Ok(Err(fault)),
        };
        if stands.received > sent {
            return Ok(Err(Fault::Wrong(format!(
                "{key} has {} bytes, {sent} were sent",
                stands.received
            ))));
        }
        self.finish_upload(&own, &key, &stands, &blob)
    }

    fn begin_upload(
        &mut self,
        repository: &str,
        content: Content,
    ) -> Result<Result<Upload, Fault>, anyhow::Error> {
        // The location is known only afterwards: an upload that was begun and not answered is nobody's.
        let upload = match self.client.begin(repository) {
            Ok(upload) => upload,
            Err(fault) => return Ok(Err(fault)),
        };
        let operation = Operation::BeginUpload {
            repository: repository.to_owned(),
            location: upload.location.clone(),
            content,
        };
        self.ledger.record(operation, || Ok(upload))
    }

    fn finish_upload(&mut self, repository: &str, key: &str, upload: &Upload, blob: &Blob) -> Step {
        let operation = Operation::FinishUpload {
            repository: repository.to_owned(),
            location: key.to_owned(),
            digest: blob.digest.clone(),
        };
        let rest = &blob.bytes[upload.received.min(blob.bytes.len())..];
        let body = if rest.is_empty() {
            Body::Empty
        } else {
            Body::Whole(rest)
        };
        self.ledger
            .record(operation, || self.client.finish(upload, &blob.digest, body))
    }

    /// Bytes of its own, every third time known by their SHA-512.
    fn fresh_content(&mut self) -> (Content, Blob) {
        let mut content = Content::new(self.seed.next_u64(), self.size());
        if self.seed.one_in(3) {
            content.algorithm = Algorithm::Sha512;
        }
        (content, content.blob())
    }
}
