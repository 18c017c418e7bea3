//! Images and what they stand on, plans, cascades, upstreams.

use crate::answer::Answer;
use crate::asking::Asking;
use crate::face::Api;
use refloat_core::{CascadeId, Rejection};
use refloat_flow::FlowError;
use refloat_patches::CascadeAsked;
use serde::Deserialize;
use serde_json::{Value, json};

/// What separates a repository from a rule in cursors: neither has it.
const MARK: char = '#';

pub(crate) async fn images(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let page = asking.page()?;
    let list = "images";
    let after = api.administration.opened(list, &page)?;
    let damaged = || Rejection::Invalid("the cursor is damaged".to_owned());
    let after = match after {
        None => None,
        Some(key) => {
            let (repository, rule) = key.split_once(MARK).ok_or_else(damaged)?;
            Some((repository.to_owned(), rule.to_owned()))
        }
    };
    let shown = api
        .patches
        .images(&asking.caller, after, page.limit())
        .await?;
    let next = shown
        .next
        .map(|(repository, rule)| {
            let key = format!("{repository}{MARK}{rule}");
            api.administration.sealed(list, &key)
        })
        .transpose()?;
    let wanted = |item: &Value| {
        let flag = |name: &str| asking.parameter(name) == Some("true");
        (!flag("outdated") || item["outdated"] == true)
            && (!flag("no_base") || item["base"].is_null())
    };
    let items: Vec<Value> = shown.items.into_iter().filter(wanted).collect();
    Ok(Answer::ok(json!({ "items": items, "next": next })))
}

pub(crate) async fn graph(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let shown = api
        .patches
        .graph(&asking.caller, asking.parameter("reference"))
        .await?;
    Ok(Answer::ok(shown))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanBody {
    base: String,
}

pub(crate) async fn plan(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let body: PlanBody = asking.read()?;
    let plan = api.patches.plan(&asking.caller, &body.base).await?;
    Ok(Answer::ok(plan))
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct PatchBody {
    plan: Option<String>,
}

pub(crate) async fn patch(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let body: PatchBody = if asking.body.is_null() {
        PatchBody::default()
    } else {
        asking.read()?
    };
    let plan = match body.plan {
        None => None,
        Some(id) => Some(id.parse().map_err(|_| Rejection::NotFound {
            kind: "plan",
            name: id.chars().take(100).collect(),
        })?),
    };
    let started = api.patches.patch(&asking.caller, plan).await?;
    Ok(Answer {
        status: 202,
        ..Answer::ok(json!({ "changed": !started.is_empty(), "cascades": started }))
    })
}

pub(crate) async fn cascades(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let page = asking.page()?;
    let list = "cascades";
    let before = api.administration.opened(list, &page)?;
    let limit = page.limit();
    let mut found = api
        .patches
        .cascades(&asking.caller, before, limit + 1)
        .await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found
        .last()
        .filter(|_| more)
        .map(|(id, _)| api.administration.sealed(list, id))
        .transpose()?;
    let items: Vec<Value> = found.into_iter().map(|(_, json)| json).collect();
    Ok(Answer::ok(json!({ "items": items, "next": next })))
}

fn cascade_id(asking: &Asking) -> Result<CascadeId, FlowError> {
    let id = asking.required("id")?;
    id.parse().map_err(|_| {
        Rejection::NotFound {
            kind: "cascade",
            name: id.chars().take(100).collect(),
        }
        .into()
    })
}

pub(crate) async fn cascade(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let id = cascade_id(asking)?;
    Ok(Answer::ok(api.patches.cascade(&asking.caller, &id).await?))
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Pause,
    Resume,
    Cancel,
    Retry,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskBody {
    action: Action,
}

pub(crate) async fn ask_cascade(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let body: AskBody = asking.read()?;
    let asked = match body.action {
        Action::Pause => CascadeAsked::Pause,
        Action::Resume => CascadeAsked::Resume,
        Action::Cancel => CascadeAsked::Cancel,
        Action::Retry => CascadeAsked::Retry,
    };
    let id = cascade_id(asking)?;
    api.patches.ask_cascade(&asking.caller, &id, asked).await?;
    let mut shown = api.patches.cascade(&asking.caller, &id).await?;
    shown["changed"] = Value::Bool(true);
    Ok(Answer::ok(shown))
}

fn project(asking: &Asking) -> Option<String> {
    asking.parameter("project").map(str::to_owned)
}

pub(crate) async fn upstreams(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let items = api
        .patches
        .upstreams(&asking.caller, project(asking))
        .await?;
    Ok(Answer::ok(json!({ "items": items, "next": Value::Null })))
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct SweepBody {
    project: Option<String>,
}

pub(crate) async fn sweep(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let body: SweepBody = if asking.body.is_null() {
        SweepBody::default()
    } else {
        asking.read()?
    };
    let name = asking.required("name")?;
    let job = api
        .patches
        .sweep_now(&asking.caller, body.project, name)
        .await?;
    Ok(Answer {
        status: 202,
        ..Answer::ok(json!({ "job": job, "changed": true }))
    })
}
