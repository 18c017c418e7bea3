//! Runs that do not end well: each says why, and no tag moves.

use anyhow::{Context, Result, ensure};

use crate::workshop::{Workshop, can_build};

/// Runs a task that must fail; its error.
fn fails(workshop: &Workshop, name: &str, files: &[(&str, &str)], more: &str) -> Result<String> {
    let source = workshop.source(name, files)?;
    let more = format!("tags: {{ stable: [\"1\"] }}\n{more}");
    workshop.task(name, &source, &more)?;
    workshop.ended(1, &["run", name, "--wait"])?;
    let runs = workshop.json(&["runs", "--task", name])?;
    let run = &runs[0];
    ensure!(run["state"] == "failed", "{run}");
    ensure!(
        workshop.tags(&format!("apps/{name}"))?.is_empty(),
        "{name} is tagged"
    );
    let step = run["step"].as_str().unwrap_or_default();
    Ok(format!(
        "{step}: {}",
        run["error"].as_str().context("no error")?
    ))
}

#[test]
fn what_fails_says_where_and_why() -> Result<()> {
    if !can_build()? {
        return Ok(());
    }
    let workshop = Workshop::open()?;
    let base = workshop.base_reference();
    let good = format!("FROM {base}\n");
    let cases = [
        (
            "broken",
            format!("FROM {base}\nRUN [\"busybox\", \"sh\", \"-c\", \"exit 9\"]\n"),
            "",
            "build: ",
        ),
        (
            "unparsed",
            format!("FROM {base}\nRUNN true\n"),
            "",
            "checkout: Dockerfile, line 2: `RUNN` is not an instruction",
        ),
        (
            "variable",
            "ARG BASE\nFROM ${BASE}\n".to_owned(),
            "",
            "line 2: `${BASE}`: the build argument BASE has no value",
        ),
        ("absent", format!("FROM {base}0\n"), "", "is not there"),
        (
            "untested",
            good.clone(),
            "tests: [{ run: [busybox, \"false\"] }]",
            "test: the test `busybox false` ended with 1",
        ),
        (
            "nofile",
            good.clone(),
            "tests: [{ run: [/no/such] }]",
            "test: the test `/no/such` ended with",
        ),
    ];
    for (name, dockerfile, more, expected) in cases {
        let error = fails(&workshop, name, &[("Dockerfile", &dockerfile)], more)?;
        ensure!(error.contains(expected), "{name}: {error}");
    }
    let error = fails(&workshop, "elsewhere", &[("other", "x")], "")?;
    ensure!(error.contains("`Dockerfile` is not in commit"), "{error}");
    Ok(())
}

#[test]
fn a_failing_test_leaves_the_tag_where_it_was() -> Result<()> {
    if !can_build()? {
        return Ok(());
    }
    let workshop = Workshop::open()?;
    let good = format!("FROM {}\nCOPY answer /answer\n", workshop.base_reference());
    let source = workshop.source("steady", &[("Dockerfile", &good), ("answer", "42\n")])?;
    workshop.task(
        "steady",
        &source,
        "tags: { stable: [\"1\"] }\ntests: [{ run: [busybox, grep, \"42\", /answer] }]",
    )?;
    workshop.ended(0, &["run", "steady", "--wait"])?;
    let before = workshop.tags("apps/steady")?;
    workshop.source("steady", &[("answer", "41\n")])?;
    workshop.ended(1, &["run", "steady", "--wait"])?;
    ensure!(
        workshop.tags("apps/steady")? == before,
        "a tag moved, or one came"
    );
    Ok(())
}

#[test]
fn a_base_with_triggers_is_refused_by_name() -> Result<()> {
    if !can_build()? {
        return Ok(());
    }
    let workshop = Workshop::open()?;
    let folder = workshop.source(
        "trigger",
        &[(
            "Dockerfile",
            &format!("FROM {}\nONBUILD RUN true\n", workshop.base_reference()),
        )],
    )?;
    let tag = workshop.site.reach().reference("team/trigger:1");
    workshop.ok(&["build", &folder.to_string_lossy(), "-t", &tag])?;
    let error = fails(
        &workshop,
        "child",
        &[("Dockerfile", &format!("# a comment\nFROM {tag}\n"))],
        "",
    )?;
    ensure!(
        error.contains("unsupported: ONBUILD in the base (line 2)"),
        "{error}"
    );
    Ok(())
}

#[test]
fn a_run_is_called_off_or_its_time_is_over() -> Result<()> {
    if !can_build()? {
        return Ok(());
    }
    let workshop = Workshop::open()?;
    let slow = format!(
        "FROM {}\nRUN [\"busybox\", \"sleep\", \"1000\"]\n",
        workshop.base_reference()
    );
    let source = workshop.source("slow", &[("Dockerfile", &slow)])?;
    workshop.task("slow", &source, "")?;
    let id = workshop.begin("slow")?;
    workshop.until(&id, "the build", |run| run["step"] == "build")?;
    workshop.ended(0, &["cancel", &id])?;
    let run = workshop.settled(&id)?;
    ensure!(run["state"] == "cancelled", "{run}");
    ensure!(run["error"] == "called off by admin", "{run}");
    workshop.ended(5, &["cancel", &id, "--detailed-exitcode"])?;

    workshop.task("slow", &source, "timeout: 3s")?;
    workshop.ended(1, &["run", "slow", "--wait"])?;
    let runs = workshop.json(&["runs", "--task", "slow"])?;
    let run = &runs[0];
    ensure!(run["error"] == "it took longer than 3 s", "{run}");
    ensure!(workshop.tags("apps/slow")?.is_empty(), "a tag came");
    Ok(())
}
