//! Tags: who may move one, and what may never move.

use super::ImmutableTags;
use crate::access::{Action, Actions};
use crate::event::RegistryEvent;
use crate::rejection::Rejection;
use refloat_oci::{Digest, RepositoryName, TagName};

/// Where a tag stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagState {
    /// There is no such tag.
    Absent,
    /// It names this manifest.
    Names(Digest),
}

/// An event that does not continue the state it was applied to: a bug, or a broken row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{event}` does not follow on {state:?}")]
pub struct IllegalTransition {
    /// The state.
    pub state: TagState,
    /// The event's type.
    pub event: &'static str,
}

impl TagState {
    /// The digest it names.
    pub fn digest(self) -> Option<Digest> {
        match self {
            Self::Absent => None,
            Self::Names(digest) => Some(digest),
        }
    }

    /// The state after `event`.
    ///
    /// # Errors
    /// [`IllegalTransition`] if the event was not decided on this state.
    pub fn next(&self, event: &RegistryEvent) -> Result<Self, IllegalTransition> {
        let illegal = || IllegalTransition {
            state: *self,
            event: event.name(),
        };
        match event {
            RegistryEvent::TagMoved { from, to, .. } if *from == self.digest() => {
                Ok(Self::Names(*to))
            }
            RegistryEvent::TagDeleted { from, .. } if Some(*from) == self.digest() => {
                Ok(Self::Absent)
            }
            _ => Err(illegal()),
        }
    }
}

/// A tag and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagView {
    /// The tag.
    pub tag: TagName,
    /// Where it stands.
    pub state: TagState,
}

/// What decides about the tags of one repository for one caller.
#[derive(Debug, Clone, Copy)]
pub struct TagRules<'a> {
    /// The repository.
    pub repository: &'a RepositoryName,
    /// What never moves there, whoever asks.
    pub immutable: &'a ImmutableTags,
    /// What the caller may do there.
    pub actions: Actions,
}

impl TagRules<'_> {
    fn require(&self, action: Action, what: &str) -> Result<(), Rejection> {
        if self.actions.contains(action) {
            return Ok(());
        }
        Err(Rejection::Denied(format!(
            "{what} in `{}` needs `{}`",
            self.repository,
            action.name()
        )))
    }

    /// Refuses if `tag`, which exists, is immutable.
    pub(super) fn mutable(&self, tag: &TagName) -> Result<(), Rejection> {
        if !self.immutable.covers(tag) {
            return Ok(());
        }
        Err(Rejection::Immutable(format!(
            "tag `{tag}` of `{}` is immutable by policy: push another tag",
            self.repository
        )))
    }

    fn unknown(&self, tag: &TagName) -> Rejection {
        Rejection::ManifestUnknown {
            repository: self.repository.to_string(),
            reference: tag.to_string(),
        }
    }
}

/// Points a tag at `to`: a new one needs `push`, one that names something else `update` and no rule against it.
///
/// # Errors
/// [`Rejection::Denied`] or [`Rejection::Immutable`].
pub fn decide_move(
    rules: &TagRules<'_>,
    view: &TagView,
    to: Digest,
) -> Result<Option<RegistryEvent>, Rejection> {
    match view.state {
        TagState::Names(current) if current == to => return Ok(None),
        TagState::Absent => rules.require(Action::Push, "making a tag")?,
        TagState::Names(_) => {
            rules.mutable(&view.tag)?;
            rules.require(Action::Update, "moving a tag")?;
        }
    }
    Ok(Some(RegistryEvent::TagMoved {
        repository: rules.repository.clone(),
        tag: view.tag.clone(),
        from: view.state.digest(),
        to,
    }))
}

/// Removes a tag.
///
/// # Errors
/// [`Rejection::ManifestUnknown`] if it does not exist, [`Rejection::Denied`] or [`Rejection::Immutable`].
pub fn decide_untag(rules: &TagRules<'_>, view: &TagView) -> Result<RegistryEvent, Rejection> {
    let TagState::Names(from) = view.state else {
        return Err(rules.unknown(&view.tag));
    };
    rules.mutable(&view.tag)?;
    rules.require(Action::Delete, "deleting a tag")?;
    Ok(RegistryEvent::TagDeleted {
        repository: rules.repository.clone(),
        tag: view.tag.clone(),
        from,
    })
}

/// Brings a tag back to the position before its present one; `previous` is `None` if it never had another.
/// Undoing twice comes back to where it was.
///
/// # Errors
/// [`Rejection::ManifestUnknown`] if there never was such a tag, [`Rejection::Conflict`] if there is nothing to go
/// back to, [`Rejection::Denied`] or [`Rejection::Immutable`].
pub fn decide_undo(
    rules: &TagRules<'_>,
    view: &TagView,
    previous: Option<TagState>,
) -> Result<RegistryEvent, Rejection> {
    let nothing = || {
        Rejection::Conflict(format!(
            "tag `{}` of `{}` has no earlier position",
            view.tag, rules.repository
        ))
    };
    match (previous, view.state) {
        (None, TagState::Absent) => Err(rules.unknown(&view.tag)),
        (None, TagState::Names(_)) | (Some(TagState::Absent), TagState::Absent) => Err(nothing()),
        (Some(TagState::Absent), TagState::Names(_)) => decide_untag(rules, view),
        (Some(TagState::Names(to)), _) => decide_move(rules, view, to)?.ok_or_else(nothing),
    }
}
