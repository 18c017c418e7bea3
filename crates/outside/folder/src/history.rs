//! The revisions of a release in a folder.

use crate::{failure, replace};
use refloat_core::Failure;
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Revisions that are kept.
const REVISIONS_MAX: usize = 10;

pub(crate) struct Revision {
    pub(crate) id: String,
    pub(crate) at_seconds: u64,
    pub(crate) manifest_digest: String,
}

/// The newest last, with the number of each.
#[derive(Default)]
pub(crate) struct History(Vec<(u32, Revision)>);

impl History {
    pub(crate) fn read(place: &Path, name: &str) -> Result<Self, Failure> {
        let path = file(place, name);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(failure(&path, &error)),
        };
        let damaged = || Failure::Damaged(format!("{}: no list of releases", path.display()));
        let json: Value = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        let list = json["revisions"].as_array().ok_or_else(damaged)?;
        let revision = |entry: &Value| {
            let number = u32::try_from(entry["revision"].as_u64()?).ok()?;
            let revision = Revision {
                id: entry["id"].as_str()?.to_owned(),
                at_seconds: entry["at_seconds"].as_u64()?,
                manifest_digest: entry["manifest_digest"].as_str()?.to_owned(),
            };
            Some((number, revision))
        };
        let revisions: Option<Vec<_>> = list.iter().map(revision).collect();
        revisions.map(Self).ok_or_else(damaged)
    }

    pub(crate) fn find(&self, id: &str) -> Option<u32> {
        let found = self.0.iter().find(|(_, revision)| revision.id == id)?;
        Some(found.0)
    }

    pub(crate) fn push(&mut self, revision: Revision) {
        let number = self.0.last().map_or(1, |(number, _)| number + 1);
        self.0.push((number, revision));
        let surplus = self.0.len().saturating_sub(REVISIONS_MAX);
        self.0.drain(..surplus);
    }

    pub(crate) fn write(&self, place: &Path, name: &str) -> Result<(), Failure> {
        let revisions: Vec<Value> = self
            .0
            .iter()
            .map(|(number, revision)| {
                json!({
                    "revision": number,
                    "id": revision.id,
                    "at_seconds": revision.at_seconds,
                    "manifest_digest": revision.manifest_digest,
                })
            })
            .collect();
        let text = format!("{:#}\n", json!({ "revisions": revisions }));
        replace::write_file(&file(place, name), text.as_bytes())
    }
}

fn file(place: &Path, name: &str) -> PathBuf {
    place.join(format!(".{name}.releases.json"))
}
