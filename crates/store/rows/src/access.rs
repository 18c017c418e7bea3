//! Authorization is a value: [`authorize`] is the only place that makes an [`Authorized`], inside the transaction
//! that uses it. Every operation on a repository takes one, so that no route can forget to ask.
//!
//! Rights come from rules written out per repository (`grant_repository`), from patterns for repositories that do
//! not exist yet, from administrators, who may everything, and are narrowed by the scopes of the caller's token.
//! What the caller claims to be is checked against its row here: a deleted account opens nothing, however fresh its token.

mod authorize;
mod project;

pub use authorize::{authorize, authorize_existing, could_pull_if_present};
pub(crate) use authorize::{repository_row, subjects};
pub(crate) use project::is_administrator;
pub use project::{AuthorizedProject, AuthorizedServer, authorize_project, authorize_server};

use refloat_core::Principal;
use refloat_core::access::Actions;
use refloat_core::registry::ImmutableTags;
use refloat_core::{Action, CascadeId, PrincipalKind, ProjectId, RecordId, RepositoryId};
use refloat_oci::RepositoryName;
use std::marker::PhantomData;

/// The subject of rules for those who are not signed in; what they may, everybody may.
pub const ANONYMOUS: &str = "anonymous";

/// What policies say about new images of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuarantinePolicy {
    /// A new image is cleared.
    Off,
    /// A new image is cleared, and judged beside.
    Observe,
    /// A new image is quarantined until it is cleared.
    Enforce,
}

impl std::str::FromStr for QuarantinePolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "observe" => Ok(Self::Observe),
            "enforce" => Ok(Self::Enforce),
            _ => Err(format!("`{text}` is no quarantine policy")),
        }
    }
}

/// A repository as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryRow {
    /// Its id.
    pub id: RepositoryId,
    /// The tenant that owns it.
    pub project: ProjectId,
    /// Its name.
    pub name: RepositoryName,
    /// Its tags that never move, by the policies that match it.
    pub immutable_tags: ImmutableTags,
    /// What happens to new images.
    pub quarantine: QuarantinePolicy,
}

mod sealed {
    pub trait Sealed {}
}

/// A kind of operation on a repository, as a type.
pub trait Op: sealed::Sealed + Send + Sync + 'static {
    /// The action it needs.
    const ACTION: Action;
}

macro_rules! ops {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;
        impl sealed::Sealed for $name {}
        impl Op for $name { const ACTION: Action = Action::$name; }
    )*};
}

ops! {
    /// Reading.
    Pull;
    /// Adding blobs, manifests and new tags; makes the repository if it is absent.
    Push;
    /// Moving tags.
    Update;
    /// Deleting manifests, tags and blobs.
    Delete;
    /// Deciding about quarantine.
    Clear;
    /// Changing policies and grants of the repository.
    Admin;
}

/// Why something is done, as its records shall say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Because {
    /// Records that led to it.
    pub causes: Vec<RecordId>,
    /// The cascade it belongs to. Tags that a cascade moves are not pushed by anybody: they make no default line.
    pub cascade: Option<CascadeId>,
}

/// Leave to do `O` on one repository, valid in the transaction that made it.
#[derive(Debug, Clone)]
pub struct Authorized<O> {
    repository: RepositoryRow,
    principal: Principal,
    actions: Actions,
    account_actions: Actions,
    personal: Option<String>,
    because: Because,
    operation: PhantomData<O>,
}

impl<O> Authorized<O> {
    /// The repository.
    pub fn repository(&self) -> &RepositoryRow {
        &self.repository
    }

    /// Who may.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Everything the principal may on this repository, by rules and token.
    pub fn actions(&self) -> Actions {
        self.actions
    }

    /// What the account may by rules alone: a token narrows what it opens, not whose uploads are one's own.
    pub(crate) fn account_actions(&self) -> Actions {
        self.account_actions
    }

    /// Adds the personal data of the request (address, user agent) to the records of this operation.
    #[must_use]
    pub fn with_personal(mut self, personal: Option<String>) -> Self {
        self.personal = personal;
        self
    }

    /// Adds the causes to the records of this operation.
    #[must_use]
    pub fn with_because(mut self, because: Because) -> Self {
        self.because = because;
        self
    }

    /// Why it is done.
    pub(crate) fn because(&self) -> &Because {
        &self.because
    }

    /// The personal data of the request.
    pub(crate) fn personal(&self) -> Option<&str> {
        self.personal.as_deref()
    }
}

/// The opaque text that records name an actor by.
pub fn actor(principal: &Principal) -> String {
    match (&principal.id, principal.kind) {
        (Some(id), _) => id.to_string(),
        (None, PrincipalKind::System) => "system".to_owned(),
        (None, _) => ANONYMOUS.to_owned(),
    }
}
