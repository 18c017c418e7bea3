//! The beginning of a change: what moves, why, and which version it gets. Written down before anything is stored.

use crate::change::{Edited, edit, next_version};
use crate::look::Seen;
use crate::{Releases, StepError, charts, operation};
use refloat_core::event::ImageChange;
use refloat_core::{CascadeId, RecordId};
use refloat_documents::ReleaseSource;
use refloat_release::{InputImage, Inputs};
use refloat_store::{StoreError, Tx};
use refloat_store_releases::{ChangeRow, LineNow, NewChange, ReleaseKey, changes, lines};

/// Versions that are tried until one is free.
const VERSIONS_MAX: usize = 1000;

impl Releases {
    pub(crate) async fn begin(&self, key: &ReleaseKey, seen: &Seen) -> Result<(), StepError> {
        let Ok(inputs) = &seen.inputs else {
            return Ok(());
        };
        let images = image_changes(inputs, &seen.lines, seen.made.as_ref());
        let planned = self.version(key, seen, &inputs.chart, &images).await;
        let (version, error) = match planned {
            Ok(version) => (version, None),
            Err(StepError::Final(message)) => (String::new(), Some(message)),
            Err(error @ StepError::Again(_)) => return Err(error),
        };
        let why = Why {
            key: key.clone(),
            moved: inputs
                .images
                .iter()
                .zip(&images)
                .zip(&seen.lines)
                .filter(|((_, change), _)| change.from != Some(change.to))
                .filter_map(|((input, _), line)| Some((input.clone(), line.clone()?)))
                .collect(),
            chart: chart_moved(inputs, seen),
        };
        let new = NewChange {
            release: key.clone(),
            after: seen.newest.as_ref().map_or(0, |newest| newest.number),
            inputs: inputs.digest(),
            base: inputs.chart.clone(),
            version,
            images,
            causes: Vec::new(),
            cascade: None,
        };
        let begun = self.store().write(operation!(tx, [new, why, error, key], {
            let (causes, cascade) = why.causes(tx).await?;
            let new = NewChange {
                causes,
                cascade,
                ..new
            };
            let begun = changes::begin(tx, &new).await?;
            if let (Some(_), Some(error)) = (begun, error)
                && let Some(row) = changes::newest(tx, &key, 1).await?.pop()
            {
                changes::failed(tx, &key, &row, &error).await?;
            }
            Ok(())
        }));
        Ok(begun.await?)
    }

    /// The version of the chart after its edit: its own if nothing changes, otherwise the next one that is free.
    async fn version(
        &self,
        key: &ReleaseKey,
        seen: &Seen,
        base: &str,
        images: &[ImageChange],
    ) -> Result<String, StepError> {
        let at = self.place(key, &seen.document, base).await?;
        let files = self.read_chart(key, &seen.document, &at).await?;
        let (images, host) = (images.to_vec(), self.world().host.clone());
        let edited = blocking(move || edit(&files, &images, &host, None)).await?;
        let Edited { chart, changed, .. } = edited.map_err(StepError::Final)?;
        let mut version = chart.metadata.version;
        let ReleaseSource::Chart { publish, .. } = &seen.document.source else {
            return Ok(version);
        };
        if !changed {
            return Ok(version);
        }
        for _ in 0..VERSIONS_MAX {
            let tag = refloat_chart::artifact::tag_of(&version);
            if charts::digest_of(self.registry(), publish, &tag)
                .await?
                .is_none()
            {
                return Ok(version);
            }
            version = next_version(&version).map_err(StepError::Final)?;
        }
        Err(StepError::Final(format!(
            "{publish} has no free version up to {version}; push the chart with a higher one"
        )))
    }
}

/// Runs what computes for long away from those that wait for the network.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StepError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| StepError::Final("a chart made its reader panic".to_owned()))
}

/// Every image with what the change before it named.
fn image_changes(
    inputs: &Inputs,
    lines: &[Option<LineNow>],
    made: Option<&ChangeRow>,
) -> Vec<ImageChange> {
    let before = |path: &str| {
        let images = made.map(|made| made.images.iter());
        let found = images
            .into_iter()
            .flatten()
            .find(|image| image.path == path);
        found.map(|image| image.to)
    };
    let images = inputs.images.iter().zip(lines);
    images
        .map(|(image, line)| {
            // A tag that has named something else before names this image only together with its digest.
            let is_unique = line.as_ref().is_some_and(|line| line.unique.is_some());
            let tag = if is_unique {
                image.tag.to_string()
            } else {
                format!("{}@{}", image.tag, image.digest)
            };
            ImageChange {
                path: image.path.clone(),
                line: image.line.clone(),
                from: before(&image.path),
                to: image.digest,
                tag,
            }
        })
        .collect()
}

/// The chart's digest, if it is another one than the change before began with.
fn chart_moved(
    inputs: &Inputs,
    seen: &Seen,
) -> Option<(refloat_oci::RepositoryName, refloat_oci::Digest)> {
    let is_new = seen
        .made
        .as_ref()
        .is_none_or(|made| made.base != inputs.chart);
    let ReleaseSource::Chart { repository, .. } = &seen.document.source else {
        return None;
    };
    let digest = inputs.chart.parse().ok().filter(|_| is_new)?;
    Some((repository.clone(), digest))
}

/// What a change is asked to be caused by.
#[derive(Clone)]
struct Why {
    key: ReleaseKey,
    moved: Vec<(InputImage, LineNow)>,
    chart: Option<(refloat_oci::RepositoryName, refloat_oci::Digest)>,
}

impl Why {
    async fn causes(
        &self,
        tx: &mut dyn Tx,
    ) -> Result<(Vec<RecordId>, Option<CascadeId>), StoreError> {
        let (mut causes, mut cascade) = (Vec::new(), None);
        for (image, line) in &self.moved {
            let place = (image.registry.as_ref(), &image.repository);
            if let Some((record, its)) = lines::why(tx, place, line).await? {
                causes.push(record);
                cascade = cascade.or(its);
            }
        }
        if let Some((repository, digest)) = &self.chart {
            causes.extend(lines::why_pushed(tx, repository, digest).await?);
        }
        // What no image and no chart explains, the document does: also the first change of all.
        if causes.is_empty() || self.chart.is_some() {
            causes.extend(lines::why_applied(tx, &self.key).await?);
        }
        causes.sort();
        causes.dedup();
        Ok((causes, cascade))
    }
}
