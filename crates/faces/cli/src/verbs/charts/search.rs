//! `search`: charts that were pulled to this machine.

use crate::Local;
use crate::arguments::SearchArguments;
use crate::error::CliError;
use crate::output::{Answer, View};
use crate::verbs::text;
use serde_json::Value;

pub(in super::super) fn search(
    arguments: &SearchArguments,
    local: &Local,
) -> Result<Answer, CliError> {
    if arguments.registry.is_some() {
        return Err(CliError::unsupported("searching in a registry (search -r)"));
    }
    let found = (local.charts.search)(&arguments.word);
    let rows = found.iter().map(|chart| {
        ["reference", "version", "app_version", "description"]
            .map(|key| text(chart, key))
            .to_vec()
    });
    let headings = vec!["reference", "version", "app version", "description"];
    let view = View::Table(headings, rows.collect());
    Ok(Answer::read(Value::Array(found), view))
}
