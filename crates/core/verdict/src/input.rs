//! What is judged.

use refloat_layer::LayerIndex;
use refloat_oci::Digest;
use std::sync::Arc;

/// One image of one platform, as far as judging needs it.
#[derive(Debug, Clone, Default)]
pub struct ImageFacts {
    /// The image's config, parsed.
    pub config: serde_json::Value,
    /// Indexes of its layers, lowest first. Fewer than `diff_ids` where a layer could not be read: never proven.
    pub layers: Vec<Arc<LayerIndex>>,
    /// `rootfs.diff_ids` of the config.
    pub diff_ids: Vec<Digest>,
    /// Media types of the layers, as the manifest has them; empty if not asked for.
    pub media_types: Vec<String>,
    /// Why a layer has no index: (position, words).
    pub unread: Vec<(usize, String)>,
    /// `rebasable=false` and the like may also stand in the manifest's annotations.
    pub annotations: Vec<(String, String)>,
}

/// A platform, as the index or config names it: `linux/amd64`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlatformName(pub String);

/// What only the graph and the policy know; the defaults say "nothing known against it".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GraphFacts {
    /// G4: why the new base may not be used by policy.
    pub base_refused: Option<String>,
    /// G9: a BUILD or FRONTEND edge that moved too: (reference, old, new).
    pub moved_build_edges: Vec<(String, String, String)>,
    /// H24: other images that could be the old base just as well.
    pub other_bases: Vec<String>,
}

/// Everything that a verdict depends on.
#[derive(Debug, Clone, Default)]
pub struct JudgeInput {
    /// The base that the app stands on.
    pub old_base: ImageFacts,
    /// The base that it would stand on.
    pub new_base: ImageFacts,
    /// The app.
    pub app: ImageFacts,
    /// The platform that is judged.
    pub platform: PlatformName,
    /// What the graph and the policy know.
    pub graph: GraphFacts,
}
