//! Collection, scrub, backup. What takes long is a job: the answer names it, and `/jobs/{id}` says how far it is.

use crate::answer::Answer;
use crate::asking::Asking;
use crate::face::Api;
use refloat_core::{JobId, Rejection};
use refloat_flow::FlowError;
use refloat_flow::administer::BackupName;
use refloat_oci::Digest;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CollectBody {
    #[serde(default)]
    dry_run: bool,
}

pub(crate) async fn collect(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let CollectBody { dry_run } = if asking.body.is_null() {
        CollectBody { dry_run: false }
    } else {
        asking.read()?
    };
    if !dry_run {
        return Ok(started(
            &api.registry.request_collection(&asking.caller).await?,
        ));
    }
    let found = api.registry.collectable(&asking.caller).await?;
    Ok(Answer::ok(json!({
        "changed": false,
        "dry_run": true,
        "blobs": found.blobs,
        "bytes": found.bytes,
        "members": found.members,
        "referrers": found.referrers,
        "uploads": found.uploads,
        "dead_keys": found.dead_keys,
    })))
}

pub(crate) async fn scrub(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    Ok(started(&api.registry.request_scrub(&asking.caller).await?))
}

fn started(job: &JobId) -> Answer {
    Answer {
        status: 202,
        ..Answer::ok(json!({ "job": job, "changed": true }))
    }
}

pub(crate) async fn job(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let id = asking.required("id")?;
    let unknown = |_| Rejection::NotFound {
        kind: "job",
        name: id.chars().take(100).collect(),
    };
    let id: JobId = id.parse().map_err(unknown)?;
    let report = api.registry.job_report(&asking.caller, &id).await?;
    let counts = report.counts.unwrap_or_default();
    let counts = {
        json!({
            "examined": counts.examined,
            "blobs": counts.blobs,
            "members": counts.members,
            "bytes": counts.bytes,
            "files": counts.files,
            "damaged": counts.damaged,
        })
    };
    let damaged =
        |(digest, detail): &(Digest, String)| json!({ "digest": digest, "detail": detail });
    Ok(Answer::ok(json!({
        "id": report.job.id,
        "kind": report.job.kind,
        "state": report.job.progress.state.name(),
        "counts": counts,
        "damaged": report.damaged.iter().map(damaged).collect::<Vec<Value>>(),
        "last_error": report.job.last_error,
        "created_at": report.job.created_at,
    })))
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct BackupBody {
    #[serde(default)]
    name: Option<String>,
}

pub(crate) async fn back_up(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let body: BackupBody = if asking.body == Value::Null {
        BackupBody::default()
    } else {
        asking.read()?
    };
    let name = body
        .name
        .map(|name| name.parse::<BackupName>())
        .transpose()?;
    let done = api.administration.back_up(&asking.caller, name).await?;
    Ok(Answer::created(
        json!({ "path": done.path, "files": done.files, "bytes": done.bytes }),
    ))
}
