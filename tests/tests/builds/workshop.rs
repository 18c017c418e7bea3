//! A server, a git repository with a task on it, and a base: everything a build needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use refloat_rig::{Tool, require, run, wait};
use refloat_tests::site::{Account, Site, Wire};
use serde_json::Value;

/// How long anything may take on a machine that has other work.
pub const LONG: Duration = Duration::from_mins(3);

/// A server and a folder of sources.
pub struct Workshop {
    pub site: Site,
    pub admin: Account,
    sources: PathBuf,
}

/// Whether this machine can build; otherwise the test says so and ends.
pub fn can_build() -> Result<bool> {
    require(&[Tool::Buildah, Tool::Busybox])
}

impl Workshop {
    /// A server with the base `team/base:1`: busybox and a file that says `first`.
    pub fn open() -> Result<Self> {
        let site = Site::start(Wire::Http)?;
        let admin = site.admin()?;
        let sources = site.folder().join("sources");
        fs::create_dir_all(&sources)?;
        let workshop = Self {
            site,
            admin,
            sources,
        };
        workshop.base("first")?;
        Ok(workshop)
    }

    /// Builds the base and pushes it by `refloat build`; its digest.
    pub fn base(&self, says: &str) -> Result<String> {
        let folder = self.sources.join("base");
        fs::create_dir_all(&folder)?;
        fs::copy(Tool::Busybox.path()?, folder.join("busybox"))?;
        fs::write(folder.join("says"), says)?;
        fs::write(
            folder.join("Dockerfile"),
            "FROM scratch\nCOPY busybox /bin/busybox\nCOPY says /says\nENV PATH=/bin\n",
        )?;
        let tag = self.site.reach().reference("team/base:1");
        let built = self.json(&["build", &folder.to_string_lossy(), "-t", &tag])?;
        Ok(built["digest"].as_str().context("no digest")?.to_owned())
    }

    /// Writes the files of a repository and commits them; its path.
    pub fn source(&self, name: &str, files: &[(&str, &str)]) -> Result<PathBuf> {
        let folder = self.sources.join(name);
        fs::create_dir_all(&folder)?;
        if !folder.join(".git").exists() {
            git(&folder, &["init", "--quiet", "-b", "main"])?;
        }
        for (path, text) in files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().context("a file has a folder")?)?;
            fs::write(path, text)?;
        }
        git(&folder, &["add", "."])?;
        git(&folder, &["commit", "--quiet", "-m", "a version"])?;
        Ok(folder)
    }

    /// Applies a task of this name over that source; `more` are further lines of its document.
    pub fn task(&self, name: &str, source: &Path, more: &str) -> Result<()> {
        let text = format!(
            "apiVersion: refloat/v1\nkind: Task\nname: {name}\nimage: apps/{name}\n\
             source: {{ git: \"{}\", branch: main }}\n{more}\n",
            source.display()
        );
        let file = self.sources.join(format!("{name}.yaml"));
        fs::write(&file, text)?;
        self.ok(&["apply", "-f", &file.to_string_lossy()]).map(drop)
    }

    /// A `FROM` line's reference to the base.
    pub fn base_reference(&self) -> String {
        self.site.reach().reference("team/base:1")
    }

    pub fn refloat(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = self.site.refloat(&self.admin)?;
        command.args(arguments);
        Ok(command)
    }

    /// Runs a verb that must succeed; what it said.
    pub fn ok(&self, arguments: &[&str]) -> Result<String> {
        run::stdout(&mut self.refloat(arguments)?)
    }

    /// Runs a verb that must succeed with JSON.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let text = self.ok(&[arguments, &["-o", "json"]].concat())?;
        serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"))
    }

    /// Runs a verb that must end with `code`; both of its outputs.
    pub fn ended(&self, code: i32, arguments: &[&str]) -> Result<String> {
        let output = run::captured(&mut self.refloat(arguments)?)?;
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        ensure!(
            output.status.code() == Some(code),
            "{arguments:?} ended with {:?}: {said}",
            output.status.code()
        );
        Ok(said)
    }

    /// Begins a run; its id.
    pub fn begin(&self, task: &str) -> Result<String> {
        let begun = self.json(&["run", task])?;
        Ok(begun["id"].as_str().context("no id")?.to_owned())
    }

    /// The run of this id as the list has it.
    pub fn run(&self, id: &str) -> Result<Value> {
        let runs = self.json(&["runs"])?;
        let found = runs
            .as_array()
            .into_iter()
            .flatten()
            .find(|run| run["id"] == id);
        found.cloned().with_context(|| format!("no {id} in {runs}"))
    }

    /// Waits until the run is what `check` says.
    pub fn until(&self, id: &str, what: &str, check: impl Fn(&Value) -> bool) -> Result<Value> {
        wait::until(what, LONG, || {
            let run = self.run(id)?;
            Ok(check(&run).then_some(run))
        })
    }

    /// Waits until the run has its end and everything after it.
    pub fn settled(&self, id: &str) -> Result<Value> {
        self.until(id, "the end of a run", |run| run["settled"] == true)
    }

    /// The tags of a repository with their digests; empty if it is not there.
    pub fn tags(&self, repository: &str) -> Result<Vec<(String, String)>> {
        let output = run::captured(&mut self.refloat(&["tags", repository, "-o", "json"])?)?;
        if output.status.code() == Some(4) {
            return Ok(Vec::new());
        }
        let tags: Value = serde_json::from_slice(&output.stdout)?;
        let pair = |tag: &Value| {
            let text = |key: &str| tag[key].as_str().unwrap_or_default().to_owned();
            (text("name"), text("digest"))
        };
        Ok(tags.as_array().into_iter().flatten().map(pair).collect())
    }

    /// What a tag names.
    pub fn tag(&self, repository: &str, tag: &str) -> Result<Option<String>> {
        let tags = self.tags(repository)?;
        Ok(tags
            .into_iter()
            .find(|(name, _)| name == tag)
            .map(|(_, digest)| digest))
    }
}

pub fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .args(["-c", "user.name=team", "-c", "user.email=team@localhost"])
        .args(arguments);
    Ok(run::stdout(&mut command)?.trim().to_owned())
}
