//! Rules: who may what on which pattern. They are written out per repository in the transaction that changes them,
//! so that authorization is one look-up and every list pages in SQL.
//!
//! Rules and policies of the project `default` reach every repository, since administrators alone make them;
//! those of another project, and all memberships, reach the repositories of that project only.

mod evaluate;
mod write_out;

pub use evaluate::PatchPolicies;
pub(crate) use evaluate::rights_by_pattern;
pub(crate) use write_out::{
    Placed, Subjects, change, hold, repositories_matching, repositories_under, write_out,
};

use crate::access::{ANONYMOUS, AuthorizedProject, actor};
use crate::records::Records;
use refloat_core::access::Actions;
use refloat_core::event::AccessEvent;
use refloat_core::{Pattern, PrincipalId, ProjectId, Rejection};
use refloat_database::{Row, StoreError, Tx, sql};

/// Writes out anew what rules and policies say about every repository that `pattern` matches.
pub(crate) async fn reach(
    tx: &mut dyn Tx,
    pattern: &Pattern,
    subjects: Subjects<'_>,
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = repositories_matching(tx, pattern, after.as_deref()).await?;
        let Some(last) = page.last else { return Ok(()) };
        write_out(tx, &page.repositories, subjects).await?;
        after = Some(last);
    }
}

/// Gives a new account what project documents say about its name.
pub(crate) async fn become_member(tx: &mut dyn Tx, name: &str, id: &str) -> Result<(), StoreError> {
    let member = tx
        .first(
            sql("select project_id from project_member where subject = $1 limit 1"),
            &[name.into()],
        )
        .await?;
    if member.is_none() {
        return Ok(());
    }
    change(tx).await?;
    tx.execute(
        sql("insert into grant_rule (subject, pattern, source, project_id, actions) \
             select $2, '**', 'member', m.project_id, m.actions from project_member m where m.subject = $1"),
        &[name.into(), id.into()],
    )
    .await?;
    let everywhere = "**"
        .parse()
        .map_err(|_| StoreError::column(0, "not a pattern"))?;
    reach(tx, &everywhere, Subjects::One(id)).await
}

/// Whom a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Everybody, signed in or not.
    Anonymous,
    /// An account.
    Account(PrincipalId),
}

impl Subject {
    /// The form in rows and records.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Anonymous => ANONYMOUS,
            Self::Account(id) => id.as_str(),
        }
    }

    fn from_row(text: &str) -> Result<Self, StoreError> {
        if text == ANONYMOUS {
            return Ok(Self::Anonymous);
        }
        text.parse()
            .map(Self::Account)
            .map_err(|_| StoreError::column(0, "not a subject"))
    }
}

/// Where a rule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Somebody granted it.
    Person,
    /// The members in the project's document.
    Member,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Whom it is about.
    pub subject: Subject,
    /// The subject's name as users know it.
    pub name: String,
    /// The repositories.
    pub pattern: Pattern,
    /// What they may there.
    pub actions: Actions,
    /// Where it comes from.
    pub source: Source,
    /// The project that it belongs to.
    pub project: ProjectId,
}

/// Adds `actions` on `pattern` for a subject; returns whether anything changed.
///
/// # Errors
/// [`Rejection::NotFound`] if the account does not exist, [`Rejection::Invalid`] for no actions.
pub async fn grant(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    subject: &Subject,
    actions: Actions,
    pattern: &Pattern,
) -> Result<bool, StoreError> {
    if actions.is_empty() {
        return Err(Rejection::Invalid("a grant needs at least one action".to_owned()).into());
    }
    require_subject(tx, subject).await?;
    let before = stored(tx, leave, subject, pattern).await?;
    if before.union(actions) == before {
        return Ok(false);
    }
    set(tx, leave, subject, pattern, before.union(actions)).await?;
    let event = AccessEvent::Granted {
        subject: subject.as_str().to_owned(),
        actions,
        pattern: pattern.clone(),
    };
    record(tx, leave, subject, event).await?;
    Ok(true)
}

/// Takes `actions` on exactly `pattern` from a subject; returns whether anything changed.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn revoke(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    subject: &Subject,
    actions: Actions,
    pattern: &Pattern,
) -> Result<bool, StoreError> {
    let before = stored(tx, leave, subject, pattern).await?;
    let taken: Actions = before
        .iter()
        .filter(|action| actions.iter().any(|gone| gone == *action))
        .collect();
    if taken.is_empty() {
        return Ok(false);
    }
    let left: Actions = before
        .iter()
        .filter(|action| !taken.iter().any(|gone| gone == *action))
        .collect();
    set(tx, leave, subject, pattern, left).await?;
    let event = AccessEvent::Revoked {
        subject: subject.as_str().to_owned(),
        actions: taken,
        pattern: pattern.clone(),
    };
    record(tx, leave, subject, event).await?;
    Ok(true)
}

/// The rules of a project, after the rule `after` (subject, pattern), at most `limit`.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn list(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    after: Option<(&str, &str)>,
    limit: usize,
) -> Result<Vec<Rule>, StoreError> {
    let (subject, pattern) = after.unwrap_or(("", ""));
    let rows = tx
        .query(
            sql("select r.subject, coalesce(p.name, r.subject), r.pattern, r.actions, r.source, r.project_id from grant_rule r \
                 left join principal p on p.id = r.subject \
                 where r.project_id = $1 and (r.subject > $2 or (r.subject = $2 and r.pattern > $3)) \
                 order by r.subject, r.pattern, r.source limit $4"),
            &[leave.id().as_str().into(), subject.into(), pattern.into(), crate::registry::limit(limit)],
        )
        .await?;
    rows.iter().map(rule).collect()
}

fn rule(row: &Row) -> Result<Rule, StoreError> {
    Ok(Rule {
        subject: Subject::from_row(row.text(0)?)?,
        name: row.text(1)?.to_owned(),
        pattern: row.parsed(2)?,
        actions: Actions::from_row(row.int(3)?),
        source: if row.text(4)? == "member" {
            Source::Member
        } else {
            Source::Person
        },
        project: row.parsed(5)?,
    })
}

async fn require_subject(tx: &mut dyn Tx, subject: &Subject) -> Result<(), StoreError> {
    let Subject::Account(id) = subject else {
        return Ok(());
    };
    let found = tx
        .first(
            sql("select name from principal where id = $1"),
            &[id.as_str().into()],
        )
        .await?;
    let not_found = || Rejection::NotFound {
        kind: "account",
        name: id.to_string(),
    };
    found.map(|_| ()).ok_or_else(|| not_found().into())
}

async fn stored(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    subject: &Subject,
    pattern: &Pattern,
) -> Result<Actions, StoreError> {
    let row = tx
        .first(
            sql("select actions from grant_rule where subject = $1 and pattern = $2 and source = 'person' and project_id = $3"),
            &[subject.as_str().into(), pattern.as_str().into(), leave.id().as_str().into()],
        )
        .await?;
    row.map_or(Ok(Actions::NONE), |row| row.int(0).map(Actions::from_row))
}

async fn set(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    subject: &Subject,
    pattern: &Pattern,
    actions: Actions,
) -> Result<(), StoreError> {
    change(tx).await?;
    let key = [
        subject.as_str().into(),
        pattern.as_str().into(),
        leave.id().as_str().into(),
    ];
    tx.execute(
        sql("delete from grant_rule where subject = $1 and pattern = $2 and source = 'person' and project_id = $3"),
        &key,
    )
    .await?;
    if !actions.is_empty() {
        let [subject, pattern, project] = key;
        tx.execute(
            sql("insert into grant_rule (subject, pattern, source, project_id, actions) values ($1, $2, 'person', $3, $4)"),
            &[subject, pattern, project, actions.to_row().into()],
        )
        .await?;
    }
    reach(tx, pattern, Subjects::One(subject.as_str())).await
}

async fn record(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    subject: &Subject,
    event: AccessEvent,
) -> Result<(), StoreError> {
    let mut records = Records::of(&actor(leave.principal()), None);
    records.access(leave.id(), "grant", subject.as_str(), event);
    records.append(tx).await.map(drop)
}
