//! The watcher's family: bases that moved, sweeps and their receipts, edges of the graph.

use crate::time::Timestamp;
use refloat_oci::{Digest, RegistryHost, RepositoryName};
use serde::{Deserialize, Serialize};

/// What made the server look at a base when it saw the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SeenBy {
    /// A push to this registry.
    Push,
    /// A sweep of the upstream.
    Sweep,
    /// A hint of a webhook.
    Hint,
    /// A person.
    Person,
}

/// How a dependent stands on its base (reference rules D3, D12 to D17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EdgeKind {
    /// The image's lower layers are the base's.
    Runtime,
    /// A stage that the result copies from, or a mount.
    Build,
    /// The Dockerfile's front end.
    Frontend,
    /// A trigger of the base.
    Onbuild,
    /// A named context.
    Context,
}

/// What an edge was learned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FoundBy {
    /// The task's Dockerfile.
    Task,
    /// Signed provenance.
    Provenance,
    /// The base annotations, verified by the layers.
    Annotation,
    /// The layers alone.
    Layers,
}

/// One platform of a base that moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformMove {
    /// `os/architecture[/variant]`.
    pub platform: String,
    /// The platform's manifest before; `None` if it is new.
    pub from: Option<Digest>,
    /// The platform's manifest now; `None` if it is gone.
    pub to: Option<Digest>,
}

/// What the watcher sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatchEvent {
    /// A reference is watched from now on; this is its baseline, which triggers nothing.
    #[serde(rename = "base.found")]
    BaseFound {
        /// `host/path:tag`; our own repositories have the server's host.
        reference: String,
        /// What it names.
        digest: Digest,
    },
    /// A reference names other images now.
    #[serde(rename = "base.moved")]
    BaseMoved {
        /// `host/path:tag`.
        reference: String,
        /// What it named.
        from: Digest,
        /// What it names.
        to: Digest,
        /// The platforms whose image changed.
        platforms: Vec<PlatformMove>,
        /// What made us look.
        seen_by: SeenBy,
    },
    /// A reference names another index, but no platform's image changed: nothing follows.
    #[serde(rename = "base.rewrapped")]
    BaseRewrapped {
        /// `host/path:tag`.
        reference: String,
        /// What it named.
        from: Digest,
        /// What it names.
        to: Digest,
        /// Why nothing follows.
        reason: String,
    },
    /// A reference is definitely absent upstream. Dependents stay as they are.
    #[serde(rename = "base.lost")]
    BaseLost {
        /// `host/path:tag`.
        reference: String,
        /// What it named.
        from: Digest,
    },
    /// The receipt of a sweep.
    #[serde(rename = "sweep.finished")]
    SweepFinished {
        /// The upstream document.
        upstream: String,
        /// When it began.
        started_at: Timestamp,
        /// References that had to answer.
        expected: u32,
        /// SHA-256 over the sorted expected references, a line each.
        expected_hash: Digest,
        /// SHA-256 over the sorted lines `reference digest|absent`.
        observed_hash: Digest,
        /// Answered with a digest.
        answered: u32,
        /// Answered with a definite absence.
        absent: u32,
        /// References without a definite answer, at most 50 of them.
        missing: Vec<String>,
        /// References without a definite answer, all of them.
        missing_count: u32,
        /// Everything before this instant has been seen; moves only when nothing is missing.
        verified_until: Option<Timestamp>,
    },
    /// An image stands on another.
    #[serde(rename = "edge.found")]
    EdgeFound {
        /// The dependent's registry; `None` is this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        registry: Option<RegistryHost>,
        /// The dependent's repository.
        repository: RepositoryName,
        /// The dependent.
        digest: Digest,
        /// How.
        kind: EdgeKind,
        /// The base as it is watched, `host/path:tag`, if that is known.
        base: Option<String>,
        /// The base it was made on.
        base_digest: Digest,
        /// What we learned it from.
        found_by: FoundBy,
    },
}

super::names!(WatchEvent {
    BaseFound = "base.found",
    BaseMoved = "base.moved",
    BaseRewrapped = "base.rewrapped",
    BaseLost = "base.lost",
    SweepFinished = "sweep.finished",
    EdgeFound = "edge.found",
});
