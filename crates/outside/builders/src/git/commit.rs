//! A commit of changed files, pushed only if the branch is still where it was.

use super::{Asking, GIT_DIR, branch_name, failed};
use crate::checkout::{Trouble, said, trouble};
use refloat_ports::{GitError, NewCommit};

impl Asking {
    pub(super) fn commit(&self, new: &NewCommit) -> Result<String, GitError> {
        let branch = branch_name(&new.branch)?;
        let tip = self.resolve(&new.branch)?.ok_or_else(|| {
            GitError::Unknown(format!(
                "there is no branch `{}` in {}",
                new.branch, self.url
            ))
        })?;
        self.fetch(&new.parent)?;
        let tree = self.tree(new)?;
        if tip != new.parent {
            return if self.is_same(&tip, &tree, new)? {
                Ok(tip)
            } else {
                Err(moved(new))
            };
        }
        if self.text(
            &["rev-parse", &format!("{}^{{tree}}", new.parent)],
            Vec::new(),
        )? == tree
        {
            return Ok(tip);
        }
        let arguments = ["commit-tree", "-p", &new.parent, "-F", "-", &tree];
        let hash = self.text(&arguments, new.message.clone().into_bytes())?;
        let lease = format!("--force-with-lease={branch}:{}", new.parent);
        let what = format!("{hash}:{branch}");
        let push = [
            GIT_DIR,
            "push",
            "--quiet",
            "--no-verify",
            "--porcelain",
            &lease,
            "--end-of-options",
            &self.url,
            &what,
        ];
        let output = self
            .around
            .run(&push, Vec::new(), 64 * 1024)
            .map_err(failed)?;
        if output.status.success() {
            return Ok(hash);
        }
        // Somebody else may have been faster, or an answer got lost: the branch says which.
        match self.resolve(&new.branch)? {
            Some(tip) if tip == hash => Ok(hash),
            Some(tip) if tip != new.parent => Err(moved(new)),
            Some(_) | None => {
                if let unreachable @ Trouble::Unreachable(_) = trouble(&output) {
                    return Err(failed(unreachable));
                }
                let told = String::from_utf8_lossy(&output.stdout).into_owned();
                let refused = told.lines().find(|line| line.starts_with('!'));
                let text = refused.map_or_else(|| said(&output), str::to_owned);
                Err(GitError::Unknown(format!(
                    "the push was refused: {}",
                    text.replace('\t', " ")
                )))
            }
        }
    }

    /// The tree of the parent with the new files in it.
    fn tree(&self, new: &NewCommit) -> Result<String, GitError> {
        self.git(&["read-tree", &new.parent], Vec::new(), 4096)?;
        for (path, bytes) in &new.files {
            if path.is_empty()
                || path.starts_with('/')
                || path.split('/').any(|part| part == ".." || part == ".git")
            {
                return Err(GitError::Unknown(format!(
                    "`{path}` is no path in a repository"
                )));
            }
            let hash = self.text(&["hash-object", "-w", "--stdin"], bytes.clone())?;
            let known = self.text(
                &["ls-files", "--stage", "--", &format!(":(literal){path}")],
                Vec::new(),
            )?;
            let mode = match known.split(' ').next() {
                Some("100755") => "100755",
                Some("120000" | "160000") => {
                    return Err(GitError::Unknown(format!(
                        "`{path}` is a link or a submodule"
                    )));
                }
                Some(_) | None => "100644",
            };
            let entry = format!("{mode},{hash},{path}");
            self.git(
                &["update-index", "--add", "--cacheinfo", &entry],
                Vec::new(),
                4096,
            )?;
        }
        self.text(&["write-tree"], Vec::new())
    }

    /// Whether `tip` is what `new` would make: then it was made before.
    fn is_same(&self, tip: &str, tree: &str, new: &NewCommit) -> Result<bool, GitError> {
        let fetch = [
            "fetch",
            "--quiet",
            "--depth=2",
            "--no-tags",
            "--end-of-options",
            &self.url,
            tip,
        ];
        self.git(&fetch, Vec::new(), 4096)?;
        let body = self.git(&["cat-file", "commit", tip], Vec::new(), 1024 * 1024)?;
        let body = String::from_utf8_lossy(&body).into_owned();
        let (head, message) = body.split_once("\n\n").unwrap_or((&body, ""));
        let has = |line: &str| head.lines().any(|found| found == line);
        Ok(has(&format!("tree {tree}"))
            && has(&format!("parent {}", new.parent))
            && message.trim_end() == new.message.trim_end())
    }
}

fn moved(new: &NewCommit) -> GitError {
    GitError::Moved {
        branch: new.branch.clone(),
        expected: new.parent.clone(),
    }
}
