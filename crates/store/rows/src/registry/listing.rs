//! Lists that page by their last item.

use super::limit;
use crate::access::{Authorized, Pull, actor, is_administrator};
use refloat_core::{Action, Principal, PrincipalKind};
use refloat_database::{StoreError, Tx, sql};
use refloat_oci::{RepositoryName, TagName};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// Whether there are more behind them.
    pub more: bool,
}

impl<T> Found<T> {
    /// From a query that asked for one more than `at_most`.
    pub(crate) fn cut(mut items: Vec<T>, at_most: usize) -> Self {
        let more = items.len() > at_most;
        items.truncate(at_most);
        Self { items, more }
    }
}

/// The visible tags of a repository, bytewise sorted.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn list_tags(
    tx: &mut dyn Tx,
    leave: &Authorized<Pull>,
    after: Option<&TagName>,
    at_most: usize,
) -> Result<Found<TagName>, StoreError> {
    let rows = tx
        .query(
            sql("select t.name from tag t \
                 join image_state s on s.repository_id = t.repository_id and s.digest = t.digest \
                 where t.repository_id = $1 and t.name > $2 and s.quarantine = 'cleared' order by t.name limit $3"),
            &[
                leave.repository().id.as_str().into(),
                after.map_or("", TagName::as_str).into(),
                limit(at_most.saturating_add(1)),
            ],
        )
        .await?;
    let names = rows
        .iter()
        .map(|row| row.parsed(0))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Found::cut(names, at_most))
}

/// The repositories that `principal` may pull from, bytewise sorted; those in which nothing can be pulled are left out.
///
/// # Errors
/// [`refloat_core::Rejection::Unauthenticated`] if the account is gone.
pub async fn catalog(
    tx: &mut dyn Tx,
    principal: &Principal,
    after: Option<&RepositoryName>,
    at_most: usize,
) -> Result<Found<RepositoryName>, StoreError> {
    let everything = match principal.kind {
        PrincipalKind::Anonymous => false,
        PrincipalKind::User | PrincipalKind::Robot | PrincipalKind::System => {
            is_administrator(tx, principal).await?
        }
    };
    let wanted = at_most.saturating_add(1);
    let mut names: Vec<RepositoryName> = Vec::new();
    let mut after = after.map_or_else(String::new, ToString::to_string);
    loop {
        let page = page(tx, principal, everything, &after, wanted).await?;
        let whole = page.len() < wanted;
        after = page.last().map_or(after, ToString::to_string);
        names.extend(
            page.into_iter()
                .filter(|name| principal.scope_limit(name).contains(Action::Pull)),
        );
        if whole || names.len() >= wanted {
            return Ok(Found::cut(names, at_most));
        }
    }
}

/// The next names by rules alone; the scopes of the token are applied to them by the caller.
async fn page(
    tx: &mut dyn Tx,
    principal: &Principal,
    everything: bool,
    after: &str,
    wanted: usize,
) -> Result<Vec<RepositoryName>, StoreError> {
    let rows = if everything {
        let statement = sql(
            "select r.name from repository r where r.name > $1 and exists (select 1 from manifest m \
             join image_state s on s.repository_id = m.repository_id and s.digest = m.digest \
             where m.repository_id = r.id and s.quarantine = 'cleared') order by r.name limit $2",
        );
        tx.query(statement, &[after.into(), limit(wanted)]).await?
    } else {
        // 33: the bits of `pull` and of `admin`, which contains it. Each half walks its own index in order.
        let statement = sql(
            "select name from (select * from (select g.name from grant_repository g \
               where g.subject = $1 and g.name > $2 and (g.actions & 33) <> 0 and exists (select 1 from manifest m \
               join image_state s on s.repository_id = m.repository_id and s.digest = m.digest \
               where m.repository_id = g.repository_id and s.quarantine = 'cleared') order by g.name limit $3) as own \
             union select * from (select g.name from grant_repository g \
               where g.subject = 'anonymous' and g.name > $2 and (g.actions & 33) <> 0 and exists (select 1 from manifest m \
               join image_state s on s.repository_id = m.repository_id and s.digest = m.digest \
               where m.repository_id = g.repository_id and s.quarantine = 'cleared') order by g.name limit $3) as everybody \
             ) as listed order by name limit $3",
        );
        tx.query(
            statement,
            &[actor(principal).into(), after.into(), limit(wanted)],
        )
        .await?
    };
    rows.iter().map(|row| row.parsed(0)).collect()
}
