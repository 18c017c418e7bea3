//! The first step: the source at its commit, without a `.git` folder in the context.

use super::{Ended, Runner};
use crate::checkout::{Surroundings, address, is_commit, is_unreachable};
use crate::folder::{StoredBuild, StoredSource};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the context and the Dockerfile lie.
pub(super) struct SourceTree {
    pub(super) context: PathBuf,
    pub(super) dockerfile: PathBuf,
}

impl Runner {
    pub(super) fn checkout(&mut self, build: &StoredBuild) -> Result<SourceTree, Ended> {
        match &build.source {
            StoredSource::Git { git, commit } => {
                let mut top = PathBuf::new();
                self.patiently(|runner| {
                    top = runner.clone_at(git, commit)?;
                    Ok(())
                })?;
                let context = inside(&top, &top.join(&build.context))?;
                let dockerfile = inside(&top, &context.join(&build.dockerfile))?;
                Ok(SourceTree {
                    context,
                    dockerfile,
                })
            }
            StoredSource::Folder { folder } => {
                let context = Path::new(folder).join(&build.context);
                Ok(SourceTree {
                    dockerfile: context.join(&build.dockerfile),
                    context,
                })
            }
        }
    }

    /// A command of git that reaches the server.
    fn git(&mut self, command: Command) -> Result<(), Ended> {
        let from = self.log.metadata().map_or(0, |metadata| metadata.len());
        match self.must(command) {
            Err(Ended::Failed(text)) if is_unreachable(&self.said_since(from)) => {
                Err(Ended::Later(text))
            }
            done => done,
        }
    }

    fn clone_at(&mut self, git: &str, commit: &str) -> Result<PathBuf, Ended> {
        let url = address(git).map_err(Ended::Failed)?;
        if !is_commit(commit) {
            return Err(Ended::Failed(format!(
                "`{commit}` is not the hash of a commit"
            )));
        }
        self.say(&format!("checkout of {commit} of {url}"));
        let folder = self.work("git");
        fs::create_dir_all(&folder)?;
        let around = Surroundings::new(&folder, self.folder.git_credential())?;
        self.git(around.command(&["init", "--quiet", "--bare", "repository"]))?;
        let dir = "--git-dir=repository";
        let alone = [
            dir,
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--end-of-options",
            &url,
            commit,
        ];
        if self.succeeds(around.command(&alone))?.is_some() {
            self.say("the server gives no single commit; taking its branches");
            let all = [
                dir,
                "fetch",
                "--quiet",
                "--no-tags",
                "--end-of-options",
                &url,
                "+refs/heads/*:refs/heads/*",
            ];
            self.git(around.command(&all))?;
        }
        let source = self.work("source");
        fs::create_dir_all(&source)?;
        let tree = format!("--work-tree={}", source.display());
        self.must(around.command(&[
            dir, &tree, "checkout", "--quiet", "--force", commit, "--", ".",
        ]))?;
        Ok(fs::canonicalize(source)?)
    }
}

/// `path`, which must lie in `top` whatever links it goes through.
fn inside(top: &Path, path: &Path) -> Result<PathBuf, Ended> {
    let name = path.strip_prefix(top).unwrap_or(path).display();
    let real = fs::canonicalize(path)
        .map_err(|error| Ended::Failed(format!("{name} in the source: {error}")))?;
    if real.starts_with(top) {
        Ok(real)
    } else {
        Err(Ended::Failed(format!("{name} lies outside the source")))
    }
}
