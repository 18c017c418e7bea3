//! Releases: what runs where, and what came before.

use crate::answer::Answer;
use crate::asking::Asking;
use crate::face::Api;
use refloat_flow::FlowError;
use refloat_flow::administer::DEFAULT_PROJECT;
use refloat_releases::{HistoryEntry, ReleaseNow};
use serde_json::{Value, json};

pub(crate) async fn list(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let found = api.releases.list(&asking.caller, project(asking)).await?;
    let items: Vec<Value> = found.iter().map(shown).collect();
    Ok(Answer::ok(json!({ "items": items, "next": null })))
}

pub(crate) async fn get(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let name = asking.required("name")?;
    let found = api
        .releases
        .get(&asking.caller, project(asking), name)
        .await?;
    Ok(Answer::ok(shown(&found)))
}

pub(crate) async fn history(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let (name, environment) = (asking.required("name")?, asking.parameter("environment"));
    let found = api
        .releases
        .history(&asking.caller, project(asking), name, environment)
        .await?;
    let items: Vec<Value> = found.iter().map(entry).collect();
    Ok(Answer::ok(json!({ "items": items, "next": null })))
}

fn project(asking: &Asking) -> &str {
    asking.parameter("project").unwrap_or(DEFAULT_PROJECT)
}

fn shown(release: &ReleaseNow) -> Value {
    let change = release.change.as_ref().map(|(id, chart, state)| {
        json!({ "id": id, "chart": chart, "state": state, "error": release.error })
    });
    let environments = release.environments.iter().map(|environment| {
        let newest = environment.newest.as_ref().map(entry);
        json!({ "name": environment.name, "newest": newest })
    });
    json!({
        "name": release.name,
        "project": release.project,
        "change": change,
        "waits": release.waits,
        "environments": environments.collect::<Vec<_>>(),
    })
}

fn entry(entry: &HistoryEntry) -> Value {
    let images: Vec<String> = entry.images.iter().map(ToString::to_string).collect();
    json!({
        "id": entry.id,
        "environment": entry.environment,
        "change": entry.change,
        "status": entry.state,
        "revision": entry.revision,
        "chart": entry.chart,
        "images": images,
        "started_at": entry.started_at,
        "ended_at": entry.ended_at,
        "error": entry.error,
    })
}
