//! The log as it happens, told to whoever watches the demo: each step with the time and with its cause.

use super::stage::{Stage, print};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::BufReader;
use std::time::{Duration, Instant};

/// Types that are told.
const TOLD: [&str; 13] = [
    "base.moved",
    "plan.made",
    "cascade.started",
    "patch.judged",
    "patch.building",
    "patch.published",
    "patch.skipped",
    "patch.held",
    "patch.failed",
    "change.made",
    "release.deployed",
    "cascade.finished",
    "release.failed",
];

/// What the demo waits for: this release document, in its last environment.
const RELEASE: &str = "shop";
const ENVIRONMENT: &str = "production";

/// Where in the log the story begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    /// With the first release.
    FirstRelease,
    /// With the base that moves.
    BaseMoved,
}

/// Follows the log from its start and tells it from the beginning on, until production runs what came of it.
pub(super) fn until_released(stage: &Stage, from: Beginning, patience: Duration) -> Result<()> {
    let deadline = Instant::now() + patience;
    let mut follower = stage.follow("refloat events --follow -o json")?;
    let lines = follower.stdout.take().context("the log has no output")?;
    let told = tell(stage, BufReader::new(lines), from, deadline);
    let _ = follower.kill();
    let _ = follower.wait();
    told
}

fn tell(
    stage: &Stage,
    lines: impl std::io::BufRead + Send + 'static,
    from: Beginning,
    deadline: Instant,
) -> Result<()> {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in lines.lines().map_while(std::result::Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    let mut types: BTreeMap<String, String> = BTreeMap::new();
    let mut begun = false;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(line) = receive.recv_timeout(left) else {
            bail!(
                "`{RELEASE}` did not reach {ENVIRONMENT} in time; see `refloat cascade list` and the servers' logs"
            );
        };
        let Ok(event) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (id, kind) = (text(&event["id"]), text(&event["type"]));
        begun |= match from {
            Beginning::FirstRelease => kind.starts_with("change.") || kind.starts_with("release."),
            Beginning::BaseMoved => kind == "base.moved",
        };
        let cause = event["causes"][0].as_str().and_then(|id| types.get(id));
        if begun && TOLD.contains(&kind.as_str()) {
            print(&sentence(stage, &event, cause));
        }
        types.insert(id, subject_line(&event));
        if begun && is_end(&event)? {
            return Ok(());
        }
    }
}

/// Whether production runs it now.
fn is_end(event: &Value) -> Result<bool> {
    let data = &event["data"];
    match event["type"].as_str().unwrap_or_default() {
        "release.deployed" => Ok(data["release"] == RELEASE && data["environment"] == ENVIRONMENT),
        "release.failed" => bail!("a release failed: {}", data["error"]),
        "change.failed" => bail!("a change failed: {}", data["error"]),
        "patch.failed" => bail!("a patch failed: {}", data["error"]),
        _ => Ok(false),
    }
}

/// `12:03:04  patch.published  apps/web  rebase, tag 1-p1     <- patch.judged apps/web`
fn sentence(stage: &Stage, event: &Value, cause: Option<&String>) -> String {
    let at: String = event["at"]
        .as_str()
        .unwrap_or_default()
        .chars()
        .skip(11)
        .take(8)
        .collect();
    let line = subject_line(event);
    let detail = detail(event);
    let cause = cause.map_or_else(String::new, |cause| {
        stage.painted("2", &format!("   <- {cause}"))
    });
    format!("  {at}  {line}{detail}{cause}\n")
}

fn subject_line(event: &Value) -> String {
    let data = &event["data"];
    let keys = [
        "repository",
        "reference",
        "upstream",
        "release",
        "environment",
        "task",
    ];
    let subject: Vec<_> = keys.iter().filter_map(|key| data[*key].as_str()).collect();
    let subject = subject.join("/");
    format!("{} {subject}", event["type"].as_str().unwrap_or_default())
}

fn detail(event: &Value) -> String {
    let data = &event["data"];
    let text = |key: &str| data[key].as_str().unwrap_or_default().to_owned();
    let short = |key: &str| text(key).chars().take(19).collect::<String>();
    let detail = match event["type"].as_str().unwrap_or_default() {
        "base.moved" => format!("{} -> {}", short("from"), short("to")),
        "plan.made" => format!("reaches {} images", data["nodes"]),
        "patch.judged" => {
            let reasons: Vec<_> = data["reasons"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .take(3)
                .collect();
            format!(
                "{} {} -> {}",
                text("verdict"),
                reasons.join(" "),
                text("method")
            )
        }
        "patch.published" => format!(
            "{}, tag {}, {} packages moved",
            text("method"),
            text("tag"),
            data["packages_count"]
        ),
        "patch.skipped" | "patch.held" => text("reason"),
        "patch.failed" | "release.failed" => text("error"),
        "change.made" => text("chart"),
        "release.deployed" => format!("revision {}", data["revision"]),
        "cascade.finished" => format!(
            "{} published, {} skipped, {} held, {} failed",
            data["published"], data["skipped"], data["held"], data["failed"]
        ),
        _ => String::new(),
    };
    if detail.is_empty() {
        detail
    } else {
        format!("  {detail}")
    }
}
