//! Values by flags, read from files.

use super::{secrets, source};
use crate::arguments::ValueArguments;
use crate::error::CliError;
use refloat_chart::GivenValues;
use refloat_template::Map;
use std::io::Read as _;
use std::path::Path;

/// All values that were given, as one map.
pub(super) fn given(arguments: &ValueArguments) -> Result<Map, CliError> {
    let file = |name: &String| {
        let text = text(name)?;
        let plain = secrets::opened(name, &text)?;
        let text = plain.map_or(text, |plain| plain.expose().to_owned());
        Ok((name.clone(), text))
    };
    let given = GivenValues {
        files: arguments
            .files
            .iter()
            .map(file)
            .collect::<Result<_, CliError>>()?,
        json: arguments.set_json.clone(),
        set: arguments.set.clone(),
        text: arguments.set_string.clone(),
        file: arguments.set_file.clone(),
        literal: arguments.set_literal.clone(),
    };
    let open = |name: &str| text(name).map_err(|error| error.message);
    given.merged(&open).map_err(|error| {
        CliError::usage(
            error.to_string(),
            "see `refloat template --help` for how values are given",
        )
    })
}

/// A file's text; `-` is standard input. Addresses are not fetched.
pub(super) fn text(name: &str) -> Result<String, CliError> {
    if name.trim() == "-" {
        let mut text = String::new();
        let read = std::io::stdin().lock().read_to_string(&mut text);
        read.map_err(|error| source::unreadable(Path::new("standard input"), &error))?;
        return Ok(text);
    }
    if name.contains("://") {
        return Err(CliError::unsupported(&format!(
            "values from the address `{name}`"
        )));
    }
    let bytes = source::read(Path::new(name))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
