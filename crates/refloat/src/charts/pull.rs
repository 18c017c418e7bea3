//! A chart out of a registry, read through the client's store.
//!
//! A tag is asked of the registry each time, by HEAD; only if the registry does not answer is it what it was last. A digest
//! is never asked for twice.

use super::{absent, described, is_unreachable, kept, open, refused, registry, run};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use refloat_chart::artifact::{CHART_LAYER_MAX_BYTES, ChartLayers, layers};
use refloat_chart::load_archive;
use refloat_chart::provenance::PROVENANCE_MAX_BYTES;
use refloat_charts::{ClientStore, Kept};
use refloat_cli::error::CliError;
use refloat_cli::{PulledChart, Reach};
use refloat_oci::{Digest, Location, Reference, TagOrDigest};
use refloat_ports::{Images, ImagesError};
use std::sync::Arc;

/// Fetches the archive of the chart at `location`, checked against its digest.
pub(super) fn pull(location: &Location, reach: &Reach) -> Result<PulledChart, CliError> {
    let source = Source::new(location, reach)?;
    run(async {
        match source.now().await {
            Ok(now) => source.archive(&now).await,
            Err(error) if is_unreachable(&error) => source.last(&error),
            Err(error) => Err(refused(source.reference, &error)),
        }
    })
}

/// The provenance file of the chart at `location`.
pub(super) fn provenance(location: &Location, reach: &Reach) -> Result<Option<Vec<u8>>, CliError> {
    let source = Source::new(location, reach)?;
    run(async {
        let kept = match source.now().await {
            Ok(Now::Absent) => return Err(absent(source.reference)),
            Ok(Now::Is(digest)) => match source.kept(&source.by_digest(&digest)) {
                Some(kept) => kept,
                None => source.described(&digest).await?.0,
            },
            Err(error) if is_unreachable(&error) => {
                let name = source.name();
                let kept = source.kept(&name);
                kept.ok_or_else(|| refused(source.reference, &error))?
            }
            Err(error) => return Err(refused(source.reference, &error)),
        };
        let Some(digest) = kept.provenance else {
            return Ok(None);
        };
        if let Some(bytes) = source.blob(&digest) {
            return Ok(Some(bytes));
        }
        let bytes = source.fetch(&digest, PROVENANCE_MAX_BYTES as u64).await?;
        source.keep(&bytes);
        Ok(Some(bytes))
    })
}

/// What a reference names now.
enum Now {
    Is(Digest),
    Absent,
}

/// A reference, its registry and the store.
struct Source<'a> {
    reference: &'a Reference,
    target: TagOrDigest,
    images: Arc<dyn Images>,
    store: Option<ClientStore>,
}

impl<'a> Source<'a> {
    fn new(location: &'a Location, reach: &Reach) -> Result<Self, CliError> {
        let reference = registry(location)?;
        let target = reference.target().ok_or_else(|| {
            CliError::usage(
                format!("`{reference}` names no version"),
                "add :VERSION or @DIGEST, or --version",
            )
        })?;
        Ok(Self {
            reference,
            target,
            images: open(reference, reach)?,
            store: ClientStore::of_user(),
        })
    }

    /// The name that the store knows the reference by.
    fn name(&self) -> String {
        let (host, path) = (&self.reference.registry, &self.reference.repository);
        match &self.target {
            TagOrDigest::Tag(tag) => format!("{host}/{path}:{tag}"),
            TagOrDigest::Digest(digest) => self.by_digest(digest),
        }
    }

    fn by_digest(&self, digest: &Digest) -> String {
        let (host, path) = (&self.reference.registry, &self.reference.repository);
        format!("{host}/{path}@{digest}")
    }

    async fn now(&self) -> Result<Now, ImagesError> {
        if let TagOrDigest::Digest(digest) = &self.target {
            return Ok(Now::Is(*digest));
        }
        let found = self
            .images
            .resolve(&self.reference.repository, &self.target)
            .await?;
        Ok(found.map_or(Now::Absent, |found| Now::Is(found.digest)))
    }

    fn kept(&self, name: &str) -> Option<Kept> {
        self.store.as_ref()?.named(name)
    }

    fn blob(&self, digest: &Digest) -> Option<Vec<u8>> {
        self.store.as_ref()?.blob(digest)
    }

    fn keep(&self, bytes: &[u8]) {
        if let Some(store) = &self.store {
            kept(store.put_blob(bytes));
        }
    }

    async fn archive(&self, now: &Now) -> Result<PulledChart, CliError> {
        let Now::Is(digest) = now else {
            return Err(absent(self.reference));
        };
        let known = self.kept(&self.by_digest(digest));
        let here = known.and_then(|known| Some((self.blob(&known.content)?, known)));
        let (archive, known) = if let Some(here) = here {
            here
        } else {
            let (known, layers) = self.described(digest).await?;
            let archive = self.fetch(&layers.archive, CHART_LAYER_MAX_BYTES).await?;
            let chart = load_archive(&archive).ok();
            let known = Kept {
                chart: chart.as_ref().map(described),
                ..known
            };
            self.keep(&archive);
            (archive, known)
        };
        self.remember(known);
        Ok(PulledChart {
            archive,
            digest: Some(digest.to_string()),
            offline: None,
        })
    }

    /// Both names of it: the digest's, and the one that was asked for.
    fn remember(&self, known: Kept) {
        let Some(store) = &self.store else { return };
        kept(store.put_name(&known));
        let name = self.name();
        if name != known.name {
            kept(store.put_name(&Kept { name, ..known }));
        }
    }

    /// What was seen last, whole or not at all.
    fn last(&self, error: &ImagesError) -> Result<PulledChart, CliError> {
        let known = self.kept(&self.name());
        let here = known.and_then(|known| Some((self.blob(&known.content)?, known)));
        let (archive, known) = here.ok_or_else(|| refused(self.reference, error))?;
        let host = &self.reference.registry;
        Ok(PulledChart {
            archive,
            digest: known.manifest.as_ref().map(ToString::to_string),
            offline: Some(format!("{host} does not answer")),
        })
    }

    /// Reads the manifest: what is kept of it, and its layers.
    async fn described(&self, digest: &Digest) -> Result<(Kept, ChartLayers), CliError> {
        let reference = self.reference;
        let target = TagOrDigest::Digest(*digest);
        let found = self.images.manifest(&reference.repository, &target).await;
        let found = found.map_err(|error| refused(reference, &error))?;
        let manifest = found.ok_or_else(|| absent(reference))?;
        let layers = layers(&manifest.bytes).map_err(|reason| {
            CliError::failed(
                "chart",
                format!("{reference}: {reason}"),
                "give the reference of a chart",
            )
        })?;
        if layers.archive_size > CHART_LAYER_MAX_BYTES {
            let message = format!("{reference} is larger than {CHART_LAYER_MAX_BYTES} bytes");
            return Err(CliError::failed("chart", message, "no chart is that large"));
        }
        let known = Kept {
            name: self.by_digest(digest),
            manifest: Some(*digest),
            content: layers.archive,
            provenance: layers.provenance,
            chart: None,
        };
        Ok((known, layers))
    }

    /// The bytes of a blob; the registry's client checks them.
    async fn fetch(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, CliError> {
        let reference = self.reference;
        let found = self.images.blob(&reference.repository, digest).await;
        let found = found.map_err(|error| refused(reference, &error))?;
        let mut stream = found.ok_or_else(|| absent(reference))?.stream;
        let mut bytes = Vec::new();
        let failed = |error: &dyn std::fmt::Display| {
            CliError::failed("failed", format!("{reference}: {error}"), "try again")
        };
        while let Some(part) = stream.try_next().await.map_err(|error| failed(&error))? {
            let part: Bytes = part;
            if (bytes.len() + part.len()) as u64 > limit {
                return Err(failed(&format!("a layer is larger than {limit} bytes")));
            }
            bytes.extend_from_slice(&part);
        }
        Ok(bytes)
    }
}
