//! The image that another one stands on: as it was told, as annotations say, or by its layers.
//!
//! Whatever is found is checked by the layers: the base's DiffIDs lie at the bottom of the image's (reference: image-spec
//! config.md, "Layer ChainID"). Blob digests do not count, they change when a layer is compressed again.

use crate::annotations::{BASE_DIGEST, BASE_INDEX, BASE_NAME};
use crate::error::ImageError;
use crate::observe::{Observer, Step};
use crate::platform::Platform;
use crate::walk::{ImageTree, PlatformImage, walk};
use futures_util::{StreamExt, stream};
use refloat_core::Failure;
use refloat_oci::{Digest, Location, TagName, TagOrDigest};
use refloat_ports::{ImagesError, Place, Places};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The most tags of a repository that are listed.
const TAGS_MAX: usize = 10_000;
/// The most images that are looked at.
const CANDIDATES_MAX: usize = 200;
/// How many are looked at at once.
const AT_ONCE: usize = 8;

/// How a base was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundBy {
    /// Somebody named it.
    Given,
    /// The image's annotations name it, and its layers agree.
    Annotation,
    /// Its layers.
    Layers,
}

impl FoundBy {
    /// One word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Annotation => "annotation",
            Self::Layers => "layers",
        }
    }
}

/// A base of one platform's image.
#[derive(Clone)]
pub struct Base {
    /// The whole image it belongs to.
    pub tree: Arc<ImageTree>,
    /// Its image of this platform.
    pub image: PlatformImage,
    /// How it was found.
    pub found_by: FoundBy,
    /// Others that could be it just as well: same layers, another configuration.
    pub others: Vec<String>,
}

/// Where a base may be.
#[derive(Clone, Default)]
pub struct Bases {
    /// The base, if somebody named it: nothing else is looked at.
    pub given: Option<Place>,
    /// Images that may be it, and whose repositories' tags may be.
    pub near: Vec<Place>,
}

/// Finds the base of each platform's image; `None` for those whose base is not found.
///
/// # Errors
/// Those of reading a base that was given; what is only a guess and cannot be read is passed over.
pub async fn find_base(
    image: &ImageTree,
    bases: &Bases,
    places: &dyn Places,
    observer: &Observer,
) -> Result<Vec<(Platform, Option<Base>)>, ImageError> {
    if let Some(given) = &bases.given {
        let tree = Arc::new(walk(given).await?);
        let found = image.platforms.iter().map(|own| {
            let base = tree.platform(&own.platform).map(|base| Base {
                tree: Arc::clone(&tree),
                image: base.clone(),
                found_by: FoundBy::Given,
                others: Vec::new(),
            });
            (own.platform.clone(), base)
        });
        return Ok(found.collect());
    }
    let mut seen: Option<Vec<Arc<ImageTree>>> = None;
    let mut found = Vec::new();
    for own in &image.platforms {
        let mut base = by_annotation(image, own, bases, places).await;
        if base.is_none() {
            if seen.is_none() {
                seen = Some(candidates(image, bases, observer).await);
            }
            base = by_layers(own, seen.as_deref().unwrap_or_default());
        }
        found.push((own.platform.clone(), base));
    }
    Ok(found)
}

/// What the annotations name, in the repositories where it may lie.
async fn by_annotation(
    image: &ImageTree,
    own: &PlatformImage,
    bases: &Bases,
    places: &dyn Places,
) -> Option<Base> {
    let digests: Vec<Digest> = [BASE_INDEX, BASE_DIGEST]
        .iter()
        .filter_map(|key| own.annotation(key)?.parse().ok())
        .collect();
    if digests.is_empty() {
        return None;
    }
    let mut homes: Vec<Place> = Vec::new();
    if let Some(name) = own.annotation(BASE_NAME)
        && let Ok(location @ Location::Registry(_)) = Location::parse(name, None)
        && let Ok(place) = places.open(&location).await
    {
        homes.push(place);
    }
    homes.extend(bases.near.iter().cloned());
    homes.push(image.place.clone());
    for home in homes {
        for digest in &digests {
            let place = Place {
                target: Some(TagOrDigest::Digest(*digest)),
                ..home.clone()
            };
            let Ok(tree) = walk(&place).await else {
                continue;
            };
            let Some(base) = tree.platform(&own.platform).cloned() else {
                continue;
            };
            if own.stands_on(&base) {
                return Some(Base {
                    tree: Arc::new(tree),
                    image: base,
                    found_by: FoundBy::Annotation,
                    others: Vec::new(),
                });
            }
        }
    }
    None
}

/// The images near by, each digest once: the named ones, then those whose tags are most like theirs. Reading them costs
/// requests that registries count, so only the nearest are looked at, and a place that answers with an outage is left alone.
async fn candidates(image: &ImageTree, bases: &Bases, observer: &Observer) -> Vec<Arc<ImageTree>> {
    let mut places: Vec<Place> = bases.near.clone();
    for near in &bases.near {
        places.extend(beside(near).await);
    }
    places.truncate(CANDIDATES_MAX);
    observer(Step::Candidates(places.len()));
    let looked = stream::iter(places).map(|place| async move {
        let target = place.target.clone()?;
        let found = place.images.resolve(&place.repository, &target).await;
        let digest = found.ok()??.digest;
        Some((digest, place))
    });
    let resolved: Vec<Option<(Digest, Place)>> = looked.buffered(AT_ONCE).collect().await;
    let mut seen = BTreeSet::from([image.root.digest]);
    let mut trees = Vec::new();
    for (digest, place) in resolved.into_iter().flatten() {
        if !seen.insert(digest) {
            continue;
        }
        let place = Place {
            target: Some(TagOrDigest::Digest(digest)),
            ..place
        };
        match walk(&place).await {
            Ok(tree) => trees.push(Arc::new(tree)),
            Err(ImageError::Place(ImagesError::Failed(Failure::Transient(_)))) => break,
            // What is no image, or is damaged, is nobody's base.
            Err(_) => {}
        }
    }
    trees
}

/// The tags beside an image, the most alike first: `12.4-slim` is nearer to `12.5-slim` than `latest` is.
async fn beside(near: &Place) -> Vec<Place> {
    let own = match &near.target {
        Some(TagOrDigest::Tag(tag)) => tag.as_str(),
        Some(TagOrDigest::Digest(_)) | None => "",
    };
    let alike = |tag: &TagName| {
        let pairs = tag.as_str().bytes().zip(own.bytes());
        pairs.take_while(|(one, two)| one == two).count()
    };
    let listed = near.images.tags(&near.repository, None, TAGS_MAX).await;
    // A repository that does not list its tags has none to offer.
    let mut tags = listed.unwrap_or_default();
    tags.sort_by_key(|tag| std::cmp::Reverse(alike(tag)));
    let name = without_target(&near.written);
    let places = tags.into_iter().map(|tag| Place {
        written: format!("{name}:{tag}"),
        target: Some(TagOrDigest::Tag(tag)),
        ..near.clone()
    });
    places.collect()
}

fn without_target(written: &str) -> String {
    let zeroes = Digest::sha256(b"");
    // `pinned` knows every form; its digest is cut off again.
    let place = crate::walk::pinned_text(written, &zeroes);
    place.split('@').next().unwrap_or_default().to_owned()
}

/// The longest match; among equals the one whose history is the image's own, otherwise the first.
fn by_layers(own: &PlatformImage, seen: &[Arc<ImageTree>]) -> Option<Base> {
    let mut fitting: Vec<(&Arc<ImageTree>, &PlatformImage)> = seen
        .iter()
        .filter_map(|tree| Some((tree, tree.platform(&own.platform)?)))
        // An image of the same layers is a sibling or a copy, not what this one was built on.
        .filter(|(_, base)| own.stands_on(base) && base.diff_ids.len() < own.diff_ids.len())
        .collect();
    let longest = fitting.iter().map(|(_, base)| base.diff_ids.len()).max()?;
    fitting.retain(|(_, base)| base.diff_ids.len() == longest);
    let known = fitting
        .iter()
        .position(|(_, base)| history_begins(own, base));
    let (tree, base) = fitting.remove(known.unwrap_or(0));
    let differing = fitting
        .iter()
        .filter(|(_, other)| known.is_none() && other.config["config"] != base.config["config"]);
    Some(Base {
        tree: Arc::clone(tree),
        image: base.clone(),
        found_by: FoundBy::Layers,
        others: differing
            .map(|(tree, _)| tree.place.written.clone())
            .collect(),
    })
}

/// Whether the image's history begins with the base's, times included.
fn history_begins(own: &PlatformImage, base: &PlatformImage) -> bool {
    let list = |image: &PlatformImage| {
        image.config["history"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    let below = list(base);
    !below.is_empty() && list(own).starts_with(&below)
}
