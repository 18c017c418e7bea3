//! Images in files: OCI layout folders (read and written), archives of them, and archives of `docker save` (read).
//!
//! Each is a [`refloat_ports::Images`] with one repository. A layout is written so that whoever reads it meanwhile, or
//! after a crash, sees the image before or the image after: blobs first under another name, `index.json` last, each by rename.

mod archive;
mod docker;
mod files;
mod folder;
mod index;
mod open;
#[cfg(test)]
mod tests;

pub use archive::OciArchive;
pub use docker::DockerArchive;
pub use folder::Layout;
pub use open::{open, repository};
