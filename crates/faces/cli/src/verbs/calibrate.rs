//! `calibrate`: the binary builds and compares, here the sample is put together and the counts are told.

use super::text;
use crate::Local;
use crate::arguments::CalibrateArguments;
use crate::error::{CliError, EXIT_FAILED};
use crate::output::{Answer, View};
use crate::settings::Settings;
use crate::verbs::images;
use serde_json::Value;

/// Differences that are shown of each image.
const SHOWN: usize = 5;

pub(super) fn calibrate(
    arguments: &CalibrateArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    if arguments.folders.is_empty() && arguments.tasks.is_empty() {
        return Err(CliError::usage(
            "there is nothing to build",
            "name folders with a Dockerfile, or tasks of the server with --task",
        ));
    }
    let mut tasks = Vec::new();
    for name in &arguments.tasks {
        tasks.push(task(name, settings)?);
    }
    let json = (local.calibrate)(arguments, &tasks, &images::alone(settings))?;
    let is_wrong = json["counts"]["false-safe"].as_u64() != Some(0);
    let mut answer = Answer::read(json.clone(), View::Lines(lines(&json)));
    if is_wrong {
        answer.exit = EXIT_FAILED;
    }
    Ok(answer)
}

/// A task's document.
fn task(name: &str, settings: &Settings) -> Result<Value, CliError> {
    let mut query = vec![("kind", "Task"), ("name", name)];
    query.extend(
        settings
            .project
            .as_deref()
            .map(|project| ("project", project)),
    );
    let found = settings.client()?.list("/documents", &query)?;
    found.into_iter().next().ok_or_else(|| {
        let message = format!("there is no task `{name}`, or you may not see it");
        CliError::failed("not_found", message, "see `refloat get Task`")
            .exiting(crate::error::EXIT_NOT_FOUND)
    })
}

fn lines(json: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let counts = |counts: &Value| -> String {
        let words = counts.as_object().into_iter().flatten();
        let words = words.map(|(outcome, count)| format!("{count} {outcome}"));
        words.collect::<Vec<_>>().join(", ")
    };
    let mut lines = vec![counts(&json["counts"]), String::new()];
    for code in list(&json["codes"]) {
        lines.push(format!(
            "{:<10} {}",
            text(&code, "code"),
            counts(&code["counts"])
        ));
    }
    lines.push(String::new());
    for sample in list(&json["samples"]) {
        let codes: Vec<String> = list(&sample["codes"])
            .iter()
            .filter_map(|code| code.as_str().map(str::to_owned))
            .collect();
        lines.push(format!(
            "{:<12} {}: {} {}",
            text(&sample, "outcome"),
            text(&sample, "name"),
            text(&sample, "verdict"),
            codes.join(" ")
        ));
        let differences = list(&sample["differences"]);
        for difference in differences.iter().take(SHOWN) {
            lines.push(format!(
                "             {}",
                difference.as_str().unwrap_or_default()
            ));
        }
        if differences.len() > SHOWN {
            lines.push(format!(
                "             and {} more",
                differences.len() - SHOWN
            ));
        }
    }
    for left in list(&json["left_out"]) {
        lines.push(format!(
            "left out     {}: {}",
            text(&left, "name"),
            text(&left, "reason")
        ));
    }
    lines
}
