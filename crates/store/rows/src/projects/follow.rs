//! What follows when a project's prefixes or members change: repositories, lines, rules, records.

use super::owner_of;
use crate::grants::{self, Subjects};
use crate::lists::json;
use crate::records::Records;
use refloat_core::access::Actions;
use refloat_core::event::RegistryEvent;
use refloat_core::{ProjectId, Rejection};
use refloat_database::{Sql, StoreError, Tx, sql};

/// The most prefixes of one project.
const PREFIXES_MAX: usize = 1000;
/// The most members of one project.
const MEMBERS_MAX: usize = 1000;

/// Makes `prefixes` the prefixes of a project; its repositories follow with [`repositories_follow`]. Returns all
/// prefixes that it had or has.
///
/// # Errors
/// [`Rejection::Conflict`] if another project owns one of them, [`Rejection::Invalid`] if there are too many.
pub(crate) async fn set_prefixes(
    tx: &mut dyn Tx,
    project: &ProjectId,
    prefixes: &[String],
) -> Result<Vec<String>, StoreError> {
    if prefixes.len() > PREFIXES_MAX {
        return Err(Rejection::Invalid(format!(
            "a project may have at most {PREFIXES_MAX} prefixes"
        ))
        .into());
    }
    let id = project.as_str();
    let before = tx
        .query(
            sql("select prefix from project_prefix where project_id = $1"),
            &[id.into()],
        )
        .await?;
    let mut affected = before
        .iter()
        .map(|row| row.text(0).map(str::to_owned))
        .collect::<Result<Vec<_>, _>>()?;
    tx.execute(
        sql("delete from project_prefix where project_id = $1"),
        &[id.into()],
    )
    .await?;
    for prefix in prefixes {
        let made = tx
            .execute(
                sql("insert into project_prefix (prefix, project_id) values ($1, $2) on conflict do nothing"),
                &[prefix.into(), id.into()],
            )
            .await?;
        if made == 0 {
            return Err(Rejection::Conflict(format!(
                "prefix `{prefix}` belongs to another project"
            ))
            .into());
        }
    }
    affected.extend(prefixes.iter().cloned());
    affected.sort();
    affected.dedup();
    Ok(affected)
}

/// Makes `members` the members of a project, by the names of accounts, and writes their rules out.
///
/// # Errors
/// [`Rejection::Invalid`] if there are too many.
pub(crate) async fn set_members(
    tx: &mut dyn Tx,
    project: &ProjectId,
    members: &[(String, Actions)],
) -> Result<(), StoreError> {
    if members.len() > MEMBERS_MAX {
        return Err(Rejection::Invalid(format!(
            "a project may have at most {MEMBERS_MAX} members"
        ))
        .into());
    }
    let id = project.as_str();
    tx.execute(
        sql("delete from project_member where project_id = $1"),
        &[id.into()],
    )
    .await?;
    tx.execute(
        sql("delete from grant_rule where project_id = $1 and source = 'member'"),
        &[id.into()],
    )
    .await?;
    let rows: Vec<_> = members
        .iter()
        .map(|(subject, actions)| (subject, actions.to_row()))
        .collect();
    tx.execute(
        Sql {
            sqlite: "insert into project_member (project_id, subject, actions) \
                     select $1, json_extract(value, '$[0]'), json_extract(value, '$[1]') from json_each($2)",
            postgres: "insert into project_member (project_id, subject, actions) \
                       select $1, value->>0, cast(value->>1 as bigint) from json_array_elements(cast(cast($2 as text) as json)) as list(value)",
        },
        &[id.into(), json(&rows)],
    )
    .await?;
    tx.execute(
        sql("insert into grant_rule (subject, pattern, source, project_id, actions) \
             select coalesce(p.id, m.subject), '**', 'member', m.project_id, m.actions from project_member m \
             left join principal p on p.name = m.subject \
             where m.project_id = $1 and (p.id is not null or m.subject = 'anonymous')"),
        &[id.into()],
    )
    .await?;
    Ok(())
}

/// Gives every repository under `prefixes` to the project that owns it now, and writes its rules out anew.
///
/// # Errors
/// [`StoreError`] of the database.
pub(crate) async fn repositories_follow(
    tx: &mut dyn Tx,
    prefixes: &[String],
    actor: &str,
) -> Result<(), StoreError> {
    for prefix in prefixes {
        let mut after = None;
        loop {
            let page = grants::repositories_under(tx, prefix, after.as_deref()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.name.to_string());
            let mut records = Records::of(actor, None);
            let mut current = Vec::with_capacity(page.len());
            for mut repository in page {
                let owner = owner_of(tx, &repository.name).await?;
                if owner != repository.project {
                    let parameters = [owner.as_str().into(), repository.id.as_str().into()];
                    tx.execute(
                        sql("update repository set project_id = $1 where id = $2"),
                        &parameters,
                    )
                    .await?;
                    tx.execute(
                        sql("update line set project_id = $1 where repository_id = $2"),
                        &parameters,
                    )
                    .await?;
                    records.repository(
                        &owner,
                        &repository.id,
                        RegistryEvent::RepositoryMoved {
                            repository: repository.name.clone(),
                            from: repository.project.clone(),
                            to: owner.clone(),
                        },
                    );
                    repository.project = owner;
                }
                current.push(repository);
            }
            grants::write_out(tx, &current, Subjects::All).await?;
            records.append(tx).await?;
        }
    }
    Ok(())
}
