//! A package's header as databases hold it: two counts, an index of tags, a store of values (rpm's "Header format").

use super::bytes::{big, slice};
use super::{HEADER_BYTES_MAX, RpmError};
use crate::package::{Package, PackageKind};

const NAME: usize = 1000;
const VERSION: usize = 1001;
const RELEASE: usize = 1002;
const EPOCH: usize = 1003;
const ARCHITECTURE: usize = 1022;
const INT32: usize = 4;
const STRING: usize = 6;
const ENTRY_BYTES: usize = 16;
const TAGS_MAX: usize = 4096;

/// The package that a header describes.
pub(super) fn package(blob: &[u8]) -> Result<Package, RpmError> {
    if blob.len() > HEADER_BYTES_MAX {
        return Err(RpmError::TooLarge);
    }
    let (tags, bytes) = (big(blob, 0, 4, "a header")?, big(blob, 4, 4, "a header")?);
    if tags > TAGS_MAX {
        return Err(RpmError::Damaged("a header with too many tags"));
    }
    let index = slice(blob, 8, tags * ENTRY_BYTES, "a header's index")?;
    let store = slice(blob, 8 + tags * ENTRY_BYTES, bytes, "a header's store")?;
    let text = |tag: usize| value(index, store, tag, STRING)?.map(string).transpose();
    let name = text(NAME)?.ok_or(RpmError::Damaged("a package without a name"))?;
    let version = text(VERSION)?.ok_or(RpmError::Damaged("a package without a version"))?;
    let release = text(RELEASE)?.ok_or(RpmError::Damaged("a package without a release"))?;
    let epoch = match value(index, store, EPOCH, INT32)? {
        Some(bytes) => format!("{}:", big(bytes, 0, 4, "an epoch")?),
        None => String::new(),
    };
    Ok(Package {
        kind: PackageKind::Rpm,
        name,
        architecture: text(ARCHITECTURE)?.unwrap_or_default(),
        version: format!("{epoch}{version}-{release}"),
        provides: String::new(),
    })
}

fn value<'a>(
    index: &[u8],
    store: &'a [u8],
    tag: usize,
    kind: usize,
) -> Result<Option<&'a [u8]>, RpmError> {
    for entry in index.chunks_exact(ENTRY_BYTES) {
        if big(entry, 0, 4, "a tag")? != tag {
            continue;
        }
        if big(entry, 4, 4, "a tag")? != kind {
            return Err(RpmError::Damaged("a tag of another type"));
        }
        let at = big(entry, 8, 4, "a tag")?;
        return store
            .get(at..)
            .map(Some)
            .ok_or(RpmError::Damaged("a value outside of its header"));
    }
    Ok(None)
}

fn string(bytes: &[u8]) -> Result<String, RpmError> {
    let end = bytes.iter().position(|byte| *byte == 0);
    let end = end.ok_or(RpmError::Damaged("a text without an end"))?;
    Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
}
