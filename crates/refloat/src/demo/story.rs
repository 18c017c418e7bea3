//! The log as it happens, told to whoever watches the demo: each step with the time and with its cause.
//!
//! A line in the background writes the log to a file; another waits for the end of the story in it. What is told
//! meanwhile is read from the same file.

use super::stage::{Stage, print};
use anyhow::{Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};
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

/// The file that the log is written to.
pub(super) const EVENTS: &str = "events.jsonl";

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

/// What has been read of the log.
#[derive(Debug, Default)]
pub(super) struct Log {
    read_bytes: u64,
    unfinished: String,
    /// What each record is about, by its id.
    subjects: BTreeMap<String, String>,
}

/// Tells the log from the beginning on, until production runs what came of it for the `times`th time.
pub(super) fn until_released(
    stage: &Stage,
    log: &mut Log,
    from: Beginning,
    times: u32,
    patience: Duration,
) -> Result<()> {
    let deadline = Instant::now() + patience;
    let line = format!(
        "until [ \"$(grep '\"release.deployed\"' {EVENTS} | grep -c '\"environment\":\"{ENVIRONMENT}\"')\" -ge {times} ]; do sleep 0.2; done"
    );
    let child = stage.begin(&line)?;
    let mut begun = false;
    stage.end(child, || {
        for event in log.news(stage)? {
            tell(stage, log, from, &mut begun, &event)?;
        }
        if Instant::now() > deadline {
            bail!(
                "`{RELEASE}` did not reach {ENVIRONMENT} in time; see `refloat cascade list` and the servers' logs"
            );
        }
        Ok(())
    })
}

impl Log {
    /// The records that were written since the last time.
    fn news(&mut self, stage: &Stage) -> Result<Vec<Value>> {
        let mut file = std::fs::File::open(stage.folder().join(EVENTS))?;
        file.seek(SeekFrom::Start(self.read_bytes))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        self.read_bytes += u64::try_from(bytes.len())?;
        self.unfinished.push_str(&String::from_utf8_lossy(&bytes));
        let mut news = Vec::new();
        while let Some((line, rest)) = self.unfinished.split_once('\n') {
            news.extend(serde_json::from_str(line).ok());
            self.unfinished = rest.to_owned();
        }
        Ok(news)
    }
}

fn tell(
    stage: &Stage,
    log: &mut Log,
    from: Beginning,
    begun: &mut bool,
    event: &Value,
) -> Result<()> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (id, kind) = (text(&event["id"]), text(&event["type"]));
    *begun |= match from {
        Beginning::FirstRelease => kind.starts_with("change.") || kind.starts_with("release."),
        Beginning::BaseMoved => kind == "base.moved",
    };
    let cause = event["causes"][0].as_str();
    let cause = cause.and_then(|id| log.subjects.get(id));
    if *begun && TOLD.contains(&kind.as_str()) {
        print(&sentence(stage, event, cause));
    }
    log.subjects.insert(id, subject_line(event));
    if *begun { failure(event) } else { Ok(()) }
}

/// What ends the demo early.
fn failure(event: &Value) -> Result<()> {
    let data = &event["data"];
    match event["type"].as_str().unwrap_or_default() {
        "release.failed" => bail!("a release failed: {}", data["error"]),
        "change.failed" => bail!("a change failed: {}", data["error"]),
        "patch.failed" => bail!("a patch failed: {}", data["error"]),
        _ => Ok(()),
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
            let words = [
                text("verdict"),
                reasons.join(" "),
                "->".to_owned(),
                text("method"),
            ];
            let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
            words.join(" ")
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
