//! The graph as people see it: lines, what they stand on, and whether that moved on.

use crate::rows;
use refloat_cascade::{BaseName, LineName};
use refloat_core::Principal;
use refloat_database::{Row, StoreError, Tx, sql};
use refloat_oci::media_type::{DOCKER_CONFIG, OCI_CONFIG};
use refloat_oci::{Digest, RegistryHost, RepositoryName, TagName};
use refloat_store::grants::PatchPolicies;
use std::collections::BTreeMap;

/// A line as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownLine {
    /// The line.
    pub line: LineName,
    /// The tag of its current image.
    pub tag: TagName,
    /// Its current image.
    pub digest: Digest,
    /// Its platforms.
    pub platforms: Vec<String>,
    /// What it stands on at run time, as far as that is known.
    pub base: Option<ShownBase>,
    /// Edges of its task of other kinds: kind and base.
    pub others: Vec<(String, BaseName)>,
    /// Whether its base names other images by now.
    pub outdated: bool,
    /// Why its base is not known.
    pub reason: Option<String>,
}

/// A base as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownBase {
    /// The registry it lies in; `None` is this one.
    pub registry: Option<RegistryHost>,
    /// Its repository.
    pub repository: RepositoryName,
    /// The tag that is followed, if one is known.
    pub tag: Option<TagName>,
    /// The manifest or index it was made on.
    pub digest: Digest,
    /// `RUNTIME`..
    pub kind: String,
    /// `task`, `annotation` or `layers`.
    pub found_by: String,
}

/// Lines of this registry, by repository and rule, those after `after`; and whether there may be more. Who asks sees what it may pull.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn lines(
    tx: &mut dyn Tx,
    principal: &Principal,
    after: Option<(&str, &str)>,
    at_most: i64,
) -> Result<(Vec<ShownLine>, Option<(String, String)>), StoreError> {
    let (repository, rule) = after.unwrap_or(("", ""));
    let rows = tx
        .query(
            sql("select r.name, l.rule, l.tag, l.digest, m.artifact_type, \
                 case when exists (select 1 from manifest_child c where c.repository_id = r.id and c.parent = l.digest) then 1 else 0 end \
                 from line l join repository r on r.id = l.repository_id \
                 join image_state s on s.repository_id = r.id and s.digest = l.digest and s.quarantine = 'cleared' \
                 join manifest m on m.repository_id = r.id and m.digest = l.digest \
                 where (r.name > $1 or (r.name = $1 and l.rule > $2)) and l.tag is not null \
                 order by r.name, l.rule limit $3"),
            &[repository.into(), rule.into(), at_most.into()],
        )
        .await?;
    let full = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= at_most;
    let mut shown = Vec::new();
    let mut last = None;
    let mut may: BTreeMap<String, bool> = BTreeMap::new();
    for row in &rows {
        let name = row.text(0)?.to_owned();
        last = Some((name.clone(), row.text(1)?.to_owned()));
        let visible = if let Some(visible) = may.get(&name) {
            *visible
        } else {
            let visible = may_pull(tx, principal, &row.parsed(0)?).await?;
            may.insert(name, visible);
            visible
        };
        let kind = row.optional(4, Row::text)?;
        let is_image =
            kind.is_some_and(|kind| kind == OCI_CONFIG || kind == DOCKER_CONFIG) || row.flag(5)?;
        if visible && is_image {
            let line = LineName {
                registry: None,
                repository: row.parsed(0)?,
                rule: row.parsed(1)?,
            };
            shown.push(show(tx, line, row.parsed(2)?, rows::digest(row, 3)?).await?);
        }
    }
    Ok((shown, last.filter(|_| full)))
}

/// Whether somebody may pull from a repository of this registry.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn may_pull(
    tx: &mut dyn Tx,
    principal: &Principal,
    repository: &RepositoryName,
) -> Result<bool, StoreError> {
    use refloat_store::access::{Pull, authorize_existing};
    match authorize_existing::<Pull>(tx, principal, repository).await {
        Ok(_) => Ok(true),
        Err(StoreError::Rejected(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Lines of foreign registries: what a policy or a task names there.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn foreign_lines(tx: &mut dyn Tx) -> Result<Vec<ShownLine>, StoreError> {
    let policies = PatchPolicies::load(tx).await?;
    let rows = tx
        .query(
            sql("select host, repository, tag, digest from base where host <> '' and digest is not null order by host, repository, tag limit 100000"),
            &[],
        )
        .await?;
    let mut shown = Vec::new();
    for row in &rows {
        let name = rows::base(row, 0)?;
        let line = LineName {
            rule: refloat_cascade::Rule::Tag(name.tag.clone()),
            registry: name.registry.clone(),
            repository: name.repository.clone(),
        };
        let path = format!("{}/{}", name.host(), name.repository);
        let is_ours = policies.of(&path, None).is_some()
            || crate::graph::task_of_line(tx, &line).await?.is_some();
        let is_line = is_ours && !crate::reach::is_given_away(tx, &line, &name.tag).await?;
        if is_line {
            shown.push(show(tx, line, name.tag, rows::digest(row, 3)?).await?);
        }
    }
    Ok(shown)
}

async fn show(
    tx: &mut dyn Tx,
    line: LineName,
    tag: TagName,
    digest: Digest,
) -> Result<ShownLine, StoreError> {
    let rows = tx
        .query(
            sql("select i.platform, i.problem, e.base_host, e.base_repository, e.base_tag, e.base_digest, e.kind, e.found_by \
                 from image_platform p join image i on i.host = p.host and i.repository = p.repository and i.digest = p.child \
                 left join image_edge e on e.host = i.host and e.repository = i.repository and e.digest = i.digest \
                 where p.host = $1 and p.repository = $2 and p.digest = $3 order by i.platform"),
            &crate::images::key(line.host(), &line.repository, &digest),
        )
        .await?;
    let mut shown = ShownLine {
        line,
        tag,
        digest,
        platforms: Vec::new(),
        base: None,
        others: Vec::new(),
        outdated: false,
        reason: None,
    };
    for row in &rows {
        shown.platforms.push(row.text(0)?.to_owned());
        if row.is_null(2)? {
            let problem = row.optional(1, Row::text)?;
            shown.reason = problem.map(str::to_owned);
            continue;
        }
        let (base, outdated) = base_of(tx, row).await?;
        shown.outdated |= outdated;
        shown.base.get_or_insert(base);
    }
    by_task(tx, &mut shown).await?;
    if shown.base.is_none() && shown.reason.is_none() {
        let reason = if rows.is_empty() {
            "its layers have not been read yet"
        } else {
            "no known image is the lower part of its layers; push its base here, or watch it by an Upstream"
        };
        shown.reason = Some(reason.to_owned());
    }
    if shown.base.is_some() {
        shown.reason = None;
    }
    Ok(shown)
}

/// The base of an edge by layers, and whether what is followed names another image.
async fn base_of(tx: &mut dyn Tx, row: &Row) -> Result<(ShownBase, bool), StoreError> {
    let mut base = ShownBase {
        registry: rows::host(row, 2)?,
        repository: row.parsed(3)?,
        tag: None,
        digest: rows::digest(row, 5)?,
        kind: row.text(6)?.to_owned(),
        found_by: row.text(7)?.to_owned(),
    };
    let host = base.registry.as_ref().map_or("", RegistryHost::as_str);
    let named = row.text(4)?;
    // Of the tags that name it: the one that was written, else those that are known to move, else any.
    let names = tx
        .query(
            sql("select d.tag, d.generation, b.generation, b.moves from image_platform p \
                 join base_digest d on d.host = p.host and d.repository = p.repository and d.digest = p.digest \
                 join base b on b.host = d.host and b.repository = d.repository and b.tag = d.tag \
                 where p.host = $1 and p.repository = $2 and p.child = $3 order by b.moves desc, length(d.tag), d.tag limit 200"),
            &crate::images::key(host, &base.repository, &base.digest),
        )
        .await?;
    let mut best: Option<(TagName, bool)> = None;
    let mut any_current = false;
    for name in &names {
        let is_current = name.int(1)? == name.int(2)?;
        if name.text(0)? == named {
            base.tag = Some(name.parsed(0)?);
            return Ok((base, !is_current));
        }
        let moves = name.int(3)? > 0;
        if moves || best.is_none() {
            any_current |= is_current;
            if best.is_none() {
                best = Some((name.parsed(0)?, is_current));
            }
        }
    }
    let outdated = best.is_some() && !any_current;
    base.tag = best.map(|(tag, _)| tag);
    Ok((base, outdated))
}

/// What the task of a line adds: its other edges, and its base where the layers tell nothing.
async fn by_task(tx: &mut dyn Tx, shown: &mut ShownLine) -> Result<(), StoreError> {
    let Some(task) = crate::graph::task_of_line(tx, &shown.line).await? else {
        return Ok(());
    };
    for edge in crate::graph::task_edges(tx, &task.project, &task.task).await? {
        let kind = rows::kind_word(edge.kind);
        if kind != "RUNTIME" {
            shown.others.push((kind.to_owned(), edge.base.clone()));
            continue;
        }
        if let Some(base) = &mut shown.base {
            "task".clone_into(&mut base.found_by);
            base.tag = Some(edge.base.tag.clone());
            continue;
        }
        let Some(digest) = edge.base_digest else {
            continue;
        };
        let known = crate::bases::digests(tx, &edge.base).await?;
        let newest = known.iter().map(|(_, generation)| *generation).max();
        let own = known
            .iter()
            .find(|(known, _)| *known == digest)
            .map(|(_, generation)| *generation);
        shown.outdated |= own.is_some() && own != newest;
        shown.base = Some(ShownBase {
            registry: edge.base.registry.clone(),
            repository: edge.base.repository.clone(),
            tag: Some(edge.base.tag.clone()),
            digest,
            kind: kind.to_owned(),
            found_by: "task".to_owned(),
        });
    }
    Ok(())
}
