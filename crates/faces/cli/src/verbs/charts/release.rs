//! Releases: `upgrade`, `install` on a cluster; `status`, `history`, `list`, `release get` of a cluster or of a server.

use super::{oracle, release_name, source, values, verbatim};
use crate::Local;
use crate::arguments::{
    InstallArguments, ListArguments, NamedArguments, ReleasePart, ReleaseVerb, UpgradeArguments,
};
use crate::error::{CliError, EXIT_NOT_FOUND};
use crate::output::{Answer, View};
use crate::settings::Settings;
use crate::verbs::{text, when};
use serde_json::{Value, json};

/// What is asked of a cluster.
#[derive(Debug, Clone, Copy)]
pub enum ReleaseQuestion<'a> {
    /// The newest record of every release of a namespace.
    List,
    /// The same of all namespaces.
    ListAll,
    /// Every record of a release, the oldest first.
    History(&'a str),
}

/// Whether a release may be new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newness {
    /// It must be.
    New,
    /// It may be.
    Any,
    /// It must not be.
    Existing,
}

pub(in super::super) fn upgrade(
    arguments: &UpgradeArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let newness = if arguments.install {
        Newness::Any
    } else {
        Newness::Existing
    };
    deploy(&arguments.release, newness, settings, local)
}

pub(in super::super) fn install(
    arguments: &InstallArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    deploy(arguments, Newness::New, settings, local)
}

fn deploy(
    arguments: &InstallArguments,
    newness: Newness,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    release_name(&arguments.name)?;
    let wish = source::Wish {
        version: arguments.version.as_deref(),
        ..source::Wish::default()
    };
    let chart = source::chart(&arguments.chart, &wish, settings, local)?;
    let given = values::given(&arguments.values)?;
    let done = (local.deploy)(arguments, newness, &chart, given, &oracle::System)?;
    if arguments.dry_run {
        let manifest = text(&done, "manifest");
        return Ok(verbatim(done, &manifest));
    }
    let line = format!(
        "{} is {} in {}, revision {}",
        arguments.name,
        text(&done, "status"),
        text(&done, "namespace"),
        done["revision"]
    );
    Ok(Answer::done(done, true, line))
}

pub(in super::super) fn list(
    arguments: &ListArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    if settings.server()?.is_some() && !arguments.cluster.is_named() && !arguments.all_namespaces {
        return list_of_server(settings);
    }
    let question = if arguments.all_namespaces {
        ReleaseQuestion::ListAll
    } else {
        ReleaseQuestion::List
    };
    let found = (local.releases)(&arguments.cluster, question)?;
    let rows = items(&found).iter().map(|release| {
        vec![
            text(release, "name"),
            text(release, "namespace"),
            text(release, "revision"),
            when(release, "updated"),
            text(release, "status"),
            text(release, "chart"),
            text(release, "app_version"),
        ]
    });
    let headings = vec![
        "name",
        "namespace",
        "revision",
        "updated",
        "status",
        "chart",
        "app version",
    ];
    let view = View::Table(headings, rows.collect());
    Ok(Answer::read(found, view))
}

fn list_of_server(settings: &Settings) -> Result<Answer, CliError> {
    let found = settings.client()?.get("/releases", &project(settings))?;
    let mut rows = Vec::new();
    for release in items(&found["items"]) {
        for environment in items(&release["environments"]) {
            rows.push(of_environment(release, environment));
        }
    }
    let headings = vec![
        "release",
        "environment",
        "status",
        "revision",
        "chart",
        "since",
    ];
    Ok(Answer::read(
        found["items"].clone(),
        View::Table(headings, rows),
    ))
}

fn of_environment(release: &Value, environment: &Value) -> Vec<String> {
    let newest = &environment["newest"];
    vec![
        text(release, "name"),
        text(environment, "name"),
        text(newest, "status"),
        text(newest, "revision"),
        text(newest, "chart"),
        when(newest, "ended_at"),
    ]
}

pub(in super::super) fn history(
    arguments: &NamedArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    if settings.server()?.is_some() && !arguments.cluster.is_named() {
        let path = format!("/releases/{}/history", arguments.name);
        let found = settings.client()?.get(&path, &project(settings))?;
        let rows = items(&found["items"]).iter().map(|entry| {
            vec![
                text(entry, "environment"),
                text(entry, "revision"),
                text(entry, "status"),
                text(entry, "chart"),
                when(entry, "ended_at"),
                text(entry, "error"),
            ]
        });
        let headings = vec![
            "environment",
            "revision",
            "status",
            "chart",
            "ended",
            "error",
        ];
        let view = View::Table(headings, rows.collect());
        return Ok(Answer::read(found["items"].clone(), view));
    }
    let found = recorded(arguments, local)?;
    let rows = items(&found).iter().map(|record| {
        vec![
            text(record, "revision"),
            when(record, "updated"),
            text(record, "status"),
            text(record, "chart"),
            text(record, "app_version"),
            text(record, "description"),
        ]
    });
    let headings = vec![
        "revision",
        "updated",
        "status",
        "chart",
        "app version",
        "description",
    ];
    let view = View::Table(headings, rows.collect());
    let brief: Vec<Value> = items(&found).iter().map(without_parts).collect();
    Ok(Answer::read(Value::from(brief), view))
}

pub(in super::super) fn status(
    arguments: &NamedArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    if settings.server()?.is_some() && !arguments.cluster.is_named() {
        return status_of_server(arguments, settings);
    }
    let record = one(arguments, local)?;
    let mut lines: Vec<String> = [
        ("name", "name"),
        ("updated", "last deployed"),
        ("namespace", "namespace"),
        ("status", "status"),
        ("revision", "revision"),
        ("chart", "chart"),
        ("description", "description"),
    ]
    .iter()
    .map(|(key, heading)| format!("{heading}: {}", text(&record, key)))
    .collect();
    let notes = text(&record, "notes");
    if !notes.is_empty() {
        lines.push("notes:".to_owned());
        lines.extend(notes.lines().map(str::to_owned));
    }
    Ok(Answer::read(without_parts(&record), View::Lines(lines)))
}

fn status_of_server(arguments: &NamedArguments, settings: &Settings) -> Result<Answer, CliError> {
    let path = format!("/releases/{}", arguments.name);
    let found = settings.client()?.get(&path, &project(settings))?;
    let change = &found["change"];
    let mut lines = vec![format!("release: {}", text(&found, "name"))];
    if change.is_object() {
        let state = text(change, "state");
        lines.push(format!(
            "change: {} ({state}) {}",
            text(change, "id"),
            text(change, "chart")
        ));
        if !change["error"].is_null() {
            lines.push(format!("error: {}", text(change, "error")));
        }
    }
    for waits in items(&found["waits"]) {
        lines.push(format!("waits: {}", waits.as_str().unwrap_or_default()));
    }
    for environment in items(&found["environments"]) {
        let words: Vec<String> = of_environment(&found, environment)
            .into_iter()
            .skip(1)
            .filter(|word| !word.is_empty())
            .collect();
        lines.push(words.join("  "));
        let error = text(&environment["newest"], "error");
        if !error.is_empty() {
            lines.push(format!("  {error}"));
        }
    }
    Ok(Answer::read(found, View::Lines(lines)))
}

pub(in super::super) fn release(verb: &ReleaseVerb, local: &Local) -> Result<Answer, CliError> {
    let ReleaseVerb::Get(part) = verb;
    let (arguments, key) = match part {
        ReleasePart::Manifest(arguments) => (arguments, "manifest"),
        ReleasePart::Values(arguments) => (arguments, "config"),
        ReleasePart::Notes(arguments) => (arguments, "notes"),
    };
    let record = one(arguments, local)?;
    match part {
        ReleasePart::Values(_) => {
            let given = record[key].clone();
            let shown = refloat_template::yaml::write(&refloat_chart::values::from_json(&given));
            Ok(verbatim(given, &shown))
        }
        ReleasePart::Manifest(_) | ReleasePart::Notes(_) => {
            let shown = text(&record, key);
            Ok(verbatim(json!({ key: shown }), &shown))
        }
    }
}

fn recorded(arguments: &NamedArguments, local: &Local) -> Result<Value, CliError> {
    let question = ReleaseQuestion::History(&arguments.name);
    let found = (local.releases)(&arguments.cluster, question)?;
    if items(&found).is_empty() {
        return Err(CliError::failed(
            "not_found",
            format!("release `{}` is not known", arguments.name),
            "check the name and the namespace",
        )
        .exiting(EXIT_NOT_FOUND));
    }
    Ok(found)
}

/// The record of the revision that is asked for, or the newest.
fn one(arguments: &NamedArguments, local: &Local) -> Result<Value, CliError> {
    let found = recorded(arguments, local)?;
    let record = match arguments.revision {
        None => items(&found).last(),
        Some(revision) => items(&found)
            .iter()
            .find(|record| record["revision"] == revision),
    };
    record.cloned().ok_or_else(|| {
        let revision = arguments.revision.unwrap_or_default();
        CliError::failed(
            "not_found",
            format!("release `{}` has no revision {revision}", arguments.name),
            "see `refloat history`",
        )
        .exiting(EXIT_NOT_FOUND)
    })
}

fn items(json: &Value) -> &[Value] {
    json.as_array().map_or(&[], Vec::as_slice)
}

/// A record without what is long.
fn without_parts(record: &Value) -> Value {
    let mut record = record.clone();
    if let Value::Object(map) = &mut record {
        map.shift_remove("manifest");
        map.shift_remove("config");
    }
    record
}

fn project(settings: &Settings) -> Vec<(&'static str, &str)> {
    let project = settings.project.as_deref();
    project.map(|name| ("project", name)).into_iter().collect()
}
