//! Logs: text for people or JSON for programs, on standard error; what is logged is chosen by `REFLOAT_LOG`.

use anyhow::{Context as _, Result};
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// The form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// One readable line each.
    Text,
    /// One JSON object each.
    Json,
}

/// What is logged without `REFLOAT_LOG`; `info,access=off` leaves out the line of each request.
const FILTER_DEFAULT: &str = "info";

/// Starts logging what `filter` chooses.
///
/// # Errors
/// A filter that does not parse, by name.
pub(crate) fn start(filter: Option<&str>, format: Format) -> Result<()> {
    let wanted = filter
        .filter(|text| !text.is_empty())
        .unwrap_or(FILTER_DEFAULT);
    let filter = EnvFilter::try_new(wanted).with_context(|| {
        format!("REFLOAT_LOG `{wanted}` is not a filter; write for example info,access=debug")
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match format {
        Format::Text => {
            let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            lines.with_ansi(colours).try_init()
        }
        Format::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging cannot start: {error}"))
}
