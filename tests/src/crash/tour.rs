//! One pass through everything the server can do, a step at a time: the traffic of the fail points.
//!
//! A step that meets the death of the server ends the tour; a refusal does not, since the checks judge by the ledger.

use std::sync::Arc;

use anyhow::Result;

use super::subject::Subject;
use super::worker::Admin;
use crate::client::{Client, Fault, Mount};
use crate::command::Refloat;
use crate::content::{Blob, Content, Manifest};
use crate::http::Body;
use crate::ledger::{Ledger, Operation};

/// Where most of it happens.
const HERE: &str = "tour/a";
/// Where blobs are mounted to.
const THERE: &str = "tour/b";

/// A step.
type Do = fn(&mut Tour) -> Step;

/// What a step came to.
type Step = Result<Result<(), Fault>>;

/// The tour.
#[derive(Debug)]
pub struct Tour {
    client: Client,
    refloat: Refloat,
    ledger: Arc<Ledger>,
    admin: Admin,
    /// Makes the contents of two tours over the same folder different.
    salt: u64,
}

/// How a tour ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The server lives; these steps were refused.
    Whole(Vec<String>),
    /// The server died at this step.
    Died(&'static str),
}

impl Tour {
    /// A tour through a running server.
    pub fn new(subject: &Subject, ledger: &Arc<Ledger>, salt: u64) -> Result<Self> {
        Ok(Self {
            client: subject.admin()?,
            refloat: subject.refloat()?,
            admin: Admin::new(subject.refloat()?, ledger, salt),
            ledger: Arc::clone(ledger),
            salt,
        })
    }

    /// Takes every step until the server is dead.
    pub fn take(mut self, subject: &Subject) -> Result<End> {
        const STEPS: [(&str, Do); 15] = [
            ("accounts", Tour::accounts),
            ("documents", Tour::documents),
            ("small image", Tour::small_image),
            ("large image", Tour::large_image),
            ("mount", Tour::mount),
            ("index and artifact", Tour::index_and_artifact),
            ("tags", Tour::tags),
            ("large manifests", Tour::large_manifests),
            ("uploads", Tour::uploads),
            ("pull", |tour| Ok(tour.pull())),
            ("deletions", Tour::deletions),
            ("gc", |tour| Ok(tour.admin.gc())),
            ("scrub", |tour| Ok(tour.admin.scrub())),
            ("backup", |tour| Ok(tour.backup())),
            ("audit", |tour| Ok(tour.audit())),
        ];
        let mut refused = Vec::new();
        for (name, step) in STEPS {
            if let Err(fault) = step(&mut self)? {
                if !subject.is_running() {
                    return Ok(End::Died(name));
                }
                refused.push(format!("{name}: {fault}"));
            }
        }
        Ok(End::Whole(refused))
    }

    fn accounts(&mut self) -> Step {
        let user = format!("alice{}", self.salt);
        let robot = format!("robot{}", self.salt);
        Ok(self
            .admin
            .create_user(&user)?
            .and(self.admin.create_robot(&robot)?))
    }

    fn documents(&mut self) -> Step {
        let applied = self.admin.apply_project(self.salt)?;
        let credential = "apiVersion: refloat/v1\nkind: Credential\nname: hub\nfor: registry.example.com\n\
            username: robot\npassword: { file: secret }\n";
        std::fs::write(self.refloat.home().join("secret"), "not a real one")?;
        let policy = "apiVersion: refloat/v1\nkind: RepositoryPolicy\nmatch: \"tour/**\"\nimmutable_tags: [\"fixed-*\"]\n";
        let credential = self.apply("Credential", "hub", credential)?;
        let policy = self.apply("RepositoryPolicy", "tour/**", policy)?;
        Ok(applied.and(credential).and(policy))
    }

    fn apply(&mut self, kind: &str, name: &str, text: &str) -> Step {
        let file = self.refloat.home().join(format!("{kind}.yaml"));
        std::fs::write(&file, text)?;
        let file = file.display().to_string();
        let operation = Operation::Apply {
            document_kind: kind.to_owned(),
            name: name.to_owned(),
        };
        let applied = self.ledger.record(operation, || {
            self.refloat.acknowledged(&["apply", "-f", &file], b"")
        })?;
        Ok(applied.map(drop))
    }

    /// Everything of it lies in rows.
    fn small_image(&mut self) -> Step {
        let layer = Content::new(self.salt * 100 + 1, 2000).blob();
        self.image(&[layer], "small")
    }

    /// Its layer lies in a file, with several checksums.
    fn large_image(&mut self) -> Step {
        let layer = Content::new(self.salt * 100 + 2, 2_500_000).blob();
        self.image(&[layer], "large")
    }

    fn image(&mut self, layers: &[Blob], tag: &str) -> Step {
        let config = self.config();
        for blob in layers.iter().chain([&config]) {
            let operation = Operation::PushBlob {
                repository: HERE.to_owned(),
                digest: blob.digest.clone(),
            };
            let pushed = self.ledger.record(operation, || {
                self.client.push_blob(HERE, &blob.digest, &blob.bytes)
            })?;
            if pushed.is_err() {
                return Ok(pushed);
            }
        }
        let manifest = Manifest::image(&config, layers, &format!("{tag} {}", self.salt));
        self.put(&manifest, Some(tag))
    }

    fn config(&self) -> Blob {
        Blob::of(format!("{{\"tour\":{}}}", self.salt))
    }

    fn put(&mut self, manifest: &Manifest, tag: Option<&str>) -> Step {
        let operation = Operation::PutManifest {
            repository: HERE.to_owned(),
            digest: manifest.digest().to_owned(),
            tag: tag.map(str::to_owned),
        };
        let reference = tag.unwrap_or(manifest.digest());
        self.ledger.record(operation, || {
            self.client.put_manifest(HERE, reference, manifest)
        })
    }

    fn mount(&mut self) -> Step {
        let blob = Content::new(self.salt * 100 + 2, 2_500_000).blob();
        let operation = Operation::PushBlob {
            repository: THERE.to_owned(),
            digest: blob.digest.clone(),
        };
        self.ledger.record(operation, || {
            match self.client.mount(THERE, &blob.digest, HERE)? {
                Mount::Done => Ok(()),
                Mount::Upload(upload) => {
                    self.client
                        .finish(&upload, &blob.digest, Body::Whole(&blob.bytes))
                }
            }
        })
    }

    fn index_and_artifact(&mut self) -> Step {
        let layer = Content::new(self.salt * 100 + 1, 2000).blob();
        let image = Manifest::image(
            &self.config(),
            std::slice::from_ref(&layer),
            &format!("small {}", self.salt),
        );
        let about = (image.digest().to_owned(), image.blob.bytes.len());
        let indexed = self.put(
            &Manifest::index(std::slice::from_ref(&about), &self.salt.to_string()),
            Some("index"),
        )?;
        let empty = Blob::of(*b"{}");
        let operation = Operation::PushBlob {
            repository: HERE.to_owned(),
            digest: empty.digest.clone(),
        };
        let pushed = self.ledger.record(operation, || {
            self.client.push_blob(HERE, &empty.digest, &empty.bytes)
        })?;
        let attached = self.put(
            &Manifest::artifact(&about, &layer, &self.salt.to_string()),
            None,
        )?;
        Ok(indexed.and(pushed).and(attached))
    }

    fn tags(&mut self) -> Step {
        let layer = Content::new(self.salt * 100 + 1, 2000).blob();
        let image = Manifest::image(
            &self.config(),
            std::slice::from_ref(&layer),
            &format!("small {}", self.salt),
        );
        let moved = self.put(&image, Some("moving"))?;
        let large = Content::new(self.salt * 100 + 2, 2_500_000).blob();
        let other = Manifest::image(
            &self.config(),
            std::slice::from_ref(&large),
            &format!("large {}", self.salt),
        );
        let again = self.put(&other, Some("moving"))?;
        let gone = self.put(&image, Some("going"))?;
        let operation = Operation::DeleteTag {
            repository: HERE.to_owned(),
            tag: "going".to_owned(),
        };
        let deleted = self
            .ledger
            .record(operation, || self.client.delete_manifest(HERE, "going"))?;
        Ok(moved.and(again).and(gone).and(deleted))
    }

    /// So much goes into rows that the database folds its write-ahead log in.
    fn large_manifests(&mut self) -> Step {
        let config = self.config();
        for number in 0..4 {
            let note = format!("{number} {} {}", self.salt, "x".repeat(1_500_000));
            let pushed = self.put(&Manifest::image(&config, &[], &note), Some("huge"))?;
            if pushed.is_err() {
                return Ok(pushed);
            }
        }
        Ok(Ok(()))
    }

    /// One in pieces that is finished, one that stays open, one that is given up.
    fn uploads(&mut self) -> Step {
        // The short one lies in its row until its last piece.
        let uploads = [
            (Ending::Finished, 1_500_000),
            (Ending::Open, 1_500_000),
            (Ending::Cancelled, 1_500_000),
            (Ending::Finished, 90_000),
        ];
        for (number, (ending, size)) in uploads.into_iter().enumerate() {
            let content = Content::new(self.salt * 100 + 10 + number as u64, size);
            let uploaded = self.upload(content, ending)?;
            if uploaded.is_err() {
                return Ok(uploaded);
            }
        }
        Ok(Ok(()))
    }

    fn upload(&mut self, content: Content, ending: Ending) -> Step {
        let blob = content.blob();
        let mut upload = match self.client.begin(HERE) {
            Ok(upload) => upload,
            Err(fault) => return Ok(Err(fault)),
        };
        let (repository, location) = (HERE.to_owned(), upload.location.clone());
        let begun = Operation::BeginUpload {
            repository: repository.clone(),
            location: location.clone(),
            content,
        };
        self.ledger.record(begun, || Ok(()))??;
        let (first, last) = blob.bytes.split_at(blob.bytes.len() / 3 * 2);
        let (one, two) = first.split_at(first.len() / 5 * 2);
        for piece in [one, two] {
            let end = upload.received + piece.len();
            let operation = Operation::AppendUpload {
                repository: repository.clone(),
                location: location.clone(),
                end,
            };
            upload = match self
                .ledger
                .record(operation, || self.client.append(&upload, piece))?
            {
                Ok(upload) => upload,
                Err(fault) => return Ok(Err(fault)),
            };
        }
        match ending {
            Ending::Open => Ok(Ok(())),
            Ending::Cancelled => {
                let operation = Operation::CancelUpload {
                    repository,
                    location,
                };
                self.ledger
                    .record(operation, || self.client.cancel(&upload))
            }
            Ending::Finished => {
                let digest = blob.digest;
                let operation = Operation::FinishUpload {
                    repository,
                    location,
                    digest: digest.clone(),
                };
                self.ledger.record(operation, || {
                    self.client.finish(&upload, &digest, Body::Whole(last))
                })
            }
        }
    }

    fn pull(&mut self) -> Result<(), Fault> {
        let large = self.client.pull(HERE, "large");
        large.and(self.client.pull(HERE, "index")).map(drop)
    }

    /// An image with a large layer goes, and its layer.
    fn deletions(&mut self) -> Step {
        let layer = Content::new(self.salt * 100 + 3, 700_000).blob();
        let pushed = self.image(std::slice::from_ref(&layer), "doomed")?;
        let doomed = Manifest::image(
            &self.config(),
            std::slice::from_ref(&layer),
            &format!("doomed {}", self.salt),
        );
        let digest = doomed.digest().to_owned();
        let operation = Operation::DeleteManifest {
            repository: HERE.to_owned(),
            digest: digest.clone(),
        };
        let deleted = self
            .ledger
            .record(operation, || self.client.delete_manifest(HERE, &digest))?;
        let operation = Operation::DeleteBlob {
            repository: HERE.to_owned(),
            digest: layer.digest.clone(),
        };
        let blob = self
            .ledger
            .record(operation, || self.client.delete_blob(HERE, &layer.digest))?;
        Ok(pushed.and(deleted).and(blob))
    }

    fn backup(&mut self) -> Result<(), Fault> {
        let name = format!("tour{}", self.salt);
        self.refloat.acknowledged(&["backup", &name], b"").map(drop)
    }

    fn audit(&mut self) -> Result<(), Fault> {
        self.refloat
            .acknowledged(&["audit", "verify"], b"")
            .map(drop)
    }
}

/// What becomes of an upload of the tour.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Finished,
    Open,
    Cancelled,
}
