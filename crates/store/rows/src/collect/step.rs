//! One step of the collection, in one short transaction; and what a step would find.

use super::{CollectPolicy, bury};
use crate::access::RepositoryRow;
use crate::lists::{self, digest_list, digests, hex, json};
use crate::records::{Records, raced};
use crate::registry::{limit, remove_manifest};
use refloat_core::event::RegistryEvent;
use refloat_core::{StorageKey, UploadId};
use refloat_database::{Row, Sql, StoreError, Tx, sql};
use refloat_oci::Digest;
use std::collections::BTreeMap;

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Review rows that were looked at. Fewer than the limit of each kind: nothing more is due.
    pub reviewed: u64,
    /// Blobs that left their repository.
    pub members: u64,
    /// Blobs that left the last one.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Artifacts whose subject is absent that went.
    pub referrers: u64,
    /// Uploads that were given up.
    pub uploads: u64,
}

/// Collects at most `at_most` due things of each kind. Call it until it has reviewed nothing.
///
/// # Errors
/// [`StoreError`] of the database; a reference that was made at the same time makes the step run again.
pub async fn step(
    tx: &mut dyn Tx,
    policy: &CollectPolicy,
    at_most: usize,
) -> Result<Collected, StoreError> {
    let mut done = Collected::default();
    let mut records = Records::of("system", None);
    referrers(tx, policy, at_most, &mut done, &mut records).await?;
    let orphans = members(tx, policy, at_most, &mut done, &mut records).await?;
    blobs(tx, policy, at_most, orphans, &mut done).await?;
    uploads(tx, at_most, &mut done).await?;
    refloat_fail::point("gc.rows_deleted")?;
    records.append(tx).await?;
    Ok(done)
}

/// Old review rows with their repositories; on PostgreSQL those that no other collector has.
const DUE: Sql = Sql {
    sqlite: "select p.id, p.project_id, p.name, p.immutable_tags, p.quarantine, r.digest from review r \
             join repository p on p.id = r.repository_id where r.kind = $1 and r.since <= $2 order by r.since limit $3",
    postgres: "select p.id, p.project_id, p.name, p.immutable_tags, p.quarantine, r.digest from review r \
               join repository p on p.id = r.repository_id where r.kind = $1 and r.since <= $2 order by r.since limit $3 \
               for update of r skip locked",
};

async fn referrers(
    tx: &mut dyn Tx,
    policy: &CollectPolicy,
    at_most: usize,
    done: &mut Collected,
    records: &mut Records,
) -> Result<(), StoreError> {
    let before = tx.now().plus_seconds(-policy.referrer_grace_seconds);
    let due = tx
        .query(DUE, &["referrer".into(), before.into(), limit(at_most)])
        .await?;
    for row in &due {
        done.reviewed += 1;
        let (repository, digest) = reviewed(row)?;
        let key = [repository.id.as_str().into(), digest.to_row().into()];
        tx.execute(
            sql(
                "delete from review where kind = 'referrer' and repository_id = $1 and digest = $2",
            ),
            &key,
        )
        .await?;
        let held = sql(
            "select m.size from manifest m where m.repository_id = $1 and m.digest = $2 and m.subject is not null \
             and not exists (select 1 from manifest s where s.repository_id = $1 and s.digest = m.subject) \
             and not exists (select 1 from tag t where t.repository_id = $1 and t.digest = $2) \
             and not exists (select 1 from manifest_child c where c.repository_id = $1 and c.child = $2)",
        );
        if tx.first(held, &key).await?.is_none() {
            continue;
        }
        remove_manifest(tx, &repository, &digest).await?;
        done.referrers += 1;
        let event = RegistryEvent::ManifestDeleted {
            repository: repository.name.clone(),
            digest,
        };
        records.manifest(&repository.project, &repository.id, &digest, event);
    }
    Ok(())
}

fn reviewed(row: &Row) -> Result<(RepositoryRow, Digest), StoreError> {
    Ok((crate::access::repository_row(row)?, lists::digest(row, 5)?))
}

/// Ends unused memberships; returns the digests that lost one.
async fn members(
    tx: &mut dyn Tx,
    policy: &CollectPolicy,
    at_most: usize,
    done: &mut Collected,
    records: &mut Records,
) -> Result<Vec<Digest>, StoreError> {
    let before = tx.now().plus_seconds(-policy.grace_seconds);
    let due = tx
        .query(DUE, &["member".into(), before.into(), limit(at_most)])
        .await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let due = due.iter().map(reviewed).collect::<Result<Vec<_>, _>>()?;
    done.reviewed += due.len() as u64;
    let pairs: Vec<_> = due
        .iter()
        .map(|(repository, digest)| (repository.id.as_str(), hex(&digest.to_row())))
        .collect();
    let pairs = json(&pairs);
    let gone = tx
        .query(
            Sql {
                sqlite: "delete from repository_blob where (repository_id, digest) in \
                         (select json_extract(value, '$[0]'), unhex(json_extract(value, '$[1]')) from json_each($1)) \
                         and not exists (select 1 from manifest_blob u where u.repository_id = repository_blob.repository_id and u.blob = repository_blob.digest) \
                         returning repository_id, digest",
                postgres: "delete from repository_blob where (repository_id, digest) in \
                           (select value->>0, decode(value->>1, 'hex') from json_array_elements(cast(cast($1 as text) as json)) as list(value)) \
                           and not exists (select 1 from manifest_blob u where u.repository_id = repository_blob.repository_id and u.blob = repository_blob.digest) \
                           returning repository_id, digest",
            },
            std::slice::from_ref(&pairs),
        )
        .await
        .map_err(raced)?;
    tx.execute(
        Sql {
            sqlite: "delete from review where kind = 'member' and (repository_id, digest) in \
                     (select json_extract(value, '$[0]'), unhex(json_extract(value, '$[1]')) from json_each($1))",
            postgres: "delete from review where kind = 'member' and (repository_id, digest) in \
                       (select value->>0, decode(value->>1, 'hex') from json_array_elements(cast(cast($1 as text) as json)) as list(value))",
        },
        &[pairs],
    )
    .await?;
    let by_id: BTreeMap<&str, &RepositoryRow> = due
        .iter()
        .map(|(repository, _)| (repository.id.as_str(), repository))
        .collect();
    let mut orphans = Vec::with_capacity(gone.len());
    for row in &gone {
        let digest = lists::digest(row, 1)?;
        let repository = by_id
            .get(row.text(0)?)
            .ok_or_else(|| StoreError::column(0, "not asked for"))?;
        let event = RegistryEvent::UploadRemoved {
            repository: repository.name.clone(),
            digest,
            collected: true,
        };
        records.blob(&repository.project, &repository.id, &digest, event);
        orphans.push(digest);
    }
    done.members += orphans.len() as u64;
    Ok(orphans)
}

/// Deletes the rows of blobs that no repository has: of `orphans` and of those that a caller deleted.
async fn blobs(
    tx: &mut dyn Tx,
    policy: &CollectPolicy,
    at_most: usize,
    mut orphans: Vec<Digest>,
    done: &mut Collected,
) -> Result<(), StoreError> {
    let now = tx.now();
    let due = tx
        .query(
            Sql {
                sqlite: "select digest from review where kind = 'blob' and since <= $1 order by since limit $2",
                postgres: "select digest from review where kind = 'blob' and since <= $1 order by since limit $2 for update skip locked",
            },
            &[now.into(), limit(at_most)],
        )
        .await?;
    done.reviewed += due.len() as u64;
    let due = due
        .iter()
        .map(|row| lists::digest(row, 0))
        .collect::<Result<Vec<_>, _>>()?;
    orphans.extend(&due);
    if orphans.is_empty() {
        return Ok(());
    }
    let gone = tx
        .query(
            digest_list!(
                "delete from blob where digest in ",
                "$1",
                " and not exists (select 1 from repository_blob m where m.digest = blob.digest) returning storage_key, size"
            ),
            &[digests(&orphans)],
        )
        .await
        .map_err(raced)?;
    if !due.is_empty() {
        tx.execute(
            digest_list!(
                "delete from review where kind = 'blob' and digest in ",
                "$1",
                ""
            ),
            &[digests(&due)],
        )
        .await?;
    }
    for row in &gone {
        done.blobs += 1;
        done.bytes += row.unsigned(1)?;
        if let Some(key) = row.optional(0, Row::parsed::<StorageKey>)? {
            bury(tx, &key, policy.read_seconds).await?;
        }
    }
    Ok(())
}

/// Gives up uploads that waited too long.
async fn uploads(tx: &mut dyn Tx, at_most: usize, done: &mut Collected) -> Result<(), StoreError> {
    let now = tx.now();
    let due = tx
        .query(
            Sql {
                sqlite: "select id, storage_key from upload where expires_at <= $1 and (lease_until is null or lease_until <= $1) \
                         order by expires_at limit $2",
                postgres: "select id, storage_key from upload where expires_at <= $1 and (lease_until is null or lease_until <= $1) \
                           order by expires_at limit $2 for update skip locked",
            },
            &[now.into(), limit(at_most)],
        )
        .await?;
    for row in &due {
        let id: UploadId = row.parsed(0)?;
        tx.execute(
            sql("delete from upload where id = $1"),
            &[id.as_str().into()],
        )
        .await?;
        bury(tx, &row.parsed(1)?, 0).await?;
        done.uploads += 1;
    }
    done.reviewed += due.len() as u64;
    Ok(())
}

/// What is due now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collectable {
    /// Blobs that would leave their repository.
    pub members: u64,
    /// Blobs that would leave the last one.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Artifacts whose subject is absent that would go.
    pub referrers: u64,
    /// Uploads that would be given up.
    pub uploads: u64,
    /// Keys whose bytes would go at once.
    pub dead_keys: u64,
}

/// Counts what steps would collect now, and changes nothing. What only becomes due by them is not counted.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn collectable(
    tx: &mut dyn Tx,
    policy: &CollectPolicy,
) -> Result<Collectable, StoreError> {
    let now = tx.now();
    let unused = now.plus_seconds(-policy.grace_seconds);
    let absent = now.plus_seconds(-policy.referrer_grace_seconds);
    let count = async |tx: &mut dyn Tx,
                       statement,
                       parameter: refloat_core::Timestamp|
           -> Result<Row, StoreError> {
        tx.first(sql(statement), &[parameter.into()])
            .await?
            .ok_or_else(|| StoreError::column(0, "missing"))
    };
    let members = count(
        tx,
        "select count(*) from review r join repository_blob m on m.repository_id = r.repository_id and m.digest = r.digest \
         where r.kind = 'member' and r.since <= $1 \
         and not exists (select 1 from manifest_blob u where u.repository_id = r.repository_id and u.blob = r.digest)",
        unused,
    )
    .await?;
    let blobs = count(
        tx,
        "select count(*), cast(coalesce(sum(b.size), 0) as bigint) from blob b where b.digest in \
         (select digest from review where (kind = 'member' and since <= $1) or kind = 'blob') \
         and not exists (select 1 from repository_blob m where m.digest = b.digest and ( \
         exists (select 1 from manifest_blob u where u.repository_id = m.repository_id and u.blob = m.digest) \
         or not exists (select 1 from review r where r.kind = 'member' and r.repository_id = m.repository_id and r.digest = m.digest and r.since <= $1)))",
        unused,
    )
    .await?;
    let referrers = count(
        tx,
        "select count(*) from review r join manifest m on m.repository_id = r.repository_id and m.digest = r.digest \
         where r.kind = 'referrer' and r.since <= $1 and m.subject is not null \
         and not exists (select 1 from manifest s where s.repository_id = m.repository_id and s.digest = m.subject) \
         and not exists (select 1 from tag t where t.repository_id = m.repository_id and t.digest = m.digest) \
         and not exists (select 1 from manifest_child c where c.repository_id = m.repository_id and c.child = m.digest)",
        absent,
    )
    .await?;
    let uploads = count(
        tx,
        "select count(*) from upload where expires_at <= $1",
        now,
    )
    .await?;
    let dead = count(tx, "select count(*) from dead where not_before <= $1", now).await?;
    Ok(Collectable {
        members: members.unsigned(0)?,
        blobs: blobs.unsigned(0)?,
        bytes: blobs.unsigned(1)?,
        referrers: referrers.unsigned(0)?,
        uploads: uploads.unsigned(0)?,
        dead_keys: dead.unsigned(0)?,
    })
}
