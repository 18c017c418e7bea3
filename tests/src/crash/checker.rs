//! After a start: does everything that was acknowledged hold, and is nothing half visible?
//!
//! The checker talks to the server as everybody does and knows nothing of its insides, but for the last question:
//! whether every stored key is named exactly once ([`keys`]), for which it looks at the files. Nobody else talks to the server meanwhile,
//! so that what it sees becomes the new beginning of the history.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use refloat_rig::seed::Seed;

use super::subject::Subject;
use crate::client::{Client, Fault};
use crate::content::Needs;
use crate::ledger::history::{History, Repository, Seen};

mod accounts;
mod keys;
mod log;
mod uploads;

pub use keys::{Reckoning, TABLES, compare, gaps, reckon};

/// Whether the server may collect what nothing uses during the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Grace {
    /// No: it keeps everything for longer than the run takes.
    #[default]
    Long,
    /// Yes: an acknowledged blob that no manifest uses may be gone.
    Short,
}

/// What a check came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// So many facts were compared.
    pub checked: u64,
    /// Acknowledged and rightly collected since.
    pub collected: u64,
    /// Acknowledged and not there, or deleted and there again.
    pub lost: Vec<String>,
    /// Visible without what belongs to it, or visible and never pushed.
    pub half_visible: Vec<String>,
    /// Anything else that cannot be: wrong bytes, disagreeing lists, a broken log.
    pub wrong: Vec<String>,
}

impl Findings {
    /// True if nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.half_visible.is_empty() && self.wrong.is_empty()
    }

    /// Adds those of another check.
    pub fn add(&mut self, other: Findings) {
        self.checked += other.checked;
        self.collected += other.collected;
        self.lost.extend(other.lost);
        self.half_visible.extend(other.half_visible);
        self.wrong.extend(other.wrong);
    }

    /// Takes one unfinished upload off the list: the fsync that failed gave it up, and its request was told so. What
    /// the kernel keeps of such a file is not known, so it is never written on.
    pub fn give_up_one_upload(&mut self) {
        let upload = self
            .lost
            .iter()
            .position(|what| what.starts_with("upload "));
        if let Some(place) = upload {
            self.lost.remove(place);
        }
    }

    /// Every finding, one per line.
    pub fn text(&self) -> String {
        let kinds = [
            ("lost", &self.lost),
            ("half visible", &self.half_visible),
            ("wrong", &self.wrong),
        ];
        let lines = kinds
            .iter()
            .flat_map(|(kind, list)| list.iter().map(move |what| format!("{kind}: {what}")));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Compares the server with the history, and makes what it saw the new beginning of it.
///
/// # Errors
/// Only if the server does not answer at all; everything else is a finding.
pub fn check(
    subject: &Subject,
    history: &mut History,
    grace: Grace,
    seed: &mut Seed,
) -> Result<Findings> {
    let mut checker = Checker {
        client: subject.admin()?,
        grace,
        hashed: BTreeSet::new(),
        findings: Findings::default(),
    };
    let catalog = checker
        .client
        .catalog()
        .context("the catalog cannot be read")?;
    let names: BTreeSet<String> = history
        .repositories()
        .map(|(name, _)| name.clone())
        .chain(catalog.clone())
        .collect();
    for name in &names {
        let found = checker.repository(name, history.repository(name))?;
        if !found.manifests.is_empty() && !catalog.contains(name) {
            checker.findings.wrong.push(format!(
                "the catalog leaves out {name}, which has manifests"
            ));
        }
        history.settle(name, &found);
    }
    checker.accounts(subject, history, seed)?;
    checker.log(subject)?;
    Ok(checker.findings)
}

struct Checker {
    client: Client,
    grace: Grace,
    /// Blobs that were read whole in this check: the same bytes need not be hashed for each repository.
    hashed: BTreeSet<String>,
    findings: Findings,
}

/// A manifest that is there.
struct Present {
    bytes_size: usize,
    needs: Needs,
}

impl Checker {
    fn repository(&mut self, name: &str, past: Option<&Repository>) -> Result<Seen> {
        let nothing = Repository::default();
        let past = past.unwrap_or(&nothing);
        let mut seen = Seen::default();
        self.uploads(name, past, &mut seen)?;
        self.tags(name, past, &mut seen)?;
        let present = self.manifests(name, past, &mut seen)?;
        self.blobs(name, past, &present, &mut seen)?;
        self.descendants(name, &present, &seen);
        self.referrers(name, &present)?;
        Ok(seen)
    }

    /// What the tags name, against what they may name.
    fn tags(&mut self, name: &str, past: &Repository, seen: &mut Seen) -> Result<()> {
        let listed = self
            .ask(|client| client.tags(name))?
            .flatten()
            .unwrap_or_default();
        let distinct: BTreeSet<&String> = listed.iter().collect();
        if distinct.len() != listed.len() || !listed.is_sorted() {
            self.findings.wrong.push(format!(
                "the tags of {name} are not a sorted list: {listed:?}"
            ));
        }
        for tag in &listed {
            match self.ask(|client| client.manifest(name, tag))?.flatten() {
                Some(served) => drop(seen.tags.insert(tag.clone(), served.digest)),
                None => self
                    .findings
                    .half_visible
                    .push(format!("{name}:{tag} is listed and cannot be pulled")),
            }
        }
        for tag in past.tags().chain(
            listed
                .iter()
                .filter(|tag| !past.tags().any(|known| known == *tag)),
        ) {
            self.findings.checked += 1;
            let now = seen.tags.get(tag).cloned();
            let allowed = past.tag(tag);
            if !allowed.contains(&now) {
                let names =
                    |name: &Option<String>| name.clone().unwrap_or_else(|| "nothing".to_owned());
                let allowed: Vec<String> = allowed.iter().map(names).collect();
                self.findings.lost.push(format!(
                    "{name}:{tag} names {}, not {}",
                    names(&now),
                    allowed.join(" or ")
                ));
            }
        }
        Ok(())
    }

    /// Every manifest that was ever sent, or that a tag names, by its digest.
    fn manifests(
        &mut self,
        name: &str,
        past: &Repository,
        seen: &mut Seen,
    ) -> Result<BTreeMap<String, Present>> {
        let mut present = BTreeMap::new();
        let tagged: BTreeSet<String> = seen.tags.values().cloned().collect();
        let digests: BTreeSet<&String> = past.manifests.keys().chain(&tagged).collect();
        for digest in digests {
            self.findings.checked += 1;
            let served = self.ask(|client| client.manifest(name, digest))?.flatten();
            if !past
                .manifests
                .get(digest)
                .is_some_and(|register| register.may_be(&served.is_some()))
            {
                let what = format!(
                    "{name}@{digest} is {}",
                    if served.is_some() {
                        "there"
                    } else {
                        "not there"
                    }
                );
                self.findings.lost.push(what);
            }
            if let Some(served) = served {
                let needs = Needs::of(&served.bytes);
                present.insert(
                    digest.clone(),
                    Present {
                        bytes_size: served.bytes.len(),
                        needs,
                    },
                );
                seen.manifests.insert(digest.clone());
            } else if tagged.contains(digest) {
                self.findings.half_visible.push(format!(
                    "{name}@{digest} is tagged and not there by its digest"
                ));
            }
        }
        Ok(present)
    }

    /// Every blob that was ever sent or is used, its bytes hashed once.
    fn blobs(
        &mut self,
        name: &str,
        past: &Repository,
        present: &BTreeMap<String, Present>,
        seen: &mut Seen,
    ) -> Result<()> {
        let used: BTreeSet<&String> = present
            .values()
            .flat_map(|manifest| &manifest.needs.blobs)
            .collect();
        let digests: BTreeSet<&String> = past.blobs.keys().chain(used.iter().copied()).collect();
        for digest in digests {
            self.findings.checked += 1;
            let Some(is_there) = self.blob(name, digest)? else {
                continue;
            };
            if is_there {
                seen.blobs.insert(digest.clone());
            }
            let Some(register) = past.blobs.get(digest) else {
                continue;
            };
            let collected = !is_there && self.grace == Grace::Short && !used.contains(digest);
            self.findings.collected += u64::from(collected && !register.may_be(&is_there));
            if !register.may_be(&is_there) && !collected {
                let is = if is_there { "there" } else { "not there" };
                self.findings
                    .lost
                    .push(format!("blob {digest} is {is} in {name}"));
            }
        }
        Ok(())
    }

    /// Whether the blob is there; nothing if the answer was a finding already.
    fn blob(&mut self, name: &str, digest: &str) -> Result<Option<bool>> {
        if self.hashed.contains(digest) {
            return Ok(self
                .ask(|client| client.blob_size(name, digest))?
                .map(|size| size.is_some()));
        }
        let bytes = self.ask(|client| client.blob(name, digest))?;
        if let Some(Some(_)) = bytes {
            self.hashed.insert(digest.to_owned());
        }
        Ok(bytes.map(|bytes| bytes.is_some()))
    }

    fn descendants(&mut self, name: &str, present: &BTreeMap<String, Present>, seen: &Seen) {
        for (digest, manifest) in present {
            self.findings.checked += 1;
            let blobs = manifest
                .needs
                .blobs
                .iter()
                .filter(|blob| !seen.blobs.contains(*blob));
            let children = manifest
                .needs
                .children
                .iter()
                .filter(|child| !present.contains_key(*child));
            for missing in blobs.chain(children) {
                let size = manifest.bytes_size;
                let what = format!("{name}@{digest} ({size} bytes) is there without its {missing}");
                self.findings.half_visible.push(what);
            }
        }
    }

    /// The lists of referrers name exactly the manifests that refer.
    fn referrers(&mut self, name: &str, present: &BTreeMap<String, Present>) -> Result<()> {
        let mut referring: BTreeMap<&String, BTreeSet<String>> = BTreeMap::new();
        for digest in present.keys() {
            referring.entry(digest).or_default();
        }
        for (digest, manifest) in present {
            if let Some(subject) = &manifest.needs.subject {
                referring.entry(subject).or_default().insert(digest.clone());
            }
        }
        for (subject, expected) in referring {
            self.findings.checked += 1;
            let Some(listed) = self.ask(|client| client.referrers(name, subject))? else {
                continue;
            };
            let listed: BTreeSet<String> = listed.into_iter().collect();
            if listed != expected {
                self.findings.wrong.push(format!(
                    "the referrers of {name}@{subject} are {listed:?}, not {expected:?}"
                ));
            }
        }
        Ok(())
    }

    /// Asks; an answer that cannot be is a finding, no answer at all ends the check.
    fn ask<T>(
        &mut self,
        request: impl FnOnce(&mut Client) -> Result<T, Fault>,
    ) -> Result<Option<T>> {
        match request(&mut self.client) {
            Ok(answer) => Ok(Some(answer)),
            Err(Fault::Broken(broken)) => {
                Err(broken).context("the server does not answer the checker")
            }
            Err(fault) => {
                self.findings.wrong.push(fault.to_string());
                Ok(None)
            }
        }
    }
}
