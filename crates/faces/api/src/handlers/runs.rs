//! Runs of tasks: asked for, listed, read, called off.

use crate::answer::Answer;
use crate::asking::Asking;
use crate::face::Api;
use refloat_builds::{Run, RunFilter};
use refloat_core::{Rejection, RunId};
use refloat_flow::FlowError;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunBody {
    task: String,
    project: Option<String>,
}

pub(crate) async fn run(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let body: RunBody = asking.read()?;
    let run = api
        .builds
        .run(&asking.caller, body.task, body.project)
        .await?;
    Ok(Answer::ok(shown(&run)))
}

pub(crate) async fn list(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let project = project(asking);
    let name = format!("runs|{}", project.as_deref().unwrap_or_default());
    let page = asking.page()?;
    let before = api.administration.opened(&name, &page)?;
    let damaged = |_| Rejection::Invalid("the cursor is damaged".to_owned());
    let before: Option<RunId> = before.map(|id| id.parse().map_err(damaged)).transpose()?;
    let filter = RunFilter {
        task: asking.parameter("task").map(str::to_owned),
        state: asking.parameter("state").map(str::to_owned),
    };
    let limit = page.limit();
    let mut found = api
        .builds
        .list(&asking.caller, project, filter, before, limit + 1)
        .await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found
        .last()
        .filter(|_| more)
        .map(|run| api.administration.sealed(&name, run.id.as_str()))
        .transpose()?;
    let items: Vec<Value> = found.iter().map(shown).collect();
    Ok(Answer::ok(json!({ "items": items, "next": next })))
}

pub(crate) async fn get(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let run = api
        .builds
        .show(&asking.caller, &id(asking)?, project(asking))
        .await?;
    Ok(Answer::ok(shown(&run)))
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct CancelBody {
    project: Option<String>,
}

pub(crate) async fn cancel(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let body: CancelBody = if asking.body.is_null() {
        CancelBody::default()
    } else {
        asking.read()?
    };
    let cancelled = api
        .builds
        .cancel(&asking.caller, &id(asking)?, body.project)
        .await;
    match cancelled {
        Ok(()) => Ok(Answer::changed(true)),
        // It has ended already: there is nothing to call off.
        Err(FlowError::Rejected(Rejection::Conflict(_))) => Ok(Answer::changed(false)),
        Err(error) => Err(error),
    }
}

pub(crate) async fn log(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let from = asking.number("from")?.unwrap_or(0);
    let wait = Duration::from_secs(asking.number("wait_seconds")?.unwrap_or(0));
    let part = api
        .builds
        .log(&asking.caller, &id(asking)?, project(asking), from, wait)
        .await?;
    // A character that is cut in two waits for its other half.
    let cut = match std::str::from_utf8(&part.bytes) {
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => error.valid_up_to(),
        Ok(_) | Err(_) => part.bytes.len(),
    };
    let text = String::from_utf8_lossy(&part.bytes[..cut]);
    Ok(Answer::ok(
        json!({ "text": text, "next": from + cut as u64, "ended": part.ended }),
    ))
}

fn id(asking: &Asking) -> Result<RunId, Rejection> {
    let text = asking.required("id")?;
    text.parse().map_err(|_| Rejection::NotFound {
        kind: "run",
        name: text.chars().take(60).collect(),
    })
}

fn project(asking: &Asking) -> Option<String> {
    asking.parameter("project").map(str::to_owned)
}

fn shown(run: &Run) -> Value {
    let image = match run.host.as_str() {
        "" => run.repository.to_string(),
        host => format!("{host}/{}", run.repository),
    };
    let bases: Vec<Value> = run
        .bases
        .iter()
        .map(|(name, digest)| json!({ "name": name, "digest": digest }))
        .collect();
    json!({
        "id": run.id,
        "task": run.task,
        "image": image,
        "candidate": run.candidate,
        "cause": run.cause,
        "actor": run.actor,
        "commit": run.commit,
        "bases": bases,
        "state": run.state.name(),
        "step": run.step,
        "digest": run.digest,
        "tag": run.tag,
        "error": run.error,
        "builder": run.builder,
        "cascade": run.cascade,
        "settled": run.settled,
        "requested_at": run.requested_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    })
}
