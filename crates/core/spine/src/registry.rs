//! Decisions of the registry: what a request changes, over the small view that the store loaded for it.
//!
//! Each `decide_*` answers with events or a [`Rejection`](crate::Rejection); the store applies them to its rows by
//! [`TagState::next`] and appends them to the log, in one transaction. Nothing here knows how rows look.
//!
//! ```text
//!   tag       Absent ── tag.moved ──► Names(digest) ── tag.moved ──► Names(other)
//!               ▲                         │
//!               └────── tag.deleted ──────┘
//! ```

mod blob;
mod immutable;
mod manifest;
mod tag;

pub use blob::{UploadView, decide_advance, decide_blob_delete, decide_finish, decide_mount};
pub use immutable::{ImmutableTags, RULE_MAX_BYTES, RULES_MAX, RulesError};
pub use manifest::{ManifestFacts, PutView, TAGS_PER_PUSH_MAX, decide_manifest_delete, decide_put};
pub use tag::{
    IllegalTransition, TagRules, TagState, TagView, decide_move, decide_undo, decide_untag,
};

#[cfg(test)]
mod tests;
