//! `values.schema.json` of a chart and of those below it (helm, pkg/chart/common/util/jsonschema.go). A schema that
//! refers to another file or address is refused: nothing is fetched.

mod words;

use crate::chart::Memory;
use crate::prepare::Prepared;
use crate::values::to_json;
use jsonschema::Validator;
use refloat_template::{Map, Value};
use serde_json::Value as Json;
use std::fmt::Write as _;
use std::sync::Arc;

/// Checks coalesced values; the text names each chart and what does not fit.
pub(crate) fn check(chart: &Prepared<'_>, values: &Map) -> Result<(), String> {
    if !has_schema(chart) {
        return Ok(());
    }
    let mut found = String::new();
    check_into(chart, &to_json(&Value::Map(values.clone())), &mut found);
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn has_schema(chart: &Prepared<'_>) -> bool {
    chart.chart.schema.is_some() || chart.dependencies.iter().any(has_schema)
}

fn check_into(chart: &Prepared<'_>, values: &Json, found: &mut String) {
    if let Some(schema) = &chart.chart.schema {
        let wrong = kept(&chart.chart.memory, schema, values);
        if !wrong.is_empty() {
            let _ = writeln!(found, "{}:\n{wrong}", chart.name());
        }
    }
    for below in &chart.dependencies {
        match &values[below.name()] {
            Json::Null => {}
            inner @ Json::Object(_) => check_into(below, inner, found),
            _ => {
                let _ = writeln!(
                    found,
                    "{}:\ninvalid type for values: expected object (map)",
                    below.name()
                );
            }
        }
    }
}

/// The same with a schema that is compiled once for all renderings of a chart.
fn kept(memory: &Memory, schema: &Arc<[u8]>, values: &Json) -> String {
    if let Some((bytes, validator)) = memory.validator.get()
        && Arc::ptr_eq(bytes, schema)
    {
        return words::lines(validator.iter_errors(values));
    }
    match compiled(schema) {
        Ok(validator) => {
            let wrong = words::lines(validator.iter_errors(values));
            // Whoever was faster compiled the same.
            let _ = memory.validator.set((Arc::clone(schema), validator));
            wrong
        }
        Err(wrong) => wrong,
    }
}

/// What does not fit, a line each; empty if all does.
pub(crate) fn against(schema: &[u8], values: &Json) -> String {
    match compiled(schema) {
        Ok(validator) => words::lines(validator.iter_errors(values)),
        Err(wrong) => wrong,
    }
}

fn compiled(schema: &[u8]) -> Result<Validator, String> {
    let schema: Json = serde_json::from_slice(schema)
        .map_err(|error| format!("- values.schema.json is no JSON: {error}\n"))?;
    jsonschema::options()
        .build(&schema)
        .map_err(|error| format!("- values.schema.json is no schema: {error}\n"))
}
