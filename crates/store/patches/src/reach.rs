//! What stands on a base: lines and their current images, level by level, as far as moves would travel.

use crate::bases;
use crate::graph::{self, TaskLine};
use crate::images::Step;
use crate::rows;
use refloat_cascade::rule::Patched;
use refloat_cascade::{BaseName, LineName, PatchPolicy, Rule};
use refloat_core::ProjectId;
use refloat_core::event::EdgeKind;
use refloat_database::{Row, StoreError, Tx, sql};
use refloat_oci::{Digest, TagName};
use refloat_store::grants::PatchPolicies;
use refloat_store::lists::{digest_list, digests};
use std::collections::{BTreeMap, BTreeSet};

/// The most lines of one plan.
pub const LINES_MAX: usize = 100_000;

/// A line that stands on the base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The line.
    pub line: LineName,
    /// Whose it is; `None` for a foreign line that no task makes.
    pub project: Option<ProjectId>,
    /// The tag of its current image.
    pub tag: TagName,
    /// Its current image.
    pub digest: Digest,
    /// What it stands on: the base (`None`) or another line, by number in the list.
    pub edges: BTreeSet<(EdgeKind, Option<usize>)>,
    /// The task that makes it.
    pub task: Option<TaskLine>,
    /// The tests of that task, each as its arguments.
    pub tests: Vec<Vec<String>>,
    /// What policies say about it.
    pub policy: Option<PatchPolicy>,
    /// How the layers above its base were made, of its first platform; `None` if the base's layers are not known.
    pub above: Option<Vec<Step>>,
    /// Why it cannot be patched.
    pub problem: Option<String>,
}

/// What a level moves: references by name, and the manifests that their dependents stand on.
struct Moving {
    /// Its number in the list; `None` is the base itself.
    number: Option<usize>,
    names: Vec<BaseName>,
    manifests: Vec<Digest>,
    /// Manifests and indexes, for edges of tasks.
    olds: Vec<Digest>,
}

/// Every line whose current image stands on an older generation of `base` than `new` is, and every line that stands on those.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn reach(
    tx: &mut dyn Tx,
    base: &BaseName,
    new: &Digest,
) -> Result<Vec<Reached>, StoreError> {
    let policies = PatchPolicies::load(tx).await?;
    let mut list: Vec<Reached> = Vec::new();
    let mut numbers: BTreeMap<LineName, usize> = BTreeMap::new();
    let mut waiting = vec![root(tx, base, new).await?];
    while let Some(moving) = waiting.pop() {
        for found in dependents(tx, &moving).await? {
            if is_itself(&found, base, new, &moving) {
                continue;
            }
            let edge = (found.kind, moving.number);
            if let Some(number) = numbers.get(&found.line) {
                list[*number].edges.insert(edge);
                continue;
            }
            if list.len() >= LINES_MAX {
                continue;
            }
            let Some(reached) = look(tx, &found, edge, &policies).await? else {
                continue;
            };
            let number = list.len();
            numbers.insert(found.line.clone(), number);
            waiting.push(of_line(tx, &reached, number).await?);
            list.push(reached);
        }
    }
    Ok(list)
}

/// The tag that moves is a line of its own; it does not stand on itself, nor does what it names already.
fn is_itself(found: &Dependent, base: &BaseName, new: &Digest, moving: &Moving) -> bool {
    let of = |name: &BaseName| {
        name.registry == found.line.registry
            && name.repository == found.line.repository
            && (name.tag == found.tag || found.line.rule.stable() == Some(&name.tag))
    };
    of(base) || found.digest == *new || moving.names.iter().any(of)
}

async fn root(tx: &mut dyn Tx, base: &BaseName, new: &Digest) -> Result<Moving, StoreError> {
    let known = bases::digests(tx, base).await?;
    let generation = known
        .iter()
        .find(|(digest, _)| digest == new)
        .map(|(_, generation)| *generation);
    let olds: Vec<Digest> = known
        .iter()
        .filter(|(digest, old)| digest != new && Some(*old) != generation)
        .map(|(digest, _)| *digest)
        .collect();
    let current = children(tx, base.host(), base, std::slice::from_ref(new)).await?;
    let mut manifests = children(tx, base.host(), base, &olds).await?;
    manifests.retain(|manifest| !current.contains(manifest));
    // By its layers alone an image may stand on another tag that still names them and is known to move.
    let others = bases::others_naming(tx, base, &olds).await?;
    let kept: Vec<Digest> = others.iter().map(|(_, digest)| *digest).collect();
    let kept = children(tx, base.host(), base, &kept).await?;
    manifests.retain(|manifest| !kept.contains(manifest));
    Ok(Moving {
        number: None,
        names: vec![base.clone()],
        manifests,
        olds,
    })
}

/// What a line of the plan moves: everything it ever named, since all of it is older than its patch.
async fn of_line(tx: &mut dyn Tx, line: &Reached, number: usize) -> Result<Moving, StoreError> {
    let mut tags: BTreeSet<TagName> = BTreeSet::new();
    tags.extend(line.line.rule.stable().cloned());
    tags.extend(
        line.task
            .iter()
            .flat_map(|task| task.stable.iter().cloned()),
    );
    if tags.is_empty() {
        tags.insert(line.tag.clone());
    }
    let names: Vec<BaseName> = tags
        .into_iter()
        .map(|tag| BaseName {
            registry: line.line.registry.clone(),
            repository: line.line.repository.clone(),
            tag,
        })
        .collect();
    let mut olds = vec![line.digest];
    let mut manifests = Vec::new();
    for name in &names {
        olds.extend(
            bases::digests(tx, name)
                .await?
                .into_iter()
                .map(|(digest, _)| digest),
        );
        manifests.extend(children(tx, name.host(), name, &olds).await?);
    }
    olds.sort();
    olds.dedup();
    manifests.sort();
    manifests.dedup();
    Ok(Moving {
        number: Some(number),
        names,
        manifests,
        olds,
    })
}

/// The platform manifests of images and indexes of one repository.
async fn children(
    tx: &mut dyn Tx,
    host: &str,
    name: &BaseName,
    of: &[Digest],
) -> Result<Vec<Digest>, StoreError> {
    if of.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx
        .query(
            digest_list!(
                "select distinct p.child from ",
                "$1",
                " as asked join image_platform p on p.host = $2 and p.repository = $3 and p.digest = asked.value"
            ),
            &[digests(of), host.into(), name.repository.as_str().into()],
        )
        .await?;
    rows.iter().map(|row| rows::digest(row, 0)).collect()
}

/// A line found on a level.
struct Dependent {
    line: LineName,
    project: Option<ProjectId>,
    tag: TagName,
    digest: Digest,
    kind: EdgeKind,
}

async fn dependents(tx: &mut dyn Tx, moving: &Moving) -> Result<Vec<Dependent>, StoreError> {
    let mut found = Vec::new();
    if !moving.manifests.is_empty() {
        found.extend(own_by_layers(tx, moving).await?);
        found.extend(foreign_by_layers(tx, moving).await?);
    }
    for name in &moving.names {
        found.extend(by_task(tx, name, moving).await?);
    }
    found.sort_by(|a, b| (&a.line, a.kind).cmp(&(&b.line, b.kind)));
    Ok(found)
}

/// Edges say by name which tag they stand on only where an annotation did.
fn follows(row: &Row, at: usize, moving: &Moving) -> Result<bool, StoreError> {
    if row.text(at + 2)?.is_empty() {
        return Ok(true);
    }
    let named = rows::base(row, at)?;
    let same_place =
        |name: &BaseName| name.registry == named.registry && name.repository == named.repository;
    Ok(!moving.names.iter().any(same_place) || moving.names.contains(&named))
}

async fn own_by_layers(tx: &mut dyn Tx, moving: &Moving) -> Result<Vec<Dependent>, StoreError> {
    let rows = tx
        .query(
            digest_list!(
                "select distinct e.host, r.name, l.rule, l.tag, l.digest, r.project_id, e.kind, e.base_host, e.base_repository, e.base_tag from ",
                "$1",
                " as asked join image_edge e on e.base_digest = asked.value and e.host = '' \
                 join image_platform p on p.host = e.host and p.repository = e.repository and p.child = e.digest \
                 join repository r on r.name = e.repository \
                 join line l on l.repository_id = r.id and l.digest = p.digest and l.tag is not null"
            ),
            &[digests(&moving.manifests)],
        )
        .await?;
    layered(&rows, moving)
}

async fn foreign_by_layers(tx: &mut dyn Tx, moving: &Moving) -> Result<Vec<Dependent>, StoreError> {
    let rows = tx
        .query(
            digest_list!(
                "select distinct e.host, e.repository, 'tag:' || b.tag, b.tag, b.digest, null, e.kind, e.base_host, e.base_repository, e.base_tag from ",
                "$1",
                " as asked join image_edge e on e.base_digest = asked.value and e.host <> '' \
                 join image_platform p on p.host = e.host and p.repository = e.repository and p.child = e.digest \
                 join base b on b.host = e.host and b.repository = e.repository and b.digest = p.digest"
            ),
            &[digests(&moving.manifests)],
        )
        .await?;
    let mut lines = Vec::new();
    for found in layered(&rows, moving)? {
        if !is_given_away(tx, &found.line, &found.tag).await? {
            lines.push(found);
        }
    }
    Ok(lines)
}

/// Whether a patch gave this tag away: it names one image for good, and is no line that could be patched.
pub(crate) async fn is_given_away(
    tx: &mut dyn Tx,
    line: &LineName,
    tag: &TagName,
) -> Result<bool, StoreError> {
    let patched = Patched::of(tag.as_str());
    // Only patches are given away, and their numbers begin at 1: nearly all tags need no look.
    let Some(number) = i64::try_from(patched.number).ok().filter(|it| *it > 0) else {
        return Ok(false);
    };
    let row = tx
        .first(
            sql("select 1 from patch_tag where host = $1 and repository = $2 and original = $3 and number = $4"),
            &[
                line.host().into(),
                line.repository.as_str().into(),
                patched.original.into(),
                number.into(),
            ],
        )
        .await?;
    Ok(row.is_some())
}

fn layered(found: &[Row], moving: &Moving) -> Result<Vec<Dependent>, StoreError> {
    let mut list = Vec::with_capacity(found.len());
    for row in found {
        if follows(row, 7, moving)? {
            list.push(Dependent {
                line: rows::line(row, 0)?,
                tag: row.parsed(3)?,
                digest: rows::digest(row, 4)?,
                project: row.optional(5, Row::parsed)?,
                kind: rows::word(row, 6)?,
            });
        }
    }
    Ok(list)
}

/// Lines whose task names the base. A RUNTIME edge counts only where the layers tell nothing.
async fn by_task(
    tx: &mut dyn Tx,
    name: &BaseName,
    moving: &Moving,
) -> Result<Vec<Dependent>, StoreError> {
    let rows = tx
        .query(
            sql("select distinct t.host, t.repository, t.rule, t.project_id, e.kind, e.base_digest from task_edge e \
                 join task_line t on t.project_id = e.project_id and t.task = e.task \
                 where e.base_host = $1 and e.base_repository = $2 and e.base_tag = $3"),
            &[
                name.host().into(),
                name.repository.as_str().into(),
                name.tag.as_str().into(),
            ],
        )
        .await?;
    let mut list = Vec::new();
    for row in &rows {
        let built_on = row.optional(5, rows::digest)?;
        let is_old = built_on.is_none_or(|digest| {
            moving.olds.contains(&digest) || moving.manifests.contains(&digest)
        });
        if !is_old {
            continue;
        }
        let (line, kind) = (rows::line(row, 0)?, rows::word(row, 4)?);
        let Some((line, tag, digest)) = made_by(tx, line).await? else {
            continue;
        };
        if kind == EdgeKind::Runtime && has_layers(tx, &line, &digest).await? {
            continue;
        }
        list.push(Dependent {
            line,
            project: Some(row.parsed(3)?),
            tag,
            digest,
            kind,
        });
    }
    Ok(list)
}

/// The line that a task's images are found in: its own, or for runs alone the default one of the repository.
async fn made_by(
    tx: &mut dyn Tx,
    line: LineName,
) -> Result<Option<(LineName, TagName, Digest)>, StoreError> {
    if !matches!(line.rule, Rule::Runs(_)) {
        let found = current(tx, &line).await?;
        return Ok(found.map(|(tag, digest)| (line, tag, digest)));
    }
    let row = tx
        .first(
            sql("select l.rule, l.tag, l.digest from line l join repository r on r.id = l.repository_id \
                 where r.name = $1 and l.source = 'default' and l.tag is not null and l.digest is not null"),
            &[line.repository.as_str().into()],
        )
        .await?;
    row.map(|row| {
        let line = LineName {
            rule: row.parsed(0)?,
            ..line
        };
        Ok((line, row.parsed(1)?, rows::digest(&row, 2)?))
    })
    .transpose()
}

/// The tag and image that a line names now.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn current(
    tx: &mut dyn Tx,
    line: &LineName,
) -> Result<Option<(TagName, Digest)>, StoreError> {
    let row = if line.registry.is_none() {
        tx.first(
            sql(
                "select l.tag, l.digest from line l join repository r on r.id = l.repository_id \
                 where r.name = $1 and l.rule = $2 and l.tag is not null and l.digest is not null",
            ),
            &[
                line.repository.as_str().into(),
                line.rule.to_string().into(),
            ],
        )
        .await?
    } else {
        let Rule::Tag(tag) = &line.rule else {
            return Ok(None);
        };
        tx.first(
            sql("select tag, digest from base where host = $1 and repository = $2 and tag = $3 and digest is not null"),
            &[
                line.host().into(),
                line.repository.as_str().into(),
                tag.as_str().into(),
            ],
        )
        .await?
    };
    row.map(|row| Ok((row.parsed(0)?, rows::digest(&row, 1)?)))
        .transpose()
}

async fn has_layers(tx: &mut dyn Tx, line: &LineName, digest: &Digest) -> Result<bool, StoreError> {
    let row = tx
        .first(
            sql("select 1 from image_platform p join image_edge e on e.host = p.host and e.repository = p.repository and e.digest = p.child \
                 where p.host = $1 and p.repository = $2 and p.digest = $3 and e.kind = 'RUNTIME' limit 1"),
            &crate::images::key(line.host(), &line.repository, digest),
        )
        .await?;
    Ok(row.is_some())
}

async fn look(
    tx: &mut dyn Tx,
    found: &Dependent,
    edge: (EdgeKind, Option<usize>),
    policies: &PatchPolicies,
) -> Result<Option<Reached>, StoreError> {
    let task = graph::task_of_line(tx, &found.line).await?;
    let path = match &found.line.registry {
        Some(host) => format!("{host}/{}", found.line.repository),
        None => found.line.repository.to_string(),
    };
    let policy = policies.of(&path, found.project.as_ref());
    if found.line.registry.is_some() && task.is_none() && policy.is_none() {
        // Somebody else's image.
        return Ok(None);
    }
    let (above, problem) = made(tx, found).await?;
    let tests = match &task {
        Some(task) => graph::tests_of(tx, &task.project, &task.task).await?,
        None => Vec::new(),
    };
    Ok(Some(Reached {
        line: found.line.clone(),
        project: found
            .project
            .clone()
            .or_else(|| task.as_ref().map(|task| task.project.clone())),
        tag: found.tag.clone(),
        digest: found.digest,
        edges: BTreeSet::from([edge]),
        task,
        tests,
        policy,
        above,
        problem,
    }))
}

/// How the layers above the base were made, and why nothing can be done.
async fn made(
    tx: &mut dyn Tx,
    found: &Dependent,
) -> Result<(Option<Vec<Step>>, Option<String>), StoreError> {
    let row = tx
        .first(
            sql("select i.history, i.problem, e.base_layers, i.layers from image_platform p \
                 join image i on i.host = p.host and i.repository = p.repository and i.digest = p.child \
                 left join image_edge e on e.host = i.host and e.repository = i.repository and e.digest = i.digest and e.kind = 'RUNTIME' \
                 where p.host = $1 and p.repository = $2 and p.digest = $3 order by i.platform limit 1"),
            &crate::images::key(found.line.host(), &found.line.repository, &found.digest),
        )
        .await?;
    let Some(row) = row else {
        return Ok((None, None));
    };
    let problem = row.optional(1, Row::text)?.map(str::to_owned);
    let Some(below) = row.optional(2, Row::int)? else {
        return Ok((None, problem));
    };
    let history: Vec<Step> = rows::json(&row, 0)?;
    let told = history.iter().filter(|step| step.layer).count();
    if i64::try_from(told).ok() != Some(row.int(3)?) {
        return Ok((None, problem));
    }
    let mut layers = 0;
    let above = history
        .into_iter()
        .skip_while(|step| {
            layers += i64::from(step.layer);
            layers <= below
        })
        .filter(|step| step.layer)
        .collect();
    Ok((Some(above), problem))
}
