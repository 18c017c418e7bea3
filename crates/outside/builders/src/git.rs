//! The port [`Git`] by the program `git`, each call in a bare repository of its own that vanishes afterwards.

mod commit;
mod read;
#[cfg(test)]
mod tests;

use crate::checkout::{Surroundings, Trouble, address, trouble};
use futures_util::future::BoxFuture;
use refloat_core::Failure;
use refloat_ports::{Git, GitError, GitRepository, NewCommit};
use std::collections::BTreeMap;

/// Git by its program.
#[derive(Debug, Clone, Copy, Default)]
pub struct GitProgram;

/// A repository that is asked, and a folder for the asking.
struct Asking {
    around: Surroundings,
    url: String,
    /// Removed when this is dropped.
    _folder: tempfile::TempDir,
}

/// The name of the bare repository in the folder.
const REPOSITORY: &str = "repository";
/// The same as git's option.
const GIT_DIR: &str = "--git-dir=repository";

impl Asking {
    fn new(repository: &GitRepository) -> Result<Self, GitError> {
        let url = address(&repository.url).map_err(GitError::Unknown)?;
        let failed =
            |error: std::io::Error| Failure::Transient(format!("a folder for git: {error}"));
        let folder = tempfile::Builder::new()
            .prefix("refloat-git-")
            .tempdir()
            .map_err(failed)?;
        let around =
            Surroundings::new(folder.path(), repository.credential.clone()).map_err(failed)?;
        Ok(Self {
            around,
            url,
            _folder: folder,
        })
    }

    fn resolve(&self, branch: &str) -> Result<Option<String>, GitError> {
        let name = branch_name(branch)?;
        let arguments = [
            "ls-remote",
            "--exit-code",
            "--end-of-options",
            &self.url,
            &name,
        ];
        let output = self
            .around
            .run(&arguments, Vec::new(), 64 * 1024)
            .map_err(failed)?;
        match output.status.code() {
            Some(0) => {
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                let line = text
                    .lines()
                    .find(|line| line.split('\t').nth(1) == Some(&name));
                Ok(line
                    .and_then(|line| line.split('\t').next())
                    .map(str::to_owned))
            }
            // No such branch in a repository that answered.
            Some(2) => Ok(None),
            _ => Err(failed(trouble(&output))),
        }
    }

    fn fetch(&self, commit: &str) -> Result<(), GitError> {
        crate::checkout::fetch(&self.around, REPOSITORY, &self.url, commit).map_err(failed)
    }

    fn git(
        &self,
        arguments: &[&str],
        input: Vec<u8>,
        bytes_max: usize,
    ) -> Result<Vec<u8>, GitError> {
        let mut whole = vec![GIT_DIR];
        whole.extend(arguments);
        self.around.must(&whole, input, bytes_max).map_err(failed)
    }

    fn text(&self, arguments: &[&str], input: Vec<u8>) -> Result<String, GitError> {
        let bytes = self.git(arguments, input, 64 * 1024)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    }
}

/// What git's trouble means for the caller.
fn failed(trouble: Trouble) -> GitError {
    match trouble {
        Trouble::Refused(text) => GitError::Unknown(text),
        Trouble::Unreachable(text) => Failure::Transient(format!("git: {text}")).into(),
    }
}

/// The full name of a branch, by the rules of `git check-ref-format`.
fn branch_name(branch: &str) -> Result<String, GitError> {
    let forbidden = |letter: char| letter.is_control() || " ~^:?*[\\".contains(letter);
    let segment = |segment: &str| {
        segment.is_empty() || segment.starts_with('.') || segment.strip_suffix(".lock").is_some()
    };
    let wrong = branch.is_empty()
        || branch.starts_with('-')
        || branch.ends_with('.')
        || branch.contains("..")
        || branch.contains("@{")
        || branch.contains(forbidden)
        || branch.split('/').any(segment);
    if wrong {
        let shown: String = branch.chars().take(100).collect();
        return Err(GitError::Unknown(format!(
            "`{shown}` is not the name of a branch"
        )));
    }
    Ok(format!("refs/heads/{branch}"))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, GitError> + Send + 'static,
) -> Result<T, GitError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Failure::Transient("git was broken off".to_owned()).into()))
}

impl Git for GitProgram {
    fn resolve<'a>(
        &'a self,
        repository: &'a GitRepository,
        branch: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, GitError>> {
        let (repository, branch) = (repository.clone(), branch.to_owned());
        Box::pin(blocking(move || Asking::new(&repository)?.resolve(&branch)))
    }

    fn read<'a>(
        &'a self,
        repository: &'a GitRepository,
        commit: &'a str,
        path: &'a str,
    ) -> BoxFuture<'a, Result<BTreeMap<String, Vec<u8>>, GitError>> {
        let (repository, commit, path) = (repository.clone(), commit.to_owned(), path.to_owned());
        Box::pin(blocking(move || {
            Asking::new(&repository)?.read(&commit, &path)
        }))
    }

    fn commit<'a>(
        &'a self,
        repository: &'a GitRepository,
        commit: &'a NewCommit,
    ) -> BoxFuture<'a, Result<String, GitError>> {
        let (repository, commit) = (repository.clone(), commit.clone());
        Box::pin(blocking(move || Asking::new(&repository)?.commit(&commit)))
    }
}
