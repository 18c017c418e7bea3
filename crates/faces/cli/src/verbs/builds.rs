//! Builds: on this machine, and runs of tasks on a server.

use super::{changed, text, when};
use crate::Local;
use crate::arguments::{BuildArguments, LogsArguments, RunArguments, RunsArguments};
use crate::client::Client;
use crate::error::{CliError, EXIT_FAILED};
use crate::output::{Answer, View, print};
use crate::settings::Settings;
use serde_json::{Value, json};
use std::time::Duration;

/// How long the server may keep a question about a log open, in seconds.
const WAIT_SECONDS: &str = "20";
/// How long to rest after a question that got no answer.
const REST: Duration = Duration::from_secs(1);
/// How many questions without an answer end the waiting.
const SILENT_MAX: u32 = 60;

pub(super) fn build(
    arguments: &BuildArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    if arguments.task.is_some() {
        return Err(CliError::unsupported("`build --task`"));
    }
    if arguments.builder != "buildah" {
        return Err(CliError::unsupported(&format!(
            "builder `{}`",
            arguments.builder
        )));
    }
    let json = (local.build)(arguments, settings.host().as_ref())?;
    let digest = text(&json, "digest");
    let line = format!("{} is {digest}", text(&json, "image"));
    Ok(Answer::done(json, true, line).with_brief(vec![digest]))
}

pub(super) fn run(arguments: &RunArguments, settings: &Settings) -> Result<Answer, CliError> {
    let client = settings.client()?;
    let mut body = json!({ "task": arguments.task });
    if let Some(project) = &settings.project {
        body["project"] = Value::from(project.as_str());
    }
    let begun = client.post("/runs", &body)?;
    let id = text(&begun, "id");
    if !arguments.wait && !arguments.follow {
        return Ok(Answer::done(begun, true, id.clone()).with_brief(vec![id]));
    }
    ended(&client, &id, settings, arguments.follow.then_some(()))?;
    finished(&client, &id, settings)
}

/// Waits until the run has settled; with `shown`, prints what its builder says.
fn ended(
    client: &Client,
    id: &str,
    settings: &Settings,
    shown: Option<()>,
) -> Result<(), CliError> {
    let (mut from, mut silent) = ("0".to_owned(), 0);
    loop {
        let mut query = vec![("from", from.as_str()), ("wait_seconds", WAIT_SECONDS)];
        query.extend(project(settings));
        let part = match client.get(&format!("/runs/{id}/log"), &query) {
            Ok(part) => part,
            // A server that restarts goes on with its runs: it is waited for.
            Err(error) if error.code == "unreachable" && silent < SILENT_MAX => {
                silent += 1;
                std::thread::sleep(REST);
                continue;
            }
            Err(error) => return Err(error),
        };
        silent = 0;
        let said = text(&part, "text");
        if shown.is_some() && !said.is_empty() && !print(&said) {
            return Ok(());
        }
        if part["ended"].as_bool() == Some(true) {
            return Ok(());
        }
        from = part["next"].to_string();
    }
}

fn finished(client: &Client, id: &str, settings: &Settings) -> Result<Answer, CliError> {
    let query: Vec<_> = project(settings).into_iter().collect();
    let run = client.get(&format!("/runs/{id}"), &query)?;
    let state = text(&run, "state");
    if state == "succeeded" {
        let line = format!(
            "{id} succeeded: {}@{}, tag {}",
            text(&run, "image"),
            text(&run, "digest"),
            text(&run, "tag")
        );
        return Ok(Answer::done(run, true, line).with_brief(vec![id.to_owned()]));
    }
    let step = match text(&run, "step").as_str() {
        "" => String::new(),
        step => format!(" at {step}"),
    };
    let line = format!("{id} {state}{step}: {}", text(&run, "error"));
    let mut answer = Answer::done(run, true, line).with_brief(vec![id.to_owned()]);
    answer.exit = EXIT_FAILED;
    Ok(answer)
}

fn project(settings: &Settings) -> Option<(&str, &str)> {
    settings.project.as_deref().map(|name| ("project", name))
}

pub(super) fn runs(arguments: &RunsArguments, settings: &Settings) -> Result<Answer, CliError> {
    let mut query: Vec<_> = project(settings).into_iter().collect();
    query.extend(arguments.task.as_deref().map(|task| ("task", task)));
    query.extend(arguments.state.as_deref().map(|state| ("state", state)));
    let items = settings.client()?.list("/runs", &query)?;
    let rows = items.iter().map(row).collect();
    let headings = vec!["RUN", "TASK", "STATE", "CAUSE", "REQUESTED", "IMAGE", "WHY"];
    Ok(Answer::read(
        Value::Array(items),
        View::Table(headings, rows),
    ))
}

fn row(run: &Value) -> Vec<String> {
    let state = match (text(run, "state").as_str(), text(run, "step").as_str()) {
        ("running", step) if !step.is_empty() => format!("running {step}"),
        (state, _) => state.to_owned(),
    };
    let image = match text(run, "tag").as_str() {
        "" => text(run, "image"),
        tag => format!("{}:{tag}", text(run, "image")),
    };
    vec![
        text(run, "id"),
        text(run, "task"),
        state,
        text(run, "cause"),
        when(run, "requested_at"),
        image,
        text(run, "error"),
    ]
}

pub(super) fn logs(arguments: &LogsArguments, settings: &Settings) -> Result<Answer, CliError> {
    let client = settings.client()?;
    if arguments.follow {
        ended(&client, &arguments.run, settings, Some(()))?;
        return finished(&client, &arguments.run, settings).map(|run| Answer {
            exit: run.exit,
            ..silent()
        });
    }
    let mut from = "0".to_owned();
    loop {
        let mut query = vec![("from", from.as_str())];
        query.extend(project(settings));
        let part = client.get(&format!("/runs/{}/log", arguments.run), &query)?;
        let said = text(&part, "text");
        if said.is_empty() || !print(&said) {
            return Ok(silent());
        }
        from = part["next"].to_string();
    }
}

/// An answer that prints nothing more.
fn silent() -> Answer {
    Answer::read(Value::Null, View::Lines(Vec::new()))
}

pub(super) fn cancel(run: &str, settings: &Settings) -> Result<Answer, CliError> {
    let mut body = json!({});
    if let Some(project) = &settings.project {
        body["project"] = Value::from(project.as_str());
    }
    let json = settings
        .client()?
        .post(&format!("/runs/{run}/cancel"), &body)?;
    let changed = changed(&json);
    let line = if changed {
        format!("{run} is called off")
    } else {
        format!("{run} has ended already")
    };
    Ok(Answer::done(json, changed, line))
}
