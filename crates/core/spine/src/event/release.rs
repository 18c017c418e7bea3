//! The family of releases: changes, what they do to environments, and holds.

use crate::id::{ChangeId, ReleaseId};
use refloat_oci::Digest;
use serde::{Deserialize, Serialize};

/// One image of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageChange {
    /// The path in the chart's values, for example `web.image`.
    pub path: String,
    /// The line, `REPO#RULE`.
    pub line: String,
    /// What the chart named; `None` if it named nothing we know.
    pub from: Option<Digest>,
    /// What it names.
    pub to: Digest,
    /// The tag that is written.
    pub tag: String,
}

/// What happens to changes and releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReleaseEvent {
    /// A new chart version or commit is stored whose bytes contain the new references.
    #[serde(rename = "change.made")]
    ChangeMade {
        /// The change.
        change: ChangeId,
        /// The release document.
        release: String,
        /// The images that moved; empty if only the chart did.
        images: Vec<ImageChange>,
        /// The chart as `host/path:version`, or the git repository and path.
        chart: String,
        /// The digest of the chart's manifest, where it is in a registry.
        chart_digest: Option<Digest>,
        /// The commit, where it is in git.
        commit: Option<String>,
    },
    /// The change could not be made.
    #[serde(rename = "change.failed")]
    ChangeFailed {
        /// The change.
        change: ChangeId,
        /// The release document.
        release: String,
        /// What went wrong.
        error: String,
    },
    /// An environment is being moved to a change.
    #[serde(rename = "release.started")]
    ReleaseStarted {
        /// This release.
        id: ReleaseId,
        /// The release document.
        release: String,
        /// The environment.
        environment: String,
        /// The change it brings.
        change: ChangeId,
        /// SHA-256 of the rendered manifest.
        manifest_digest: Digest,
    },
    /// The environment runs the change: applied, rolled out, ready.
    #[serde(rename = "release.deployed")]
    ReleaseDeployed {
        /// This release.
        id: ReleaseId,
        /// The release document.
        release: String,
        /// The environment.
        environment: String,
        /// The change it brought.
        change: ChangeId,
        /// Helm's revision, or the folder's counter.
        revision: u32,
        /// The images that run, by digest.
        images: Vec<Digest>,
    },
    /// The environment does not run the change.
    #[serde(rename = "release.failed")]
    ReleaseFailed {
        /// This release.
        id: ReleaseId,
        /// The release document.
        release: String,
        /// The environment.
        environment: String,
        /// The change it should have brought.
        change: ChangeId,
        /// What went wrong.
        error: String,
    },
}

super::names!(ReleaseEvent {
    ChangeMade = "change.made",
    ChangeFailed = "change.failed",
    ReleaseStarted = "release.started",
    ReleaseDeployed = "release.deployed",
    ReleaseFailed = "release.failed",
});
