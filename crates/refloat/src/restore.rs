//! `refloat restore`: needs no server, only the backup and an empty data folder.

use refloat_cli::arguments::RestoreArguments;
use refloat_cli::error::CliError;
use refloat_flow::administer;
use refloat_store::{Store, StoreOptions};
use serde_json::{Value, json};
use std::path::Path;

/// Restores a backup, says so in the restored log, and answers with what was restored.
pub fn run(arguments: RestoreArguments) -> Result<Value, CliError> {
    let RestoreArguments { backup, data } = arguments;
    let restored = administer::restore(&backup, &data).map_err(|error| failed(&error))?;
    note(&data).map_err(|error| failed(error.as_ref()))?;
    Ok(json!({
        "data": data,
        "files": restored.files,
        "bytes": restored.bytes,
    }))
}

/// The first record after a restore says that there was one.
fn note(data: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let store = Store::open(StoreOptions::Sqlite {
            folder: data.to_owned(),
        })
        .await?;
        administer::note_restored(&store).await?;
        Ok(())
    })
}

fn failed(error: &dyn std::error::Error) -> CliError {
    let text = error.to_string();
    let (message, advice) = text.split_once("; ").unwrap_or((&text, ""));
    CliError::failed("restore_failed", message, advice)
}
