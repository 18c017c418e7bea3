//! A demo that cannot begin, one without a builder, and one that is stopped: a clear word, and nothing that stays.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use refloat_rig::process::Running;
use refloat_rig::run;
use refloat_rig::server::binary;
use refloat_tests::demo::Demo;

use crate::can_play;

const STARTED_MAX: Duration = Duration::from_mins(1);

/// A folder of programs in which only these are.
fn programs(folder: &Path, names: &[&str]) -> Result<()> {
    for name in names {
        let path = run::stdout(Command::new("sh").args(["-c", &format!("command -v {name}")]))?;
        symlink(path.trim(), folder.join(name))?;
    }
    Ok(())
}

#[test]
fn what_is_missing_and_cannot_be_installed_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let output = run::captured(
        Command::new(binary()?)
            .arg("demo")
            .env("PATH", folder.path())
            .current_dir(folder.path()),
    )?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(1), "{said}");
    ensure!(
        said.contains("mmdebstrap buildah git") && said.contains("apt-get install"),
        "{said}"
    );
    Ok(())
}

#[test]
fn without_a_builder_a_rebase_is_shown() -> Result<()> {
    if !can_play(&[])? {
        return Ok(());
    }
    let bin = tempfile::tempdir()?;
    let path = std::env::var_os("PATH").context("there is no PATH")?;
    for folder in std::env::split_paths(&path).filter(|folder| folder.is_dir()) {
        for program in std::fs::read_dir(folder)? {
            let (name, program) = program.map(|one| (one.file_name(), one.path()))?;
            let link = bin.path().join(&name);
            // What installs is left out, too: it would bring the builder back.
            if name != "buildah" && name != "apt-get" && !link.exists() {
                symlink(program, link)?;
            }
        }
    }
    // mmdebstrap asks apt-get for packages; the demo looks for it on its own PATH.
    let mmdebstrap = run::stdout(Command::new("sh").args(["-c", "command -v mmdebstrap"]))?;
    let wrapped = bin.path().join("mmdebstrap");
    std::fs::remove_file(&wrapped)?;
    std::fs::write(
        &wrapped,
        format!(
            "#!/bin/sh\nPATH='{}' exec {} \"$@\"\n",
            path.display(),
            mmdebstrap.trim()
        ),
    )?;
    run::checked(Command::new("chmod").arg("755").arg(&wrapped))?;

    let demo = Demo::play(
        &binary()?,
        &[],
        &[("PATH", bin.path().display().to_string())],
    )?;
    let text = &demo.transcript.text;
    for said in ["not installed: buildah", "this shows a rebase alone"] {
        ensure!(text.contains(said), "`{said}` is not said:\n{text}");
    }
    let compared = demo
        .transcript
        .answer("refloat compare")
        .unwrap_or_default();
    ensure!(compared.contains("files     the same"), "{compared}");
    let rebased = demo
        .transcript
        .answer("--tag oci:patched:1")
        .unwrap_or_default();
    ensure!(rebased.contains("proven"), "{rebased}");
    let patched = std::fs::read_to_string(demo.folder().join("patched/index.json"))?;
    ensure!(
        patched.contains("org.opencontainers.image.ref.name"),
        "{patched}"
    );
    Ok(())
}

#[test]
fn a_demo_that_is_stopped_leaves_nothing() -> Result<()> {
    if !can_play(&[])? {
        return Ok(());
    }
    let place = tempfile::tempdir()?;
    let temporary = place.path().join("tmp");
    let bin = place.path().join("bin");
    std::fs::create_dir_all(&temporary)?;
    std::fs::create_dir_all(&bin)?;
    programs(
        &bin,
        &[
            "git", "buildah", "sh", "mkdir", "cat", "ln", "grep", "sleep", "timeout",
        ],
    )?;
    // A base that never gets ready.
    let slow = bin.join("mmdebstrap");
    std::fs::write(&slow, "#!/bin/sh\necho begun\nsleep 1000\n")?;
    run::checked(Command::new("chmod").arg("755").arg(&slow))?;

    let log = place.path().join("log");
    let mut command = Command::new(binary()?);
    command
        .arg("demo")
        .env("PATH", &bin)
        .env("TMPDIR", &temporary)
        .current_dir(place.path());
    let mut demo = Running::start("demo", &mut command, &log)?;
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    demo.wait_until("the base", STARTED_MAX, || {
        Ok(said().contains("\nbegun\n").then_some(()))
    })?;
    let folder = std::fs::read_dir(&temporary)?.next();
    let folder = folder.context("the demo has no folder")??.path();
    let pids = ["home", "upstream"].map(|name| {
        std::fs::read_to_string(folder.join(format!("{name}.pid"))).unwrap_or_default()
    });
    demo.terminate(STARTED_MAX)?;
    ensure!(said().contains("interrupted"), "{}", said());
    ensure!(!folder.exists(), "{} stays", folder.display());
    for pid in pids {
        let process = Path::new("/proc").join(pid.trim());
        ensure!(!pid.is_empty() && !process.exists(), "`{pid}` stays");
    }
    Ok(())
}
