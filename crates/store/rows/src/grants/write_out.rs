//! Writing rules out per repository: in pages, so that memory stays bounded however many repositories a rule reaches.

use super::evaluate::{PolicyRow, RuleRow, Strictest, policies, strictest, sum};
use crate::access::ANONYMOUS;
use crate::lines;
use crate::lists::{json, text_list, texts};
use crate::projects::DEFAULT_PROJECT;
use refloat_core::{Pattern, ProjectId, RepositoryId};
use refloat_database::{Dialect, Row, Sql, StoreError, Tx, Value, sql};
use refloat_oci::RepositoryName;
use std::collections::BTreeMap;

/// How many repositories one step looks at.
const PAGE_REPOSITORIES: i64 = 1000;
/// How many rows one statement inserts.
const INSERT_ROWS: usize = 5000;

/// A repository and its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) id: RepositoryId,
    pub(crate) project: ProjectId,
    pub(crate) name: RepositoryName,
}

/// Repositories of one page that matched, and where the next page begins; `None` at the end.
pub(crate) struct Matching {
    pub(crate) repositories: Vec<Placed>,
    pub(crate) last: Option<String>,
}

/// Whose rules are written out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subjects<'a> {
    /// Everybody's.
    All,
    /// One subject's.
    One(&'a str),
}

/// Announces a change of rules, members, policies or prefixes: whoever makes a repository at the same time waits or starts again.
pub(crate) async fn change(tx: &mut dyn Tx) -> Result<(), StoreError> {
    let text = "update meta set value = cast(cast(value as bigint) + 1 as text) where key = 'access_generation'";
    tx.execute(sql(text), &[]).await.map(drop)
}

/// Keeps rules, members, policies and prefixes as they are until this transaction ends.
pub(crate) async fn hold(tx: &mut dyn Tx) -> Result<(), StoreError> {
    if tx.dialect() == Dialect::Postgres {
        tx.query(
            sql("select value from meta where key = 'access_generation' for share"),
            &[],
        )
        .await?;
    }
    Ok(())
}

/// The next page of the repositories that are `prefix` or lie under it.
pub(crate) async fn repositories_under(
    tx: &mut dyn Tx,
    prefix: &str,
    after: Option<&str>,
) -> Result<Vec<Placed>, StoreError> {
    // `0` follows `/`, so that the range holds what begins with `prefix/`.
    let rows = tx
        .query(
            sql("select id, project_id, name from repository \
                 where name > $1 and (name = $2 or (name > $3 and name < $4)) order by name limit $5"),
            &[
                after.unwrap_or("").into(),
                prefix.into(),
                format!("{prefix}/").into(),
                format!("{prefix}0").into(),
                PAGE_REPOSITORIES.into(),
            ],
        )
        .await?;
    rows.iter().map(placed).collect()
}

/// The next page of repositories, those of it that match `pattern`.
pub(crate) async fn repositories_matching(
    tx: &mut dyn Tx,
    pattern: &Pattern,
    after: Option<&str>,
) -> Result<Matching, StoreError> {
    let literal = pattern
        .as_str()
        .split('*')
        .next()
        .unwrap_or("")
        .trim_end_matches('/');
    // `~` follows every character of a name.
    let rows = tx
        .query(
            sql("select id, project_id, name from repository where name > $1 and name >= $2 and name < $3 order by name limit $4"),
            &[after.unwrap_or("").into(), literal.into(), format!("{literal}~").into(), PAGE_REPOSITORIES.into()],
        )
        .await?;
    let page = rows.iter().map(placed).collect::<Result<Vec<_>, _>>()?;
    Ok(Matching {
        last: page.last().map(|placed| placed.name.to_string()),
        repositories: page
            .into_iter()
            .filter(|placed| pattern.matches(&placed.name))
            .collect(),
    })
}

fn placed(row: &Row) -> Result<Placed, StoreError> {
    Ok(Placed {
        id: row.parsed(0)?,
        project: row.parsed(1)?,
        name: row.parsed(2)?,
    })
}

/// Writes out what rules and policies say about these repositories: grants and, for all subjects, the tags that never move.
pub(crate) async fn write_out(
    tx: &mut dyn Tx,
    repositories: &[Placed],
    subjects: Subjects<'_>,
) -> Result<(), StoreError> {
    if repositories.is_empty() {
        return Ok(());
    }
    let projects: Vec<_> = repositories.iter().map(|placed| &placed.project).collect();
    let policies = policies(tx, &projects).await?;
    let rules = rules(tx, &projects, subjects).await?;
    let mut by_subject: BTreeMap<&str, Vec<&RuleRow>> = BTreeMap::from([(ANONYMOUS, Vec::new())]);
    for rule in &rules {
        by_subject.entry(&rule.subject).or_default().push(rule);
    }
    if let Subjects::One(subject) = subjects {
        by_subject.retain(|key, _| *key == subject);
    }
    let judged = judge(&policies, repositories)?;
    let mut grants = Vec::new();
    for (placed, strictest) in repositories.iter().zip(&judged) {
        for (subject, rules) in &by_subject {
            let actions = sum(rules, strictest, subject, &placed.name, &placed.project);
            if !actions.is_empty() {
                grants.push((
                    *subject,
                    placed.id.as_str(),
                    placed.name.as_str(),
                    actions.to_row(),
                ));
            }
        }
    }
    delete(tx, repositories, subjects).await?;
    for rows in grants.chunks(INSERT_ROWS) {
        insert(tx, json(&rows)).await?;
    }
    if matches!(subjects, Subjects::All) {
        immutable_tags(tx, repositories, &judged).await?;
        let wanted: Vec<_> = repositories
            .iter()
            .zip(judged)
            .map(|(placed, strictest)| (placed, strictest.lines))
            .collect();
        lines::by_policies(tx, &wanted).await?;
    }
    Ok(())
}

fn judge(policies: &[PolicyRow], repositories: &[Placed]) -> Result<Vec<Strictest>, StoreError> {
    repositories
        .iter()
        .map(|placed| strictest(policies, &placed.name, &placed.project))
        .collect()
}

async fn rules(
    tx: &mut dyn Tx,
    projects: &[&ProjectId],
    subjects: Subjects<'_>,
) -> Result<Vec<RuleRow>, StoreError> {
    let rows = match subjects {
        Subjects::All => {
            let projects = projects.iter().map(|project| project.as_str()).chain([DEFAULT_PROJECT]);
            tx.query(
                text_list!("select subject, pattern, project_id, source, actions from grant_rule where project_id in ", "$1", ""),
                &[texts(projects)],
            )
            .await?
        }
        Subjects::One(subject) => {
            tx.query(
                sql("select subject, pattern, project_id, source, actions from grant_rule where subject = $1"),
                &[subject.into()],
            )
            .await?
        }
    };
    rows.iter().map(RuleRow::from_row).collect()
}

async fn delete(
    tx: &mut dyn Tx,
    repositories: &[Placed],
    subjects: Subjects<'_>,
) -> Result<(), StoreError> {
    let ids = texts(repositories.iter().map(|placed| placed.id.as_str()));
    match subjects {
        Subjects::All => {
            tx.execute(
                text_list!(
                    "delete from grant_repository where repository_id in ",
                    "$1",
                    ""
                ),
                &[ids],
            )
            .await?
        }
        Subjects::One(subject) => {
            let statement = text_list!(
                "delete from grant_repository where subject = $1 and repository_id in ",
                "$2",
                ""
            );
            tx.execute(statement, &[subject.into(), ids]).await?
        }
    };
    Ok(())
}

async fn insert(tx: &mut dyn Tx, rows: Value) -> Result<(), StoreError> {
    let statement = Sql {
        sqlite: "insert into grant_repository (subject, repository_id, name, actions) \
                 select json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]') \
                 from json_each($1)",
        postgres: "insert into grant_repository (subject, repository_id, name, actions) \
                   select value->>0, value->>1, value->>2, cast(value->>3 as bigint) \
                   from json_array_elements(cast(cast($1 as text) as json)) as list(value)",
    };
    tx.execute(statement, &[rows]).await.map(drop)
}

async fn immutable_tags(
    tx: &mut dyn Tx,
    repositories: &[Placed],
    judged: &[Strictest],
) -> Result<(), StoreError> {
    let rows: Vec<_> = repositories
        .iter()
        .zip(judged)
        .map(|(placed, strictest)| {
            let lists = serde_json::to_string(&strictest.immutable_tags).expect("lists of texts");
            (placed.id.as_str(), lists)
        })
        .collect();
    let statement = Sql {
        sqlite: "update repository set immutable_tags = changed.rules \
                 from (select json_extract(value, '$[0]') as id, json_extract(value, '$[1]') as rules from json_each($1)) as changed \
                 where repository.id = changed.id and repository.immutable_tags <> changed.rules",
        postgres: "update repository set immutable_tags = changed.rules \
                   from (select value->>0 as id, value->>1 as rules from json_array_elements(cast(cast($1 as text) as json)) as list(value)) as changed \
                   where repository.id = changed.id and repository.immutable_tags <> changed.rules",
    };
    tx.execute(statement, &[json(&rows)]).await.map(drop)
}
