//! The access family: projects, accounts, grants, credentials, policies.

use crate::access::{Actions, Pattern, PrincipalKind, actions_text};
use crate::id::{PrincipalId, TokenId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What happens to who may do what. Never carries a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessEvent {
    /// A user or robot exists.
    #[serde(rename = "access.account_created")]
    AccountCreated {
        /// Its id.
        id: PrincipalId,
        /// User or robot.
        kind: PrincipalKind,
        /// When it ends, for robots.
        expires: Option<Timestamp>,
    },
    /// An account's password was set anew.
    #[serde(rename = "access.password_changed")]
    PasswordChanged {
        /// Whose.
        id: PrincipalId,
    },
    /// An account and its tokens and grants are gone.
    #[serde(rename = "access.account_deleted")]
    AccountDeleted {
        /// Its id.
        id: PrincipalId,
    },
    /// A subject may do something on a pattern of repositories.
    #[serde(rename = "access.granted")]
    Granted {
        /// An account's id, or `anonymous`.
        subject: String,
        /// What.
        #[serde(with = "actions_text")]
        actions: Actions,
        /// Where.
        pattern: Pattern,
    },
    /// A grant is gone.
    #[serde(rename = "access.revoked")]
    Revoked {
        /// An account's id, or `anonymous`.
        subject: String,
        /// What.
        #[serde(with = "actions_text")]
        actions: Actions,
        /// Where.
        pattern: Pattern,
    },
    /// A long-lived token exists.
    #[serde(rename = "access.token_created")]
    TokenCreated {
        /// Its id.
        token: TokenId,
        /// Whose.
        id: PrincipalId,
        /// When it ends.
        expires: Option<Timestamp>,
    },
    /// A long-lived token opens nothing any more.
    #[serde(rename = "access.token_revoked")]
    TokenRevoked {
        /// Its id.
        token: TokenId,
    },
    /// A document was applied and changed something.
    #[serde(rename = "access.document_applied")]
    DocumentApplied {
        /// Its kind: `Project`, `Credential`, `RepositoryPolicy`..
        kind: String,
        /// Its name; a policy's is its pattern.
        name: String,
        /// SHA-256 of the document as stored, hex.
        content: String,
    },
    /// A document was deleted.
    #[serde(rename = "access.document_deleted")]
    DocumentDeleted {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
    },
}

super::names!(AccessEvent {
    AccountCreated = "access.account_created",
    PasswordChanged = "access.password_changed",
    AccountDeleted = "access.account_deleted",
    Granted = "access.granted",
    Revoked = "access.revoked",
    TokenCreated = "access.token_created",
    TokenRevoked = "access.token_revoked",
    DocumentApplied = "access.document_applied",
    DocumentDeleted = "access.document_deleted",
});
