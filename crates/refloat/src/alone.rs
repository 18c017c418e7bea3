//! Verbs that need no server: places are opened from what was typed, the use cases run here, in this process.

mod cache;
mod calibrate;
mod failed;
pub(crate) mod places;
mod watch;

pub(crate) use calibrate::calibrate;
pub(crate) use failed::of_place;

use cache::FolderCache;
use failed::failed;
use places::{AlonePlaces, Opened};
use refloat_cli::alone::{Alone, RebaseEnd, Rebased, Stage, Watch};
use refloat_cli::arguments::{Allow, CompareArguments, InspectArguments, RebaseArguments};
use refloat_cli::error::CliError;
use refloat_images::{
    Bases, CompareOptions, Depth, Destination, Observer, Outcome, Platform, RebaseRequest, Step,
    TESTS,
};
use refloat_oci::{Location, TagName, TagOrDigest};
use refloat_ports::Place;
use refloat_verdict::{GraphFacts, Tier};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
pub(crate) use watch::watch;

/// How many tags are asked for at once.
const TAGS_OF_A_PAGE: usize = 1000;
/// The most tags that are read of one repository.
const TAGS_MAX: usize = 20_000;

/// `rebase`
pub(crate) fn rebase(arguments: RebaseArguments, alone: &Alone) -> Result<Rebased, CliError> {
    run(async move {
        let places = AlonePlaces::new(alone.server.clone())?;
        let image = places.named(&arguments.image).await?;
        let onto = places.named(&arguments.onto).await?;
        let given = match &arguments.old_base {
            Some(text) => Some(places.named(text).await?.place),
            None => None,
        };
        let destination = destination(&arguments, &places, &image, &onto).await?;
        let request = RebaseRequest {
            image: image.place.clone(),
            onto: onto.place.clone(),
            bases: Bases {
                given,
                near: Vec::new(),
            },
            places: &places,
            graph: GraphFacts::default(),
        };
        let allow = match arguments.allow {
            Allow::Proven => Tier::Proven,
            Allow::Test => Tier::Test,
        };
        let (cache, observer) = (FolderCache::of_user(), observer(&alone.watch));
        let judged = refloat_images::judge_rebase(&request, &cache, &observer)
            .await
            .map_err(failed)?;
        end(judged, destination, allow, &arguments, (&cache, &observer)).await
    })
}

async fn end(
    judged: refloat_images::Judged,
    mut destination: Destination,
    allow: Tier,
    arguments: &RebaseArguments,
    known: (&FolderCache, &Observer),
) -> Result<Rebased, CliError> {
    let tier = judged.tier();
    if tier == Tier::Unchanged {
        let outcome = Outcome::Unchanged(judged);
        let json = outcome.to_json(&destination);
        return Ok(Rebased {
            json,
            end: RebaseEnd::Unchanged,
        });
    }
    let refused = tier > allow;
    if refused || arguments.dry_run {
        let end = if refused {
            RebaseEnd::Refused
        } else {
            RebaseEnd::Planned
        };
        return Ok(Rebased {
            json: judged.to_json(),
            end,
        });
    }
    if tier == Tier::Test {
        destination
            .annotations
            .insert(TESTS.to_owned(), "untested".to_owned());
    }
    let done = refloat_images::write(&judged, &destination, known.0, known.1)
        .await
        .map_err(failed)?;
    let end = if done.was_there {
        RebaseEnd::AsBefore
    } else {
        RebaseEnd::Written
    };
    let json = Outcome::Done(judged, Box::new(done)).to_json(&destination);
    Ok(Rebased { json, end })
}

/// Where the result goes: beside the image, or where `--tag` says.
async fn destination(
    arguments: &RebaseArguments,
    places: &AlonePlaces,
    image: &Opened,
    onto: &Opened,
) -> Result<Destination, CliError> {
    let (place, tag) = match &arguments.tag {
        None => (image.place.clone(), None),
        Some(text) => {
            let bare = text.parse::<TagName>().ok();
            if let Some(tag) = bare.filter(|_| !text.contains([':', '/'])) {
                (named_by(&image.place, &image.location, &tag), Some(tag))
            } else {
                let target = places.to_write(text).await?;
                let Some(TagOrDigest::Tag(tag)) = target.place.target.clone() else {
                    let message = format!("`{text}` names no tag");
                    return Err(CliError::usage(message, "write it with :TAG at the end"));
                };
                (target.place, Some(tag))
            }
        }
    };
    Ok(Destination {
        place,
        tag,
        base_name: base_name(&onto.location),
        created: created()?,
        annotations: BTreeMap::new(),
    })
}

/// The image's place, written with another tag.
fn named_by(place: &Place, location: &Location, tag: &TagName) -> Place {
    let written = match location {
        Location::Registry(reference) => {
            format!("{}/{}:{tag}", reference.registry, reference.repository)
        }
        Location::Layout(file) => format!("oci:{}:{tag}", file.path),
        Location::OciArchive(_) | Location::DockerArchive(_) => place.written.clone(),
    };
    Place {
        target: Some(TagOrDigest::Tag(tag.clone())),
        written,
        ..place.clone()
    }
}

/// What the base is called for whoever reads the annotation: files have no such name.
fn base_name(location: &Location) -> Option<String> {
    let Location::Registry(reference) = location else {
        return None;
    };
    let name = format!("{}/{}", reference.registry, reference.repository);
    Some(match &reference.tag {
        Some(tag) => format!("{name}:{tag}"),
        None if reference.digest.is_none() => format!("{name}:latest"),
        None => name,
    })
}

/// `SOURCE_DATE_EPOCH` (reproducible-builds.org), in seconds.
fn created() -> Result<Option<String>, CliError> {
    let Some(text) = std::env::var("SOURCE_DATE_EPOCH")
        .ok()
        .filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    let instant = text
        .parse()
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let instant = instant.ok_or_else(|| {
        CliError::usage(
            format!("SOURCE_DATE_EPOCH is `{text}`, which is no number of seconds"),
            "set it to seconds since 1970, or unset it",
        )
    })?;
    Ok(Some(instant.to_string()))
}

/// `compare`
pub(crate) fn compare(arguments: CompareArguments, alone: &Alone) -> Result<Value, CliError> {
    run(async move {
        let platform = match &arguments.platform {
            None => None,
            Some(text) => Some(Platform::parse(text).ok_or_else(|| {
                CliError::usage(
                    format!("`{text}` is not a platform"),
                    "write os/architecture, for example linux/arm64",
                )
            })?),
        };
        let places = AlonePlaces::new(alone.server.clone())?;
        let old = places.named(&arguments.old).await?.place;
        let new = places.named(&arguments.new).await?.place;
        let depth = if arguments.all {
            Depth::All
        } else {
            Depth::Meaning
        };
        let options = CompareOptions { depth, platform };
        let (cache, observer) = (FolderCache::of_user(), observer(&alone.watch));
        refloat_images::compare(&old, &new, &options, &cache, &observer)
            .await
            .map_err(failed)
    })
}

/// `inspect`
pub(crate) fn inspect(arguments: InspectArguments, alone: &Alone) -> Result<Value, CliError> {
    run(async move {
        let places = AlonePlaces::new(alone.server.clone())?;
        let image = places.named(&arguments.image).await?.place;
        let mut near = Vec::new();
        for text in &arguments.base {
            near.push(places.named(text).await?.place);
        }
        near.push(image.clone());
        let bases = Bases { given: None, near };
        let (cache, observer) = (FolderCache::of_user(), observer(&alone.watch));
        refloat_images::inspect(&image, &bases, &places, &cache, &observer)
            .await
            .map_err(failed)
    })
}

/// Tags of a repository in any registry, ascending, at most [`TAGS_MAX`] and a page.
pub(crate) fn tags(repository: &str) -> Result<Vec<String>, CliError> {
    run(async move {
        let place = AlonePlaces::new(None)?.named(repository).await?.place;
        let mut tags: Vec<TagName> = Vec::new();
        loop {
            let page = place
                .images
                .tags(&place.repository, tags.last(), TAGS_OF_A_PAGE);
            let page = page.await.map_err(|error| of_place(&error))?;
            let is_last = page.len() < TAGS_OF_A_PAGE;
            tags.extend(page);
            if is_last || tags.len() >= TAGS_MAX {
                return Ok(tags.iter().map(ToString::to_string).collect());
            }
        }
    })
}

/// Steps of the work as stages of the command line's bar.
fn observer(watch: &Watch) -> Observer {
    let watch = Arc::clone(watch);
    let short =
        |digest: refloat_oci::Digest| digest.to_string().chars().take(19).collect::<String>();
    Arc::new(move |step| {
        watch(match step {
            Step::Reading { digest, size } => Stage::Begin {
                what: format!("reading {}", short(digest)),
                bytes: size,
            },
            Step::Sending { digest, size } => Stage::Begin {
                what: format!("sending {}", short(digest)),
                bytes: size,
            },
            Step::Bytes(count) => Stage::Bytes(count),
            Step::Candidates(count) => {
                Stage::Note(format!("looking for the base among {count} images"))
            }
            Step::Note(text) => Stage::Note(text),
        });
    })
}

fn run<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| {
        CliError::failed(
            "failed",
            format!("no threads: {error}"),
            "look at the limits of this user",
        )
    })?;
    runtime.block_on(work)
}
