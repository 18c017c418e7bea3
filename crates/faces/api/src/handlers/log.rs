//! The log: events for its readers, and its check.

use crate::answer::Answer;
use crate::asking::Asking;
use crate::face::Api;
use refloat_flow::FlowError;
use refloat_flow::administer::{EventPage, EventsAsked, Verified};
use serde_json::{Value, json};
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
