//! What follows from a record: commands, which the shell makes into jobs beside its cursor, each once per cause.

use crate::event::{Event, RegistryEvent};
use crate::record::Recorded;

/// What the reaction depends on beside the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReactView {
    /// How long what nothing uses is kept, in seconds.
    pub gc_grace_seconds: i64,
}

/// What is to be done because of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Something may be garbage by then: collect.
    Collect {
        /// Not before this many seconds after the record.
        after_seconds: i64,
    },
}

impl Command {
    /// The name that makes a job unique beside its cause.
    pub fn name(self) -> &'static str {
        match self {
            Self::Collect { .. } => "collect",
        }
    }
}

/// What follows from `recorded`. A record whose body has expired has had its consequences.
pub fn react(view: ReactView, recorded: &Recorded) -> Vec<Command> {
    match recorded.event() {
        Some(Event::Registry(event)) => react_to_registry(view, &event),
        Some(Event::Access(_) | Event::Audit(_)) | None => Vec::new(),
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
        RegistryEvent::RepositoryCreated { .. }
        | RegistryEvent::RepositoryMoved { .. }
        | RegistryEvent::ManifestPushed { .. }
        | RegistryEvent::TagMoved { .. }
        | RegistryEvent::TagDeleted { .. }
        | RegistryEvent::UploadFinished { .. }
        | RegistryEvent::UploadMounted { .. } => Vec::new(),
    }
}
