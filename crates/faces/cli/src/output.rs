//! What verbs print: a table that fits the terminal, JSON, or YAML. Results go to standard output, errors to standard error.

use crate::arguments::Format;
use crate::error::{CliError, EXIT_DONE};
use crate::settings::Settings;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};
use std::io::Write as _;

/// What a verb found or did.
pub(crate) struct Answer {
    /// For programs.
    pub(crate) json: Value,
    /// For people.
    pub(crate) view: View,
    /// With `--quiet`: the names or ids alone.
    pub(crate) brief: Vec<String>,
    /// Whether something changed; `None` for verbs that only read.
    pub(crate) changed: Option<bool>,
    /// The exit code: a verb may have done its work and still have found something bad.
    pub(crate) exit: u8,
}

/// What people see.
pub(crate) enum View {
    /// Lines.
    Lines(Vec<String>),
    /// A table with these headings.
    Table(Vec<&'static str>, Vec<Vec<String>>),
}

impl Answer {
    /// Something was read.
    pub(crate) fn read(json: Value, view: View) -> Self {
        let brief = match &view {
            View::Lines(lines) => lines.clone(),
            View::Table(_, rows) => rows.iter().filter_map(|row| row.first().cloned()).collect(),
        };
        Self {
            json,
            view,
            brief,
            changed: None,
            exit: EXIT_DONE,
        }
    }

    /// Something was done, or was so already. `changed` is added to the JSON.
    pub(crate) fn done(json: Value, changed: bool, line: impl Into<String>) -> Self {
        let mut json = match json {
            Value::Object(map) => Value::Object(map),
            Value::Null => json!({}),
            other => json!({ "result": other }),
        };
        json["changed"] = Value::Bool(changed);
        Self {
            json,
            view: View::Lines(vec![line.into()]),
            brief: Vec::new(),
            changed: Some(changed),
            exit: EXIT_DONE,
        }
    }

    /// The same, with what `--quiet` prints.
    pub(crate) fn with_brief(self, brief: Vec<String>) -> Self {
        Self { brief, ..self }
    }
}

/// Prints an answer; false if standard output is closed.
pub(crate) fn answer(answer: &Answer, settings: &Settings) -> bool {
    let text = match settings.output {
        Format::Json => format!("{:#}\n", answer.json),
        Format::Yaml => yaml(&answer.json),
        Format::Table | Format::Dot if settings.quiet => lines(&answer.brief),
        Format::Table | Format::Dot => match &answer.view {
            View::Lines(list) => lines(list),
            View::Table(headings, rows) => table(headings, rows),
        },
    };
    print(&text)
}

/// Prints text on standard output; false if it is closed.
pub(crate) fn print(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .is_ok()
}

/// Prints a line for people that is no result: progress, a hint. Nothing with `--quiet`.
pub(crate) fn remark(text: &str, settings: &Settings) {
    if !settings.quiet {
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

/// Prints an error in the form of the output.
pub(crate) fn error(error: &CliError, settings: &Settings) {
    let text = match settings.output {
        Format::Json => format!("{:#}\n", error.to_json()),
        Format::Yaml => yaml(&error.to_json()),
        Format::Table | Format::Dot if error.advice.is_empty() => {
            format!("refloat: {}\n", error.message)
        }
        Format::Table | Format::Dot => format!("refloat: {}\n  {}\n", error.message, error.advice),
    };
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn yaml(json: &Value) -> String {
    // Every JSON value is YAML; should the writer refuse one, JSON is still what was asked for.
    let text = serde_saphyr::to_string(json).unwrap_or_else(|_| json.to_string());
    if text.ends_with('\n') {
        text
    } else {
        text + "\n"
    }
}

fn lines(list: &[String]) -> String {
    list.iter().map(|line| format!("{line}\n")).collect()
}

/// Rows under their headings, as wide as the terminal.
pub(crate) fn table(headings: &[&'static str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(headings.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    let text = table.to_string();
    text.lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}
