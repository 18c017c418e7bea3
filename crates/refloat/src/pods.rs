//! What a pod runs, as far as the command line asks.

use refloat_cli::error::CliError;

/// The digests of the images that a pod runs.
pub(crate) fn images(
    name: &str,
    _namespace: &str,
    _context: Option<&str>,
) -> Result<Vec<String>, CliError> {
    Err(CliError::unsupported(&format!("`why pod/{name}`")))
}
