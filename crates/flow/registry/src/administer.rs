//! Administration: accounts, grants, tokens, documents, the log for its readers, collection, backup.
//!
//! Every use case asks for its leave inside the transaction that does the work: administrators may everything, a
//! project's administrators their project only, everybody their own password and tokens. Cursors of lists are sealed, so
//! that nobody learns from one what lies between two pages.

mod accounts;
mod backup;
mod documents;
mod events;
mod grants;
mod repeat;
mod restore;
mod tokens;
mod why;

pub use accounts::{ADMIN, AccountRow, NewRobot, UserStanding, ensure_admin, has_administrator};
pub use backup::{BackedUp, BackupName, MANIFEST_FILE};
pub use documents::{ApplyError, DocumentApplied};
pub use events::{Broken, EventPage, EventsAsked, Intact, Verified, WAIT_MAX};
pub use grants::{GrantAsked, GrantRow};
pub use repeat::Repeat;
pub use restore::{RestoreError, Restored, note_restored, restore};
pub use tokens::{TokenAsked, TokenRow};
pub use why::{Direction, WhySubject};

use crate::sign_in::Passwords;
use crate::{FlowError, Registry};
use refloat_core::Rejection;
use refloat_store::Store;
use refloat_store::log::{CursorKey, Listing};
use refloat_store::secrets::MasterKey;
use std::path::PathBuf;
use std::sync::Arc;

/// The project that owns what no other claims.
pub const DEFAULT_PROJECT: &str = "default";

/// The use cases of administration. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Administration {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    registry: Registry,
    passwords: Passwords,
    master: MasterKey,
    cursors: CursorKey,
    places: Places,
}

/// The keys that administration needs.
pub struct Keys {
    /// Opens the secrets table.
    pub master: MasterKey,
    /// Seals cursors; all processes of one region have the same.
    pub cursors: CursorKey,
}

/// Where this server's files lie, for backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The data folder.
    pub data: PathBuf,
    /// The folder in which `blobs` lies; usually the data folder.
    pub blobs: PathBuf,
}

/// One page of a list, and the sealed cursor behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged<T> {
    /// The items.
    pub items: Vec<T>,
    /// Asks for the next page; `None` after the last.
    pub next: Option<String>,
}

/// Which page of a list is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedPage {
    /// The cursor behind the page before.
    pub after: Option<String>,
    /// The most items wanted.
    pub limit: Option<usize>,
}

impl AskedPage {
    /// How many items this page may have.
    pub fn limit(&self) -> usize {
        self.limit
            .unwrap_or(200)
            .clamp(1, crate::page::PAGE_ITEMS_MAX)
    }
}

impl Administration {
    /// Administration of this store and registry.
    pub fn new(
        store: Store,
        registry: Registry,
        passwords: Passwords,
        keys: Keys,
        places: Places,
    ) -> Self {
        let Keys { master, cursors } = keys;
        Self {
            inner: Arc::new(Inner {
                store,
                registry,
                passwords,
                master,
                cursors,
                places,
            }),
        }
    }

    fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The key behind which the cursor of `list` stands; `list` says everything that decides what is in it.
    ///
    /// # Errors
    /// [`Rejection::Invalid`] for a cursor of another list.
    pub fn opened(&self, list: &str, page: &AskedPage) -> Result<Option<String>, FlowError> {
        let listing = Listing {
            list: "page",
            filter: list,
        };
        Ok(page
            .after
            .as_deref()
            .map(|cursor| self.inner.cursors.decode(listing, cursor))
            .transpose()?)
    }

    /// The cursor of `list` behind `key`.
    ///
    /// # Errors
    /// [`FlowError::Failed`] if the system gives no random bytes.
    pub fn sealed(&self, list: &str, key: &str) -> Result<String, FlowError> {
        Ok(self.inner.cursors.encode(
            Listing {
                list: "page",
                filter: list,
            },
            key,
        )?)
    }

    /// A page from up to one item more than was asked for.
    fn paged<T>(
        &self,
        list: &str,
        mut items: Vec<T>,
        limit: usize,
        key: impl Fn(&T) -> String,
    ) -> Result<Paged<T>, FlowError> {
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| more).map(key);
        let next = last.map(|key| self.sealed(list, &key)).transpose()?;
        Ok(Paged { items, next })
    }
}

/// What two keys of a cursor are joined by; no name contains it.
const KEY_SEPARATOR: char = '\n';

fn not_found(kind: &'static str, name: &str) -> Rejection {
    Rejection::NotFound {
        kind,
        name: name.chars().take(200).collect(),
    }
}
