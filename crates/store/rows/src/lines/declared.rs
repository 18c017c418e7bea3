//! Lines that policies and tasks declare, by any rule.

use crate::access::RepositoryRow;
use crate::grants::Placed;
use crate::lists;
use refloat_cascade::Rule;
use refloat_core::registry::TagState;
use refloat_core::{ProjectId, RepositoryId};
use refloat_database::{StoreError, Tx, sql};
use refloat_oci::{Digest, TagName};
use std::collections::BTreeSet;

/// The most tags that are looked through for a line's current one.
const TAGS_MAX: i64 = 100_000;

/// Declares a line for a task; the default line ends. Its image is the current one of the tags there are.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn declare_rule(
    tx: &mut dyn Tx,
    repository: &RepositoryRow,
    rule: &Rule,
) -> Result<(), StoreError> {
    insert(tx, &repository.id, &repository.project, rule, "declared").await
}

/// Takes a declared line back; the next pushed tag is the default line if no other is left.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn withdraw_rule(
    tx: &mut dyn Tx,
    repository: &RepositoryRow,
    rule: &Rule,
) -> Result<(), StoreError> {
    tx.execute(
        sql("delete from line where repository_id = $1 and rule = $2 and source = 'declared'"),
        &[repository.id.as_str().into(), rule.to_string().into()],
    )
    .await
    .map(drop)
}

/// Lets the lines of these repositories be those that their policies declare, beside those of tasks.
pub(crate) async fn by_policies(
    tx: &mut dyn Tx,
    repositories: &[(&Placed, BTreeSet<String>)],
) -> Result<(), StoreError> {
    for (placed, wanted) in repositories {
        let rows = tx
            .query(
                sql("select rule from line where repository_id = $1 and source = 'policy'"),
                &[placed.id.as_str().into()],
            )
            .await?;
        let mut there = BTreeSet::new();
        for row in &rows {
            there.insert(row.text(0)?.to_owned());
        }
        for rule in there.difference(wanted) {
            tx.execute(
                sql(
                    "delete from line where repository_id = $1 and rule = $2 and source = 'policy'",
                ),
                &[placed.id.as_str().into(), rule.as_str().into()],
            )
            .await?;
        }
        for rule in wanted.difference(&there) {
            // What is no rule was refused when its policy was applied.
            if let Ok(rule) = rule.parse::<Rule>() {
                insert(tx, &placed.id, &placed.project, &rule, "policy").await?;
            }
        }
    }
    Ok(())
}

async fn insert(
    tx: &mut dyn Tx,
    repository: &RepositoryId,
    project: &ProjectId,
    rule: &Rule,
    source: &str,
) -> Result<(), StoreError> {
    let now = tx.now();
    tx.execute(
        sql("delete from line where repository_id = $1 and source = 'default'"),
        &[repository.as_str().into()],
    )
    .await?;
    let (tag, digest) = match current(tx, repository, rule).await? {
        Some((tag, digest)) => (Some(tag.to_string()), Some(digest.to_row())),
        None => (rule.stable().map(ToString::to_string), None),
    };
    tx.execute(
        sql("insert into line (repository_id, rule, source, project_id, tag, digest, updated_at) values ($1, $2, $3, $4, $5, $6, $7) \
             on conflict (repository_id, rule) do nothing"),
        &[
            repository.as_str().into(),
            rule.to_string().into(),
            source.into(),
            project.as_str().into(),
            tag.into(),
            digest.into(),
            now.into(),
        ],
    )
    .await
    .map(drop)
}

/// Lets the lines of many tags follow tags that moved.
pub(crate) async fn follow_rules(
    tx: &mut dyn Tx,
    repository: &RepositoryRow,
    moved: &[(&TagName, TagState)],
) -> Result<(), StoreError> {
    let rows = tx
        .query(
            sql("select rule, tag from line where repository_id = $1 and (rule like 'semver:%' or rule like 'glob:%')"),
            &[repository.id.as_str().into()],
        )
        .await?;
    for row in &rows {
        let rule: Rule = row.parsed(0)?;
        let line_tag: Option<TagName> = row.optional(1, refloat_database::Row::parsed)?;
        let mut candidates: Vec<(TagName, Digest)> = Vec::new();
        let mut recount = false;
        for (tag, state) in moved {
            match state {
                TagState::Names(digest) if rule.matches(tag) => {
                    candidates.push(((*tag).clone(), *digest));
                }
                TagState::Names(_) => {}
                TagState::Absent => recount |= line_tag.as_ref() == Some(*tag),
            }
        }
        let found = if recount {
            current(tx, &repository.id, &rule).await?
        } else {
            let tags = candidates.iter().map(|(tag, _)| tag).chain(&line_tag);
            let best = rule.current(tags).cloned();
            candidates
                .into_iter()
                .find(|(tag, _)| Some(tag) == best.as_ref())
        };
        match found {
            Some((tag, digest)) => write(tx, repository, &rule, Some((&tag, &digest))).await?,
            None if recount => write(tx, repository, &rule, None).await?,
            None => {}
        }
    }
    Ok(())
}

async fn write(
    tx: &mut dyn Tx,
    repository: &RepositoryRow,
    rule: &Rule,
    found: Option<(&TagName, &Digest)>,
) -> Result<(), StoreError> {
    let now = tx.now();
    tx.execute(
        sql("update line set tag = $3, digest = $4, updated_at = $5 where repository_id = $1 and rule = $2"),
        &[
            repository.id.as_str().into(),
            rule.to_string().into(),
            found.map(|(tag, _)| tag.as_str()).into(),
            found.map(|(_, digest)| digest.to_row()).into(),
            now.into(),
        ],
    )
    .await
    .map(drop)
}

/// The current tag of a rule and what it names.
async fn current(
    tx: &mut dyn Tx,
    repository: &RepositoryId,
    rule: &Rule,
) -> Result<Option<(TagName, Digest)>, StoreError> {
    let rows = match rule.stable() {
        Some(tag) => {
            tx.query(
                sql("select name, digest from tag where repository_id = $1 and name = $2"),
                &[repository.as_str().into(), tag.as_str().into()],
            )
            .await?
        }
        None => {
            tx.query(
                sql("select name, digest from tag where repository_id = $1 limit $2"),
                &[repository.as_str().into(), TAGS_MAX.into()],
            )
            .await?
        }
    };
    let mut tags: Vec<(TagName, Digest)> = Vec::with_capacity(rows.len());
    for row in &rows {
        tags.push((row.parsed(0)?, lists::digest(row, 1)?));
    }
    let best = rule.current(tags.iter().map(|(tag, _)| tag)).cloned();
    Ok(tags.into_iter().find(|(tag, _)| Some(tag) == best.as_ref()))
}
