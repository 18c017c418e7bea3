//! `values.schema.json` of a chart and of those below it (helm, pkg/chart/common/util/jsonschema.go). A schema that
//! refers to another file or address is refused: nothing is fetched.

mod words;

use crate::prepare::Prepared;
use crate::values::to_json;
use refloat_template::{Map, Value};
use serde_json::Value as Json;
use std::fmt::Write as _;

/// Checks coalesced values; the text names each chart and what does not fit.
pub(crate) fn check(chart: &Prepared, values: &Map) -> Result<(), String> {
    if !has_schema(chart) {
        return Ok(());
    }
    let mut found = String::new();
    check_into(chart, &to_json(&Value::Map(values.clone())), &mut found);
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn has_schema(chart: &Prepared) -> bool {
    chart.schema.is_some() || chart.dependencies.iter().any(has_schema)
}

fn check_into(chart: &Prepared, values: &Json, found: &mut String) {
    if let Some(schema) = &chart.schema {
        let wrong = against(schema, values);
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

/// What does not fit, a line each; empty if all does.
fn against(schema: &[u8], values: &Json) -> String {
    let schema: Json = match serde_json::from_slice(schema) {
        Ok(schema) => schema,
        Err(error) => return format!("- values.schema.json is no JSON: {error}\n"),
    };
    let validator = match jsonschema::options().build(&schema) {
        Ok(validator) => validator,
        Err(error) => return format!("- values.schema.json is no schema: {error}\n"),
    };
    words::lines(validator.iter_errors(values))
}
