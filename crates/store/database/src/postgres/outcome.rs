//! What became of a commit whose connection was lost.

use super::{OUTCOME_PATIENCE, Postgres, pause};
use std::time::Instant;

/// The fate of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It stands.
    Committed,
    /// Nothing of it is left.
    Aborted,
    /// The database did not say in time, or has forgotten.
    Unknown,
}

/// The fate of `ID/START`, and whether the server is still the one that was started then.
const STATUS: &str = "select pg_xact_status(split_part($1::text, '/', 1)::xid8), \
    extract(epoch from pg_postmaster_start_time())::text = split_part($1::text, '/', 2)";

impl Postgres {
    /// Asks for the fate of a transaction until it is decided.
    pub(super) async fn outcome(&self, transaction: &str) -> Outcome {
        let asked = Instant::now();
        let mut attempt = 1;
        while asked.elapsed() < OUTCOME_PATIENCE {
            if let Some(outcome) = self.ask(transaction).await {
                return outcome;
            }
            tokio::time::sleep(pause(attempt + 4)).await;
            attempt += 1;
        }
        Outcome::Unknown
    }

    /// One question; `None` if it has to be asked again.
    async fn ask(&self, transaction: &str) -> Option<Outcome> {
        let client = self.client().await.ok()?;
        let row = client.query_one(STATUS, &[&transaction]).await.ok()?;
        let same_start: bool = row.try_get(1).ok()?;
        let status: Option<String> = row.try_get(0).ok()?;
        match status.as_deref() {
            // A server that crashed gives ids out again which never came to its disk: this may be somebody else's commit.
            Some("committed") if !same_start => Some(Outcome::Unknown),
            Some("committed") => Some(Outcome::Committed),
            Some("aborted") => Some(Outcome::Aborted),
            // The server has not noticed yet that its client has gone.
            Some("in progress") => None,
            _ => Some(Outcome::Unknown),
        }
    }
}
