//! Dockerfiles, as far as they say what an image stands on.
//!
//! ```text
//! text ─► lines: directives, continuations, heredocs ─► stages: FROM, ARG, COPY --from, RUN --mount ─► edges
//! ```
//!
//! The model is BuildKit's front end (`moby/buildkit: frontend/dockerfile/{parser,instructions,shell,dockerfile2llb}`).
//! Everything is exact or says why it is not: an edge that cannot be resolved keeps its place with a reason, a file that
//! does not parse is an error with its line. Pure: no file, no network; what only a base's configuration knows (its
//! `ONBUILD` triggers) is given by the caller, who asks again with what it found.

mod edge;
mod error;
mod evaluate;
mod expand;
mod glob;
mod image;
mod lines;
mod platform;
mod stages;
mod words;

pub use edge::{Bases, Edge, EdgeKind, OtherInput};
pub use error::DockerfileError;
pub use evaluate::{Options, edges};
pub use image::normalised;
pub use platform::{Platform, PlatformError};

/// The first instruction, with its line, that OCI's image format has no place for and docker's has: `HEALTHCHECK`, `ONBUILD`,
/// `SHELL`. A builder that writes OCI images drops them.
///
/// # Errors
/// [`DockerfileError`] if the file does not parse.
pub fn docker_only(text: &str) -> Result<Option<(String, u32)>, DockerfileError> {
    let only = |keyword: &str| ["healthcheck", "onbuild", "shell"].contains(&keyword);
    let found = lines::read(text)?.instructions.into_iter();
    let mut found = found.filter(|instruction| only(&instruction.keyword));
    Ok(found
        .next()
        .map(|found| (found.keyword.to_ascii_uppercase(), found.line)))
}
