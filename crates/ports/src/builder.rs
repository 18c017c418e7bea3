//! Builders: long effects that outlive the process which started them. `start` and `start_tests` are repeatable by their id,
//! `observe` tells where it stands, `cancel` ends it.

use crate::ByteStream;
use futures_util::future::BoxFuture;
use refloat_core::{Failure, RunId, Secret};
use refloat_oci::{Digest, Reference};
use std::collections::BTreeMap;

/// Where the source of a build lies.
#[derive(Debug, Clone)]
pub enum Source {
    /// In git.
    Git {
        /// The repository: a URL or a path.
        git: String,
        /// The commit, already resolved.
        commit: String,
        /// User and password for the git server.
        credential: Option<(String, Secret<String>)>,
    },
    /// In a folder of the builder's machine.
    Folder {
        /// Its path.
        folder: String,
    },
}

/// A registry account that the builder pulls and pushes with.
#[derive(Debug, Clone)]
pub struct RegistryLogin {
    /// `host` or `host:port`.
    pub registry: String,
    /// The user.
    pub username: String,
    /// The password or token.
    pub password: Secret<String>,
}

/// Everything that decides a build's result, and where it goes.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// The id that makes starting repeatable.
    pub run: RunId,
    /// The source.
    pub source: Source,
    /// The folder of the context in it.
    pub context: String,
    /// The Dockerfile, relative to the context.
    pub dockerfile: String,
    /// The stage to build; `None` is the last.
    pub target: Option<String>,
    /// `os/architecture[/variant]`.
    pub platform: String,
    /// Build arguments.
    pub arguments: BTreeMap<String, String>,
    /// Bases by the name as it is written in the Dockerfile, each pinned to `registry/path@digest`.
    pub bases: BTreeMap<String, Reference>,
    /// Secrets by id, for `RUN --mount=type=secret`.
    pub secrets: BTreeMap<String, Secret<String>>,
    /// Where the image is pushed. Without a tag it is pushed by its digest alone, so that nothing names it before its tests passed.
    pub destination: Reference,
    /// Annotations of the image.
    pub annotations: BTreeMap<String, String>,
    /// Accounts of the registries involved.
    pub logins: Vec<RegistryLogin>,
    /// The longest time, in seconds.
    pub timeout_seconds: u64,
    /// Commands that must exit 0 in a container from the result, each as its arguments.
    pub tests: Vec<Vec<String>>,
}

/// An image that is there already, to be tested and not built. Its container is made as one of a build is: nothing of the machine is
/// mounted, nothing of it is kept.
#[derive(Debug, Clone)]
pub struct TestRequest {
    /// The id that makes starting repeatable; builds and tests share these ids.
    pub run: RunId,
    /// The image, by its digest. Of an index the builder takes the image of its own platform.
    pub image: Reference,
    /// Commands that must exit 0, each in a fresh container, as its arguments.
    pub tests: Vec<Vec<String>>,
    /// Accounts that may pull the image, and nothing else.
    pub logins: Vec<RegistryLogin>,
    /// The longest time for all of it, in seconds.
    pub timeout_seconds: u64,
}

/// What a builder is asked for, refused before it begins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The request cannot be built by this builder; its words are for people.
    #[error("{0}")]
    Refused(String),
    /// The world.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Where a build stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildStatus {
    /// Nobody works on the id: it never began, its traces are gone, or its runner died; `start` begins it (again).
    Absent,
    /// It runs.
    Running {
        /// `checkout`, `build`, `push` or `test`.
        step: String,
    },
    /// The image is pushed, and its tests passed; or the tests of an image passed.
    Succeeded {
        /// Its digest; of tests the one that was asked for.
        digest: Digest,
        /// The builder and its isolation, for people.
        builder: String,
    },
    /// It failed for good.
    Failed {
        /// `checkout`, `build`, `push` or `test`.
        step: String,
        /// What it said last.
        error: String,
    },
    /// It was called off, or its time was over.
    Cancelled {
        /// Why.
        reason: String,
    },
}

/// A builder.
pub trait Builder: Send + Sync + 'static {
    /// `buildah`..
    fn name(&self) -> &'static str;

    /// Begins the build, or does nothing if this id has begun.
    fn start(&self, request: BuildRequest) -> BoxFuture<'_, Result<(), StartError>>;

    /// Begins the tests of an image, or does nothing if this id has begun.
    fn start_tests(&self, request: TestRequest) -> BoxFuture<'_, Result<(), StartError>>;

    /// Where it stands.
    fn observe<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<BuildStatus, Failure>>;

    /// Ends it; it ends up `Cancelled` with this reason unless it was faster, or `Absent` if it never began.
    fn cancel<'a>(&'a self, run: &'a RunId, reason: &'a str) -> BoxFuture<'a, Result<(), Failure>>;

    /// Its output from this byte on, as far as it goes now.
    fn log<'a>(&'a self, run: &'a RunId, from: u64) -> BoxFuture<'a, Result<ByteStream, Failure>>;

    /// Forgets the run and its traces on the builder.
    fn remove<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), Failure>>;
}
