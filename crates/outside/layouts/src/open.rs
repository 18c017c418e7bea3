//! From what people write to a place.

use crate::archive::OciArchive;
use crate::docker::DockerArchive;
use crate::files::blocking;
use crate::folder::Layout;
use crate::index::LayoutIndex;
use refloat_oci::reference::FileReference;
use refloat_oci::{Digest, Location, RepositoryName, TagOrDigest};
use refloat_ports::{Images, ImagesError, Place};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The one repository of a layout or archive.
pub fn repository() -> RepositoryName {
    "layout".parse().expect("a constant name")
}

/// Opens a layout or archive; `None` for what lies in a registry. `oci:DIR@DIGEST` names an image by its digest.
///
/// # Errors
/// [`ImagesError::NotPermitted`] if there is no such file, [`ImagesError::Damaged`] if it is no layout or archive.
pub async fn open(location: &Location) -> Result<Option<Place>, ImagesError> {
    let written = location.to_string();
    let location = location.clone();
    let opened = blocking(move || match &location {
        Location::Registry(_) => Ok(None),
        Location::Layout(file) => {
            let (path, name) = split(file);
            let layout = Layout::open(&path)?;
            let target = named(&layout.index()?, &name, &path)?;
            Ok(Some((Arc::new(layout) as Arc<dyn Images>, target)))
        }
        Location::OciArchive(file) => {
            let (path, name) = split(file);
            let archive = OciArchive::open(&path)?;
            let target = named(archive.index(), &name, &path)?;
            Ok(Some((Arc::new(archive) as Arc<dyn Images>, target)))
        }
        Location::DockerArchive(file) => {
            let (path, name) = split(file);
            let archive = DockerArchive::open(&path)?;
            let digest = match &name {
                Name::Digest(digest) => Some(*digest),
                Name::Text(name) => archive.named(Some(name)),
                Name::None => archive.named(None),
            };
            let target = digest
                .map(TagOrDigest::Digest)
                .ok_or_else(|| absent(&name, &path))?;
            Ok(Some((Arc::new(archive) as Arc<dyn Images>, target)))
        }
    });
    Ok(opened.await?.map(|(images, target)| Place {
        images,
        repository: repository(),
        target: Some(target),
        written,
    }))
}

enum Name {
    None,
    Text(String),
    Digest(Digest),
}

/// `DIR@sha256` and `HEX` are a path and a digest: the general form cuts at the first colon.
fn split(file: &FileReference) -> (PathBuf, Name) {
    let digest = file.path.rsplit_once('@').and_then(|(path, algorithm)| {
        let digest = format!("{algorithm}:{}", file.name.as_deref()?);
        Some((path, digest.parse().ok()?))
    });
    match (digest, &file.name) {
        (Some((path, digest)), _) => (path.into(), Name::Digest(digest)),
        (None, Some(name)) => ((&file.path).into(), Name::Text(name.clone())),
        (None, None) => ((&file.path).into(), Name::None),
    }
}

/// A tag stays a tag, also one that is not there yet; other names stand for the digest they have now.
fn named(index: &LayoutIndex, name: &Name, path: &Path) -> Result<TagOrDigest, ImagesError> {
    match name {
        Name::Digest(digest) => Ok(TagOrDigest::Digest(*digest)),
        Name::Text(text) => match (text.parse(), index.named(text)) {
            (Ok(tag), _) => Ok(TagOrDigest::Tag(tag)),
            (Err(_), Some(digest)) => Ok(TagOrDigest::Digest(digest)),
            (Err(_), None) => Err(absent(name, path)),
        },
        Name::None => {
            let all = index.all();
            let mut tagged = all.iter().filter(|(_, is_named)| *is_named);
            let only = match (all.as_slice(), tagged.next(), tagged.next()) {
                ([(only, _)], ..) | (_, Some((only, _)), None) => Some(*only),
                _ => None,
            };
            only.map(TagOrDigest::Digest)
                .ok_or_else(|| absent(name, path))
        }
    }
}

fn absent(name: &Name, path: &Path) -> ImagesError {
    let path = path.display();
    ImagesError::NotPermitted(match name {
        Name::Text(name) => format!("{path} holds no image called `{name}`"),
        Name::Digest(digest) => format!("{path} holds no {digest}"),
        Name::None => format!("{path} holds no image, or several: write its name behind the path"),
    })
}
