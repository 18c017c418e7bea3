//! Pages of keys for audits: by the last two characters, then by key, uploads among them.

use crate::layout::{Layout, shard};
use refloat_core::StorageKey;
use refloat_ports::Stored;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

type Place = (String, StorageKey);

fn place(key: &StorageKey) -> Place {
    (shard(key).to_owned(), key.clone())
}

pub(crate) fn page(
    layout: &Layout,
    after: Option<&StorageKey>,
    limit: usize,
) -> io::Result<Vec<Stored>> {
    let after = after.map(place);
    let mut uploads = BTreeMap::new();
    collect(layout.uploads(), after.as_ref(), &mut uploads)?;
    let mut folders = Vec::new();
    for entry in fs::read_dir(layout.blobs())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if after.as_ref().is_none_or(|(folder, _)| name >= *folder) {
            folders.push(name);
        }
    }
    folders.sort();
    let mut found: BTreeMap<Place, u64> = BTreeMap::new();
    for folder in folders {
        if found.len() >= limit {
            break;
        }
        collect(&layout.blobs().join(&folder), after.as_ref(), &mut found)?;
        // Uploads of this folder and of those before it that hold no blob.
        let later = uploads.split_off(&(format!("{folder}\u{10ffff}"), smallest()));
        found.append(&mut std::mem::replace(&mut uploads, later));
    }
    found.append(&mut uploads);
    let stored = |((_, key), size): (Place, u64)| Stored { key, size };
    Ok(found.into_iter().take(limit).map(stored).collect())
}

fn smallest() -> StorageKey {
    StorageKey::from_ulid(ulid::Ulid::nil())
}

/// Adds what lies in `folder` after `after`; names that are no keys are not ours to judge.
fn collect(
    folder: &Path,
    after: Option<&Place>,
    found: &mut BTreeMap<Place, u64>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Some(key) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<StorageKey>().ok())
        else {
            continue;
        };
        let place = place(&key);
        if after.is_some_and(|after| place <= *after) {
            continue;
        }
        match entry.metadata() {
            Ok(metadata) => drop(found.insert(place, metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
