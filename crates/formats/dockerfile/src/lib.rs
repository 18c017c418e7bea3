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
