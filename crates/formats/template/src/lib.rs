//! The template language of charts: lexer, parser, values, executor, functions, and YAML as charts expect it.
//!
//! Go's `text/template` with sprig's functions and Helm's, byte for byte, in three steps:
//! [`Set::parse`] reads all files of all charts into one namespace, once; [`Set::render`]
//! executes one of them over a [`Value`]; [`yaml`] reads and writes what templates do.
//!
//! Pure: no file, no network, no environment, no clock, no randomness. What needs one of
//! them asks the [`Oracle`] in the [`Context`]. What is not built fails while parsing, with
//! function, file and line; nothing unknown renders as empty.

pub mod error;
pub mod objects;
pub mod oracle;
pub mod value;
pub mod versions;
pub mod yaml;

mod context;
mod dates;
mod exec;
mod expressions;
mod format;
mod functions;
mod json;
mod raw;
mod set;
mod syntax;
mod toml;

pub use context::{Context, Limits};
pub use error::{Frame, TemplateError};
pub use oracle::{Alphabet, Answer, Instant, Oracle, Question, Silent};
pub use set::{File, ParsedText, Set};
pub use value::{CallError, Frozen, List, ListKind, Map, MapKind, Object, Shape, Str, Value};
