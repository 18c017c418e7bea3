//! Documents: what users write in YAML, read into types that cannot be wrong, with errors that name the line.
//!
//! ```text
//! text ─► Node (a tree that knows its lines) ─► resolve { env, file, stdin } (client only) ─► Document (typed)
//! ```
//!
//! Pure: a value by `{ env: X }` is resolved by a function the client passes in. The server reads the same documents as JSON
//! with plain values and refuses references. Unknown keys are errors; keys and kinds of what is not built are refused by
//! name. The server's configuration file is read with the same tree.

pub mod credential;
pub mod document;
pub mod error;
pub mod fields;
pub mod node;
pub mod patch;
pub mod policy;
pub mod project;
pub mod release;
pub mod span;
pub mod task;
pub mod upstream;
pub mod value;

pub use credential::{CredentialDocument, PlainSecret, SecretKind};
pub use document::{Document, DocumentBody, DocumentKind, read_documents};
pub use error::{DocumentError, Problem};
pub use fields::Fields;
pub use node::{Node, NodeValue};
pub use patch::PatchDocument;
pub use policy::{PolicyDocument, TagRule};
pub use project::{Member, ProjectDocument, Role};
pub use release::{
    Environment, EnvironmentTarget, ReleaseDocument, ReleaseImage, ReleaseSource, Update,
};
pub use span::Span;
pub use task::{TagFields, TagPattern, TaskDocument, TaskImage, TaskSource};
pub use upstream::{UpstreamDocument, WatchRule};
pub use value::{ValueSource, resolve};
