//! Annotations that are read and written (image-spec annotations.md, "Pre-Defined Annotation Keys", and our own).

/// The reference of the immediate base.
pub const BASE_NAME: &str = "org.opencontainers.image.base.name";
/// The digest of the base's manifest for this platform.
pub const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";
/// The digest that the base's reference named: an index where it has several platforms.
pub const BASE_INDEX: &str = "dev.refloat.base.index.digest";
/// The digest of the manifest that was rebased.
pub const REBASED_FROM: &str = "dev.refloat.rebased-from";
/// `untested`, where a person took an image whose verdict asks for tests.
pub const TESTS: &str = "dev.refloat.tests";
