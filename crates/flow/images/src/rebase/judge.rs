//! The verdict of every platform.

use crate::base::{Base, find_base};
use crate::cache::IndexCache;
use crate::error::ImageError;
use crate::facts::{facts, facts_on};
use crate::observe::Observer;
use crate::platform::Platform;
use crate::rebase::RebaseRequest;
use crate::walk::{ImageTree, PlatformImage, walk};
use refloat_packages::PackageChange;
use refloat_ports::Place;
use refloat_verdict::{Code, JudgeInput, PlatformName, Reason, Tier, Verdict, judge};
use std::sync::Arc;

/// Verdicts on an image, with what they are about.
pub struct Judged {
    /// The image.
    pub image: ImageTree,
    /// The base it would stand on.
    pub onto: ImageTree,
    /// Every platform of the image, in its order.
    pub platforms: Vec<PlatformJudged>,
}

/// The verdict on one platform.
pub struct PlatformJudged {
    /// The platform.
    pub platform: Platform,
    /// The verdict.
    pub verdict: Verdict,
    /// The image of this platform.
    pub image: PlatformImage,
    /// The base it stands on, if it was found.
    pub base: Option<Base>,
    /// The base it would stand on; `None` if the new base lacks the platform.
    pub onto: Option<PlatformImage>,
    /// What was judged; `None` where there was nothing to compare.
    pub(super) input: Option<Arc<JudgeInput>>,
}

impl Judged {
    /// The worst of the platforms.
    pub fn tier(&self) -> Tier {
        let tiers = self.platforms.iter().map(|platform| platform.verdict.tier);
        tiers.max().unwrap_or(Tier::Blocked)
    }

    /// What the new base changes, over all platforms.
    pub fn packages(&self) -> Vec<PackageChange> {
        let all = self
            .platforms
            .iter()
            .flat_map(|platform| &platform.verdict.packages);
        let mut all: Vec<PackageChange> = all.cloned().collect();
        all.sort();
        all.dedup();
        all
    }

    /// The old base: of the first platform that has one.
    pub fn old_base(&self) -> Option<&Base> {
        self.platforms
            .iter()
            .find_map(|platform| platform.base.as_ref())
    }
}

/// Judges every platform. Reads, never writes.
///
/// # Errors
/// [`ImageError::NoBase`] if no platform's base is found; others for what cannot be read.
pub async fn judge_rebase(
    request: &RebaseRequest<'_>,
    cache: &dyn IndexCache,
    observer: &Observer,
) -> Result<Judged, ImageError> {
    let image = walk(&request.image).await?;
    let onto = walk(&request.onto).await?;
    let mut bases = request.bases.clone();
    bases.near.insert(0, request.onto.clone());
    let found = find_base(&image, &bases, request.places, observer).await?;
    if found.iter().all(|(_, base)| base.is_none()) {
        return Err(ImageError::NoBase {
            image: request.image.written.clone(),
            tried: tried(&image, request),
        });
    }
    let mut platforms = Vec::new();
    for (own, (platform, base)) in image.platforms.iter().zip(found) {
        let new = onto.platform(&platform).cloned();
        let mut input = None;
        let verdict = match (&base, &new) {
            (Some(base), Some(new)) => {
                let facts = Arc::new(gathered(request, own, base, new, cache, observer).await?);
                input = Some(Arc::clone(&facts));
                verdict_on(facts, &request.image).await?
            }
            (None, _) => only(
                Code::G1,
                own,
                "no image is known on which this platform's image stands; rebuild it, or name the base",
            ),
            (_, None) => only(
                Code::G2,
                own,
                "the new base has no image of this platform; rebuild",
            ),
        };
        platforms.push(PlatformJudged {
            platform,
            verdict,
            image: own.clone(),
            base,
            onto: new,
            input,
        });
    }
    Ok(Judged {
        image,
        onto,
        platforms,
    })
}

fn tried(image: &ImageTree, request: &RebaseRequest<'_>) -> String {
    let named = image
        .platforms
        .iter()
        .find_map(|own| own.annotation(crate::annotations::BASE_NAME));
    let annotation = match named {
        Some(name) => format!("its annotation names {name}, whose layers are not at hand"),
        None => "it has no base annotation".to_owned(),
    };
    format!(
        "{annotation}; no tag beside {} has its layers",
        request.onto.written
    )
}

/// All that the verdict on a platform's image rests on.
async fn gathered(
    request: &RebaseRequest<'_>,
    own: &PlatformImage,
    base: &Base,
    new: &PlatformImage,
    cache: &dyn IndexCache,
    observer: &Observer,
) -> Result<JudgeInput, ImageError> {
    let old_base = facts(&base.tree.place, &base.image, cache, observer).await?;
    let new_base = facts(&request.onto, new, cache, observer).await?;
    let app = facts_on(&request.image, own, Some(&old_base), cache, observer).await?;
    let mut graph = request.graph.clone();
    graph.other_bases.extend(base.others.iter().cloned());
    Ok(JudgeInput {
        old_base,
        new_base,
        app,
        platform: PlatformName(own.platform.to_string()),
        graph,
    })
}

/// Megabytes of paths are compared: not on a worker that others wait for.
pub(super) async fn verdict_on(
    input: Arc<JudgeInput>,
    image: &Place,
) -> Result<Verdict, ImageError> {
    let judged = tokio::task::spawn_blocking(move || judge(&input)).await;
    judged.map_err(|error| {
        ImageError::Unsupported(format!("{}: judging broke off: {error}", image.written))
    })
}

/// A verdict of a single reason, where there is nothing to compare.
fn only(code: Code, own: &PlatformImage, detail: &str) -> Verdict {
    Verdict {
        tier: Tier::Unsafe,
        reasons: vec![Reason {
            code,
            path: String::new(),
            layer: None,
            old: None,
            new: Some(own.platform.to_string()),
            detail: detail.to_owned(),
            tier: Tier::Unsafe,
        }],
        packages: Vec::new(),
    }
}
