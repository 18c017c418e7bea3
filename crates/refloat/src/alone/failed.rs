//! Errors of images as the command line tells them: what and why, what to do, a stable code, an exit code.

use refloat_cli::error::{CliError, EXIT_NOT_FOUND};
use refloat_core::Failure;
use refloat_images::ImageError;
use refloat_ports::ImagesError;

/// An error of a use case.
pub(crate) fn failed(error: ImageError) -> CliError {
    let text = error.to_string();
    match error {
        ImageError::Absent(_) => told("not_found", &text).exiting(EXIT_NOT_FOUND),
        ImageError::NotAnImage { .. } => told("not_an_image", &text),
        ImageError::Missing { .. } => told("blob_missing", &text),
        ImageError::Damaged { .. } => told("damaged", &text),
        ImageError::NoBase { .. } => told("no_base", &text),
        ImageError::Unsupported(_) => told("unsupported", &text),
        ImageError::Unverified { .. } => told("unverified", &text),
        ImageError::Place(error) => of_place(&error),
    }
}

/// An error of a place.
pub(crate) fn of_place(error: &ImagesError) -> CliError {
    let text = error.to_string();
    match error {
        ImagesError::NotPermitted(_) => told("not_found", &text).exiting(EXIT_NOT_FOUND),
        ImagesError::Refused(_) => told("refused", &text),
        ImagesError::Unsupported(_) => told("unsupported", &text),
        ImagesError::Damaged(_) | ImagesError::Failed(Failure::Damaged(_)) => {
            told("damaged", &text)
        }
        ImagesError::Failed(Failure::Transient(_)) => told("unreachable", &text),
        ImagesError::Failed(Failure::Full(_)) => told("no_space", &text),
        ImagesError::Failed(Failure::Terminal(_)) => told("failed", &text),
    }
}

/// The last clause of a message says what to do.
fn told(code: &str, text: &str) -> CliError {
    let (message, advice) = text.rsplit_once("; ").unwrap_or((text, ""));
    CliError::failed(code, message, advice)
}
