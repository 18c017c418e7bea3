//! `events`: the log as its reader may see it, page by page, and on as things happen.

use super::{text, when};
use crate::arguments::{EventArguments, Format};
use crate::client::Client;
use crate::error::CliError;
use crate::output::{Answer, View, print};
use crate::settings::Settings;
use serde_json::Value;

/// How long the server may keep one question open, in seconds.
const WAIT_SECONDS: &str = "20";
/// How long to rest after a question that got no answer.
const REST: std::time::Duration = std::time::Duration::from_secs(2);
/// How many questions without an answer end the following.
const SILENT_MAX: u32 = 15;

pub(super) fn events(arguments: &EventArguments, settings: &Settings) -> Result<Answer, CliError> {
    let client = settings.client()?;
    if arguments.follow {
        return follow(&client, arguments, settings);
    }
    let mut query = Vec::new();
    query.extend(arguments.kind.as_deref().map(|kind| ("type", kind)));
    let mut items = Vec::new();
    let mut cursor = arguments.after.clone();
    loop {
        let page = client.get("/events", &with_cursor(&query, cursor.as_deref()))?;
        let found = page["items"].as_array().cloned().unwrap_or_default();
        cursor = page["next"].as_str().map(str::to_owned);
        items.extend(found);
        if page["more"].as_bool() != Some(true) || cursor.is_none() {
            break;
        }
    }
    let rows = items.iter().map(row).collect();
    let json = serde_json::json!({ "items": items, "next": cursor });
    Ok(Answer::read(
        json,
        View::Table(vec!["AT", "TYPE", "ACTOR", "SUBJECT"], rows),
    ))
}

fn with_cursor<'a>(
    query: &[(&'a str, &'a str)],
    cursor: Option<&'a str>,
) -> Vec<(&'a str, &'a str)> {
    let mut query = query.to_vec();
    query.extend(cursor.map(|cursor| ("after", cursor)));
    query
}

/// Asks again and again where the last answer ended; a server that restarts is waited for.
fn follow(
    client: &Client,
    arguments: &EventArguments,
    settings: &Settings,
) -> Result<Answer, CliError> {
    let mut query = vec![("wait_seconds", WAIT_SECONDS)];
    query.extend(arguments.kind.as_deref().map(|kind| ("type", kind)));
    let mut cursor = arguments.after.clone();
    let mut silent = 0;
    loop {
        let page = match client.get("/events", &with_cursor(&query, cursor.as_deref())) {
            Ok(page) => page,
            Err(error) if error.code == "unreachable" && silent < SILENT_MAX => {
                silent += 1;
                std::thread::sleep(REST);
                continue;
            }
            Err(error) => return Err(error),
        };
        silent = 0;
        for item in page["items"].as_array().into_iter().flatten() {
            if !print(&line(item, settings)) {
                return Ok(Answer::read(Value::Null, View::Lines(Vec::new())));
            }
        }
        cursor = page["next"].as_str().map(str::to_owned).or(cursor);
    }
}

fn line(item: &Value, settings: &Settings) -> String {
    match settings.output {
        Format::Json => format!("{item}\n"),
        Format::Yaml => format!("---\n{}", serde_saphyr::to_string(item).unwrap_or_default()),
        Format::Table | Format::Dot => {
            let row = [
                text(item, "at"),
                text(item, "type"),
                text(item, "actor"),
                subject(item),
            ];
            format!("{}\n", row.join("  "))
        }
    }
}

fn row(item: &Value) -> Vec<String> {
    vec![
        when(item, "at"),
        text(item, "type"),
        text(item, "actor"),
        subject(item),
    ]
}

/// What an event is about, in one line.
fn subject(item: &Value) -> String {
    let data = &item["data"];
    let keys = [
        "repository",
        "tag",
        "digest",
        "to",
        "kind",
        "name",
        "subject",
        "actions",
        "pattern",
    ];
    let found = keys
        .into_iter()
        .map(|key| text(data, key))
        .filter(|text| !text.is_empty());
    found.collect::<Vec<_>>().join(" ")
}
