//! What keeps a server's data in order: collection, scrub, backup, restore, the check of the log.

use super::text;
use crate::Local;
use crate::arguments::{AuditVerb, BackupArguments, CollectArguments, RestoreArguments};
use crate::client::Client;
use crate::error::{CliError, EXIT_FAILED};
use crate::humane::size;
use crate::output::{Answer, View, remark};
use crate::settings::Settings;
use serde_json::{Value, json};
use std::time::Duration;

/// How often to ask how far a job is.
const ASK_AGAIN: Duration = Duration::from_millis(500);

pub(super) fn collect(
    arguments: &CollectArguments,
    settings: &Settings,
) -> Result<Answer, CliError> {
    let client = settings.client()?;
    let begun = client.post("/gc", &json!({ "dry_run": arguments.dry_run }))?;
    if arguments.dry_run {
        let line = format!(
            "would remove {} blobs, {}, and {} uploads that were given up",
            number(&begun, "blobs"),
            size(number(&begun, "bytes")),
            number(&begun, "uploads")
        );
        return Ok(Answer::done(begun, false, line));
    }
    let json = awaited(&client, &begun, settings)?;
    let (blobs, bytes) = (number(&json, "blobs"), number(&json, "bytes"));
    let changed = blobs + number(&json, "members") + number(&json, "files") > 0;
    Ok(Answer::done(
        json,
        changed,
        format!("removed {blobs} blobs, {}", size(bytes)),
    ))
}

pub(super) fn scrub(settings: &Settings) -> Result<Answer, CliError> {
    let client = settings.client()?;
    let begun = client.post("/scrub", &json!({}))?;
    let json = awaited(&client, &begun, settings)?;
    let damaged = number(&json, "damaged");
    let mut lines = vec![format!(
        "read {} blobs, {}: {damaged} damaged",
        number(&json, "examined"),
        size(number(&json, "bytes"))
    )];
    let named = json["damaged_blobs"].as_array().into_iter().flatten();
    lines.extend(named.map(|blob| format!("{}: {}", text(blob, "digest"), text(blob, "detail"))));
    if damaged > 0 {
        lines.push("push what uses them again: an upload of the same digest heals it".to_owned());
    }
    let mut answer = Answer::read(json, View::Lines(lines));
    if damaged > 0 {
        answer.exit = EXIT_FAILED;
    }
    Ok(answer)
}

/// Waits for a job and answers with what it did.
fn awaited(client: &Client, begun: &Value, settings: &Settings) -> Result<Value, CliError> {
    let id = text(begun, "job");
    remark(&format!("job {id} has begun"), settings);
    loop {
        let job = client.get(&format!("/jobs/{id}"), &[])?;
        let mut counts = if job["counts"].is_object() {
            job["counts"].clone()
        } else {
            json!({})
        };
        counts["job"] = Value::from(id.as_str());
        if job["damaged"]
            .as_array()
            .is_some_and(|list| !list.is_empty())
        {
            counts["damaged_blobs"] = job["damaged"].clone();
        }
        match text(&job, "state").as_str() {
            "done" => return Ok(counts),
            "dead" | "cancelled" => {
                let message = format!("job {id} did not end well: {}", text(&job, "last_error"));
                return Err(CliError::failed(
                    "job_failed",
                    message,
                    "look into the server's log",
                ));
            }
            _ => std::thread::sleep(ASK_AGAIN),
        }
    }
}

pub(super) fn backup(arguments: &BackupArguments, settings: &Settings) -> Result<Answer, CliError> {
    let json = settings
        .client()?
        .post("/backups", &json!({ "name": arguments.name }))?;
    let line = format!(
        "backed up to {} ({} files, {})",
        text(&json, "path"),
        number(&json, "files"),
        size(number(&json, "bytes"))
    );
    let path = text(&json, "path");
    Ok(Answer::done(json, true, line).with_brief(vec![path]))
}

pub(super) fn restore(arguments: RestoreArguments, local: &Local) -> Result<Answer, CliError> {
    let data = arguments.data.display().to_string();
    let json = (local.restore)(arguments)?;
    let line = format!(
        "restored {} files, {} into {data}; put the master key there before `refloat serve`",
        number(&json, "files"),
        size(number(&json, "bytes"))
    );
    Ok(Answer::done(json, true, line))
}

/// The whole log; the first record that does not fit is named.
pub(super) fn audit(verb: &AuditVerb, settings: &Settings) -> Result<Answer, CliError> {
    let AuditVerb::Verify = verb;
    let json = settings.client()?.get("/audit/verify", &[])?;
    let broken = json["broken"].clone();
    if broken.is_null() {
        let line = format!(
            "{} records verified, none broken; the last hash is {}",
            number(&json, "verified"),
            text(&json, "last_hash")
        );
        return Ok(Answer::read(json, View::Lines(vec![line])));
    }
    let place = match broken["sequence"].as_i64() {
        Some(sequence) => format!("record {sequence} ({})", text(&broken, "id")),
        None => format!("the log's {}", text(&broken, "id")),
    };
    let line = format!(
        "{place} is broken at {}: {}",
        text(&broken, "field"),
        text(&broken, "detail")
    );
    let mut answer = Answer::read(json, View::Lines(vec![line]));
    answer.exit = EXIT_FAILED;
    Ok(answer)
}

fn number(json: &Value, key: &str) -> u64 {
    json[key].as_u64().unwrap_or(0)
}
