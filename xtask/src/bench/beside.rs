//! Ours beside `crane rebase`: the same images in the same registry, one command each, in turns.

use super::dependents::Estate;
use anyhow::{Context, Result};
use refloat_rig::Tool;
use refloat_rig::run;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Rebases `count` images by each and gives the rows of the table.
///
/// crane compares digests of layers only; ours also looks into them, merges the configurations, writes a provenance and
/// reads the result again.
pub fn crane(program: &Path, count: usize) -> Result<String> {
    refloat_rig::tools::ensure(&[Tool::Crane])?;
    let crane = Tool::Crane.path()?;
    // Nothing moves by itself: the new base has a name of its own.
    let estate = Estate::make(program, count)?;
    estate.push_new_base()?;
    let home = tempfile::tempdir()?;
    estate.sign_in(&crane, home.path())?;
    let (mut ours, mut theirs) = (Duration::ZERO, Duration::ZERO);
    for image in estate.references() {
        let (old, new) = (estate.base("1"), estate.base("2"));
        let start = Instant::now();
        let to = format!("{image}-ours");
        let tag = to.rsplit_once(':').context("a tag")?.1;
        estate.refloat(&[
            "rebase",
            &image,
            "--onto",
            &new,
            "--old-base",
            &old,
            "--tag",
            tag,
            "--quiet",
        ])?;
        ours += start.elapsed();
        let start = Instant::now();
        run::checked(
            Command::new(&crane)
                .args(["rebase", "--insecure", &image])
                .args(["--old_base", &old, "--new_base", &new])
                .args(["--tag", &format!("{image}-crane")])
                .env("HOME", home.path())
                .env("DOCKER_CONFIG", home.path()),
        )?;
        theirs += start.elapsed();
    }
    let each = |all: Duration| {
        all.as_secs_f64() * 1000.0 / f64::from(u32::try_from(count).unwrap_or(u32::MAX))
    };
    Ok(format!(
        "| {count} images, one command each: `refloat rebase` | {:.1} ms each |\n\
         | `crane rebase` on the same | {:.1} ms each, {:.2} of ours |\n",
        each(ours),
        each(theirs),
        theirs.as_secs_f64() / ours.as_secs_f64(),
    ))
}
