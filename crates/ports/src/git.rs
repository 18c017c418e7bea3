//! Git as far as tasks and releases need it: what a branch names, one file or folder of a commit, and a commit of changed files.

use futures_util::future::BoxFuture;
use refloat_core::{Failure, Secret};
use std::collections::BTreeMap;

/// A git repository, and who asks.
#[derive(Debug, Clone)]
pub struct GitRepository {
    /// A URL or a path.
    pub url: String,
    /// User and password.
    pub credential: Option<(String, Secret<String>)>,
}

/// Why git did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// No such repository, branch, commit or path; git's own words.
    #[error("git: {0}")]
    Unknown(String),
    /// The branch moved meanwhile: read again, edit again.
    #[error("git: the branch `{branch}` moved from {expected} while it was being edited")]
    Moved {
        /// The branch.
        branch: String,
        /// The commit it should have named.
        expected: String,
    },
    /// The world.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// A commit to be made on a branch.
#[derive(Debug, Clone)]
pub struct NewCommit {
    /// The branch.
    pub branch: String,
    /// The commit that it must name now.
    pub parent: String,
    /// What it says.
    pub message: String,
    /// The new bytes by path from the top of the repository.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Git.
pub trait Git: Send + Sync + 'static {
    /// The commit that a branch names; `None` if there is no such branch.
    fn resolve<'a>(
        &'a self,
        repository: &'a GitRepository,
        branch: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, GitError>>;

    /// The files below `path` at a commit, by their path from the top; links are left out. At most 64 MiB in all.
    fn read<'a>(
        &'a self,
        repository: &'a GitRepository,
        commit: &'a str,
        path: &'a str,
    ) -> BoxFuture<'a, Result<BTreeMap<String, Vec<u8>>, GitError>>;

    /// Commits and pushes; the new commit's hash. Repeating a commit that is there already returns its hash.
    fn commit<'a>(
        &'a self,
        repository: &'a GitRepository,
        commit: &'a NewCommit,
    ) -> BoxFuture<'a, Result<String, GitError>>;
}
