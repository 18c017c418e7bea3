//! What tasks say about their images: the line they make, the tags they move, and the edges of their Dockerfile. Written by the
//! builds part whenever it derives them anew.

use crate::rows;
use refloat_cascade::{BaseName, LineName};
use refloat_core::event::EdgeKind;
use refloat_core::{Principal, ProjectId};
use refloat_database::{Row, StoreError, Tx, sql};
use refloat_oci::{Digest, TagName};
use refloat_store::access::{Push, authorize_existing};
use refloat_store::lines;

/// The line that a task makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskLine {
    /// The task's project.
    pub project: ProjectId,
    /// The task.
    pub task: String,
    /// The line of its image.
    pub line: LineName,
    /// The tags that a patch of it moves, beside its unique one.
    pub stable: Vec<TagName>,
    /// The kinds of edges whose move makes it run.
    pub triggers: Vec<EdgeKind>,
}

/// One edge of a task's Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskEdge {
    /// How it stands on the base.
    pub kind: EdgeKind,
    /// The base; its registry is `None` where that is this one.
    pub base: BaseName,
    /// What the base was when the current image was built (an index or a manifest); `None` if nobody knows.
    pub base_digest: Option<Digest>,
    /// The reference as it is written in the Dockerfile: the key under which a build pins it.
    pub written: String,
    /// The platform it is resolved for, if not the image's.
    pub platform: Option<String>,
}

/// Replaces what is known of a task. An edge without a digest keeps the one it had, or stands on what its base names now, so
/// that nothing moves because something was looked at for the first time.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn put_task_edges(
    tx: &mut dyn Tx,
    task: &TaskLine,
    edges: &[TaskEdge],
) -> Result<(), StoreError> {
    let before = task_edges(tx, &task.project, &task.task).await?;
    let stable: Vec<&str> = task.stable.iter().map(TagName::as_str).collect();
    tx.execute(
        sql("insert into task_line (project_id, task, host, repository, rule, stable, triggers) values ($1, $2, $3, $4, $5, $6, $7) \
             on conflict (project_id, task) do update set host = excluded.host, repository = excluded.repository, rule = excluded.rule, \
             stable = excluded.stable, triggers = excluded.triggers"),
        &[
            task.project.as_str().into(),
            task.task.as_str().into(),
            task.line.host().into(),
            task.line.repository.as_str().into(),
            task.line.rule.to_string().into(),
            serde_json::to_string(&stable).expect("plain data").into(),
            serde_json::to_string(&task.triggers).expect("plain data").into(),
        ],
    )
    .await?;
    declare(tx, &task.line).await?;
    tx.execute(
        sql("delete from task_edge where project_id = $1 and task = $2"),
        &[task.project.as_str().into(), task.task.as_str().into()],
    )
    .await?;
    for (number, edge) in (0_i64..).zip(edges) {
        let kept = before
            .iter()
            .find(|old| old.kind == edge.kind && old.base == edge.base)
            .and_then(|old| old.base_digest);
        let digest = match edge.base_digest.or(kept) {
            Some(digest) => Some(digest),
            None => crate::bases::get(tx, &edge.base)
                .await?
                .and_then(|base| base.digest),
        };
        tx.execute(
            sql("insert into task_edge (project_id, task, number, kind, base_host, base_repository, base_tag, base_digest, written, platform) \
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"),
            &[
                task.project.as_str().into(),
                task.task.as_str().into(),
                number.into(),
                rows::kind_word(edge.kind).into(),
                edge.base.host().into(),
                edge.base.repository.as_str().into(),
                edge.base.tag.as_str().into(),
                digest.map(|digest| digest.to_row()).into(),
                edge.written.as_str().into(),
                edge.platform.clone().into(),
            ],
        )
        .await?;
    }
    Ok(())
}

/// Makes the line of a task one of its repository, once that exists. Runs alone make none: their newest tag is the default line.
async fn declare(tx: &mut dyn Tx, line: &LineName) -> Result<(), StoreError> {
    if line.registry.is_some() || line.rule.stable().is_none() {
        return Ok(());
    }
    let system = Principal::system();
    match authorize_existing::<Push>(tx, &system, &line.repository).await {
        Ok(leave) => lines::declare_rule(tx, leave.repository(), &line.rule).await,
        Err(StoreError::Rejected(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Forgets a task.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn remove_task(
    tx: &mut dyn Tx,
    project: &ProjectId,
    task: &str,
) -> Result<(), StoreError> {
    tx.execute(
        sql("delete from task_line where project_id = $1 and task = $2"),
        &[project.as_str().into(), task.into()],
    )
    .await
    .map(drop)
}

/// The edges of a task.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn task_edges(
    tx: &mut dyn Tx,
    project: &ProjectId,
    task: &str,
) -> Result<Vec<TaskEdge>, StoreError> {
    let rows = tx
        .query(
            sql("select kind, base_host, base_repository, base_tag, base_digest, written, platform from task_edge \
                 where project_id = $1 and task = $2 order by number"),
            &[project.as_str().into(), task.into()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(TaskEdge {
                kind: rows::word(row, 0)?,
                base: rows::base(row, 1)?,
                base_digest: row.optional(4, rows::digest)?,
                written: row.text(5)?.to_owned(),
                platform: row.optional(6, Row::text)?.map(str::to_owned),
            })
        })
        .collect()
}

/// The tests of a task as its document has them now, each as its arguments; none if it is gone.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn tests_of(
    tx: &mut dyn Tx,
    project: &ProjectId,
    task: &str,
) -> Result<Vec<Vec<String>>, StoreError> {
    let text =
        sql("select content from document where project_id = $1 and kind = 'Task' and name = $2");
    let row = tx
        .first(text, &[project.as_str().into(), task.into()])
        .await?;
    let Some(row) = row else {
        return Ok(Vec::new());
    };
    let document: serde_json::Value = rows::json(&row, 0)?;
    let words = |test: &serde_json::Value| {
        let words = test["run"].as_array().into_iter().flatten();
        words
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect()
    };
    let tests = document["tests"].as_array().into_iter().flatten();
    Ok(tests.map(words).collect())
}

/// The task that makes a line, if there is one.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn task_of_line(
    tx: &mut dyn Tx,
    line: &LineName,
) -> Result<Option<TaskLine>, StoreError> {
    let row = tx
        .first(
            sql("select project_id, task, host, repository, rule, stable, triggers from task_line \
                 where host = $1 and repository = $2 and (rule = $3 or rule like 'runs:%') order by case when rule = $3 then 0 else 1 end, project_id, task limit 1"),
            &[
                line.host().into(),
                line.repository.as_str().into(),
                line.rule.to_string().into(),
            ],
        )
        .await?;
    row.as_ref().map(task_line).transpose()
}

pub(crate) fn task_line(row: &Row) -> Result<TaskLine, StoreError> {
    Ok(TaskLine {
        project: row.parsed(0)?,
        task: row.text(1)?.to_owned(),
        line: rows::line(row, 2)?,
        stable: rows::json(row, 5)?,
        triggers: rows::json(row, 6)?,
    })
}

/// Remembers what the bases of a task were when its image was patched.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn pin_task_edges(
    tx: &mut dyn Tx,
    project: &ProjectId,
    task: &str,
    bases: &[(BaseName, Digest)],
) -> Result<(), StoreError> {
    for (base, digest) in bases {
        tx.execute(
            sql(
                "update task_edge set base_digest = $6 where project_id = $1 and task = $2 \
                 and base_host = $3 and base_repository = $4 and base_tag = $5",
            ),
            &[
                project.as_str().into(),
                task.into(),
                base.host().into(),
                base.repository.as_str().into(),
                base.tag.as_str().into(),
                digest.to_row().into(),
            ],
        )
        .await?;
    }
    Ok(())
}

/// How many patches an image is followed back through.
const PATCHES_MAX: usize = 1000;

/// The commit that an image was built from by a run of the task, also by way of rebases that kept its layers.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn commit_of(
    tx: &mut dyn Tx,
    project: &ProjectId,
    task: &str,
    line: &LineName,
    image: &Digest,
) -> Result<Option<String>, StoreError> {
    let mut image = *image;
    for _ in 0..PATCHES_MAX {
        let row = tx
            .first(
                sql("select commit_id from run where project_id = $1 and task = $2 and digest = $3 and commit_id is not null order by id desc limit 1"),
                &[project.as_str().into(), task.into(), image.to_row().into()],
            )
            .await?;
        if let Some(row) = row {
            return Ok(Some(row.text(0)?.to_owned()));
        }
        let row = tx
            .first(
                sql("select from_digest from patch where host = $1 and repository = $2 and to_digest = $3 order by at desc limit 1"),
                &crate::images::key(line.host(), &line.repository, &image),
            )
            .await?;
        match row {
            Some(row) => image = rows::digest(&row, 0)?,
            None => return Ok(None),
        }
    }
    Ok(None)
}
