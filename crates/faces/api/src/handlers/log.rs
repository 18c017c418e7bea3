//! The log: events for its readers, and its check.

use crate::answer::Answer;
use crate::asking::Asking;
use crate::face::Api;
use refloat_core::{CascadeId, RecordId, Rejection};
use refloat_flow::FlowError;
use refloat_flow::administer::{Direction, EventPage, EventsAsked, Verified, WhySubject};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// A page of events as the parameters ask for it; waits for the first one for `wait` at most.
pub(crate) async fn page(
    api: &Api,
    asking: &Asking,
    wait: Duration,
) -> Result<EventPage, FlowError> {
    let asked = EventsAsked {
        after: asking.parameter("after").map(str::to_owned),
        types: asking.parameter("type").map(str::to_owned),
        limit: asking.page()?.limit,
        wait,
    };
    api.administration.events(&asking.caller, &asked).await
}

pub(crate) async fn events(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let wait = Duration::from_secs(asking.number("wait_seconds")?.unwrap_or(0));
    let page = page(api, asking, wait).await?;
    Ok(Answer::ok(
        json!({ "items": page.items, "next": page.next, "more": page.more }),
    ))
}

pub(crate) async fn verify(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let answer = match api.administration.verify_log(&asking.caller).await? {
        Verified::Intact(intact) => {
            let hash: String = intact
                .last_hash
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let verified = intact.last_sequence - intact.first_sequence + 1;
            json!({
                "verified": verified.max(0),
                "first_sequence": intact.first_sequence,
                "last_sequence": intact.last_sequence,
                "last_hash": hash,
                "segments": intact.segments,
                "broken": Value::Null,
            })
        }
        Verified::Broken(broken) => json!({
            "verified": broken.sequence.map_or(0, |sequence| (sequence - 1).max(0)),
            "broken": {
                "sequence": broken.sequence,
                "id": broken.id,
                "field": broken.field,
                "detail": broken.detail,
            },
        }),
    };
    Ok(Answer::ok(answer))
}

pub(crate) async fn why(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let direction = match asking.parameter("direction").unwrap_or("back") {
        "back" => Direction::Back,
        "forwards" => Direction::Forwards,
        other => {
            let message = format!("direction `{other}` is not known; use back or forwards");
            return Err(Rejection::Invalid(message).into());
        }
    };
    let subject = why_subject(api, asking)?;
    let mut items = api
        .administration
        .why(&asking.caller, subject, direction)
        .await?;
    if direction == Direction::Forwards {
        items.extend(waits(api, asking, &items).await?);
    }
    Ok(Answer::ok(json!({ "items": items })))
}

/// What is on its way because of these records and has not come to its end.
async fn waits(api: &Api, asking: &Asking, items: &[Value]) -> Result<Vec<Value>, FlowError> {
    let named = |key: &str| {
        items
            .iter()
            .filter_map(|item| item[key].as_str())
            .map(str::to_owned)
            .collect::<BTreeSet<_>>()
    };
    let cascades: BTreeSet<CascadeId> = parsed(&named("cascade"));
    let records: BTreeSet<RecordId> = parsed(&named("id"));
    let mut waiting = api
        .patches
        .waits(&asking.caller, cascades.iter().cloned().collect())
        .await?;
    // A release that only waits for a cascade is its project's business; one that has begun to move stands in the answer.
    let busy = if asking.caller.principal.administrator {
        cascades
    } else {
        BTreeSet::new()
    };
    waiting.extend(api.releases.waits(&records, &busy).await?);
    Ok(waiting)
}

fn parsed<T: std::str::FromStr + Ord>(texts: &BTreeSet<String>) -> BTreeSet<T> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

fn why_subject(api: &Api, asking: &Asking) -> Result<WhySubject, FlowError> {
    let invalid = |error: &dyn std::fmt::Display| Rejection::Invalid(error.to_string());
    if let Some(name) = asking.parameter("release") {
        return Ok(WhySubject::Release(name.to_owned()));
    }
    if let Some(digest) = asking.parameter("digest") {
        let digest = digest.parse().map_err(|error| invalid(&error))?;
        return Ok(match asking.parameter("running") {
            Some("true") => WhySubject::Running(digest),
            Some(_) | None => WhySubject::Digest(digest),
        });
    }
    match (asking.parameter("repository"), asking.parameter("tag")) {
        (Some(repository), Some(tag)) => {
            let repository = repository.parse().map_err(|error| invalid(&error))?;
            let tag = tag.parse().map_err(|error| invalid(&error))?;
            let registry = asking.parameter("registry").map(str::parse).transpose();
            let registry = registry.map_err(|error| invalid(&error))?;
            let foreign = registry.and_then(|registry| api.patches.foreign(registry));
            Ok(match foreign {
                Some(registry) => WhySubject::ForeignTag(registry, repository, tag),
                None => WhySubject::Tag(repository, tag),
            })
        }
        _ => Err(Rejection::Invalid(
            "name a release, a digest, or a repository and a tag".to_owned(),
        )
        .into()),
    }
}
