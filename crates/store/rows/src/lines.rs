//! Lines: a repository, a rule for its tags, and the digest now current. A repository has a default line, its newest
//! pushed tag, while nobody declares another one. Policies and tasks declare lines; which of its tags is a line's
//! current one is decided in `core/cascade`.

mod declared;

pub(crate) use declared::{by_policies, follow_rules};
pub use declared::{declare_rule, withdraw_rule};

use crate::access::{Authorized, Pull, Push, RepositoryRow};
use crate::lists;
use refloat_core::registry::TagState;
use refloat_core::{Rejection, Timestamp};
use refloat_database::{Row, StoreError, Tx, sql};
use refloat_oci::{Digest, TagName};

/// Where a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineSource {
    /// The newest pushed tag, for want of another.
    Default,
    /// Somebody declared it.
    Declared,
}

/// Who moved a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MovedBy {
    /// A person or a program: the newest tag becomes the default line.
    Anybody,
    /// A cascade: the default line stays the one it is.
    Cascade,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The rule, for example `tag:1.2`.
    pub rule: String,
    /// Where it comes from.
    pub source: LineSource,
    /// The tag now current.
    pub tag: Option<TagName>,
    /// The digest now current.
    pub digest: Option<Digest>,
    /// Since when.
    pub updated_at: Timestamp,
}

/// The lines of a repository, by rule. A line whose image is hidden has no digest here.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn of_repository(
    tx: &mut dyn Tx,
    leave: &Authorized<Pull>,
) -> Result<Vec<Line>, StoreError> {
    let rows = tx
        .query(
            sql("select l.rule, l.source, l.tag, case when s.quarantine = 'cleared' then l.digest end, l.updated_at from line l \
                 left join image_state s on s.repository_id = l.repository_id and s.digest = l.digest \
                 where l.repository_id = $1 order by l.rule"),
            &[leave.repository().id.as_str().into()],
        )
        .await?;
    rows.iter().map(line).collect()
}

fn line(row: &Row) -> Result<Line, StoreError> {
    Ok(Line {
        rule: row.text(0)?.to_owned(),
        source: if row.text(1)? == "default" {
            LineSource::Default
        } else {
            LineSource::Declared
        },
        tag: row.optional(2, Row::parsed)?,
        digest: row.optional(3, lists::digest)?,
        updated_at: row.instant(4)?,
    })
}

/// Declares the line of one tag; the default line ends.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn declare(
    tx: &mut dyn Tx,
    leave: &Authorized<Push>,
    tag: &TagName,
) -> Result<(), StoreError> {
    let repository = leave.repository();
    let now = tx.now();
    tx.execute(
        sql("delete from line where repository_id = $1 and source = 'default'"),
        &[repository.id.as_str().into()],
    )
    .await?;
    tx.execute(
        sql("insert into line (repository_id, rule, source, project_id, tag, digest, updated_at) \
             values ($1, $2, 'declared', $3, $4, (select digest from tag where repository_id = $1 and name = $4), $5) \
             on conflict (repository_id, rule) do nothing"),
        &[
            repository.id.as_str().into(),
            rule(tag).into(),
            repository.project.as_str().into(),
            tag.as_str().into(),
            now.into(),
        ],
    )
    .await
    .map(drop)
}

/// Takes a declared line back; without another one the default line returns.
///
/// # Errors
/// [`Rejection::NotFound`] if it was not declared.
pub async fn withdraw(
    tx: &mut dyn Tx,
    leave: &Authorized<Push>,
    tag: &TagName,
) -> Result<(), StoreError> {
    let repository = leave.repository();
    let gone = tx
        .execute(
            sql("delete from line where repository_id = $1 and rule = $2 and source = 'declared'"),
            &[repository.id.as_str().into(), rule(tag).into()],
        )
        .await?;
    if gone == 0 {
        let name = format!("{}#{}", repository.name, rule(tag));
        return Err(Rejection::NotFound { kind: "line", name }.into());
    }
    newest_becomes_default(tx, repository).await
}

/// The rule of a line of one tag.
fn rule(tag: &TagName) -> String {
    format!("tag:{tag}")
}

/// Lets lines follow tags that moved.
pub(crate) async fn follow(
    tx: &mut dyn Tx,
    repository: &RepositoryRow,
    moved: &[(&TagName, TagState)],
    by: MovedBy,
) -> Result<(), StoreError> {
    let now = tx.now();
    for (tag, state) in moved {
        tx.execute(
            sql("update line set digest = $3, updated_at = $4 where repository_id = $1 and rule = $2 and (source <> 'default' or cast($5 as bigint) = 1)"),
            &[
                repository.id.as_str().into(),
                rule(tag).into(),
                state.digest().map(|digest| digest.to_row()).into(),
                now.into(),
                i64::from(by == MovedBy::Cascade).into(),
            ],
        )
        .await?;
    }
    follow_rules(tx, repository, moved).await?;
    if moved.is_empty() || by == MovedBy::Cascade {
        Ok(())
    } else {
        newest_becomes_default(tx, repository).await
    }
}

/// Makes the newest tag the default line, if no line is declared.
async fn newest_becomes_default(
    tx: &mut dyn Tx,
    repository: &RepositoryRow,
) -> Result<(), StoreError> {
    let id = repository.id.as_str();
    tx.execute(
        sql("delete from line where repository_id = $1 and source = 'default'"),
        &[id.into()],
    )
    .await?;
    tx.execute(
        sql("insert into line (repository_id, rule, source, project_id, tag, digest, updated_at) \
             select t.repository_id, 'tag:' || t.name, 'default', $2, t.name, t.digest, t.updated_at from tag t \
             where t.repository_id = $1 and not exists (select 1 from line l where l.repository_id = $1) \
             order by t.updated_at desc, t.name desc limit 1"),
        &[id.into(), repository.project.as_str().into()],
    )
    .await
    .map_err(crate::records::raced)
    .map(drop)
}
