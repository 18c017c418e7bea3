//! Tasks as rows: the document, where its images go, and what its Dockerfile stands on.

use refloat_core::{ProjectId, Rejection, Timestamp};
use refloat_database::{Row, StoreError, Tx, sql};

/// A task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRow {
    /// The tenant.
    pub project: ProjectId,
    /// Its name.
    pub name: String,
    /// Its document as JSON.
    pub content: String,
    /// The foreign registry its images go to; empty is this one.
    pub host: String,
    /// The repository its images go to.
    pub repository: String,
    /// What its Dockerfile stood on when somebody looked last.
    pub derived: Derived,
}

/// What a Dockerfile stands on as of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Derived {
    /// The commit.
    pub commit: Option<String>,
    /// The edges as JSON.
    pub edges: String,
    /// Why they are not known, or not all.
    pub problem: Option<String>,
    /// When; `None` if nobody has looked yet.
    pub at: Option<Timestamp>,
}

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "select t.project_id, t.name, d.content, t.host, t.repository, t.commit_id, t.edges, t.problem, t.derived_at from task t \
             join document d on d.project_id = t.project_id and d.kind = 'Task' and d.name = t.name ",
            $rest
        )
    };
}

/// The task of this name.
///
/// # Errors
/// [`Rejection::NotFound`].
pub async fn task(tx: &mut dyn Tx, project: &ProjectId, name: &str) -> Result<TaskRow, StoreError> {
    let text = sql(columns!("where t.project_id = $1 and t.name = $2"));
    let row = tx
        .first(text, &[project.as_str().into(), name.into()])
        .await?;
    let row = row.ok_or_else(|| Rejection::NotFound {
        kind: "task",
        name: name.to_owned(),
    })?;
    read(&row)
}

/// The tasks whose images go to a repository, by name; `host` is empty for this registry.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn of_repository(
    tx: &mut dyn Tx,
    host: &str,
    repository: &str,
) -> Result<Vec<TaskRow>, StoreError> {
    let text = sql(columns!(
        "where t.host = $1 and t.repository = $2 order by t.project_id, t.name limit 100"
    ));
    let rows = tx.query(text, &[host.into(), repository.into()]).await?;
    rows.iter().map(read).collect()
}

/// Notes what a task's Dockerfile stands on.
///
/// # Errors
/// A [`StoreError`] of the database.
pub async fn derived(
    tx: &mut dyn Tx,
    project: &ProjectId,
    name: &str,
    derived: &Derived,
) -> Result<(), StoreError> {
    let now = tx.now();
    tx.execute(
        sql("update task set commit_id = $3, edges = $4, problem = $5, derived_at = $6 where project_id = $1 and name = $2"),
        &[
            project.as_str().into(),
            name.into(),
            derived.commit.clone().into(),
            derived.edges.as_str().into(),
            derived.problem.clone().into(),
            now.into(),
        ],
    )
    .await
    .map(drop)
}

fn read(row: &Row) -> Result<TaskRow, StoreError> {
    Ok(TaskRow {
        project: row.parsed(0)?,
        name: row.text(1)?.to_owned(),
        content: row.text(2)?.to_owned(),
        host: row.text(3)?.to_owned(),
        repository: row.text(4)?.to_owned(),
        derived: Derived {
            commit: row.optional(5, Row::text)?.map(str::to_owned),
            edges: row.text(6)?.to_owned(),
            problem: row.optional(7, Row::text)?.map(str::to_owned),
            at: row.optional(8, Row::instant)?,
        },
    })
}
