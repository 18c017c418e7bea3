//! Tests of images that are rebased: nothing names what has not passed them, and whoever asks sees them.

use anyhow::{Context, Result, ensure};
use refloat_rig::wait;
use serde_json::Value;

use crate::workshop::{LONG, Workshop, can_build};

/// Points at which the server dies while a rebased image is on its way through its tests.
const POINTS: [&str; 9] = [
    "cascade.rebased",
    "run.requested",
    "cascade.tests_requested",
    "cascade.testing",
    "run.started",
    "run.finished",
    "cascade.publishing",
    "cascade.published",
    "run.settled",
];

impl Workshop {
    /// Builds an image without a task on the base, and pushes it.
    fn plain(&self, name: &str, dockerfile: &str) -> Result<()> {
        let text = format!("FROM {}\n{dockerfile}", self.base_reference());
        let folder = self.source(&format!("plain-{name}"), &[("Dockerfile", &text)])?;
        let tag = self.site.reach().reference(&format!("plain/{name}:1"));
        self.ok(&["build", &folder.to_string_lossy(), "-t", &tag])?;
        self.until_based(&format!("plain/{name}#"))
    }

    /// Waits until the base of a line is known.
    fn until_based(&self, line: &str) -> Result<()> {
        wait::until("a base that is known", LONG, || {
            let images = self.json(&["images"])?;
            let found = images.as_array().into_iter().flatten().any(|image| {
                let name = image["line"].as_str().unwrap_or_default();
                name.starts_with(line) && image["base"].is_object()
            });
            Ok(found.then_some(()))
        })
    }

    fn policy(&self, pattern: &str, patch: &str) -> Result<()> {
        let text = format!(
            "apiVersion: refloat/v1\nkind: RepositoryPolicy\nmatch: \"{pattern}\"\npatch: {patch}\n"
        );
        let file = self.site.folder().join("policy.yaml");
        std::fs::write(&file, text)?;
        self.ok(&["apply", "-f", &file.to_string_lossy()]).map(drop)
    }

    /// Moves the base; the cascade that follows, at its end.
    fn wave(&self, says: &str) -> Result<Value> {
        let digest = self.base(says)?;
        self.cascade_of(&digest)
    }

    /// The cascade of a base, at its end.
    fn cascade_of(&self, digest: &str) -> Result<Value> {
        let id = wait::until("the end of a cascade", LONG, || {
            let cascades = self.json(&["cascade", "list"])?;
            let found =
                cascades.as_array().into_iter().flatten().find(|cascade| {
                    cascade["base"]["new"] == digest && cascade["state"] == "finished"
                });
            Ok(found.and_then(|cascade| cascade["id"].as_str().map(str::to_owned)))
        })?;
        self.json(&["cascade", "show", &id])
    }

    fn events(&self, kind: &str) -> Result<Vec<Value>> {
        let page = self.json(&["events", "--type", kind])?;
        Ok(page["items"].as_array().cloned().unwrap_or_default())
    }
}

/// The node of a cascade whose line begins so.
fn node<'a>(cascade: &'a Value, line: &str) -> Result<&'a Value> {
    let nodes = cascade["nodes"].as_array().into_iter().flatten();
    nodes
        .into_iter()
        .find(|node| node["line"].as_str().unwrap_or_default().starts_with(line))
        .with_context(|| format!("no {line} in {cascade}"))
}

/// That a line was patched like this, and its tag names the result.
fn patched(workshop: &Workshop, cascade: &Value, line: &str, how: (&str, bool)) -> Result<()> {
    let node = node(cascade, &format!("{line}#"))?;
    ensure!(node["state"] == "published", "{line}: {node:#}");
    ensure!(node["method"] == how.0, "{line}: {node:#}");
    ensure!(node["tested"] == how.1, "{line}: {node:#}");
    let digest = workshop.tag(line, "1")?.context("its tag")?;
    let result = node["result"].as_str().unwrap_or_default();
    ensure!(result.ends_with(&digest), "{line}:1 is {digest}: {node:#}");
    Ok(())
}

#[test]
fn tests_decide_about_rebased_images_of_tasks() -> Result<()> {
    if !can_build()? {
        return Ok(());
    }
    let workshop = Workshop::open()?;
    let base = workshop.base_reference();
    let run = "RUN [\"busybox\", \"sh\", \"-c\", \"busybox cp /says /copy\"]\n";
    let passes = "tests: [{ run: [busybox, test, -e, /says] }]";
    // What was made of the base's old file is no longer what the base has: only a build makes it anew.
    let compares =
        "tests: [{ run: [busybox, echo, compared] }, { run: [busybox, cmp, /says, /copy] }]";
    let tasks = [
        ("copies", "COPY Dockerfile /d\n", passes),
        ("bare", "COPY Dockerfile /d\n", ""),
        ("commands", run, passes),
        ("unsure", run, ""),
        ("stale", run, compares),
    ];
    for (name, lines, tests) in tasks {
        let dockerfile = format!("FROM {base}\n{lines}");
        let source = workshop.source(name, &[("Dockerfile", &dockerfile)])?;
        workshop.task(
            name,
            &source,
            &format!("tags: {{ stable: [\"1\"] }}\n{tests}"),
        )?;
        workshop.ended(0, &["run", name, "--wait"])?;
    }
    for (name, ..) in tasks {
        workshop.until_based(&format!("apps/{name}#"))?;
    }
    let forecast = workshop.json(&["plan", "--base", &workshop.base_reference()])?;
    ensure!(forecast["nodes"].is_array(), "{forecast}");
    let cascade = workshop.wave("second")?;
    patched(&workshop, &cascade, "apps/copies", ("rebase", true))?;
    patched(&workshop, &cascade, "apps/bare", ("rebase", false))?;
    patched(&workshop, &cascade, "apps/commands", ("rebase", true))?;
    patched(&workshop, &cascade, "apps/unsure", ("rebuild", false))?;
    patched(&workshop, &cascade, "apps/stale", ("rebuild", true))?;
    because_of_its_tests(&workshop, "apps/copies:1", "tests passed")?;
    // The build was begun because the tests of the rebased image failed.
    because_of_its_tests(
        &workshop,
        "apps/stale:1",
        "failed at test: the test `busybox cmp",
    )?;
    let tests = workshop.events("patch.testing")?;
    ensure!(tests.len() == 3, "{tests:?}");
    workshop.ok(&["audit", "verify"]).map(drop)
}

/// That `why` follows recorded causes from an image to a run of tests, and on to the base.
fn because_of_its_tests(workshop: &Workshop, image: &str, says: &str) -> Result<()> {
    let reference = workshop.site.reach().reference(image);
    let causes = workshop.json(&["why", &reference])?;
    let all: Vec<&Value> = causes.as_array().into_iter().flatten().collect();
    for (kind, told) in [
        ("patch.published", ""),
        ("run.finished", says),
        ("run.requested", "tests of sha256:"),
        ("patch.judged", ""),
        ("base.moved", ""),
    ] {
        ensure!(
            all.iter().any(|cause| cause["type"] == kind
                && cause["detail"].as_str().unwrap_or_default().contains(told)),
            "{image}: no {kind} that says `{told}` in {causes:#}"
        );
    }
    ensure!(
        all.iter().all(|cause| cause["detail"] != "unknown"),
        "{causes:#}"
    );
    Ok(())
}

#[test]
fn a_policy_tests_images_without_a_task() -> Result<()> {
    if !can_build()? {
        return Ok(());
    }
    let workshop = Workshop::open()?;
    let run = "RUN [\"busybox\", \"touch\", \"/ran\"]\n";
    workshop.plain("good", run)?;
    workshop.plain("bad", "COPY Dockerfile /d\n")?;
    workshop.plain("strict", run)?;
    workshop.policy(
        "plain/good",
        "{ method: auto, allow: test, tests: [{ run: [busybox, test, -e, /ran] }] }",
    )?;
    workshop.policy(
        "plain/bad",
        "{ method: auto, tests: [{ run: [busybox, sh, -c, \"echo it is wrong; exit 3\"] }] }",
    )?;
    workshop.policy(
        "plain/strict",
        "{ method: auto, allow: proven, tests: [{ run: [busybox, \"true\"] }] }",
    )?;
    let before = workshop.tags("plain/bad")?;
    let cascade = workshop.wave("second")?;
    patched(&workshop, &cascade, "plain/good", ("rebase", true))?;
    let strict = node(&cascade, "plain/strict#")?;
    ensure!(strict["state"] == "held", "{strict:#}");
    let bad = node(&cascade, "plain/bad#")?;
    let reason = bad["reason"].as_str().unwrap_or_default();
    ensure!(bad["state"] == "failed", "{bad:#}");
    ensure!(reason.contains("ended with 3"), "{bad:#}");
    ensure!(
        workshop.tags("plain/bad")? == before,
        "a tag moved, or one came"
    );
    let run = bad["run"].as_str().context("no run")?;
    ensure!(reason.contains(run), "{bad:#}");
    let log = workshop.ok(&["logs", run])?;
    ensure!(log.contains("it is wrong"), "{log}");
    let id = cascade["id"].as_str().context("no id")?;
    workshop.ended(1, &["wait", id])?;

    // The policy is mended, the patch retried: it is tested anew.
    workshop.ok(&["cascade", "retry", id])?;
    let again = wait::until("the second end", LONG, || {
        let cascade = workshop.json(&["cascade", "show", id])?;
        let bad = node(&cascade, "plain/bad#")?;
        let is_new = bad["run"] != run && bad["state"] == "failed";
        Ok((is_new && cascade["state"] == "finished").then_some(cascade))
    })?;
    ensure!(
        workshop.tags("plain/bad")? == before,
        "a tag moved: {again:#}"
    );
    Ok(())
}

#[test]
fn a_rebased_image_is_tested_once_wherever_the_server_dies() -> Result<()> {
    if !can_build()? {
        return Ok(());
    }
    let mut workshop = Workshop::open()?;
    workshop.plain("tested", "COPY Dockerfile /d\n")?;
    workshop.policy(
        "plain/tested",
        "{ method: auto, tests: [{ run: [busybox, test, -e, /d] }] }",
    )?;
    for (number, point) in (1..).zip(POINTS) {
        let armed = vec![("REFLOAT_FAIL".to_owned(), format!("{point}=kill"))];
        workshop.site.server_mut().set_environment(armed);
        workshop.site.server_mut().stop()?;
        workshop.site.server_mut().restart()?;
        let digest = workshop.base(&format!("round {number}"))?;
        let died = workshop.site.server_mut().wait_for_exit(LONG);
        died.with_context(|| format!("{point} was never reached"))?;
        workshop.site.server_mut().set_environment(Vec::new());
        workshop.site.server_mut().restart()?;
        let cascade = workshop.cascade_of(&digest)?;
        patched(&workshop, &cascade, "plain/tested", ("rebase", true))
            .with_context(|| point.to_owned())?;
        let published = workshop.events("patch.published")?;
        ensure!(published.len() == number, "{point}: {published:?}");
        let runs = workshop.json(&["runs"])?;
        let runs = runs.as_array().map_or(0, Vec::len);
        ensure!(runs == number, "{point}: {runs} runs");
    }
    workshop.ok(&["audit", "verify"]).map(drop)
}
