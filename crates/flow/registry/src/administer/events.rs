//! The log for its readers: pages of events behind sealed cursors, and the check of the whole.
//!
//! Administrators see every record and the region's sequence. Others see the records of repositories they may pull, with
//! no number of the log anywhere: a filtered reader sees no gaps.

use super::Administration;
use crate::asked::operation;
use crate::{Caller, FlowError};
use refloat_core::{Recorded, Rejection};
use refloat_store::access::{actor, authorize_server};
use refloat_store::log::{self, Filter, Listing};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use refloat_store::log::{Broken, Intact, Verified};

/// The most pages of the log that one question looks through before it answers with what it has.
const PAGES_MAX: usize = 50;
/// How often a question that waits looks again even if it heard of no commit: another process may have committed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The longest a question may wait.
pub const WAIT_MAX: Duration = Duration::from_secs(30);

/// Which events are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventsAsked {
    /// The cursor to go on from; `None` begins with the oldest record there is.
    pub after: Option<String>,
    /// Only types that match: `tag.*`.
    pub types: Option<String>,
    /// The most events wanted.
    pub limit: Option<usize>,
    /// How long to wait for the first one.
    pub wait: Duration,
}

/// A page of events.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPage {
    /// The events, as outsiders see them, oldest first.
    pub items: Vec<Value>,
    /// The cursor to go on from, always.
    pub next: String,
    /// Whether there is more right now.
    pub more: bool,
}

/// How a reader sees the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    Whole,
    Filtered,
}

impl Administration {
    /// A page of events, waiting for the first one if asked to.
    ///
    /// # Errors
    /// [`Rejection::Invalid`] for a cursor of another list or caller, or a type that no event has.
    pub async fn events(
        &self,
        caller: &Caller,
        asked: &EventsAsked,
    ) -> Result<EventPage, FlowError> {
        let (filter, sight) = self.filter(caller, asked).await?;
        let of = format!(
            "{}|{}|{sight:?}",
            actor(&caller.principal),
            asked.types.as_deref().unwrap_or("")
        );
        let listing = Listing {
            list: "events",
            filter: &of,
        };
        let after = asked
            .after
            .as_deref()
            .map(|cursor| self.inner.cursors.decode(listing, cursor))
            .transpose()?;
        let start: i64 = after
            .map_or(Ok(0), |text| text.parse())
            .map_err(|_| Rejection::Invalid("the cursor is damaged".to_owned()))?;
        let ends = tokio::time::Instant::now() + asked.wait.min(WAIT_MAX);
        let limit = i64::try_from(asked.limit.unwrap_or(100).clamp(1, 1000)).unwrap_or(100);
        let mut position = start;
        loop {
            let committed = self.store().committed();
            let page = self.gather(&filter, position, limit).await?;
            position = page.position;
            let over = tokio::time::Instant::now() >= ends;
            if !page.records.is_empty() || over {
                let names = self.actor_names(&page.records).await?;
                let rendered = |record: &Recorded| rendered(record, sight, &names);
                let items = page.records.iter().map(rendered).collect();
                let next = self.inner.cursors.encode(listing, &position.to_string())?;
                return Ok(EventPage {
                    items,
                    next,
                    more: position < page.newest,
                });
            }
            let wait = ends.min(tokio::time::Instant::now() + LOOK_AGAIN);
            let _ = tokio::time::timeout_at(wait, committed).await;
        }
    }

    /// Reads on until something fits or the end is reached.
    async fn gather(&self, filter: &Filter, from: i64, limit: i64) -> Result<log::Page, FlowError> {
        let mut page = self.log_page(filter, from, limit).await?;
        for _ in 0..PAGES_MAX {
            if !page.records.is_empty() || page.position >= page.newest {
                break;
            }
            page = self.log_page(filter, page.position, limit).await?;
        }
        Ok(page)
    }

    async fn log_page(
        &self,
        filter: &Filter,
        after: i64,
        limit: i64,
    ) -> Result<log::Page, FlowError> {
        let filter = filter.clone();
        let read = self.store().read(move |tx| {
            let filter = filter.clone();
            Box::pin(async move { log::read_after(tx, after, &filter, limit).await })
        });
        Ok(read.await?)
    }

    /// What people call those who made these records, by id; accounts that are gone are not in it.
    async fn actor_names(
        &self,
        records: &[Recorded],
    ) -> Result<BTreeMap<String, String>, FlowError> {
        let actors: BTreeSet<String> = records.iter().map(|one| one.actor.clone()).collect();
        let found = self.store().read(operation!(tx, [actors], {
            let mut names = BTreeMap::new();
            for actor in actors {
                let name = log::actor_name(tx, &actor).await?;
                names.insert(actor, name);
            }
            Ok(names)
        }));
        Ok(found.await?)
    }

    async fn filter(
        &self,
        caller: &Caller,
        asked: &EventsAsked,
    ) -> Result<(Filter, Sight), FlowError> {
        let principal = caller.principal.clone();
        let whole = self.store().read(move |tx| {
            let principal = principal.clone();
            Box::pin(async move { Ok(authorize_server(tx, &principal).await.is_ok()) })
        });
        let (filter, sight) = if whole.await? {
            (Filter::all(), Sight::Whole)
        } else {
            (
                Filter::all().reader(actor(&caller.principal)),
                Sight::Filtered,
            )
        };
        let filter = match &asked.types {
            Some(pattern) => filter.types(pattern)?,
            None => filter,
        };
        Ok((filter, sight))
    }

    /// Checks the whole log: numbers, hashes, bodies, streams, segments.
    ///
    /// # Errors
    /// [`Rejection::Denied`] for who is no administrator. A broken log is an answer.
    pub async fn verify_log(&self, caller: &Caller) -> Result<Verified, FlowError> {
        self.require_administrator(caller).await?;
        Ok(log::verify(self.store(), None).await?)
    }

    /// Nothing, if the caller administers the server.
    pub(super) async fn require_administrator(&self, caller: &Caller) -> Result<(), FlowError> {
        let principal = caller.principal.clone();
        let leave = self.store().read(move |tx| {
            let principal = principal.clone();
            Box::pin(async move { authorize_server(tx, &principal).await.map(drop) })
        });
        Ok(leave.await?)
    }
}

/// A record as outsiders see it. Its body may have expired, and then only its place and time are left.
fn rendered(record: &Recorded, sight: Sight, names: &BTreeMap<String, String>) -> Value {
    let body: Value = record
        .body
        .as_deref()
        .and_then(|body| serde_json::from_slice(body).ok())
        .unwrap_or_default();
    let mut event = json!({
        "id": record.id,
        "type": body["type"].as_str().unwrap_or("expired"),
        "version": body["version"],
        "at": record.at,
        "actor": names.get(&record.actor).unwrap_or(&record.actor),
        "actor_id": record.actor,
        "causes": record.causes,
        "data": body["data"],
    });
    if sight == Sight::Whole {
        event["sequence"] = Value::from(record.sequence);
        event["project"] = Value::from(record.project.as_str());
    }
    event
}
