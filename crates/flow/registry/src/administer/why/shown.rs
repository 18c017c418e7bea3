//! A record as the answer to "why" shows it: its subject, what was done, and the proof that nothing else was.

use refloat_core::event::{
    CascadeEvent, RegistryEvent, ReleaseEvent, RunEvent, RunOutcome, WatchEvent,
};
use refloat_core::{Event, RecordId, Recorded};
use refloat_oci::{RegistryHost, RepositoryName};
use serde_json::{Value, json};
use std::fmt;

/// What a record is about, as kind, name and digest.
struct Subject {
    kind: &'static str,
    name: String,
    digest: Option<String>,
}

impl Subject {
    fn new(kind: &'static str, name: impl fmt::Display, digest: Option<&dyn fmt::Display>) -> Self {
        Self {
            kind,
            name: format!("{name}"),
            digest: digest.map(ToString::to_string),
        }
    }
}

/// A record, with its actor as people call it.
pub(super) fn record(record: &Recorded, actor: &str) -> Value {
    let Some(event) = record.event() else {
        return unknown(&record.id);
    };
    let subject = subject(&event);
    let patch = match &event {
        Event::Cascade(CascadeEvent::PatchPublished {
            method,
            packages,
            packages_count,
            proof,
            tested,
            ..
        }) => {
            json!({ "method": method, "packages": packages, "packages_count": packages_count, "proof": proof, "tested": tested })
        }
        Event::Cascade(CascadeEvent::PatchJudged {
            method,
            verdict,
            reasons,
            ..
        }) => {
            json!({ "method": method, "verdict": verdict, "reasons": reasons })
        }
        _ => json!({}),
    };
    let mut shown = json!({
        "id": record.id,
        "type": event.name(),
        "at": record.at,
        "actor": actor,
        "subject": { "kind": subject.kind, "name": subject.name, "digest": subject.digest },
        "method": Value::Null,
        "packages": [],
        "proof": Value::Null,
        "detail": detail(&event),
        "cascade": record.cascade,
        "causes": record.causes,
    });
    if let Value::Object(patch) = patch {
        for (key, value) in patch {
            shown[key.as_str()] = value;
        }
    }
    shown
}

/// A cause that is gone, or that the asker may not know.
pub(super) fn unknown(id: &RecordId) -> Value {
    json!({
        "id": id,
        "type": "unknown",
        "at": Value::Null,
        "actor": Value::Null,
        "subject": { "kind": "unknown", "name": "unknown", "digest": Value::Null },
        "method": Value::Null,
        "packages": [],
        "proof": Value::Null,
        "detail": "unknown",
        "causes": [],
    })
}

fn subject(event: &Event) -> Subject {
    match event {
        Event::Registry(event) => of_registry(event),
        Event::Watch(event) => of_watch(event),
        Event::Cascade(event) => of_cascade(event),
        Event::Run(RunEvent::RunFinished {
            run,
            outcome:
                RunOutcome::Succeeded { digest, .. }
                | RunOutcome::Passed {
                    candidate: digest, ..
                },
            ..
        }) => Subject::new("run", run, Some(digest)),
        Event::Run(RunEvent::RunRequested {
            run,
            candidate: Some(candidate),
            ..
        }) => Subject::new("run", run, Some(candidate)),
        Event::Run(
            RunEvent::RunRequested { run, .. }
            | RunEvent::RunStarted { run, .. }
            | RunEvent::RunFinished { run, .. },
        ) => Subject::new("run", run, None),
        Event::Release(event) => of_release(event),
        Event::Access(_) | Event::Audit(_) => Subject::new("server", event.name(), None),
    }
}

fn of_registry(event: &RegistryEvent) -> Subject {
    match event {
        RegistryEvent::TagMoved {
            repository,
            tag,
            to,
            ..
        } => Subject::new("tag", format_args!("{repository}:{tag}"), Some(to)),
        RegistryEvent::TagDeleted {
            repository,
            tag,
            from,
        } => Subject::new("tag", format_args!("{repository}:{tag}"), Some(from)),
        RegistryEvent::ManifestPushed {
            repository, digest, ..
        }
        | RegistryEvent::ManifestDeleted { repository, digest } => {
            Subject::new("image", repository, Some(digest))
        }
        RegistryEvent::UploadFinished {
            repository, digest, ..
        }
        | RegistryEvent::UploadMounted {
            repository, digest, ..
        }
        | RegistryEvent::UploadRemoved {
            repository, digest, ..
        } => Subject::new("blob", repository, Some(digest)),
        RegistryEvent::RepositoryCreated { repository }
        | RegistryEvent::RepositoryMoved { repository, .. } => {
            Subject::new("repository", repository, None)
        }
    }
}

fn of_watch(event: &WatchEvent) -> Subject {
    match event {
        WatchEvent::BaseFound { reference, digest } => {
            Subject::new("base", reference, Some(digest))
        }
        WatchEvent::BaseMoved { reference, to, .. }
        | WatchEvent::BaseRewrapped { reference, to, .. } => {
            Subject::new("base", reference, Some(to))
        }
        WatchEvent::BaseLost { reference, from } => Subject::new("base", reference, Some(from)),
        WatchEvent::SweepFinished { upstream, .. } => Subject::new("upstream", upstream, None),
        WatchEvent::EdgeFound {
            registry: Some(host),
            repository,
            digest,
            ..
        } => Subject::new("image", format_args!("{host}/{repository}"), Some(digest)),
        WatchEvent::EdgeFound {
            repository, digest, ..
        } => Subject::new("image", repository, Some(digest)),
    }
}

fn of_cascade(event: &CascadeEvent) -> Subject {
    match event {
        CascadeEvent::PlanMade { plan, .. } => Subject::new("plan", plan, None),
        CascadeEvent::CascadeStarted { cascade, .. }
        | CascadeEvent::CascadePaused { cascade }
        | CascadeEvent::CascadeResumed { cascade }
        | CascadeEvent::CascadeCancelled { cascade }
        | CascadeEvent::CascadeSuperseded { cascade, .. }
        | CascadeEvent::CascadeFinished { cascade, .. } => Subject::new("cascade", cascade, None),
        CascadeEvent::PatchJudged {
            registry,
            repository,
            line,
            image,
            ..
        } => Subject::new("image", Line(registry, repository, line), Some(image)),
        CascadeEvent::PatchPublished {
            registry,
            repository,
            line,
            to,
            ..
        }
        | CascadeEvent::PatchTesting {
            registry,
            repository,
            line,
            candidate: to,
            ..
        } => Subject::new("image", Line(registry, repository, line), Some(to)),
        CascadeEvent::PatchBuilding {
            registry,
            repository,
            line,
            ..
        }
        | CascadeEvent::PatchHeld {
            registry,
            repository,
            line,
            ..
        }
        | CascadeEvent::PatchSkipped {
            registry,
            repository,
            line,
            ..
        }
        | CascadeEvent::PatchFailed {
            registry,
            repository,
            line,
            ..
        } => Subject::new("image", Line(registry, repository, line), None),
    }
}

/// A line as people write it: `[HOST/]REPO#RULE`.
struct Line<'a>(&'a Option<RegistryHost>, &'a RepositoryName, &'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = self.0 {
            write!(formatter, "{host}/")?;
        }
        write!(formatter, "{}#{}", self.1, self.2)
    }
}

fn of_release(event: &ReleaseEvent) -> Subject {
    match event {
        ReleaseEvent::ChangeMade {
            chart,
            chart_digest,
            commit,
            ..
        } => {
            let digest = chart_digest.map(|digest| digest.to_string());
            let digest = digest.or_else(|| commit.clone());
            Subject::new(
                "chart",
                chart,
                digest.as_ref().map(|text| text as &dyn fmt::Display),
            )
        }
        ReleaseEvent::ChangeFailed { release, .. } => Subject::new("release", release, None),
        ReleaseEvent::ReleaseStarted {
            release,
            environment,
            ..
        }
        | ReleaseEvent::ReleaseDeployed {
            release,
            environment,
            ..
        }
        | ReleaseEvent::ReleaseFailed {
            release,
            environment,
            ..
        } => Subject::new("release", format_args!("{release}/{environment}"), None),
    }
}

/// One line for people.
fn detail(event: &Event) -> String {
    match event {
        Event::Watch(WatchEvent::BaseMoved { from, to, .. }) => {
            format!("moved from {from} to {to}")
        }
        Event::Watch(WatchEvent::SweepFinished {
            expected,
            answered,
            missing_count,
            ..
        }) => format!("{answered} of {expected} references answered, {missing_count} missing"),
        Event::Cascade(event) => of_patch(event),
        Event::Run(RunEvent::RunRequested {
            candidate: Some(candidate),
            ..
        }) => format!("tests of {candidate}"),
        Event::Run(RunEvent::RunRequested { task, commit, .. }) => format!(
            "task {task} at commit {}",
            commit.as_deref().unwrap_or("of its branch")
        ),
        Event::Run(RunEvent::RunStarted {
            commit, builder, ..
        }) if commit.is_empty() => format!("tests, by {builder}"),
        Event::Run(RunEvent::RunStarted {
            task,
            commit,
            builder,
            ..
        }) => format!("task {task} at commit {commit}, by {builder}"),
        Event::Run(RunEvent::RunFinished { outcome, .. }) => match outcome {
            RunOutcome::Succeeded { tested, .. } if *tested => "built, tests passed".to_owned(),
            RunOutcome::Succeeded { .. } => "built, untested".to_owned(),
            RunOutcome::Passed { tests, .. } => format!("tests passed: {tests}"),
            RunOutcome::Failed { step, error } => format!("failed at {step}: {error}"),
            RunOutcome::Cancelled { reason } => format!("cancelled: {reason}"),
        },
        Event::Release(ReleaseEvent::ChangeMade { images, .. }) => {
            let images: Vec<_> = images
                .iter()
                .map(|image| format!("{} = {}", image.path, image.tag))
                .collect();
            images.join(", ")
        }
        Event::Release(ReleaseEvent::ReleaseDeployed { revision, .. }) => {
            format!("deployed as revision {revision}")
        }
        Event::Release(
            ReleaseEvent::ReleaseFailed { error, .. } | ReleaseEvent::ChangeFailed { error, .. },
        ) => format!("failed: {error}"),
        Event::Registry(RegistryEvent::TagMoved { from, .. }) => from.map_or_else(
            || "tagged for the first time".to_owned(),
            |from| format!("moved from {from}"),
        ),
        Event::Registry(_)
        | Event::Access(_)
        | Event::Audit(_)
        | Event::Watch(_)
        | Event::Release(_) => String::new(),
    }
}

fn of_patch(event: &CascadeEvent) -> String {
    match event {
        CascadeEvent::PatchJudged { verdict, .. } => format!("verdict {verdict}"),
        CascadeEvent::PatchPublished {
            from,
            packages_count,
            tested,
            ..
        } => {
            let tested = if *tested { "tested" } else { "untested" };
            format!("in place of {from}, {packages_count} packages moved, {tested}")
        }
        CascadeEvent::PatchHeld { reason, .. } | CascadeEvent::PatchSkipped { reason, .. } => {
            reason.clone()
        }
        CascadeEvent::PatchFailed { error, .. } => format!("failed: {error}"),
        CascadeEvent::PlanMade { nodes, .. } => format!("reaches {nodes} images"),
        CascadeEvent::CascadeFinished {
            published,
            held,
            skipped,
            failed,
            ..
        } => {
            format!("{published} published, {held} held, {skipped} skipped, {failed} failed")
        }
        CascadeEvent::CascadeSuperseded { by, .. } => format!("superseded by {by}"),
        CascadeEvent::CascadeStarted { .. }
        | CascadeEvent::CascadePaused { .. }
        | CascadeEvent::CascadeResumed { .. }
        | CascadeEvent::CascadeCancelled { .. }
        | CascadeEvent::PatchBuilding { .. }
        | CascadeEvent::PatchTesting { .. } => String::new(),
    }
}
