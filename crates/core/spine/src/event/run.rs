//! The family of runs: what builders do: images of tasks, and tests of images that were made without a builder.

use crate::id::RunId;
use refloat_oci::{Digest, RepositoryName, TagName};
use serde::{Deserialize, Serialize};

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RunOutcome {
    /// The image is pushed under its unique tag, and its tests passed.
    Succeeded {
        /// The image.
        digest: Digest,
        /// Its unique tag.
        tag: TagName,
        /// Whether the task has tests.
        tested: bool,
    },
    /// Every test of an image that was there before the run ended with 0.
    Passed {
        /// The image.
        candidate: Digest,
        /// How many tests.
        tests: u32,
    },
    /// The builder, a test or the checkout failed.
    Failed {
        /// Which step: `checkout`, `build`, `push`, `test`.
        step: String,
        /// What it said last.
        error: String,
    },
    /// Somebody called it off, or its time was over.
    Cancelled {
        /// Why.
        reason: String,
    },
}

/// What happens to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunEvent {
    /// A build, or the tests of an image, are asked for; the inputs are fixed.
    #[serde(rename = "run.requested")]
    RunRequested {
        /// The run.
        run: RunId,
        /// The task; empty for tests of an image without one.
        task: String,
        /// Where its image goes, or lies.
        repository: RepositoryName,
        /// The commit that is built; `None` until the branch is resolved.
        commit: Option<String>,
        /// Bases by the reference that is written in the Dockerfile, each pinned to a digest.
        bases: Vec<(String, Digest)>,
        /// The image that is tested and not built; `None` is a build.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        candidate: Option<Digest>,
    },
    /// A runner has taken it.
    #[serde(rename = "run.started")]
    RunStarted {
        /// The run.
        run: RunId,
        /// The task.
        task: String,
        /// Where its image goes.
        repository: RepositoryName,
        /// The commit; empty for tests of an image.
        commit: String,
        /// The builder, and the isolation it found.
        builder: String,
    },
    /// It has its end.
    #[serde(rename = "run.finished")]
    RunFinished {
        /// The run.
        run: RunId,
        /// The task.
        task: String,
        /// Where its image goes.
        repository: RepositoryName,
        /// How it ended.
        outcome: RunOutcome,
    },
}

impl RunEvent {
    /// The repository its image goes to.
    pub fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::RunRequested { repository, .. }
            | Self::RunStarted { repository, .. }
            | Self::RunFinished { repository, .. } => Some(repository),
        }
    }
}

super::names!(RunEvent {
    RunRequested = "run.requested",
    RunStarted = "run.started",
    RunFinished = "run.finished",
});
