//! Edits of exactly the intended lines: an image in a values file, the version in a `Chart.yaml`.
//!
//! ```text
//! text ─► tree with spans ─► the scalars to change ─► splices ─► new text ─► proof ─► Bumped
//! ```
//! Comments, quoting, line ends and a missing final newline stay as they are, since all bytes outside the splices do.
//! The proof reads the new text again: its tree must be the old tree with the intended paths changed, and every other
//! line must be the same bytes. What cannot be proven, or could be meant in two ways, is refused by name.

mod application;
mod containers;
mod embedded;
mod file;
mod find;
mod image;
mod kustomize;
mod scalar;
mod splice;
#[cfg(test)]
mod tests;
pub mod tree;
mod version;

pub use file::{FileEdit, bump_file};
pub use find::{PathError, Step, ValuesPath};
pub use version::{VersionChange, bump_app_version, bump_version};

use refloat_oci::Reference;
use splice::Plan;
use tree::Document;

/// The image to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRef {
    /// `registry.example.com:5000`; `docker.io` for Docker Hub.
    pub registry: String,
    /// `apps/web`; one-segment names of Docker Hub with their `library/`.
    pub repository: String,
    /// The tag, if it is to be written.
    pub tag: Option<String>,
    /// The digest, if it is to be written.
    pub digest: Option<String>,
}

impl From<&Reference> for ImageRef {
    fn from(reference: &Reference) -> Self {
        Self {
            registry: reference.registry.to_string(),
            repository: reference.repository.to_string(),
            tag: reference.tag.as_ref().map(ToString::to_string),
            digest: reference.digest.as_ref().map(ToString::to_string),
        }
    }
}

/// One scalar that an edit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedValue {
    /// Where, as `web.image.tag`.
    pub path: String,
    /// Its line in the new text, counted from 1.
    pub line: usize,
    /// What stood there; `None` if the key was not there.
    pub old: Option<String>,
    /// What stands there now.
    pub new: String,
}

/// A proven edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bumped {
    /// The new text; the old one if nothing had to change.
    pub text: String,
    /// What changed, in the order of the text; empty if it was so already.
    pub changed: Vec<ChangedValue>,
    /// What the values have no place for and was therefore not written: `digest` beside a tag.
    pub left_out: Option<&'static str>,
}

/// Why an edit was refused. Nothing is ever half edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BumpError {
    /// Not YAML.
    #[error("the values cannot be read: {0}")]
    Yaml(String),
    /// The path is not written as one.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Nothing is at the path.
    #[error(
        "`{path}` is not in the values: `{missing}` is no key of `{parent}`; write a path that is there, for example {hint}"
    )]
    Missing {
        /// The whole path.
        path: String,
        /// The part that is not there.
        missing: String,
        /// The deepest part that is.
        parent: String,
        /// Keys that are there.
        hint: String,
    },
    /// It could be meant in two ways.
    #[error("`{path}` is ambiguous: {reason}")]
    Ambiguous {
        /// The path.
        path: String,
        /// Both ways, with their lines.
        reason: String,
    },
    /// What is there is not an image in a form that is known.
    #[error("`{path}` (line {line}) {reason}")]
    Form {
        /// The path.
        path: String,
        /// Counted from 1.
        line: usize,
        /// What is there, and what to do.
        reason: String,
    },
    /// The edit could not be proven to change the intended values alone.
    #[error("the edit of `{path}` was refused: {reason}; edit these lines by hand")]
    Unproven {
        /// The path.
        path: String,
        /// What the proof found.
        reason: String,
    },
}

/// Writes `new` as the image at `path` of a values file.
///
/// Known forms: a text (`repo:tag`, `repo@digest`), and a map with `repository` (or `name`, `image`), beside it `registry`,
/// `tag` and `digest` as they are there; the path may also name its `tag` or `digest`. Of a map that has `tag` alone, since
/// another file names the image, the tag is written. The name stays as it is written where it already means the same repository.
///
/// # Errors
/// [`BumpError`] names the place and what to do.
pub fn bump(values: &str, path: &ValuesPath, new: &ImageRef) -> Result<Bumped, BumpError> {
    let documents = tree::read_all(values)?;
    splice::apply(values, &in_values(values, &documents, path, new)?)
}

/// The edit of the one document of values that holds the path; the last one wins, so that two are ambiguous.
fn in_values(
    text: &str,
    documents: &[Document],
    path: &ValuesPath,
    new: &ImageRef,
) -> Result<Plan, BumpError> {
    let (mut found, mut first_error) = (None, None);
    for (number, document) in documents.iter().enumerate() {
        match image::at(text, document, path, new) {
            Ok(plan) => match &found {
                None => found = Some((number, document.root.line, plan)),
                Some((_, line, _)) => {
                    let reason = format!(
                        "it is in the documents at lines {line} and {}; keep it in one of them",
                        document.root.line
                    );
                    let path = path.to_string();
                    return Err(BumpError::Ambiguous { path, reason });
                }
            },
            // Another document may have it.
            Err(error @ BumpError::Missing { .. }) => {
                first_error.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match (found, first_error) {
        (Some((number, _, plan)), _) => Ok(plan.of_document(number)),
        (None, Some(error)) => Err(error),
        (None, None) => Err(BumpError::Yaml("there is nothing in it".to_owned())),
    }
}
