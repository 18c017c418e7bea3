//! `refloat restore`: needs no server, only the backup and an empty data folder.

use refloat_cli::arguments::RestoreArguments;
use refloat_cli::error::CliError;
use serde_json::{Value, json};

/// Restores a backup and says what was restored.
pub fn run(arguments: RestoreArguments) -> Result<Value, CliError> {
    let RestoreArguments { backup, data } = arguments;
    let restored = refloat_flow::administer::restore(&backup, &data).map_err(|error| {
        let text = error.to_string();
        let (message, advice) = text.split_once("; ").unwrap_or((&text, ""));
        CliError::failed("restore_failed", message, advice)
    })?;
    Ok(json!({
        "data": data,
        "files": restored.files,
        "bytes": restored.bytes,
    }))
}
