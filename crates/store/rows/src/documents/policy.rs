//! Policies of repositories: their effects are written out for every repository that they match.

use super::{Applied, Effects, New, Stored, StoredKind, record_applied, remove, store};
use crate::access::AuthorizedProject;
use crate::grants;
use crate::lists::json;
use refloat_cascade::{PatchPolicy, Rule};
use refloat_core::registry::ImmutableTags;
use refloat_core::{Pattern, Rejection};
use refloat_database::{StoreError, Tx, Value, sql};

/// The most policies of one project.
const POLICIES_MAX: i64 = 500;

/// A policy to apply. Its name is its pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPolicy {
    /// The repositories.
    pub pattern: Pattern,
    /// Rules for tags that never move; `None` says nothing.
    pub immutable_tags: Option<Vec<String>>,
    /// Whether everybody may pull; `None` says nothing.
    pub anonymous_pull: Option<bool>,
    /// How images without a task are patched; `None` says nothing.
    pub patch: Option<PatchPolicy>,
    /// The document as JSON.
    pub content: String,
}

/// Stores a policy and writes it out. A policy of `default` reaches every repository, another one its project's.
///
/// # Errors
/// [`Rejection::Invalid`] for a rule that cannot be, [`Rejection::TooMany`].
pub async fn apply_policy(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    policy: &NewPolicy,
) -> Result<Applied, StoreError> {
    if let Some(rules) = &policy.immutable_tags {
        ImmutableTags::new(vec![rules.clone()])
            .map_err(|error| Rejection::Invalid(error.to_string()))?;
    }
    for line in policy.patch.iter().flat_map(|patch| &patch.lines) {
        line.parse::<Rule>()
            .map_err(|error| Rejection::Invalid(format!("`patch.lines`: {error}")))?;
    }
    let new = New {
        project: leave.id(),
        kind: StoredKind::RepositoryPolicy,
        name: policy.pattern.as_str(),
        content: &policy.content,
    };
    let applied = match store(tx, &new, Effects::Same).await? {
        Stored::Same(applied) => return Ok(applied),
        Stored::Changed(applied) => applied,
    };
    grants::change(tx).await?;
    tx.execute(
        sql("insert into repository_policy (project_id, name, pattern, immutable_tags, anonymous_pull, patch) values ($1, $2, $2, $3, $4, $5) \
             on conflict (project_id, name) do update set immutable_tags = excluded.immutable_tags, anonymous_pull = excluded.anonymous_pull, \
             patch = excluded.patch"),
        &[
            leave.id().as_str().into(),
            policy.pattern.as_str().into(),
            policy.immutable_tags.as_ref().map_or(Value::Null, json),
            policy.anonymous_pull.map(i64::from).into(),
            policy.patch.as_ref().map_or(Value::Null, json),
        ],
    )
    .await?;
    let count = tx
        .first(
            sql("select count(*) from repository_policy where project_id = $1"),
            &[leave.id().as_str().into()],
        )
        .await?;
    if count.map_or(Ok(0), |row| row.int(0))? > POLICIES_MAX {
        return Err(
            Rejection::TooMany(format!("a project has at most {POLICIES_MAX} policies")).into(),
        );
    }
    grants::reach(tx, &policy.pattern, grants::Subjects::All).await?;
    record_applied(tx, leave.principal(), &new).await?;
    Ok(applied)
}

/// Removes a policy and what it said.
///
/// # Errors
/// [`Rejection::NotFound`].
pub async fn delete_policy(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    pattern: &Pattern,
) -> Result<(), StoreError> {
    grants::change(tx).await?;
    tx.execute(
        sql("delete from repository_policy where project_id = $1 and name = $2"),
        &[leave.id().as_str().into(), pattern.as_str().into()],
    )
    .await?;
    grants::reach(tx, pattern, grants::Subjects::All).await?;
    remove(
        tx,
        leave.principal(),
        leave.id(),
        StoredKind::RepositoryPolicy,
        pattern.as_str(),
    )
    .await
}
