//! What the product needs of the world, as traits; each with the suite that every implementation passes.
//!
//! No path, HTTP, lock or logger stands here. `outside` implements these, `flow` uses them, only the
//! binary sees both.

pub mod blobs;
pub mod builder;
pub mod builder_suite;
pub mod checksums;
pub mod deployer;
pub mod deployer_suite;
pub mod git;
pub mod git_suite;
pub mod images;
pub mod images_suite;
pub mod memory;
pub mod suite;

pub use blobs::{AppendError, Blobs, ByteStream, FinishError, Finished, Stored};
pub use builder::{
    BuildRequest, BuildStatus, Builder, RegistryLogin, Source as BuildSource, StartError,
    TestRequest,
};
pub use checksums::{CHECKSUM_SPAN_BYTES, Checksummer, Checksums};
pub use deployer::{
    Capabilities, DeployStatus, Deployer, Deployment, Namespace, Rendered, Target, Wait,
};
pub use git::{Git, GitError, GitRepository, NewCommit};
pub use images::{
    BlobRead, ImageManifest, Images, ImagesError, ImagesResult, MemoryImages, Place, Places,
    verified,
};
