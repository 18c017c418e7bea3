//! `search`: charts that were pulled to this machine.

use crate::Local;
use crate::arguments::SearchArguments;
use crate::error::{CliError, EXIT_NOT_FOUND};
use crate::output::{Answer, View};
use crate::verbs::text;
use refloat_chart::dependency::choose;
use refloat_chart::metadata::Dependency;
use serde_json::Value;

pub(in super::super) fn search(
    arguments: &SearchArguments,
    local: &Local,
) -> Result<Answer, CliError> {
    if arguments.registry.is_some() {
        return Err(CliError::unsupported("searching in a registry (search -r)"));
    }
    let mut found = (local.charts.search)(&arguments.word);
    if let Some(range) = &arguments.version {
        found.retain(|chart| fits(range, &text(chart, "version")));
    }
    if arguments.fail_on_no_result && found.is_empty() {
        let message = format!(
            "nothing that was pulled to this machine has `{}`",
            arguments.word
        );
        return Err(
            CliError::failed("not_found", message, "see `refloat search`").exiting(EXIT_NOT_FOUND),
        );
    }
    let rows = found.iter().map(|chart| {
        ["reference", "version", "app_version", "description"]
            .map(|key| text(chart, key))
            .to_vec()
    });
    let headings = vec!["reference", "version", "app version", "description"];
    let view = View::Table(headings, rows.collect());
    Ok(Answer::read(Value::Array(found), view))
}

/// Whether a version is in a range; none is in what is no range.
fn fits(range: &str, version: &str) -> bool {
    let wanted = Dependency {
        version: range.to_owned(),
        ..Dependency::default()
    };
    choose(&wanted, [version]).is_ok()
}
