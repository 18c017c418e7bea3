//! The server dies while a builder works: the next one picks the run up.

use anyhow::{Context, Result, ensure};

use crate::workshop::{Workshop, can_build};

#[test]
fn a_run_outlives_the_server() -> Result<()> {
    if !can_build()? {
        return Ok(());
    }
    let mut workshop = Workshop::open()?;
    let dockerfile = format!(
        "FROM {}\nRUN [\"busybox\", \"sleep\", \"6\"]\n",
        workshop.base_reference()
    );
    let source = workshop.source("lasting", &[("Dockerfile", &dockerfile)])?;
    workshop.task("lasting", &source, "tags: { stable: [\"1\"] }")?;
    let id = workshop.begin("lasting")?;
    workshop.until(&id, "the build", |run| run["step"] == "build")?;
    workshop.site.server_mut().kill()?;
    workshop.site.server_mut().restart()?;
    let run = workshop.settled(&id)?;
    ensure!(run["state"] == "succeeded", "{run}");
    let digest = run["digest"].as_str().context("no digest")?;
    ensure!(
        workshop.tag("apps/lasting", "1")?.as_deref() == Some(digest),
        "the stable tag"
    );
    let log = workshop.ok(&["logs", &id])?;
    ensure!(
        log.matches("refloat: checkout of").count() == 1,
        "it was built twice: {log}"
    );
    Ok(())
}

#[test]
fn a_run_is_made_once_wherever_the_server_dies() -> Result<()> {
    if !can_build()? {
        return Ok(());
    }
    let mut workshop = Workshop::open()?;
    let dockerfile = format!("FROM {}\nCOPY Dockerfile /d\n", workshop.base_reference());
    let source = workshop.source("points", &[("Dockerfile", &dockerfile)])?;
    for point in [
        "run.requested",
        "run.prepared",
        "run.started",
        "run.finished",
        "run.settled",
    ] {
        let task = point.replace('.', "-");
        workshop.task(&task, &source, "tags: { stable: [\"1\"] }")?;
        let armed = vec![("REFLOAT_FAIL".to_owned(), format!("{point}=kill"))];
        workshop.site.server_mut().set_environment(armed);
        workshop.site.server_mut().stop()?;
        workshop.site.server_mut().restart()?;
        // The answer may be lost with the server.
        let _ = refloat_rig::run::captured(&mut workshop.refloat(&["run", &task])?);
        workshop
            .site
            .server_mut()
            .wait_for_exit(crate::workshop::LONG)?;
        workshop.site.server_mut().set_environment(Vec::new());
        workshop.site.server_mut().restart()?;
        let runs = workshop.json(&["runs", "--task", &task])?;
        let all: Vec<_> = runs.as_array().cloned().unwrap_or_default();
        if point == "run.requested" {
            ensure!(all.len() <= 1, "{runs}");
        } else {
            ensure!(all.len() == 1, "{point}: {runs}");
        }
        let Some(run) = all.first() else { continue };
        let id = run["id"].as_str().context("no id")?;
        let run = workshop.settled(id)?;
        ensure!(run["state"] == "succeeded", "{point}: {run}");
        let digest = run["digest"].as_str().context("no digest")?;
        let tags = workshop.tags(&format!("apps/{task}"))?;
        ensure!(
            tags.len() == 2 && tags.iter().all(|(_, named)| named == digest),
            "{point}: {tags:?}"
        );
    }
    Ok(())
}
