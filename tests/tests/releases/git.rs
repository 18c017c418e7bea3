//! A chart in git: a change is a commit of exactly these lines.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use refloat_rig::{Tool, require, run};

use crate::shop::{FOLDERS, Shop};

fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .args(["-c", "user.name=team", "-c", "user.email=team@localhost"])
        .args(arguments);
    run::stdout(&mut command)
}

#[test]
fn a_moved_line_becomes_a_commit() -> Result<()> {
    if !require(&[Tool::Git])? {
        return Ok(());
    }
    let shop = Shop::open()?;
    let work = shop.site.folder().join("work");
    std::fs::create_dir_all(&work)?;
    git(&work, &["init", "--quiet", "-b", "main"])?;
    let copied = run::checked(
        Command::new("cp")
            .arg("-r")
            .arg(shop.chart_folder())
            .arg(work.join("chart")),
    );
    copied?;
    git(&work, &["add", "."])?;
    git(&work, &["commit", "--quiet", "-m", "The chart"])?;
    let bare = shop.site.folder().join("charts.git");
    let (from, to) = (work.display().to_string(), bare.display().to_string());
    git(&work, &["clone", "--quiet", "--bare", &from, &to])?;

    shop.release(
        &format!("source: {{ git: \"{to}\", branch: main, path: chart, write: commit }}"),
        FOLDERS,
    )?;
    let everywhere = |status: &serde_json::Value| {
        let all = crate::shop::environments(status);
        !all.is_empty()
            && all.iter().all(|(_, newest)| {
                newest["status"] == "deployed" && newest["change"] == status["change"]["id"]
            })
    };
    shop.until("the first change", everywhere)?;
    let first = git(&bare, &["rev-parse", "main"])?;
    shop.moved("apps/api", "build-3", 7)?;
    shop.until("the second change", |status| {
        everywhere(status) && git(&bare, &["rev-parse", "main"]).is_ok_and(|head| head != first)
    })?;
    let diff = git(&bare, &["diff", "--unified=0", &first, "main"])?;
    let moved: Vec<&str> = diff
        .lines()
        .filter(|line| {
            (line.starts_with('+') || line.starts_with('-'))
                && !line.starts_with("+++")
                && !line.starts_with("---")
        })
        .collect();
    ensure!(
        moved
            == [
                "-version: 1.0.0",
                "+version: 1.0.1",
                "-    tag: \"1\"",
                "+    tag: \"build-3\""
            ],
        "{diff}"
    );
    // What somebody who clones it gets.
    let clone = shop.site.folder().join("clone");
    git(
        &work,
        &["clone", "--quiet", &to, &clone.display().to_string()],
    )?;
    let values = std::fs::read_to_string(clone.join("chart/values.yaml"))?;
    ensure!(
        values.contains("apps/api\n    tag: \"build-3\"\n"),
        "{values}"
    );
    // Our own commit makes no further change.
    let count = git(&bare, &["rev-list", "--count", "main"])?;
    ensure!(count.trim() == "2", "{count} commits");
    Ok(())
}
