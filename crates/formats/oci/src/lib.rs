//! OCI's formats: digests, names, references, manifests and the paths of the distribution API.
//!
//! Pure: bytes to meaning and back. Manifests are never written back from types; whoever stores one
//! keeps its bytes (image-spec and distribution-spec 1.1). Nothing here reads a file or a clock.

pub mod digest;
pub mod manifest;
pub mod media_type;
pub mod name;
pub mod realm;
pub mod reference;

pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub use manifest::{Descriptor, ManifestError, ManifestKind, ManifestView};
pub use name::{NameError, RepositoryName, TagName};
pub use reference::{Location, Reference, ReferenceError, RegistryHost, TagOrDigest};
