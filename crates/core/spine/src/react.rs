//! What follows from a record: commands, which the shell makes into jobs beside its cursor, each once per cause.

use crate::event::{
    AccessEvent, CascadeEvent, Event, RegistryEvent, ReleaseEvent, RunEvent, WatchEvent,
};
use crate::record::Recorded;

/// What the reaction depends on beside the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReactView {
    /// How long what nothing uses is kept, in seconds.
    pub gc_grace_seconds: i64,
}

/// What is to be done because of a record. The executor finds what to do it to in rows: a command only says where to look.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Command {
    /// Something may be garbage by then: collect.
    Collect {
        /// Not before this many seconds after the record.
        after_seconds: i64,
    },
    /// An image arrived: read its layers, find its base.
    Index {
        /// `repository@digest`.
        image: String,
    },
    /// A tag of our own moved: look at it as at any watched base.
    CheckTag {
        /// `repository:tag`.
        tag: String,
    },
    /// A base moved: see what it reaches.
    Plan {
        /// `host/path:tag`.
        reference: String,
    },
    /// Something about a cascade changed: see what is ready.
    Advance {
        /// The cascade.
        cascade: String,
    },
    /// A run ended: whoever waits for it goes on.
    RunEnded {
        /// The run.
        run: String,
    },
    /// Lines may have moved, a change or an environment came to its end: see which releases are due.
    Release {
        /// The repository whose line moved, or the release document's name behind `release/`; empty for all releases.
        subject: String,
    },
}

impl Command {
    /// The name that makes a job unique beside its cause and subject.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Collect { .. } => "collect",
            Self::Index { .. } => "index",
            Self::CheckTag { .. } => "check-tag",
            Self::Plan { .. } => "plan",
            Self::Advance { .. } => "advance",
            Self::RunEnded { .. } => "run-ended",
            Self::Release { .. } => "release",
        }
    }

    /// The kind of job, which says what executor takes it.
    pub fn job_kind(&self) -> &'static str {
        match self {
            Self::Collect { .. } => "gc",
            Self::Index { .. } => "index",
            Self::CheckTag { .. } => "check-tag",
            Self::Plan { .. } => "plan",
            Self::Advance { .. } | Self::RunEnded { .. } => "patch",
            Self::Release { .. } => "release",
        }
    }

    /// What it is to be done to.
    pub fn subject(&self) -> &str {
        match self {
            Self::Collect { .. } => "",
            Self::Index { image } => image,
            Self::CheckTag { tag } => tag,
            Self::Plan { reference } => reference,
            Self::Advance { cascade } => cascade,
            Self::RunEnded { run } => run,
            Self::Release { subject } => subject,
        }
    }

    /// Not before this many seconds after the record.
    pub fn after_seconds(&self) -> i64 {
        match self {
            Self::Collect { after_seconds } => *after_seconds,
            Self::Index { .. }
            | Self::CheckTag { .. }
            | Self::Plan { .. }
            | Self::Advance { .. }
            | Self::RunEnded { .. }
            | Self::Release { .. } => 0,
        }
    }
}

/// What follows from `recorded`. A record whose body has expired has had its consequences.
pub fn react(view: ReactView, recorded: &Recorded) -> Vec<Command> {
    match recorded.event() {
        Some(Event::Registry(event)) => react_to_registry(view, &event),
        Some(Event::Watch(event)) => react_to_watch(&event),
        Some(Event::Cascade(event)) => react_to_cascade(&event),
        Some(Event::Run(event)) => react_to_run(&event),
        Some(Event::Release(event)) => react_to_release(&event),
        Some(Event::Access(event)) => react_to_access(&event),
        Some(Event::Audit(_)) | None => Vec::new(),
    }
}

fn react_to_registry(view: ReactView, event: &RegistryEvent) -> Vec<Command> {
    let collect = Command::Collect {
        after_seconds: view.gc_grace_seconds,
    };
    match event {
        RegistryEvent::ManifestDeleted { .. } | RegistryEvent::UploadRemoved { .. } => {
            vec![collect]
        }
        RegistryEvent::ManifestPushed {
            repository, digest, ..
        } => vec![Command::Index {
            image: format!("{repository}@{digest}"),
        }],
        RegistryEvent::TagMoved {
            repository, tag, ..
        } => vec![
            Command::CheckTag {
                tag: format!("{repository}:{tag}"),
            },
            Command::Release {
                subject: repository.to_string(),
            },
        ],
        RegistryEvent::RepositoryCreated { .. }
        | RegistryEvent::RepositoryMoved { .. }
        | RegistryEvent::TagDeleted { .. }
        | RegistryEvent::UploadFinished { .. }
        | RegistryEvent::UploadMounted { .. } => Vec::new(),
    }
}

fn react_to_access(event: &AccessEvent) -> Vec<Command> {
    if let AccessEvent::DocumentApplied { kind, name, .. } = event
        && kind == "Release"
    {
        return vec![Command::Release {
            subject: format!("release/{name}"),
        }];
    }
    Vec::new()
}

fn react_to_watch(event: &WatchEvent) -> Vec<Command> {
    match event {
        WatchEvent::BaseMoved { reference, .. } => {
            let plan = Command::Plan {
                reference: reference.clone(),
            };
            [Some(plan), release_of(reference)]
                .into_iter()
                .flatten()
                .collect()
        }
        WatchEvent::BaseFound { reference, .. } => release_of(reference).into_iter().collect(),
        WatchEvent::BaseRewrapped { .. }
        | WatchEvent::BaseLost { .. }
        | WatchEvent::SweepFinished { .. }
        | WatchEvent::EdgeFound { .. } => Vec::new(),
    }
}

/// A watched tag may be the line of a release, too: one of a foreign registry tells nobody else.
fn release_of(reference: &str) -> Option<Command> {
    let named = refloat_oci::Reference::parse(reference, None).ok()?;
    Some(Command::Release {
        subject: named.repository.to_string(),
    })
}

fn react_to_cascade(event: &CascadeEvent) -> Vec<Command> {
    let advance = |cascade: &crate::CascadeId| Command::Advance {
        cascade: cascade.to_string(),
    };
    match event {
        CascadeEvent::CascadeStarted { cascade, .. }
        | CascadeEvent::CascadeResumed { cascade }
        | CascadeEvent::PatchJudged { cascade, .. } => vec![advance(cascade)],
        // Whatever its end: a release may have waited for this image.
        CascadeEvent::PatchHeld {
            cascade,
            repository,
            ..
        }
        | CascadeEvent::PatchSkipped {
            cascade,
            repository,
            ..
        }
        | CascadeEvent::PatchFailed {
            cascade,
            repository,
            ..
        }
        | CascadeEvent::PatchPublished {
            cascade,
            repository,
            ..
        } => vec![
            advance(cascade),
            Command::Release {
                subject: repository.to_string(),
            },
        ],
        // Releases that waited for any of its images go on.
        CascadeEvent::CascadeFinished { .. }
        | CascadeEvent::CascadeCancelled { .. }
        | CascadeEvent::CascadeSuperseded { .. } => vec![Command::Release {
            subject: String::new(),
        }],
        CascadeEvent::PlanMade { .. }
        | CascadeEvent::CascadePaused { .. }
        | CascadeEvent::PatchBuilding { .. }
        | CascadeEvent::PatchTesting { .. } => Vec::new(),
    }
}

fn react_to_run(event: &RunEvent) -> Vec<Command> {
    match event {
        RunEvent::RunFinished { run, .. } => vec![Command::RunEnded {
            run: run.to_string(),
        }],
        RunEvent::RunRequested { .. } | RunEvent::RunStarted { .. } => Vec::new(),
    }
}

fn react_to_release(event: &ReleaseEvent) -> Vec<Command> {
    match event {
        ReleaseEvent::ChangeMade { release, .. }
        | ReleaseEvent::ReleaseDeployed { release, .. }
        | ReleaseEvent::ReleaseFailed { release, .. } => vec![Command::Release {
            subject: format!("release/{release}"),
        }],
        ReleaseEvent::ChangeFailed { .. } | ReleaseEvent::ReleaseStarted { .. } => Vec::new(),
    }
}
