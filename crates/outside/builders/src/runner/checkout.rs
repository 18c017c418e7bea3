//! The first step: the source at its commit, without a `.git` folder in the context.

use super::{Ended, Runner};
use crate::checkout::{Surroundings, address, is_commit};
use crate::folder::StoredSource;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the context and the Dockerfile lie.
pub(super) struct SourceTree {
    pub(super) context: PathBuf,
    pub(super) dockerfile: PathBuf,
}

impl Runner {
    pub(super) fn checkout(&mut self) -> Result<SourceTree, Ended> {
        match self.request.source.clone() {
            StoredSource::Git { git, commit } => {
                let top = self.clone_at(&git, &commit)?;
                let context = inside(&top, &top.join(&self.request.context))?;
                let dockerfile = inside(&top, &context.join(&self.request.dockerfile))?;
                Ok(SourceTree {
                    context,
                    dockerfile,
                })
            }
            StoredSource::Folder { folder } => {
                let context = Path::new(&folder).join(&self.request.context);
                Ok(SourceTree {
                    dockerfile: context.join(&self.request.dockerfile),
                    context,
                })
            }
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
        self.must(around.command(&["init", "--quiet", "--bare", "repository"]))?;
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
            self.must(around.command(&all))?;
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
