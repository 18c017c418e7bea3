//! Tasks: what is built, and that its edges are to be found anew. `store/builds` owns the rows after this.

use super::{Applied, Effects, New, Stored, StoredKind, record_applied, remove, store};
use crate::access::AuthorizedProject;
use crate::jobs::{self, NewJob};
use crate::projects;
use refloat_core::Rejection;
use refloat_database::{StoreError, Tx, sql};
use refloat_oci::{RegistryHost, RepositoryName};

/// The most tasks of one project.
const TASKS_MAX: i64 = 5000;

/// A task to apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTask {
    /// Its name.
    pub name: String,
    /// The foreign registry its images go to; `None` is this one.
    pub host: Option<RegistryHost>,
    /// The repository its images go to.
    pub repository: RepositoryName,
    /// The document as JSON.
    pub content: String,
}

/// Stores a task; what its Dockerfile stands on is looked up soon.
///
/// # Errors
/// [`Rejection::TooMany`], or a [`StoreError`] of the database.
pub async fn apply_task(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    task: &NewTask,
) -> Result<Applied, StoreError> {
    refuse_foreign(tx, leave, task).await?;
    let new = New {
        project: leave.id(),
        kind: StoredKind::Task,
        name: &task.name,
        content: &task.content,
    };
    let applied = match store(tx, &new, Effects::Same).await? {
        Stored::Same(applied) => return Ok(applied),
        Stored::Changed(applied) => applied,
    };
    tx.execute(
        sql(
            "insert into task (project_id, name, host, repository, edges) values ($1, $2, $3, $4, '[]') \
             on conflict (project_id, name) do update set host = excluded.host, repository = excluded.repository",
        ),
        &[
            leave.id().as_str().into(),
            task.name.as_str().into(),
            task.host.as_ref().map_or("", RegistryHost::as_str).into(),
            task.repository.as_str().into(),
        ],
    )
    .await?;
    let count = tx
        .first(
            sql("select count(*) from task where project_id = $1"),
            &[leave.id().as_str().into()],
        )
        .await?;
    if count.map_or(Ok(0), |row| row.int(0))? > TASKS_MAX {
        return Err(Rejection::TooMany(format!("a project has at most {TASKS_MAX} tasks")).into());
    }
    let job = NewJob {
        project: leave.id().clone(),
        kind: "build".to_owned(),
        consumer: "documents".to_owned(),
        // A task that was deleted and is applied again has the version 1 once more: the instant tells them apart.
        cause: format!("{}/{}/{}", leave.id(), applied.version, tx.now().micros()),
        command: "derive".to_owned(),
        subject: task.name.clone(),
        priority: 10,
        run_at: None,
        attempts_max: None,
    };
    jobs::enqueue(tx, job).await?;
    record_applied(tx, leave.principal(), &new).await?;
    Ok(applied)
}

/// The tags of a task move in its project's name: its image must lie in one of the project's repositories.
async fn refuse_foreign(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    task: &NewTask,
) -> Result<(), StoreError> {
    if task.host.is_some() || projects::owner_of(tx, &task.repository).await? == *leave.id() {
        return Ok(());
    }
    let name = &leave.project().name;
    let message = format!(
        "`image` of Task `{}`: {} does not belong to project `{name}`; write the project that owns it",
        task.name, task.repository
    );
    Err(Rejection::Denied(message).into())
}

/// Removes a task; its runs stay, its image too.
///
/// # Errors
/// [`Rejection::NotFound`].
pub async fn delete_task(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    name: &str,
) -> Result<(), StoreError> {
    let key = [leave.id().as_str().into(), name.into()];
    tx.execute(
        sql("delete from task_line where project_id = $1 and task = $2"),
        &key,
    )
    .await?;
    tx.execute(
        sql("delete from task where project_id = $1 and name = $2"),
        &key,
    )
    .await?;
    remove(tx, leave.principal(), leave.id(), StoredKind::Task, name).await
}
