//! What is known of images: the ChainID of every prefix of their layers, per platform. Written once per image; never changed,
//! since an image never is.

use crate::rows;
use refloat_database::{StoreError, Tx, Value, sql};
use refloat_oci::{Digest, RegistryHost, RepositoryName};
use serde::{Deserialize, Serialize};

/// The most bytes of an image's history that are kept.
const HISTORY_MAX_BYTES: usize = 32 * 1024;

/// An image or index that a tag or digest names, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownImage {
    /// The foreign registry; `None` is this one.
    pub registry: Option<RegistryHost>,
    /// Its repository.
    pub repository: RepositoryName,
    /// What the tag or digest names.
    pub digest: Digest,
    /// Its platforms; of a manifest, the one it is.
    pub platforms: Vec<KnownPlatform>,
}

/// One platform's image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPlatform {
    /// Its manifest.
    pub digest: Digest,
    /// `os/architecture[/variant]`.
    pub platform: String,
    /// Its configuration.
    pub config: Digest,
    /// The ChainID of every prefix of its layers, lowest first.
    pub chains: Vec<Digest>,
    /// How it was made.
    pub history: Vec<Step>,
    /// `org.opencontainers.image.base.name`.
    pub base_name: Option<String>,
    /// `org.opencontainers.image.base.digest`.
    pub base_digest: Option<Digest>,
    /// Why no base can be found for it.
    pub problem: Option<String>,
}

/// One entry of an image's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What made it, shortened.
    pub by: String,
    /// Whether it made a layer.
    pub layer: bool,
}

/// Stores what is known; the platforms that were not known before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn put(tx: &mut dyn Tx, image: &KnownImage) -> Result<Vec<Digest>, StoreError> {
    let host = image.registry.as_ref().map_or("", RegistryHost::as_str);
    let mut new = Vec::new();
    for platform in &image.platforms {
        if put_platform(tx, host, &image.repository, platform).await? {
            new.push(platform.digest);
        }
        tx.execute(
            sql("insert into image_platform (host, repository, digest, child) values ($1, $2, $3, $4) on conflict do nothing"),
            &[
                host.into(),
                image.repository.as_str().into(),
                image.digest.to_row().into(),
                platform.digest.to_row().into(),
            ],
        )
        .await?;
    }
    Ok(new)
}

async fn put_platform(
    tx: &mut dyn Tx,
    host: &str,
    repository: &RepositoryName,
    platform: &KnownPlatform,
) -> Result<bool, StoreError> {
    let now = tx.now();
    let mut history = serde_json::to_string(&platform.history).expect("plain data");
    if history.len() > HISTORY_MAX_BYTES {
        "[]".clone_into(&mut history);
    }
    let layers = i64::try_from(platform.chains.len()).unwrap_or(i64::MAX);
    let made = tx
        .execute(
            sql("insert into image (host, repository, digest, platform, config, chain, layers, base_name, base_digest, history, problem, known_at) \
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict do nothing"),
            &[
                host.into(),
                repository.as_str().into(),
                platform.digest.to_row().into(),
                platform.platform.as_str().into(),
                platform.config.to_row().into(),
                platform.chains.last().map(Digest::to_row).into(),
                layers.into(),
                platform.base_name.clone().into(),
                platform.base_digest.as_ref().map(Digest::to_row).into(),
                history.into(),
                platform.problem.clone().into(),
                now.into(),
            ],
        )
        .await?;
    if made == 0 {
        return Ok(false);
    }
    for (position, chain) in (1_i64..).zip(&platform.chains) {
        tx.execute(
            sql("insert into image_chain (host, repository, digest, position, chain) values ($1, $2, $3, $4, $5) on conflict do nothing"),
            &[
                host.into(),
                repository.as_str().into(),
                platform.digest.to_row().into(),
                position.into(),
                chain.to_row().into(),
            ],
        )
        .await?;
    }
    Ok(true)
}

/// Whether what `digest` names there has been read.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn is_known(
    tx: &mut dyn Tx,
    host: &str,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<bool, StoreError> {
    let row = tx
        .first(
            sql("select child from image_platform where host = $1 and repository = $2 and digest = $3 limit 1"),
            &key(host, repository, digest),
        )
        .await?;
    Ok(row.is_some())
}

/// A platform of a known image: what is compared to tell whether it moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformOf {
    /// `os/architecture[/variant]`.
    pub platform: String,
    /// Its manifest.
    pub digest: Digest,
    /// Its configuration, which names every layer by its content.
    pub config: Digest,
}

/// The platforms of what `digest` names there, by platform.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn platforms(
    tx: &mut dyn Tx,
    host: &str,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Vec<PlatformOf>, StoreError> {
    let rows = tx
        .query(
            sql("select i.platform, i.digest, i.config from image_platform p \
                 join image i on i.host = p.host and i.repository = p.repository and i.digest = p.child \
                 where p.host = $1 and p.repository = $2 and p.digest = $3 order by i.platform, i.digest"),
            &key(host, repository, digest),
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(PlatformOf {
                platform: row.text(0)?.to_owned(),
                digest: rows::digest(row, 1)?,
                config: rows::digest(row, 2)?,
            })
        })
        .collect()
}

/// The columns that name an image.
pub(crate) fn key(host: &str, repository: &RepositoryName, digest: &Digest) -> [Value; 3] {
    [
        host.into(),
        repository.as_str().into(),
        digest.to_row().into(),
    ]
}
