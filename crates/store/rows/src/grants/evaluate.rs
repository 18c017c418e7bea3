//! What rules and policies say about one repository: pure, over the rows that were loaded.

use crate::access::{ANONYMOUS, subjects};
use crate::lists::{text_list, texts};
use crate::projects::{DEFAULT_PROJECT, owner_of};
use refloat_cascade::PatchPolicy;
use refloat_core::access::Actions;
use refloat_core::registry::ImmutableTags;
use refloat_core::{Action, Pattern, Principal, ProjectId};
use refloat_database::{Row, StoreError, Tx, sql};
use refloat_oci::RepositoryName;
use std::collections::BTreeSet;

/// A rule as evaluation needs it.
#[derive(Debug)]
pub(super) struct RuleRow {
    pub(super) subject: String,
    pattern: Pattern,
    project: ProjectId,
    member: bool,
    actions: Actions,
}

impl RuleRow {
    /// From the columns subject, pattern, project_id, source, actions.
    pub(super) fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            subject: row.text(0)?.to_owned(),
            pattern: row.parsed(1)?,
            project: row.parsed(2)?,
            member: row.text(3)? == "member",
            actions: Actions::from_row(row.int(4)?),
        })
    }

    /// What it gives on a repository of `owner`.
    pub(super) fn on(&self, repository: &RepositoryName, owner: &ProjectId) -> Actions {
        let reaches =
            self.project == *owner || (self.project.as_str() == DEFAULT_PROJECT && !self.member);
        if reaches && self.pattern.matches(repository) {
            self.actions
        } else {
            Actions::NONE
        }
    }
}

/// A policy as evaluation needs it.
#[derive(Debug)]
pub(super) struct PolicyRow {
    project: ProjectId,
    pattern: Pattern,
    immutable_tags: Option<Vec<String>>,
    anonymous_pull: Option<bool>,
    patch: Option<PatchPolicy>,
}

impl PolicyRow {
    /// From the columns project_id, pattern, immutable_tags, anonymous_pull, patch.
    pub(super) fn from_row(row: &Row) -> Result<Self, StoreError> {
        let rules = row
            .optional(2, Row::text)?
            .map(serde_json::from_str)
            .transpose();
        Ok(Self {
            project: row.parsed(0)?,
            pattern: row.parsed(1)?,
            immutable_tags: rules.map_err(|_| StoreError::column(2, "not a list of rules"))?,
            anonymous_pull: row.optional(3, Row::flag)?,
            patch: patch(row, 4)?,
        })
    }

    fn matches(&self, repository: &RepositoryName, owner: &ProjectId) -> bool {
        let reaches = self.project == *owner || self.project.as_str() == DEFAULT_PROJECT;
        reaches && self.pattern.matches(repository)
    }
}

/// What all policies that match a repository agree on: the strictest of each, key by key.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Strictest {
    pub(super) immutable_tags: ImmutableTags,
    /// What everybody may.
    pub(super) anonymous: Actions,
    /// The rules of its lines.
    pub(super) lines: BTreeSet<String>,
}

/// What policies say about patches, of every project.
#[derive(Debug, Default)]
pub struct PatchPolicies(Vec<PolicyRow>);

impl PatchPolicies {
    /// Loads them.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn load(tx: &mut dyn Tx) -> Result<Self, StoreError> {
        let rows = tx
            .query(
                sql("select project_id, pattern, immutable_tags, anonymous_pull, patch from repository_policy \
                     where patch is not null order by project_id, name"),
                &[],
            )
            .await?;
        rows.iter()
            .map(PolicyRow::from_row)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// What they say about `path`, a repository, or one of a foreign registry with its host before it; `owner` is
    /// the project it belongs to, if it belongs to one.
    pub fn of(&self, path: &str, owner: Option<&ProjectId>) -> Option<PatchPolicy> {
        let is_own = !names_a_host(path);
        let reaches = |row: &&PolicyRow| {
            let project = row.project.as_str() == DEFAULT_PROJECT
                || owner.is_none_or(|owner| *owner == row.project);
            project
                && row.pattern.matches_path(path)
                && (is_own || names_a_host(row.pattern.as_str()))
        };
        self.0
            .iter()
            .filter(reaches)
            .filter_map(|row| row.patch.clone())
            .reduce(PatchPolicy::and)
    }
}

/// Whether the first segment is a registry's: `**` alone means ours. No project of ours has a dot or a port in its first segment
/// that docker would not take for a host.
fn names_a_host(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    path.contains('/') && (first.contains(['.', ':']) || first.starts_with("localhost"))
}

fn patch(row: &Row, index: usize) -> Result<Option<PatchPolicy>, StoreError> {
    row.optional(index, Row::text)?
        .map(serde_json::from_str)
        .transpose()
        .map_err(|_| StoreError::column(index, "not what a policy says about patches"))
}

/// Judges the policies that reach a repository of `owner`.
pub(super) fn strictest(
    policies: &[PolicyRow],
    repository: &RepositoryName,
    owner: &ProjectId,
) -> Result<Strictest, StoreError> {
    let matching = || {
        policies
            .iter()
            .filter(|policy| policy.matches(repository, owner))
    };
    let lists = matching()
        .filter_map(|policy| policy.immutable_tags.clone())
        .collect();
    let mut said = matching()
        .filter_map(|policy| policy.anonymous_pull)
        .peekable();
    let open = said.peek().is_some() && said.all(|open| open);
    Ok(Strictest {
        immutable_tags: ImmutableTags::new(lists)
            .map_err(|_| StoreError::column(2, "not a list of rules"))?,
        anonymous: if open {
            Actions::NONE.with(Action::Pull)
        } else {
            Actions::NONE
        },
        lines: matching()
            .filter_map(|policy| policy.patch.as_ref())
            .flat_map(|patch| patch.lines.iter().cloned())
            .collect(),
    })
}

/// What `principal` may on a repository that does not exist yet.
pub(crate) async fn rights_by_pattern(
    tx: &mut dyn Tx,
    principal: &Principal,
    repository: &RepositoryName,
) -> Result<Actions, StoreError> {
    let owner = owner_of(tx, repository).await?;
    let subjects = subjects(principal);
    let rules = tx
        .query(
            text_list!("select subject, pattern, project_id, source, actions from grant_rule where subject in ", "$1", ""),
            &[texts(subjects.iter().map(String::as_str))],
        )
        .await?;
    let policies = policies(tx, &[&owner]).await?;
    let mut rights = strictest(&policies, repository, &owner)?.anonymous;
    for row in &rules {
        rights = rights.union(RuleRow::from_row(row)?.on(repository, &owner));
    }
    Ok(rights)
}

/// The policies that can reach repositories of `projects`.
pub(super) async fn policies(
    tx: &mut dyn Tx,
    projects: &[&ProjectId],
) -> Result<Vec<PolicyRow>, StoreError> {
    let projects = projects
        .iter()
        .map(|project| project.as_str())
        .chain([DEFAULT_PROJECT]);
    let rows = tx
        .query(
            text_list!(
                "select project_id, pattern, immutable_tags, anonymous_pull, patch from repository_policy where project_id in ",
                "$1",
                " order by project_id, name"
            ),
            &[texts(projects)],
        )
        .await?;
    rows.iter().map(PolicyRow::from_row).collect()
}

/// The sum of what rules and policies give a subject.
pub(super) fn sum(
    rules: &[&RuleRow],
    policies: &Strictest,
    subject: &str,
    repository: &RepositoryName,
    owner: &ProjectId,
) -> Actions {
    let start = if subject == ANONYMOUS {
        policies.anonymous
    } else {
        Actions::NONE
    };
    rules
        .iter()
        .fold(start, |all, rule| all.union(rule.on(repository, owner)))
}

#[cfg(test)]
mod tests;
