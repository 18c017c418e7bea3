//! The loop: images and what they stand on, plans, cascades, waiting.

use super::{changed, text, when};
use crate::arguments::{
    CascadeVerb, GraphArguments, GraphForm, ImagesArguments, PatchArguments, PlanArguments,
    WaitArguments,
};
use crate::client::Client;
use crate::error::{CliError, EXIT_DONE, EXIT_FAILED, EXIT_POLICY};
use crate::output::{Answer, View, remark};
use crate::settings::Settings;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// How often a thing that is waited for is looked at.
const PACE: Duration = Duration::from_millis(300);

pub(super) fn images(arguments: &ImagesArguments, settings: &Settings) -> Result<Answer, CliError> {
    let mut query = Vec::new();
    if arguments.outdated {
        query.push(("outdated", "true"));
    }
    if arguments.no_base {
        query.push(("no_base", "true"));
    }
    let items = settings.client()?.list("/images", &query)?;
    let row = |item: &Value| {
        let base = &item["base"];
        let stands = if base.is_null() {
            text(item, "reason")
        } else {
            format!("{} ({})", text(base, "reference"), text(base, "found_by"))
        };
        let state = if item["outdated"] == true {
            "outdated"
        } else {
            ""
        };
        vec![
            text(item, "line"),
            text(item, "reference"),
            short(&text(item, "digest")),
            stands,
            state.to_owned(),
        ]
    };
    let rows = items.iter().map(row).collect();
    let headings = vec!["LINE", "REFERENCE", "DIGEST", "STANDS ON", ""];
    Ok(Answer::read(
        Value::Array(items),
        View::Table(headings, rows),
    ))
}

/// The first digits of a digest.
fn short(digest: &str) -> String {
    digest.chars().take(19).collect()
}

pub(super) fn graph(arguments: &GraphArguments, settings: &Settings) -> Result<Answer, CliError> {
    let mut query = Vec::new();
    query.extend(
        arguments
            .reference
            .as_deref()
            .map(|reference| ("reference", reference)),
    );
    let json = settings.client()?.get("/graph", &query)?;
    let edges = json["edges"].as_array().cloned().unwrap_or_default();
    let as_dot = arguments.form == Some(GraphForm::Dot) || settings.wants_dot();
    if as_dot {
        let lines: Vec<String> = dot(&json).lines().map(str::to_owned).collect();
        return Ok(Answer::read(Value::String(dot(&json)), View::Lines(lines)));
    }
    let rows = edges
        .iter()
        .map(|edge| {
            let state = if edge["outdated"] == true {
                "outdated"
            } else {
                ""
            };
            vec![
                text(edge, "from"),
                text(edge, "kind"),
                text(edge, "to"),
                text(edge, "found_by"),
                state.to_owned(),
            ]
        })
        .collect();
    let headings = vec!["IMAGE", "EDGE", "STANDS ON", "FOUND BY", ""];
    Ok(Answer::read(json, View::Table(headings, rows)))
}

/// Graphviz's language; a JSON string is a string there.
fn dot(graph: &Value) -> String {
    let mut text = "digraph refloat {\n  rankdir=BT;\n  node [shape=box];\n".to_owned();
    for node in graph["nodes"].as_array().into_iter().flatten() {
        let style = if node["outdated"] == true {
            " [color=red]"
        } else {
            ""
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {}{style};", node["reference"]);
    }
    for edge in graph["edges"].as_array().into_iter().flatten() {
        let style = if edge["kind"] == "RUNTIME" {
            "solid"
        } else {
            "dashed"
        };
        let _ = writeln!(
            text,
            "  {} -> {} [style={style}, label={}];",
            edge["from"], edge["to"], edge["kind"]
        );
    }
    text.push_str("}\n");
    text
}

pub(super) fn plan(arguments: &PlanArguments, settings: &Settings) -> Result<Answer, CliError> {
    let json = settings
        .client()?
        .post("/plans", &json!({ "base": arguments.base }))?;
    let nodes = json["nodes"].as_array().cloned().unwrap_or_default();
    remark(
        &format!(
            "{} of {}: {}",
            text(&json, "id"),
            text(&json["base"], "reference"),
            counted(&json["counts"])
        ),
        settings,
    );
    let rows = nodes
        .iter()
        .map(|node| {
            vec![
                text(node, "line"),
                text(node, "method"),
                text(node, "forecast"),
                joined(&node["depends_on"], ", "),
                joined(&node["because"], "; "),
            ]
        })
        .collect();
    let headings = vec!["LINE", "METHOD", "FORECAST", "AFTER", "BECAUSE"];
    let id = text(&json, "id");
    Ok(Answer::read(json, View::Table(headings, rows)).with_brief(vec![id]))
}

fn counted(counts: &Value) -> String {
    let all: Vec<String> = counts
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    if all.is_empty() {
        return "nothing stands on it".to_owned();
    }
    all.join(", ")
}

fn joined(list: &Value, by: &str) -> String {
    let words: Vec<&str> = list
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    words.join(by)
}

pub(super) fn patch(arguments: &PatchArguments, settings: &Settings) -> Result<Answer, CliError> {
    let client = settings.client()?;
    let json = client.post("/patches", &json!({ "plan": arguments.plan }))?;
    let ids: Vec<String> = json["cascades"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    let line = if ids.is_empty() {
        "nothing has to be patched".to_owned()
    } else {
        format!("started {}", ids.join(", "))
    };
    let mut answer = Answer::done(json.clone(), changed(&json), line).with_brief(ids.clone());
    if arguments.wait {
        for id in &ids {
            let end = until_ended(&client, id, None)?;
            answer.exit = answer.exit.max(end.exit);
        }
    }
    Ok(answer)
}

pub(super) fn cascade(verb: &CascadeVerb, settings: &Settings) -> Result<Answer, CliError> {
    let client = settings.client()?;
    let (id, action) = match verb {
        CascadeVerb::List => return cascades(&client),
        CascadeVerb::Show { id } => {
            let json = client.get(&format!("/cascades/{id}"), &[])?;
            return Ok(shown(json));
        }
        CascadeVerb::Pause { id } => (id, "pause"),
        CascadeVerb::Resume { id } => (id, "resume"),
        CascadeVerb::Cancel { id } => (id, "cancel"),
        CascadeVerb::Retry { id } => (id, "retry"),
    };
    let json = client.post(&format!("/cascades/{id}"), &json!({ "action": action }))?;
    let line = format!("{id} is {}", text(&json, "state"));
    Ok(Answer::done(json.clone(), changed(&json), line).with_brief(vec![id.clone()]))
}

fn cascades(client: &Client) -> Result<Answer, CliError> {
    let items = client.list("/cascades", &[])?;
    let rows = items
        .iter()
        .map(|item| {
            vec![
                text(item, "id"),
                text(item, "state"),
                text(&item["base"], "reference"),
                counted(&item["counts"]),
                when(item, "created_at"),
            ]
        })
        .collect();
    let headings = vec!["CASCADE", "STATE", "BASE", "IMAGES", "STARTED"];
    Ok(Answer::read(
        Value::Array(items),
        View::Table(headings, rows),
    ))
}

fn shown(json: Value) -> Answer {
    let nodes = json["nodes"].as_array().cloned().unwrap_or_default();
    let rows = nodes
        .iter()
        .map(|node| {
            let about = match text(node, "reason") {
                reason if reason.is_empty() => text(node, "result"),
                reason => reason,
            };
            vec![
                text(node, "line"),
                text(node, "state"),
                text(node, "method"),
                text(node, "verdict"),
                about,
            ]
        })
        .collect();
    let headings = vec!["LINE", "STATE", "METHOD", "VERDICT", "RESULT"];
    Answer::read(json, View::Table(headings, rows))
}

pub(super) fn wait(arguments: &WaitArguments, settings: &Settings) -> Result<Answer, CliError> {
    let client = settings.client()?;
    let limit = arguments.timeout.as_deref().map(span).transpose()?;
    until_ended(&client, &arguments.id, limit)
}

/// `30s`, `15m`, `2h`, `1d`
///
/// # Errors
/// Wrong usage for anything else.
pub fn span(text: &str) -> Result<Duration, CliError> {
    let wrong = || {
        CliError::usage(
            format!("`{text}` is no span of time"),
            "write a number and s, m, h or d, for example 10m",
        )
    };
    let units: BTreeMap<char, u64> = [('s', 1), ('m', 60), ('h', 3600), ('d', 86400)].into();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = units.get(&unit).ok_or_else(wrong)?;
    let number: u32 = text
        .get(..text.len() - 1)
        .and_then(|number| number.parse().ok())
        .ok_or_else(wrong)?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

/// Looks until the thing has its end. A cascade that a newer one took the place of is followed there.
fn until_ended(client: &Client, id: &str, limit: Option<Duration>) -> Result<Answer, CliError> {
    let begin = Instant::now();
    let mut id = id.to_owned();
    loop {
        let (path, ended, good): (String, &[&str], &[&str]) = if id.starts_with("cas_") {
            let ended: &[&str] = &["finished", "cancelled", "superseded"];
            (format!("/cascades/{id}"), ended, &["finished"])
        } else if id.starts_with("run_") {
            let ended: &[&str] = &["succeeded", "failed", "cancelled"];
            (format!("/runs/{id}"), ended, &["succeeded"])
        } else if id.starts_with("job_") {
            let ended: &[&str] = &["done", "dead", "cancelled"];
            (format!("/jobs/{id}"), ended, &["done"])
        } else {
            return Err(CliError::usage(
                format!("`{id}` is nothing that can be waited for"),
                "name a cascade (cas_..), a run (run_..) or a job (job_..)",
            ));
        };
        let json = client.get(&path, &[])?;
        let state = text(&json, "state");
        if state == "superseded"
            && let Some(by) = json["superseded_by"].as_str()
        {
            by.clone_into(&mut id);
            continue;
        }
        if ended.contains(&state.as_str()) {
            return Ok(end(json, &id, &state, good.contains(&state.as_str())));
        }
        if limit.is_some_and(|limit| begin.elapsed() > limit) {
            return Err(CliError::failed(
                "timeout",
                format!("{id} is still {state}"),
                "wait longer, or look at it with `refloat cascade show`",
            ));
        }
        std::thread::sleep(PACE);
    }
}

fn end(json: Value, id: &str, state: &str, good: bool) -> Answer {
    let counts = &json["counts"];
    let count = |name: &str| counts[name].as_u64().unwrap_or(0);
    let exit = if !good || count("failed") > 0 {
        EXIT_FAILED
    } else if id.starts_with("cas_") && count("held") > 0 {
        EXIT_POLICY
    } else {
        EXIT_DONE
    };
    let line = if id.starts_with("cas_") {
        format!("{id} is {state}: {}", counted(counts))
    } else {
        format!("{id} is {state}")
    };
    let mut answer = Answer::read(json, View::Lines(vec![line]));
    answer.exit = exit;
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_in_graphviz() {
        let graph = json!({
            "nodes": [{ "reference": "a:1", "outdated": true }, { "reference": "b:1" }],
            "edges": [{ "from": "a:1", "to": "b:1", "kind": "RUNTIME" }],
        });
        let expected = "digraph refloat {\n  rankdir=BT;\n  node [shape=box];\n  \"a:1\" [color=red];\n  \"b:1\";\n  \
                        \"a:1\" -> \"b:1\" [style=solid, label=\"RUNTIME\"];\n}\n";
        assert_eq!(dot(&graph), expected);
    }

    #[test]
    fn spans_of_time() {
        assert_eq!(span("10m").expect("a span"), Duration::from_mins(10));
        for wrong in ["", "10", "m", "1.5h", "-1s"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
