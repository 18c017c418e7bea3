//! Looking at jobs, and forgetting those that are long done.

use super::row::{Job, columns, read};
use refloat_core::{JobId, ProjectId};
use refloat_database::{StoreError, Tx, Value, sql};

/// Which jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Of this tenant only.
    pub project: Option<ProjectId>,
    /// Of this kind only.
    pub kind: Option<String>,
    /// In this state only: `waiting`, `running`, `done`, `dead`, `cancelled`.
    pub state: Option<String>,
}

/// At most `limit` jobs that fit, oldest first, after the job `after`.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn list(
    tx: &mut dyn Tx,
    filter: &JobFilter,
    after: Option<&JobId>,
    limit: i64,
) -> Result<Vec<Job>, StoreError> {
    let text = sql(concat!(
        "select ",
        columns!(),
        " from job where id > $1 and ($2 = '' or project_id = $2) and ($3 = '' or kind = $3) and ($4 = '' or state = $4) \
         order by id limit $5"
    ));
    let text_or_all = |text: Option<&str>| Value::from(text.unwrap_or(""));
    let parameters = [
        text_or_all(after.map(JobId::as_str)),
        text_or_all(filter.project.as_ref().map(ProjectId::as_str)),
        text_or_all(filter.kind.as_deref()),
        text_or_all(filter.state.as_deref()),
        limit.into(),
    ];
    tx.query(text, &parameters)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// One job, if it exists.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn get(tx: &mut dyn Tx, id: &JobId) -> Result<Option<Job>, StoreError> {
    let text = sql(concat!("select ", columns!(), " from job where id = $1"));
    tx.first(text, &[id.as_str().into()])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// Deletes at most `limit` jobs that were done at least `seconds` ago, and returns how many. Their causes lie behind the cursors
/// that made them by then, so that nothing makes them again.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn forget(tx: &mut dyn Tx, seconds: i64, limit: i64) -> Result<u64, StoreError> {
    let before = tx.now().plus_seconds(-seconds);
    let text = sql(
        "delete from job where id in (select id from job where state = 'done' and finished_at < $1 order by id limit $2)",
    );
    tx.execute(text, &[before.into(), limit.into()]).await
}
