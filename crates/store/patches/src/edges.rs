//! Finding what an image stands on, by its layers: the nearest base is the longest proper prefix of its layers that is the whole
//! of another known image. Annotations count where the layers agree with them. Works in both directions: for a new image, and
//! for all images above a base that became known later.

use crate::images::{KnownImage, key};
use crate::{By, record, rows};
use refloat_core::Event;
use refloat_core::event::{EdgeKind, FoundBy, WatchEvent};
use refloat_database::{Row, StoreError, Tx, sql};
use refloat_oci::{Digest, Reference, RegistryHost, RepositoryName};

/// The most candidates that are looked at for one image.
const CANDIDATES_MAX: i64 = 200;
/// How many images above a new base one call looks at.
pub const PAGE: i64 = 500;

/// An image without an edge, or with one that may be better.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Above {
    host: String,
    repository: RepositoryName,
    digest: Digest,
}

/// A known image whose layers are the lowest ones of another.
struct Candidate {
    position: i64,
    host: String,
    repository: RepositoryName,
    digest: Digest,
    /// A tag that names it or its index and has moved before, or any other.
    watched: bool,
}

/// Finds the bases of an image that became known, and whatever stands on it. `own` is how this registry is called in annotations.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn settle(
    tx: &mut dyn Tx,
    image: &KnownImage,
    own: &RegistryHost,
    by: &By,
) -> Result<(), StoreError> {
    let host = image.registry.as_ref().map_or("", RegistryHost::as_str);
    for platform in &image.platforms {
        let here = Above {
            host: host.to_owned(),
            repository: image.repository.clone(),
            digest: platform.digest,
        };
        find(tx, &here, own, by).await?;
        let Some(chain) = platform.chains.last() else {
            continue;
        };
        for above in above(tx, chain).await? {
            if above != here {
                find(tx, &above, own, by).await?;
            }
        }
    }
    Ok(())
}

/// Images with these layers below their own, whose edge is missing, lower, or not yet confirmed by their annotation.
async fn above(tx: &mut dyn Tx, chain: &Digest) -> Result<Vec<Above>, StoreError> {
    let rows = tx
        .query(
            sql("select c.host, c.repository, c.digest from image_chain c \
                 join image i on i.host = c.host and i.repository = c.repository and i.digest = c.digest \
                 left join image_edge e on e.host = c.host and e.repository = c.repository and e.digest = c.digest and e.kind = 'RUNTIME' \
                 where c.chain = $1 and c.position < i.layers \
                 and (e.digest is null or e.base_layers < c.position or (e.found_by = 'layers' and i.base_name is not null)) limit $2"),
            &[chain.to_row().into(), (PAGE * 20).into()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Above {
                host: row.text(0)?.to_owned(),
                repository: row.parsed(1)?,
                digest: rows::digest(row, 2)?,
            })
        })
        .collect()
}

/// What an image says about its base.
struct Claim {
    name: Option<Reference>,
    digest: Option<Digest>,
}

/// Finds the base of one image and writes its edge, if that is new.
async fn find(
    tx: &mut dyn Tx,
    image: &Above,
    own: &RegistryHost,
    by: &By,
) -> Result<(), StoreError> {
    let Some((layers, claim)) = claim(tx, image, own).await? else {
        return Ok(());
    };
    let candidates = candidates(tx, image, layers).await?;
    let mut annotated = None;
    for candidate in &candidates {
        if is_claimed(tx, candidate, &claim, own).await? {
            annotated = Some(candidate);
            break;
        }
    }
    let found = match (annotated, candidates.first()) {
        (Some(candidate), _) => Some((candidate, FoundBy::Annotation)),
        (None, Some(longest)) => {
            let best = candidates
                .iter()
                .filter(|candidate| candidate.position == longest.position)
                .max_by_key(|candidate| (candidate.host == image.host, candidate.watched));
            best.map(|candidate| (candidate, FoundBy::Layers))
        }
        (None, None) => None,
    };
    let Some((base, found_by)) = found else {
        return Ok(());
    };
    let tag = claim
        .name
        .as_ref()
        .filter(|_| found_by == FoundBy::Annotation)
        .and_then(|name| name.tag.as_ref());
    write(
        tx,
        image,
        base,
        tag.map_or("", |tag| tag.as_str()),
        found_by,
        by,
    )
    .await
}

async fn claim(
    tx: &mut dyn Tx,
    image: &Above,
    own: &RegistryHost,
) -> Result<Option<(i64, Claim)>, StoreError> {
    let row = tx
        .first(
            sql("select layers, base_name, base_digest from image where host = $1 and repository = $2 and digest = $3"),
            &key(&image.host, &image.repository, &image.digest),
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let name = row.optional(1, Row::text)?;
    let claim = Claim {
        name: name.and_then(|name| Reference::parse(name, Some(own)).ok()),
        digest: row.optional(2, rows::digest)?,
    };
    Ok(Some((row.int(0)?, claim)))
}

/// Known images that are a proper prefix, the longest first.
async fn candidates(
    tx: &mut dyn Tx,
    image: &Above,
    layers: i64,
) -> Result<Vec<Candidate>, StoreError> {
    let [host, repository, digest] = key(&image.host, &image.repository, &image.digest);
    let rows = tx
        .query(
            sql("select c.position, b.host, b.repository, b.digest, \
                 case when exists (select 1 from image_platform p join base_digest d on d.digest = p.digest and d.host = p.host and d.repository = p.repository \
                 where p.host = b.host and p.repository = b.repository and p.child = b.digest) then 1 else 0 end \
                 from image_chain c join image b on b.chain = c.chain \
                 where c.host = $1 and c.repository = $2 and c.digest = $3 and c.position < $4 \
                 order by c.position desc, b.known_at, b.host, b.repository, b.digest limit $5"),
            &[host, repository, digest, layers.into(), CANDIDATES_MAX.into()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Candidate {
                position: row.int(0)?,
                host: row.text(1)?.to_owned(),
                repository: row.parsed(2)?,
                digest: rows::digest(row, 3)?,
                watched: row.flag(4)?,
            })
        })
        .collect()
}

/// Whether the annotations mean this candidate: by the digest of its manifest or index, or by the name of its repository.
async fn is_claimed(
    tx: &mut dyn Tx,
    candidate: &Candidate,
    claim: &Claim,
    own: &RegistryHost,
) -> Result<bool, StoreError> {
    if let Some(name) = &claim.name {
        let host = if refloat_cascade::name::is_own(&name.registry, own) {
            ""
        } else {
            name.registry.as_str()
        };
        if host != candidate.host || name.repository != candidate.repository {
            return Ok(false);
        }
    }
    let Some(claimed) = claim.digest else {
        return Ok(claim.name.is_some());
    };
    if claimed == candidate.digest {
        return Ok(true);
    }
    let row = tx
        .first(
            sql("select 1 from image_platform where host = $1 and repository = $2 and digest = $3 and child = $4"),
            &[
                candidate.host.as_str().into(),
                candidate.repository.as_str().into(),
                claimed.to_row().into(),
                candidate.digest.to_row().into(),
            ],
        )
        .await?;
    Ok(row.is_some())
}

async fn write(
    tx: &mut dyn Tx,
    image: &Above,
    base: &Candidate,
    tag: &str,
    found_by: FoundBy,
    by: &By,
) -> Result<(), StoreError> {
    let [host, repository, digest] = key(&image.host, &image.repository, &image.digest);
    let same = tx
        .first(
            sql("select 1 from image_edge where host = $1 and repository = $2 and digest = $3 and kind = 'RUNTIME' \
                 and base_digest = $4 and base_host = $5 and base_repository = $6 and base_tag = $7"),
            &[
                host.clone(),
                repository.clone(),
                digest.clone(),
                base.digest.to_row().into(),
                base.host.as_str().into(),
                base.repository.as_str().into(),
                tag.into(),
            ],
        )
        .await?;
    if same.is_some() {
        return Ok(());
    }
    let registry = (!image.host.is_empty())
        .then(|| image.host.parse().ok())
        .flatten();
    let reference = (!tag.is_empty()).then(|| format!("{}/{}:{tag}", base.host, base.repository));
    let event = WatchEvent::EdgeFound {
        registry,
        repository: image.repository.clone(),
        digest: image.digest,
        kind: EdgeKind::Runtime,
        base: reference,
        base_digest: base.digest,
        found_by,
    };
    let id = format!("{}/{}@{}", image.host, image.repository, image.digest);
    let record = record(tx, by, "edge", &id, Event::Watch(event)).await?;
    let found_by = match found_by {
        FoundBy::Annotation => "annotation",
        FoundBy::Layers | FoundBy::Task | FoundBy::Provenance => "layers",
    };
    tx.execute(
        sql("insert into image_edge (host, repository, digest, kind, base_host, base_repository, base_tag, base_digest, base_layers, found_by, record_id) \
             values ($1, $2, $3, 'RUNTIME', $4, $5, $6, $7, $8, $9, $10) on conflict (host, repository, digest, kind) do update set \
             base_host = excluded.base_host, base_repository = excluded.base_repository, base_tag = excluded.base_tag, \
             base_digest = excluded.base_digest, base_layers = excluded.base_layers, found_by = excluded.found_by, record_id = excluded.record_id"),
        &[
            host,
            repository,
            digest,
            base.host.as_str().into(),
            base.repository.as_str().into(),
            tag.into(),
            base.digest.to_row().into(),
            base.position.into(),
            found_by.into(),
            record.as_str().into(),
        ],
    )
    .await
    .map(drop)
}

/// What an image, or all its platforms, were found to stand on: the registry, repository and digest of the whole base, an index
/// where it has several platforms.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn root_of_base(
    tx: &mut dyn Tx,
    line: &refloat_cascade::LineName,
    image: &Digest,
) -> Result<Option<(Option<RegistryHost>, RepositoryName, Digest)>, StoreError> {
    // The one that covers most of the platforms; among equals the newest known.
    let row = tx
        .first(
            sql("select e.base_host, e.base_repository, b.digest, count(distinct e.digest) as covered, max(i.known_at) as known \
                 from image_platform p \
                 join image_edge e on e.host = p.host and e.repository = p.repository and e.digest = p.child and e.kind = 'RUNTIME' \
                 join image_platform b on b.host = e.base_host and b.repository = e.base_repository and b.child = e.base_digest \
                 join image i on i.host = e.base_host and i.repository = e.base_repository and i.digest = e.base_digest \
                 where p.host = $1 and p.repository = $2 and p.digest = $3 \
                 group by e.base_host, e.base_repository, b.digest order by covered desc, known desc, b.digest limit 1"),
            &key(line.host(), &line.repository, image),
        )
        .await?;
    row.map(|row| Ok((rows::host(&row, 0)?, row.parsed(1)?, rows::digest(&row, 2)?)))
        .transpose()
}
