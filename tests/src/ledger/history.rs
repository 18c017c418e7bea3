//! What may be true after the operations of a ledger, however they were interleaved.
//!
//! Every tag, manifest and blob is a register ([`register`]); an account, grant or document, once acknowledged,
//! stays. After a check with no traffic beside it, what was seen is the new beginning ([`History::settle`]): so the
//! history of a run of a thousand kills stays as small as what the server holds.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ending, Line, Operation};
use crate::content::Content;

mod register;

pub use register::Register;

/// So many checks in a row an absent thing is looked for; then it may be forgotten.
const ABSENT_CHECKS_MAX: u32 = 3;

/// What may be true.
#[derive(Debug, Default)]
pub struct History {
    position: u64,
    open: BTreeMap<u64, Operation>,
    repositories: BTreeMap<String, Repository>,
    accounts: Vec<Account>,
    grants: Vec<Grant>,
    documents: BTreeSet<(String, String)>,
}

/// What may be true of one repository.
#[derive(Debug, Default)]
pub struct Repository {
    /// Whether each blob is there.
    pub blobs: BTreeMap<String, Register<bool>>,
    /// Whether each manifest is there.
    pub manifests: BTreeMap<String, Register<bool>>,
    /// What each tag names. [`Repository::tag`] judges it.
    tags: BTreeMap<String, Register<Option<String>>>,
    /// The uploads that were begun and neither finished nor given up for certain.
    pub uploads: BTreeMap<String, Unfinished>,
    deletions: Vec<Deletion>,
}

/// An upload in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// Its bytes.
    pub content: Content,
    /// So many of them are on disk, said the server.
    pub acknowledged: usize,
    /// Whether a request to finish or cancel it has an unknown outcome.
    pub fate: Fate,
}

/// What an upload may have become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It must still be there.
    Open,
    /// It may have become a blob.
    PerhapsFinished,
    /// It may be gone.
    PerhapsCancelled,
}

/// An account that must be able to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its password or token.
    pub password: String,
}

/// A grant that must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The account's name.
    pub subject: String,
    /// Comma-separated actions.
    pub actions: String,
    /// Where.
    pub pattern: String,
}

/// A manifest that was deleted, or perhaps, with every tag that named it.
#[derive(Debug)]
struct Deletion {
    number: u64,
    digest: String,
    begun: u64,
    ended: Option<u64>,
}

impl History {
    /// Takes the next line of the ledger.
    pub fn take(&mut self, line: Line) {
        self.position += 1;
        match line {
            Line::Begun { begun, operation } => {
                self.begin(begun, &operation);
                self.open.insert(begun, operation);
            }
            Line::Ended { ended, ending } => {
                if let Some(operation) = self.open.remove(&ended) {
                    self.end(ended, operation, ending);
                }
            }
        }
    }

    /// The repositories that anything was sent to.
    pub fn repositories(&self) -> impl Iterator<Item = (&String, &Repository)> {
        self.repositories.iter()
    }

    /// One of them.
    pub fn repository(&self, name: &str) -> Option<&Repository> {
        self.repositories.get(name)
    }

    /// Every account that was acknowledged.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// Every grant that was acknowledged.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// Kind and name of every document that was acknowledged.
    pub fn documents(&self) -> &BTreeSet<(String, String)> {
        &self.documents
    }

    /// Makes what was seen of a repository, with no traffic beside, the beginning of what comes.
    pub fn settle(&mut self, name: &str, seen: &Seen) {
        let (position, repository) = (
            self.position,
            self.repositories.entry(name.to_owned()).or_default(),
        );
        let kept = |checks: &u32| *checks < ABSENT_CHECKS_MAX;
        repository.blobs.retain(|digest, register| {
            kept(&register.settle(seen.blobs.contains(digest), position))
        });
        repository.manifests.retain(|digest, register| {
            kept(&register.settle(seen.manifests.contains(digest), position))
        });
        repository
            .tags
            .retain(|tag, register| kept(&register.settle(seen.tags.get(tag).cloned(), position)));
        repository.uploads.clear();
        repository.deletions.clear();
    }

    fn begin(&mut self, number: u64, operation: &Operation) {
        let at = self.position;
        if let Some(name) = operation.repository() {
            self.repositories
                .entry(name.to_owned())
                .or_default()
                .begin(number, operation, at);
        }
    }

    fn end(&mut self, number: u64, operation: Operation, ending: Ending) {
        let at = self.position;
        if let Some(name) = operation.repository() {
            self.repositories
                .entry(name.to_owned())
                .or_default()
                .end(number, &operation, &ending, at);
        }
        let Ending::Acknowledged { note } = ending else {
            return;
        };
        match operation {
            Operation::CreateUser { name, password } => {
                self.accounts.push(Account { name, password });
            }
            Operation::CreateRobot { name } => {
                self.accounts
                    .extend(note.map(|password| Account { name, password }));
            }
            Operation::Grant {
                subject,
                actions,
                pattern,
            } => self.grants.push(Grant {
                subject,
                actions,
                pattern,
            }),
            Operation::Apply {
                document_kind,
                name,
            } => {
                self.documents.insert((document_kind, name));
            }
            _ => {}
        }
    }
}

/// What a check saw of one repository.
#[derive(Debug, Default)]
pub struct Seen {
    /// The blobs that are there.
    pub blobs: BTreeSet<String>,
    /// The manifests that are there.
    pub manifests: BTreeSet<String>,
    /// What the tags name.
    pub tags: BTreeMap<String, String>,
}

impl Repository {
    /// The tags that anything was done to.
    pub fn tags(&self) -> impl Iterator<Item = &String> {
        self.tags.keys()
    }

    /// What a tag may name; `None` in the set says that it may be absent.
    pub fn tag(&self, name: &str) -> BTreeSet<Option<String>> {
        let Some(register) = self.tags.get(name) else {
            return BTreeSet::from([None]);
        };
        let mut candidates = BTreeSet::new();
        for write in register.possible() {
            let Some(digest) = &write.value else {
                candidates.insert(None);
                continue;
            };
            let deletions = || {
                self.deletions
                    .iter()
                    .filter(|deletion| deletion.digest == *digest)
            };
            // A deletion that began after this write was acknowledged, and was itself, took the tag with it.
            let taken = |deletion: &Deletion| {
                deletion.ended.is_some() && write.ended.is_some_and(|ended| ended < deletion.begun)
            };
            let perhaps =
                |deletion: &Deletion| deletion.ended.is_none_or(|ended| write.begun < ended);
            if deletions().any(perhaps) {
                candidates.insert(None);
            }
            if !deletions().any(taken) {
                candidates.insert(Some(digest.clone()));
            }
        }
        candidates
    }

    fn begin(&mut self, number: u64, operation: &Operation, at: u64) {
        match operation {
            Operation::PushBlob { digest, .. } => self.blob(digest).begin(number, true, at),
            Operation::DeleteBlob { digest, .. } => self.blob(digest).begin(number, false, at),
            Operation::PutManifest { digest, tag, .. } => {
                self.manifests
                    .entry(digest.clone())
                    .or_default()
                    .begin(number, true, at);
                if let Some(tag) = tag {
                    self.tags.entry(tag.clone()).or_default().begin(
                        number,
                        Some(digest.clone()),
                        at,
                    );
                }
            }
            Operation::DeleteTag { tag, .. } => self
                .tags
                .entry(tag.clone())
                .or_default()
                .begin(number, None, at),
            Operation::DeleteManifest { digest, .. } => {
                self.manifests
                    .entry(digest.clone())
                    .or_default()
                    .begin(number, false, at);
                self.deletions.push(Deletion {
                    number,
                    digest: digest.clone(),
                    begun: at,
                    ended: None,
                });
            }
            Operation::FinishUpload {
                location, digest, ..
            } => {
                self.blob(digest).begin(number, true, at);
                self.fate(location, Fate::PerhapsFinished);
            }
            Operation::CancelUpload { location, .. } => self.fate(location, Fate::PerhapsCancelled),
            _ => {}
        }
    }

    fn end(&mut self, number: u64, operation: &Operation, ending: &Ending, at: u64) {
        for register in self.blobs.values_mut().chain(self.manifests.values_mut()) {
            register.end(number, ending, at);
        }
        for register in self.tags.values_mut() {
            register.end(number, ending, at);
        }
        match ending {
            Ending::Refused { .. } => self.deletions.retain(|deletion| deletion.number != number),
            Ending::Acknowledged { .. } => {
                let deletion = self
                    .deletions
                    .iter_mut()
                    .find(|deletion| deletion.number == number);
                if let Some(deletion) = deletion {
                    deletion.ended = Some(at);
                }
            }
            Ending::Unknown { .. } => {}
        }
        self.end_upload(operation, ending);
    }

    fn end_upload(&mut self, operation: &Operation, ending: &Ending) {
        match (operation, ending) {
            (
                Operation::BeginUpload {
                    location, content, ..
                },
                Ending::Acknowledged { .. },
            ) => {
                let upload = Unfinished {
                    content: *content,
                    acknowledged: 0,
                    fate: Fate::Open,
                };
                self.uploads.insert(location.clone(), upload);
            }
            (Operation::AppendUpload { location, end, .. }, Ending::Acknowledged { .. }) => {
                if let Some(upload) = self.uploads.get_mut(location) {
                    upload.acknowledged = upload.acknowledged.max(*end);
                }
            }
            (
                Operation::FinishUpload { location, .. } | Operation::CancelUpload { location, .. },
                Ending::Acknowledged { .. } | Ending::Refused { .. },
            ) => {
                self.uploads.remove(location);
            }
            _ => {}
        }
    }

    fn blob(&mut self, digest: &str) -> &mut Register<bool> {
        self.blobs.entry(digest.to_owned()).or_default()
    }

    fn fate(&mut self, location: &str, fate: Fate) {
        if let Some(upload) = self.uploads.get_mut(location) {
            upload.fate = fate;
        }
    }
}

impl Operation {
    /// The repository it is about, if about one.
    pub fn repository(&self) -> Option<&str> {
        match self {
            Self::PushBlob { repository, .. }
            | Self::DeleteBlob { repository, .. }
            | Self::BeginUpload { repository, .. }
            | Self::AppendUpload { repository, .. }
            | Self::FinishUpload { repository, .. }
            | Self::CancelUpload { repository, .. }
            | Self::PutManifest { repository, .. }
            | Self::DeleteTag { repository, .. }
            | Self::DeleteManifest { repository, .. } => Some(repository),
            Self::CreateUser { .. }
            | Self::CreateRobot { .. }
            | Self::Grant { .. }
            | Self::Apply { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
