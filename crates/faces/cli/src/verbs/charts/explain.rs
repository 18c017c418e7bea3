//! `explain`: which file and line won, and what it hid.

use super::environments::{Ground, ValuesFile};
use super::values;
use crate::Local;
use crate::arguments::{ExplainArguments, ValueArguments};
use crate::error::{CliError, EXIT_NOT_FOUND};
use crate::output::{Answer, View};
use crate::settings::Settings;
use refloat_chart::ValuesPath;
use refloat_values::{Explanation, Layer, Place, explain as find};
use serde_json::{Value, json};

pub(in super::super) fn explain(
    arguments: &ExplainArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let key: ValuesPath = arguments
        .key
        .parse()
        .map_err(|error: refloat_chart::bump::PathError| CliError::usage(error.to_string(), ""))?;
    let ground = Ground::load(&arguments.chart, &arguments.environments, settings, local)?;
    let mut layers = ground.defaults()?;
    let mut files: Vec<&ValuesFile> = ground.shared.iter().collect();
    if let Some(name) = &arguments.environment {
        files.extend(&ground.named(name)?.files);
    }
    for file in files {
        layers.push(file.layer()?);
    }
    layers.extend(given(&arguments.values)?);
    let found = find(&layers, &key);
    if found.is_empty() {
        let names: Vec<&str> = layers.iter().map(|layer| layer.name.as_str()).collect();
        let message = format!("`{key}` is in none of {}", names.join(", "));
        let advice = "write keys with dots between them, for example web.image.tag";
        return Err(CliError::failed("not_found", message, advice).exiting(EXIT_NOT_FOUND));
    }
    let json = json!({
        "key": key.to_string(),
        "environment": arguments.environment,
        "layers": layers.iter().map(|layer| layer.name.as_str()).collect::<Vec<_>>(),
        "values": found.iter().map(explanation).collect::<Vec<_>>(),
    });
    let json = match found.as_slice() {
        // The one value is said at the top, too.
        [one] if one.key == key.to_string() => merged(json, &explanation(one)),
        _ => json,
    };
    Ok(Answer::read(json, View::Lines(lines(&found))))
}

/// The layers of `-f` and of `--set` and its kin.
fn given(arguments: &ValueArguments) -> Result<Vec<Layer>, CliError> {
    let mut layers = Vec::new();
    for name in &arguments.files {
        let file = ValuesFile::new(name.clone(), values::text(name)?)?;
        layers.push(file.layer()?);
    }
    let flags = ValueArguments {
        files: Vec::new(),
        ..arguments.clone()
    };
    let set = values::given(&flags)?;
    let json = refloat_chart::values::to_json(&set.into());
    if json.as_object().is_some_and(|map| !map.is_empty()) {
        layers.push(Layer::of_json("--set", &json));
    }
    Ok(layers)
}

fn merged(mut json: Value, one: &Value) -> Value {
    for (key, value) in one.as_object().into_iter().flatten() {
        json[key.as_str()] = value.clone();
    }
    json
}

fn explanation(one: &Explanation) -> Value {
    let mut json = place(&one.won);
    json["key"] = Value::from(one.key.as_str());
    json["removed"] = Value::from(one.won.value == Some(Value::Null));
    json["hidden"] = one.hidden.iter().map(place).collect();
    json
}

fn place(place: &Place) -> Value {
    json!({
        "file": place.layer,
        "line": (place.line > 0).then_some(place.line),
        "value": place.value,
        "secret": place.value.is_none(),
    })
}

fn lines(found: &[Explanation]) -> Vec<String> {
    let mut lines = Vec::new();
    for one in found {
        lines.push(format!("{} = {}", one.key, shown(&one.won)));
        lines.push(format!("  {}", at(&one.won)));
        let hidden = one.hidden.iter();
        lines.extend(hidden.map(|place| format!("  hides {}: {}", at(place), shown(place))));
    }
    lines
}

fn at(place: &Place) -> String {
    if place.line == 0 {
        place.layer.clone()
    } else {
        format!("{}:{}", place.layer, place.line)
    }
}

fn shown(place: &Place) -> String {
    match &place.value {
        Some(value) => value.to_string(),
        None => "(secret)".to_owned(),
    }
}
