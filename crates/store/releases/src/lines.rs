//! What the lines of a release are now, and by which records they came to be that.

use crate::digest;
use refloat_cascade::Rule;
use refloat_core::event::{CascadeEvent, RegistryEvent, WatchEvent};
use refloat_core::{CascadeId, Event, RecordId, Recorded, Stream};
use refloat_database::{Row, StoreError, Tx, sql};
use refloat_oci::{Digest, RegistryHost, RepositoryName, TagName};
use refloat_store::log;

/// The most tags that are looked through for a rule that nobody declared.
const TAGS_MAX: i64 = 10_000;

/// The image a line names now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineNow {
    /// Its digest.
    pub digest: Digest,
    /// The line's tag.
    pub tag: TagName,
    /// A tag that names this digest and never named another one, the newest of them.
    pub unique: Option<TagName>,
}

/// What a line names; `None` while it names nothing that may be pulled.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn now(
    tx: &mut dyn Tx,
    repository: &RepositoryName,
    rule: Option<&Rule>,
) -> Result<Option<LineNow>, StoreError> {
    let name = repository.as_str();
    let row = match rule {
        Some(rule) => {
            tx.first(
                sql("select l.tag, l.digest, r.id from line l join repository r on r.id = l.repository_id \
                     where r.name = $1 and l.rule = $2"),
                &[name.into(), rule.to_string().into()],
            )
            .await?
        }
        None => {
            tx.first(
                sql("select l.tag, l.digest, r.id from line l join repository r on r.id = l.repository_id \
                     where r.name = $1 order by case l.source when 'default' then 0 else 1 end, l.rule limit 1"),
                &[name.into()],
            )
            .await?
        }
    };
    let found = match (row, rule) {
        (Some(row), _) => {
            let tag: Option<TagName> = row.optional(0, Row::parsed)?;
            let digest = row.optional(1, digest)?;
            tag.zip(digest)
                .map(|(tag, digest)| (tag, digest, row.text(2).map(str::to_owned)))
        }
        (None, Some(rule)) => by_rule(tx, name, rule).await?,
        (None, None) => None,
    };
    let Some((tag, digest, id)) = found else {
        return Ok(None);
    };
    let id = id?;
    if !is_cleared(tx, &id, &digest).await? {
        return Ok(None);
    }
    // A tag that stands for many images is the last choice, also if it has not moved yet.
    let moving = rule.and_then(Rule::stable).map_or("", TagName::as_str);
    let unique = unique(tx, &id, &digest, moving).await?;
    Ok(Some(LineNow {
        digest,
        tag,
        unique,
    }))
}

/// What a watched tag of a foreign registry names; `None` while nobody watches it or it is gone there.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn now_at(
    tx: &mut dyn Tx,
    registry: &RegistryHost,
    repository: &RepositoryName,
    tag: &TagName,
) -> Result<Option<LineNow>, StoreError> {
    let (host, name) = (registry.as_str(), repository.as_str());
    let row = tx
        .first(
            sql("select digest from base where host = $1 and repository = $2 and tag = $3 and digest is not null"),
            &[host.into(), name.into(), tag.as_str().into()],
        )
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let digest = digest(&row, 0)?;
    // Only the tags that we gave away ourselves are known to name one image for good.
    let row = tx
        .first(
            sql("select tag from patch where host = $1 and repository = $2 and to_digest = $3 and rule = $4 \
                 order by at desc, tag desc limit 1"),
            &[
                host.into(),
                name.into(),
                digest.to_row().into(),
                format!("tag:{tag}").into(),
            ],
        )
        .await?;
    Ok(Some(LineNow {
        digest,
        tag: tag.clone(),
        unique: row.map(|row| row.parsed(0)).transpose()?,
    }))
}

type Found = (TagName, Digest, Result<String, StoreError>);

async fn by_rule(
    tx: &mut dyn Tx,
    repository: &str,
    rule: &Rule,
) -> Result<Option<Found>, StoreError> {
    let rows = tx
        .query(
            sql("select t.name, t.digest, r.id from tag t join repository r on r.id = t.repository_id where r.name = $1 \
                 order by t.updated_at desc limit $2"),
            &[repository.into(), TAGS_MAX.into()],
        )
        .await?;
    let mut tags: Vec<(TagName, Digest)> = Vec::with_capacity(rows.len());
    for row in &rows {
        tags.push((row.parsed(0)?, digest(row, 1)?));
    }
    let best = rule.current(tags.iter().map(|(tag, _)| tag)).cloned();
    let found = tags
        .into_iter()
        .find(|(tag, _)| Some(tag) == best.as_ref())
        .zip(rows.first());
    Ok(found.map(|((tag, digest), row)| (tag, digest, row.text(2).map(str::to_owned))))
}

/// What waits in quarantine is not released.
async fn is_cleared(
    tx: &mut dyn Tx,
    repository: &str,
    digest: &Digest,
) -> Result<bool, StoreError> {
    let row = tx
        .first(
            sql("select quarantine from image_state where repository_id = $1 and digest = $2"),
            &[repository.into(), digest.to_row().into()],
        )
        .await?;
    row.map_or(Ok(true), |row| Ok(row.text(0)? == "cleared"))
}

async fn unique(
    tx: &mut dyn Tx,
    repository: &str,
    digest: &Digest,
    moving: &str,
) -> Result<Option<TagName>, StoreError> {
    let row = tx
        .first(
            sql("select t.name from tag t where t.repository_id = $1 and t.digest = $2 and not exists \
                 (select 1 from tag_history h where h.repository_id = t.repository_id and h.name = t.name \
                  and (h.digest is null or h.digest <> t.digest)) \
                 order by case when t.name = $3 then 1 else 0 end, t.updated_at desc, t.name desc limit 1"),
            &[repository.into(), digest.to_row().into(), moving.into()],
        )
        .await?;
    row.map(|row| row.parsed(0)).transpose()
}

/// Why a line names a digest: the newest patch that published it, otherwise the newest move of the line's tag to it,
/// otherwise the push of it. Of a foreign registry: the newest patch, otherwise the look that saw it there. With the cascade it belongs to.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn why(
    tx: &mut dyn Tx,
    place: (Option<&RegistryHost>, &RepositoryName),
    line: &LineNow,
) -> Result<Option<(RecordId, Option<CascadeId>)>, StoreError> {
    let (registry, repository) = place;
    let brought = log::bringers(tx, &line.digest).await?;
    let patched = brought.iter().find(|record| {
        matches!(record.event(), Some(Event::Cascade(CascadeEvent::PatchPublished { registry: at, repository: own, .. }))
            if own == *repository && at.as_ref() == registry)
    });
    if let Some(record) = patched {
        return Ok(Some(named(record)));
    }
    if let Some(registry) = registry {
        let name = format!("{registry}/{repository}:{}", line.tag);
        let seen = brought.iter().find(|record| {
            matches!(record.event(), Some(Event::Watch(WatchEvent::BaseMoved { reference, .. } | WatchEvent::BaseFound { reference, .. }))
                if reference == name)
        });
        return Ok(seen.map(named));
    }
    let row = tx
        .first(
            sql("select h.record_id from tag_history h join repository r on r.id = h.repository_id \
                 where r.name = $1 and h.name = $2 and h.digest = $3 order by h.version desc limit 1"),
            &[
                repository.as_str().into(),
                line.tag.as_str().into(),
                line.digest.to_row().into(),
            ],
        )
        .await?;
    if let Some(row) = row {
        let id: RecordId = row.parsed(0)?;
        let cascade = log::get(tx, &id)
            .await?
            .and_then(|(record, _)| record.cascade);
        return Ok(Some((id, cascade)));
    }
    let pushed = brought.iter().find(|record| {
        matches!(record.event(), Some(Event::Registry(RegistryEvent::ManifestPushed { repository: own, .. })) if own == *repository)
    });
    Ok(pushed.map(named))
}

/// Why a chart of this registry has its bytes: the push of it.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn why_pushed(
    tx: &mut dyn Tx,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Option<RecordId>, StoreError> {
    let brought = log::bringers(tx, digest).await?;
    let pushed = brought.iter().find(|record| {
        matches!(record.event(), Some(Event::Registry(RegistryEvent::ManifestPushed { repository: own, .. })) if own == *repository)
    });
    Ok(pushed.map(|record| record.id.clone()))
}

/// Why a release's document says what it says: when it was applied last.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn why_applied(
    tx: &mut dyn Tx,
    release: &crate::ReleaseKey,
) -> Result<Option<RecordId>, StoreError> {
    let id = format!("{}/Release/{}", release.project, release.name);
    let stream = Stream::new("document", id);
    let record = log::newest_of_stream(tx, &stream, "access.document_applied").await?;
    Ok(record.map(|record| record.id))
}

fn named(record: &Recorded) -> (RecordId, Option<CascadeId>) {
    (record.id.clone(), record.cascade.clone())
}

/// A cascade that may still move an image of one of these repositories.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn busy(
    tx: &mut dyn Tx,
    repositories: &[(Option<RegistryHost>, RepositoryName)],
) -> Result<Option<CascadeId>, StoreError> {
    for (registry, repository) in repositories {
        let host = registry.as_ref().map_or("", RegistryHost::as_str);
        let row = tx
            .first(
                sql("select n.cascade_id from patch_node n join patch_cascade c on c.id = n.cascade_id \
                     where n.host = $2 and n.repository = $1 and n.state in ('waiting', 'judged', 'building', 'testing') \
                     and c.state in ('running', 'paused') limit 1"),
                &[repository.as_str().into(), host.into()],
            )
            .await?;
        if let Some(row) = row {
            return Ok(Some(row.parsed(0)?));
        }
    }
    Ok(None)
}
