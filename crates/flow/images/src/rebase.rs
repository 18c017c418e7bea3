//! Another base under an image: judged first, then written, then read again, then named.

mod buildpacks;
mod copy;
mod judge;
mod make;
mod provenance;
mod report;
mod verify;
mod write;

pub use judge::{Judged, PlatformJudged, judge_rebase};
pub use provenance::Sealed;
pub use write::write;

use crate::base::Bases;
use crate::cache::IndexCache;
use crate::error::ImageError;
use crate::observe::Observer;
use refloat_oci::{Digest, TagName};
use refloat_ports::{Place, Places};
use refloat_verdict::{GraphFacts, Tier};
use std::collections::BTreeMap;

/// What is to be judged.
pub struct RebaseRequest<'a> {
    /// The image.
    pub image: Place,
    /// The base that it shall stand on.
    pub onto: Place,
    /// Where the base that it stands on may be. `onto` is looked at in any case.
    pub bases: Bases,
    /// Opens what annotations name.
    pub places: &'a dyn Places,
    /// What the graph and the policy know.
    pub graph: GraphFacts,
}

/// Where the result goes, and what is written into it besides.
#[derive(Clone)]
pub struct Destination {
    /// The repository; its target is not looked at.
    pub place: Place,
    /// The tag that moves at the end; `None` moves nothing.
    pub tag: Option<TagName>,
    /// The reference that `base.name` gets; `None` writes none.
    pub base_name: Option<String>,
    /// The configuration's `created`; `None` takes the newest of the inputs.
    pub created: Option<String>,
    /// Further annotations.
    pub annotations: BTreeMap<String, String>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebaseDone {
    /// The result: a manifest, or an index where the image was one.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// The provenance that refers to it.
    pub provenance: Digest,
    /// The verdict that stands in the provenance, as a blob.
    pub verdict: Digest,
    /// The same result was there, under this tag, already.
    pub was_there: bool,
}

/// How it ended.
pub enum Outcome {
    /// Nothing has to change: nothing is written.
    Unchanged(Judged),
    /// The verdict is worse than what is allowed: nothing is written.
    Refused(Judged),
    /// Written.
    Done(Judged, Box<RebaseDone>),
}

impl Outcome {
    /// What was judged.
    pub fn judged(&self) -> &Judged {
        match self {
            Self::Unchanged(judged) | Self::Refused(judged) | Self::Done(judged, _) => judged,
        }
    }
}

/// Judges, and writes if every platform's verdict is at least `allow`.
///
/// # Errors
/// [`ImageError`]; whatever was written by then is reachable by digest only.
pub async fn rebase(
    request: &RebaseRequest<'_>,
    destination: &Destination,
    allow: Tier,
    cache: &dyn IndexCache,
    observer: &Observer,
) -> Result<Outcome, ImageError> {
    let judged = judge_rebase(request, cache, observer).await?;
    let tier = judged.tier();
    if tier == Tier::Unchanged {
        return Ok(Outcome::Unchanged(judged));
    }
    if tier > allow {
        return Ok(Outcome::Refused(judged));
    }
    let done = write(&judged, destination, cache, observer).await?;
    Ok(Outcome::Done(judged, Box::new(done)))
}
