//! Reading numbered records, in bounded pages.

use super::row::{columns, recorded};
use refloat_core::access::{Action, glob};
use refloat_core::{Actions, Event, ProjectId, RecordId, Recorded, Rejection};
use refloat_database::{Row, StoreError, Tx, Value, sql};
use refloat_oci::RepositoryName;

/// The most records of one page.
pub const PAGE_MAX: i64 = 1000;
/// How many numbers one page looks through, however few of them fit.
const LOOKED_AT_MAX: i64 = 20_000;

/// Which records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    types: Option<Vec<&'static str>>,
    project: Option<ProjectId>,
    repository: Option<RepositoryName>,
    reader: Option<String>,
}

impl Filter {
    /// All records: administrators only.
    pub fn all() -> Self {
        Self::default()
    }

    /// Of the types that the pattern names: `manifest.*`, `tag.moved`, `*`.
    ///
    /// # Errors
    /// [`Rejection::Invalid`] if no event has such a type.
    pub fn types(mut self, pattern: &str) -> Result<Self, Rejection> {
        let types: Vec<_> = Event::all_names()
            .filter(|name| glob(pattern, name))
            .collect();
        if types.is_empty() {
            return Err(Rejection::Invalid(format!(
                "no event has a type like `{pattern}`"
            )));
        }
        self.types = (pattern != "*").then_some(types);
        Ok(self)
    }

    /// Of this tenant.
    #[must_use]
    pub fn project(mut self, project: ProjectId) -> Self {
        self.project = Some(project);
        self
    }

    /// Of this repository.
    #[must_use]
    pub fn repository(mut self, repository: RepositoryName) -> Self {
        self.repository = Some(repository);
        self
    }

    /// Of repositories that this subject may pull, by its own grants or those of everybody: a principal's id, or `anonymous`.
    /// What concerns no repository is left out.
    #[must_use]
    pub fn reader(mut self, subject: impl Into<String>) -> Self {
        self.reader = Some(subject.into());
        self
    }
}

/// A page of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The records that fit, by number.
    pub records: Vec<Recorded>,
    /// Everything up to this number has been looked at: the next page begins after it.
    pub position: i64,
    /// The newest number there is. The reader is up to date when `position` reaches it.
    pub newest: i64,
}

/// At most `limit` records that fit and are numbered after `sequence`. A page may be empty before the end: read on after its
/// position.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn read_after(
    tx: &mut dyn Tx,
    sequence: i64,
    filter: &Filter,
    limit: i64,
) -> Result<Page, StoreError> {
    let newest = newest(tx).await?;
    let end = sequence.saturating_add(LOOKED_AT_MAX);
    let limit = limit.clamp(1, PAGE_MAX);
    let text = sql(concat!(
        "select ",
        columns!(),
        " from record where sequence > $1 and sequence <= $2 and ($3 = '' or $3 like '%,' || type || ',%') \
         and ($4 = '' or project_id = $4) and ($5 = '' or repository = $5) \
         and ($6 = '' or repository in (select name from grant_repository \
         where (subject = $6 or subject = 'anonymous') and (actions & $7) <> 0)) \
         order by sequence limit $8"
    ));
    let pull = Actions::NONE.with(Action::Pull).with(Action::Admin);
    let types = filter
        .types
        .as_ref()
        .map(|types| format!(",{},", types.join(",")));
    let parameters: [Value; 8] = [
        sequence.into(),
        end.into(),
        types.unwrap_or_default().into(),
        filter.project.as_ref().map_or("", |id| id.as_str()).into(),
        filter
            .repository
            .as_ref()
            .map_or("", |name| name.as_str())
            .into(),
        filter.reader.as_deref().unwrap_or("").into(),
        pull.to_row().into(),
        limit.into(),
    ];
    let rows = tx.query(text, &parameters).await?;
    let records = rows.iter().map(recorded).collect::<Result<Vec<_>, _>>()?;
    let full = i64::try_from(records.len()).unwrap_or(i64::MAX) >= limit;
    let position = match records.last() {
        Some(last) if full => last.sequence,
        _ => end.min(newest).max(sequence),
    };
    Ok(Page {
        records,
        position,
        newest,
    })
}

/// The newest number; 0 if nothing ever happened.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn newest(tx: &mut dyn Tx) -> Result<i64, StoreError> {
    let row = tx
        .first(sql("select coalesce(max(sequence), 0) from record"), &[])
        .await?;
    row.map_or(Ok(0), |row| row.int(0))
}

/// A numbered record and its personal data, unless that was erased.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn get(
    tx: &mut dyn Tx,
    id: &RecordId,
) -> Result<Option<(Recorded, Option<String>)>, StoreError> {
    let text = sql(concat!(
        "select ",
        columns!(),
        ", (select data from personal where record_id = record.id) from record where id = $1 and sequence is not null"
    ));
    let Some(row) = tx.first(text, &[id.as_str().into()]).await? else {
        return Ok(None);
    };
    let personal = row.optional(17, Row::text)?.map(str::to_owned);
    Ok(Some((recorded(&row)?, personal)))
}
