//! The cascade's family: plans, cascades and the patch of each image.

use crate::id::{CascadeId, PlanId, RunId};
use refloat_oci::{Digest, RegistryHost, RepositoryName, TagName};
use serde::{Deserialize, Serialize};

/// How an image is patched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Its base layers are swapped.
    Rebase,
    /// Its builder runs.
    Rebuild,
    /// A layer of updated packages goes on top.
    PackageLayer,
    /// It stays, and somebody has to look.
    Hold,
    /// It stays, since nothing of it changed.
    Skip,
}

/// A package that a patch moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageChange {
    /// `deb`, `apk`, `rpm`.
    pub r#type: String,
    /// Its name.
    pub name: String,
    /// The version before; `None` if it is new.
    pub old: Option<String>,
    /// The version now; `None` if it is gone.
    pub new: Option<String>,
}

/// Why the team's own code did not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Proof {
    /// Rebased: the layers above the base are the same, by their DiffIDs, lowest first.
    SameLayers {
        /// SHA-256 over the DiffIDs, a line each.
        hash: Digest,
        /// How many.
        layers: u32,
    },
    /// Rebuilt from the same commit.
    SameCommit {
        /// The commit's hash.
        commit: String,
    },
    /// Nothing proves it: for example the commit moved too.
    None {
        /// Why not.
        reason: String,
    },
}

/// What happens to plans, cascades and patches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CascadeEvent {
    /// A plan was computed and frozen.
    #[serde(rename = "plan.made")]
    PlanMade {
        /// Its id.
        plan: PlanId,
        /// SHA-256 of its text, explanation included.
        digest: Digest,
        /// The base that moves, `host/path:tag`.
        reference: String,
        /// From.
        from: Digest,
        /// To.
        to: Digest,
        /// How many images it reaches.
        nodes: u32,
    },
    /// The plan is carried out.
    #[serde(rename = "cascade.started")]
    CascadeStarted {
        /// The cascade.
        cascade: CascadeId,
        /// Its plan.
        plan: PlanId,
        /// The base that moved.
        reference: String,
        /// From.
        from: Digest,
        /// To.
        to: Digest,
    },
    /// A person stopped it for a while: what runs ends, nothing new begins.
    #[serde(rename = "cascade.paused")]
    CascadePaused {
        /// The cascade.
        cascade: CascadeId,
    },
    /// It goes on.
    #[serde(rename = "cascade.resumed")]
    CascadeResumed {
        /// The cascade.
        cascade: CascadeId,
    },
    /// A person ended it.
    #[serde(rename = "cascade.cancelled")]
    CascadeCancelled {
        /// The cascade.
        cascade: CascadeId,
    },
    /// A newer base took its place: what had not begun is done by the other.
    #[serde(rename = "cascade.superseded")]
    CascadeSuperseded {
        /// The cascade.
        cascade: CascadeId,
        /// The one that goes on.
        by: CascadeId,
    },
    /// Every image of it has its end.
    #[serde(rename = "cascade.finished")]
    CascadeFinished {
        /// The cascade.
        cascade: CascadeId,
        /// Images with a patch.
        published: u32,
        /// Images that wait for somebody.
        held: u32,
        /// Images that stay as they are.
        skipped: u32,
        /// Images whose patch failed.
        failed: u32,
    },
    /// An image is judged against its new base.
    #[serde(rename = "patch.judged")]
    PatchJudged {
        /// The cascade.
        cascade: CascadeId,
        /// The foreign registry; `None` is this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        registry: Option<RegistryHost>,
        /// Where.
        repository: RepositoryName,
        /// The line's rule.
        line: String,
        /// The image as it is.
        image: Digest,
        /// The base it would stand on.
        onto: Digest,
        /// `unchanged`, `proven`, `test`, `unsafe` or `blocked`.
        verdict: String,
        /// SHA-256 of the whole verdict.
        verdict_digest: Digest,
        /// The reason codes, worst first, at most 20.
        reasons: Vec<String>,
        /// What is done.
        method: Method,
    },
    /// A builder was asked for the patch.
    #[serde(rename = "patch.building")]
    PatchBuilding {
        /// The cascade.
        cascade: CascadeId,
        /// The foreign registry; `None` is this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        registry: Option<RegistryHost>,
        /// Where.
        repository: RepositoryName,
        /// The line's rule.
        line: String,
        /// The run.
        run: RunId,
    },
    /// The image is rebased, and its tests were asked for: nothing names it before they pass.
    #[serde(rename = "patch.testing")]
    PatchTesting {
        /// The cascade.
        cascade: CascadeId,
        /// The foreign registry; `None` is this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        registry: Option<RegistryHost>,
        /// Where.
        repository: RepositoryName,
        /// The line's rule.
        line: String,
        /// The rebased image.
        candidate: Digest,
        /// The run of its tests.
        run: RunId,
    },
    /// A patched image is there and its line names it.
    #[serde(rename = "patch.published")]
    PatchPublished {
        /// The cascade.
        cascade: CascadeId,
        /// The foreign registry; `None` is this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        registry: Option<RegistryHost>,
        /// Where.
        repository: RepositoryName,
        /// The line's rule.
        line: String,
        /// What the line named.
        from: Digest,
        /// What it names.
        to: Digest,
        /// The unique tag of the result.
        tag: TagName,
        /// How it was made.
        method: Method,
        /// What moved, at most 100 packages.
        packages: Vec<PackageChange>,
        /// How many packages moved.
        packages_count: u32,
        /// Why the team's own code did not change.
        proof: Proof,
        /// Whether tests passed: `false` is `untested`.
        tested: bool,
    },
    /// The image waits for somebody.
    #[serde(rename = "patch.held")]
    PatchHeld {
        /// The cascade.
        cascade: CascadeId,
        /// The foreign registry; `None` is this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        registry: Option<RegistryHost>,
        /// Where.
        repository: RepositoryName,
        /// The line's rule.
        line: String,
        /// On what, and what to do.
        reason: String,
    },
    /// The image stays as it is.
    #[serde(rename = "patch.skipped")]
    PatchSkipped {
        /// The cascade.
        cascade: CascadeId,
        /// The foreign registry; `None` is this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        registry: Option<RegistryHost>,
        /// Where.
        repository: RepositoryName,
        /// The line's rule.
        line: String,
        /// Why.
        reason: String,
    },
    /// The patch could not be made; `cascade retry` makes it again.
    #[serde(rename = "patch.failed")]
    PatchFailed {
        /// The cascade.
        cascade: CascadeId,
        /// The foreign registry; `None` is this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        registry: Option<RegistryHost>,
        /// Where.
        repository: RepositoryName,
        /// The line's rule.
        line: String,
        /// What went wrong.
        error: String,
    },
}

impl CascadeEvent {
    /// The repository of this registry it happened to, where it is about one.
    pub fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::PatchJudged {
                registry,
                repository,
                ..
            }
            | Self::PatchBuilding {
                registry,
                repository,
                ..
            }
            | Self::PatchTesting {
                registry,
                repository,
                ..
            }
            | Self::PatchPublished {
                registry,
                repository,
                ..
            }
            | Self::PatchHeld {
                registry,
                repository,
                ..
            }
            | Self::PatchSkipped {
                registry,
                repository,
                ..
            }
            | Self::PatchFailed {
                registry,
                repository,
                ..
            } => registry.is_none().then_some(repository),
            Self::PlanMade { .. }
            | Self::CascadeStarted { .. }
            | Self::CascadePaused { .. }
            | Self::CascadeResumed { .. }
            | Self::CascadeCancelled { .. }
            | Self::CascadeSuperseded { .. }
            | Self::CascadeFinished { .. } => None,
        }
    }
}

super::names!(CascadeEvent {
    PlanMade = "plan.made",
    CascadeStarted = "cascade.started",
    CascadePaused = "cascade.paused",
    CascadeResumed = "cascade.resumed",
    CascadeCancelled = "cascade.cancelled",
    CascadeSuperseded = "cascade.superseded",
    CascadeFinished = "cascade.finished",
    PatchJudged = "patch.judged",
    PatchBuilding = "patch.building",
    PatchTesting = "patch.testing",
    PatchPublished = "patch.published",
    PatchHeld = "patch.held",
    PatchSkipped = "patch.skipped",
    PatchFailed = "patch.failed",
});
