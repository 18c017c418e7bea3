//! The objects with methods that charts are given: files, capabilities, certificates.

mod capabilities;
mod certificate;
mod files;

pub use capabilities::{Capabilities, capabilities};
pub(crate) use certificate::Certificate;
pub use files::files;
