//! Images, indexes, artifacts and tags.

use super::{KNOWN_MAX, Known, Step, Worker};
use crate::client::{Fault, Mount};
use crate::content::{Blob, Manifest};
use crate::crash::checker::Grace;
use crate::http::Body;
use crate::ledger::Operation;

/// How the bytes of a layer may travel.
const WAYS: u64 = 4;

impl Worker {
    pub(super) fn push_image(&mut self) -> Step {
        let repository = self.repository();
        let note = self.note();
        let config = Blob::of(format!("{{\"note\":\"{note}\"}}"));
        let mut own_blobs = vec![config.digest.clone()];
        let mut layers = Vec::new();
        for _ in 0..=self.seed.below(3) {
            let layer = self.layer();
            if layer.content.is_some_and(|content| content.seed >> 63 == 1) {
                own_blobs.push(layer.digest.clone());
            }
            layers.push(layer);
        }
        for blob in layers.iter().chain([&config]) {
            let pushed = self.push_blob(&repository, blob)?;
            if pushed.is_err() {
                return Ok(pushed);
            }
        }
        let manifest = Manifest::image(&config, &layers, &note);
        self.push_manifest(Known {
            repository,
            manifest,
            own_blobs,
        })
    }

    pub(super) fn push_index(&mut self) -> Step {
        let Some(first) = self.some_known() else {
            return Ok(Ok(()));
        };
        let children: Vec<(String, usize)> = self
            .known
            .iter()
            .filter(|known| {
                known.repository == first.repository && known.manifest.children.is_empty()
            })
            .take(3)
            .map(|known| {
                (
                    known.manifest.digest().to_owned(),
                    known.manifest.blob.bytes.len(),
                )
            })
            .collect();
        let note = self.note();
        let manifest = Manifest::index(&children, &note);
        self.push_manifest(Known {
            repository: first.repository,
            manifest,
            own_blobs: Vec::new(),
        })
    }

    pub(super) fn push_artifact(&mut self) -> Step {
        let Some(subject) = self.some_known() else {
            return Ok(Ok(()));
        };
        let layer = self.layer();
        for blob in [&layer, &Blob::of(*b"{}")] {
            let pushed = self.push_blob(&subject.repository, blob)?;
            if pushed.is_err() {
                return Ok(pushed);
            }
        }
        let about = (
            subject.manifest.digest().to_owned(),
            subject.manifest.blob.bytes.len(),
        );
        let note = self.note();
        let manifest = Manifest::artifact(&about, &layer, &note);
        let own = layer.content.is_some_and(|content| content.seed >> 63 == 1);
        let own_blobs = own.then(|| layer.digest.clone()).into_iter().collect();
        self.push_manifest(Known {
            repository: subject.repository,
            manifest,
            own_blobs,
        })
    }

    pub(super) fn move_tag(&mut self) -> Step {
        let Some(known) = self.some_known() else {
            return Ok(Ok(()));
        };
        let tag = self.tag();
        self.put(&known, Some(tag))
    }

    /// Pushes a new manifest, mostly under a tag, and lets go of an old one if there are many.
    fn push_manifest(&mut self, known: Known) -> Step {
        let tag = (!self.seed.one_in(5)).then(|| self.tag());
        let put = self.put(&known, tag)?;
        if let Err(fault) = &put
            && fault.is_definite()
            && self.must_be_possible(&known)
        {
            return Ok(Err(Fault::Wrong(format!(
                "all parts were acknowledged, and yet: {fault}"
            ))));
        }
        if put.is_ok() {
            self.known.push(known);
        }
        if self.known.len() > KNOWN_MAX {
            let oldest = self.known.remove(0);
            let gone = self.let_go(&oldest)?;
            return Ok(put.and(gone));
        }
        Ok(put)
    }

    fn put(&mut self, known: &Known, tag: Option<String>) -> Step {
        let Known {
            repository,
            manifest,
            ..
        } = known;
        let digest = manifest.digest().to_owned();
        let reference = tag.clone().unwrap_or_else(|| digest.clone());
        let operation = Operation::PutManifest {
            repository: repository.clone(),
            digest,
            tag,
        };
        self.ledger.record(operation, || {
            self.client.put_manifest(repository, &reference, manifest)
        })
    }

    /// In a repository of its own, with nothing collected, a worker's image of acknowledged parts must be taken.
    fn must_be_possible(&self, known: &Known) -> bool {
        self.grace == Grace::Long
            && known.repository == self.own()
            && known.manifest.children.is_empty()
    }

    /// Pushes a blob as clients do: not at all if it is there, mounted if it may be elsewhere, otherwise its bytes.
    pub(super) fn push_blob(&mut self, repository: &str, blob: &Blob) -> Step {
        match self.client.blob_size(repository, &blob.digest) {
            Ok(Some(size)) if size == blob.bytes.len() => return Ok(Ok(())),
            Ok(Some(size)) => {
                return Ok(Err(Fault::Wrong(format!(
                    "HEAD of {} says {size} bytes",
                    blob.digest
                ))));
            }
            Ok(None) => {}
            Err(fault) => return Ok(Err(fault)),
        }
        let way = self.seed.below(WAYS);
        let from = self.repository();
        let operation = Operation::PushBlob {
            repository: repository.to_owned(),
            digest: blob.digest.clone(),
        };
        let (client, digest, bytes) = (&mut self.client, &blob.digest, &blob.bytes);
        self.ledger.record(operation, || match way {
            0 => match client.mount(repository, digest, &from)? {
                Mount::Done => Ok(()),
                Mount::Upload(upload) => client.finish(&upload, digest, Body::Whole(bytes)),
            },
            1 => match client.post_blob(repository, digest, bytes)? {
                Mount::Done => Ok(()),
                Mount::Upload(upload) => client.finish(&upload, digest, Body::Whole(bytes)),
            },
            2 => {
                let upload = client.begin(repository)?;
                client.finish(&upload, digest, Body::Streamed(bytes))
            }
            _ => client.push_blob(repository, digest, bytes),
        })
    }
}
