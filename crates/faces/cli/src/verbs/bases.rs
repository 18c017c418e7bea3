//! `bases`: what a Dockerfile stands on, without asking anybody.

use crate::arguments::{BasesArguments, InvocationArguments};
use crate::error::CliError;
use crate::output::{Answer, View};
use refloat_dockerfile::{Edge, Options, Platform, edges};
use std::collections::BTreeMap;
use std::io::Read as _;

/// The longest Dockerfile in bytes.
const DOCKERFILE_MAX_BYTES: u64 = 4 * 1024 * 1024;

pub(super) fn bases(arguments: &BasesArguments) -> Result<Answer, CliError> {
    let text = read(arguments)?;
    let options = options(&arguments.invocation)?;
    let name = arguments.dockerfile.display();
    let found = edges(&text, &options).map_err(|error| {
        CliError::failed(
            "dockerfile",
            format!("{name}, {error}"),
            "correct the Dockerfile",
        )
    })?;
    let rows = found.edges.iter().map(row).collect();
    let headings = vec!["LINE", "KIND", "REFERENCE", "PLATFORM", "WRITTEN"];
    let brief = found
        .edges
        .iter()
        .filter_map(|edge| edge.reference.as_ref().map(ToString::to_string))
        .collect();
    Ok(Answer::read(found.to_json(), View::Table(headings, rows)).with_brief(brief))
}

fn read(arguments: &BasesArguments) -> Result<String, CliError> {
    let name = arguments.dockerfile.display().to_string();
    let failed = |error: std::io::Error| {
        CliError::failed(
            "dockerfile",
            format!("{name} cannot be read: {error}"),
            "name the Dockerfile: refloat bases PATH",
        )
    };
    let mut bytes = Vec::new();
    if name == "-" {
        let mut input = std::io::stdin().lock().take(DOCKERFILE_MAX_BYTES + 1);
        input.read_to_end(&mut bytes).map_err(failed)?;
    } else {
        let file = std::fs::File::open(&arguments.dockerfile).map_err(failed)?;
        file.take(DOCKERFILE_MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
    }
    if bytes.len() as u64 > DOCKERFILE_MAX_BYTES {
        let message = format!("{name} is larger than {DOCKERFILE_MAX_BYTES} bytes");
        return Err(CliError::failed("dockerfile", message, "name a Dockerfile"));
    }
    String::from_utf8(bytes).map_err(|_| {
        CliError::failed(
            "dockerfile",
            format!("{name} is not text"),
            "name a Dockerfile",
        )
    })
}

/// What the flags say, as the evaluation takes it.
///
/// # Errors
/// Wrong usage.
pub fn options(invocation: &InvocationArguments) -> Result<Options, CliError> {
    let machine = Platform::of_this_machine();
    let platform = match &invocation.platform {
        None => machine.clone(),
        Some(text) => {
            if text.contains(',') {
                return Err(CliError::unsupported("more than one --platform"));
            }
            text.parse().map_err(|error| {
                CliError::usage(format!("{error}"), "write --platform linux/amd64")
            })?
        }
    };
    let mut options = Options::for_platform(platform);
    options.build_platform = machine;
    options.target.clone_from(&invocation.target);
    options.build_args = arguments(&invocation.build_args)?;
    options.contexts = pairs(&invocation.build_contexts, "--build-context")?;
    Ok(options)
}

/// `K=V`, or `K` alone with the value that the environment has; without one there it is not given.
fn arguments(given: &[String]) -> Result<BTreeMap<String, String>, CliError> {
    let mut values = BTreeMap::new();
    for text in given {
        match text.split_once('=') {
            Some(("", _)) => return Err(wrong(text, "--build-arg")),
            Some((name, value)) => drop(values.insert(name.to_owned(), value.to_owned())),
            None => {
                if let Ok(value) = std::env::var(text) {
                    values.insert(text.clone(), value);
                }
            }
        }
    }
    Ok(values)
}

fn pairs(given: &[String], flag: &str) -> Result<BTreeMap<String, String>, CliError> {
    let pair = |text: &String| match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err(wrong(text, flag)),
    };
    given.iter().map(pair).collect()
}

fn wrong(text: &str, flag: &str) -> CliError {
    CliError::usage(
        format!("`{text}` is not of the form NAME=VALUE"),
        format!("write {flag} NAME=VALUE"),
    )
}

fn row(edge: &Edge) -> Vec<String> {
    let reference = match (&edge.reference, &edge.unresolved) {
        (_, Some(reason)) => format!("unresolved: {reason}"),
        (Some(reference), None) => reference.to_string(),
        (None, None) => String::new(),
    };
    vec![
        edge.line.to_string(),
        edge.kind.name().to_owned(),
        reference,
        edge.platform.clone().unwrap_or_default(),
        edge.written.clone(),
    ]
}
