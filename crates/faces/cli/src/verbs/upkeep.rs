//! What keeps a server's data in order: collection, scrub, backup, restore, the check of the log.

use super::{changed, text};
use crate::Local;
use crate::arguments::{AuditVerb, BackupArguments, CollectArguments, RestoreArguments};
use crate::error::{CliError, EXIT_FAILED};
use crate::humane::size;
use crate::output::{Answer, View};
use crate::settings::Settings;
use serde_json::{Value, json};

pub(super) fn collect(arguments: &CollectArguments, settings: &Settings) -> Result<Answer, CliError> {
    let json = settings.client()?.post("/gc", &json!({ "dry_run": arguments.dry_run }))?;
    let verb = if arguments.dry_run { "would remove" } else { "removed" };
    let line = format!("{verb} {} blobs, {}", number(&json, "blobs"), size(number(&json, "bytes")));
    let changed = changed(&json);
    Ok(Answer::done(json, changed, line))
}

pub(super) fn scrub(settings: &Settings) -> Result<Answer, CliError> {
    let json = settings.client()?.post("/scrub", &json!({}))?;
    let damaged = json["damaged"].as_array().cloned().unwrap_or_default();
    let mut lines = vec![format!("read {} blobs, {}: {} damaged", number(&json, "blobs"), size(number(&json, "bytes")), damaged.len())];
    lines.extend(damaged.iter().map(|found| format!("{}: {}", text(found, "digest"), text(found, "detail"))));
    let mut answer = Answer::read(json, View::Lines(lines));
    if !damaged.is_empty() {
        answer.exit = EXIT_FAILED;
    }
    Ok(answer)
}

pub(super) fn backup(arguments: &BackupArguments, settings: &Settings) -> Result<Answer, CliError> {
    let json = settings.client()?.post("/backups", &json!({ "name": arguments.name }))?;
    let line = format!("backed up to {} ({} files, {})", text(&json, "path"), number(&json, "files"), size(number(&json, "bytes")));
    let path = text(&json, "path");
    Ok(Answer::done(json, true, line).with_brief(vec![path]))
}

pub(super) fn restore(arguments: RestoreArguments, local: &Local) -> Result<Answer, CliError> {
    let data = arguments.data.display().to_string();
    let json = (local.restore)(arguments)?;
    let line = format!("restored {} files, {} into {data}; put the master key there before `refloat serve`", number(&json, "files"), size(number(&json, "bytes")));
    Ok(Answer::done(json, true, line))
}

/// Pages over the whole log; the first record that does not chain ends it.
pub(super) fn audit(verb: &AuditVerb, settings: &Settings) -> Result<Answer, CliError> {
    let AuditVerb::Verify = verb;
    let client = settings.client()?;
    let mut verified = 0;
    let mut after: Option<String> = None;
    loop {
        let query: Vec<_> = after.as_deref().map(|cursor| ("after", cursor)).into_iter().collect();
        let page = client.get("/audit/verify", &query)?;
        verified += number(&page, "verified");
        let broken = &page["broken"];
        if !broken.is_null() {
            let json = json!({ "verified": verified, "broken": broken });
            let line = format!("record {} (sequence {}) is broken: {}", text(broken, "id"), text(broken, "sequence"), text(broken, "reason"));
            let mut answer = Answer::read(json, View::Lines(vec![line]));
            answer.exit = EXIT_FAILED;
            return Ok(answer);
        }
        after = page["next"].as_str().map(str::to_owned);
        if after.is_none() {
            break;
        }
    }
    let json = json!({ "verified": verified, "broken": Value::Null });
    Ok(Answer::read(json, View::Lines(vec![format!("{verified} records verified, none broken")])))
}

fn number(json: &Value, key: &str) -> u64 {
    json[key].as_u64().unwrap_or(0)
}
