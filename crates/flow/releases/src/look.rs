//! A release as it stands: its document, its lines, its chart, its newest change.

use crate::work::parsed;
use crate::{Releases, operation};
use refloat_cascade::Rule;
use refloat_cascade::name::is_own;
use refloat_core::Timestamp;
use refloat_documents::{Environment, ReleaseDocument, ReleaseImage};
use refloat_flow::FlowError;
use refloat_oci::{Digest, RegistryHost};
use refloat_release::{EnvironmentView, InputImage, Inputs, ReleaseView};
use refloat_store::{StoreError, Tx, documents};
use refloat_store_releases::{
    ChangeRow, DeploymentRow, LineNow, ReleaseKey, changes, deployments, lines,
};

/// What was seen of a release.
pub(crate) struct Seen {
    pub(crate) document: ReleaseDocument,
    pub(crate) now: Timestamp,
    /// All that a change would be made of; what is missing otherwise.
    pub(crate) inputs: Result<Inputs, String>,
    /// The images as their lines are now, in the order of the document.
    pub(crate) lines: Vec<Option<LineNow>>,
    /// The newest change, whatever its state.
    pub(crate) newest: Option<ChangeRow>,
    /// The newest change that was made.
    pub(crate) made: Option<ChangeRow>,
    /// The deployments of the newest change.
    pub(crate) deployments: Vec<DeploymentRow>,
    pub(crate) view: ReleaseView,
}

/// What one transaction sees.
#[derive(Clone)]
struct Rows {
    content: String,
    document: ReleaseDocument,
    now: Timestamp,
    lines: Vec<Option<LineNow>>,
    busy: Option<refloat_core::CascadeId>,
    newest: Option<ChangeRow>,
    made: Option<ChangeRow>,
    deployments: Vec<DeploymentRow>,
}

impl Releases {
    /// Looks at a release; `None` if its document is gone.
    pub(crate) async fn look(&self, key: &ReleaseKey) -> Result<Option<Seen>, FlowError> {
        let own = self.world().host.clone();
        let read = self
            .store()
            .read(operation!(tx, [key, own], rows(tx, &key, &own).await));
        let Some(rows) = read.await? else {
            return Ok(None);
        };
        let chart = self
            .chart_now(key, &rows.document, rows.made.as_ref())
            .await?;
        let inputs = chart.and_then(|chart| inputs(&rows, chart, &self.world().host));
        let view = ReleaseView {
            wanted: inputs.as_ref().map(Inputs::digest).map_err(Clone::clone),
            busy: rows.busy,
            change: rows
                .newest
                .as_ref()
                .map(|change| (change.inputs, change.state.clone())),
            environments: environments(&rows.document.environments, &rows.deployments),
        };
        Ok(Some(Seen {
            document: rows.document,
            now: rows.now,
            inputs,
            lines: rows.lines,
            newest: rows.newest,
            made: rows.made,
            deployments: rows.deployments,
            view,
        }))
    }
}

async fn rows(tx: &mut dyn Tx, key: &ReleaseKey, own: &str) -> Result<Option<Rows>, StoreError> {
    let found = documents::releases(tx, Some(&key.name)).await?;
    let found = found
        .into_iter()
        .find(|(project, _)| *project == key.project);
    let Some((_, stored)) = found else {
        return Ok(None);
    };
    let Some(document) = parsed(&stored) else {
        return Ok(None);
    };
    let mut images = Vec::with_capacity(document.images.len());
    for image in &document.images {
        let registry = registry(image, own);
        let now = match (&registry, rule(image)) {
            (Some(host), Some(Rule::Tag(tag))) => {
                lines::now_at(tx, host, &image.repository, &tag).await?
            }
            (Some(_), _) => None,
            (None, rule) => lines::now(tx, &image.repository, rule.as_ref()).await?,
        };
        images.push(now);
    }
    let repositories: Vec<_> = document
        .images
        .iter()
        .map(|image| (registry(image, own), image.repository.clone()))
        .collect();
    let newest = changes::newest(tx, key, 1).await?.pop();
    let deployments = match &newest {
        Some(change) => deployments::of_change(tx, &change.id).await?,
        None => Vec::new(),
    };
    Ok(Some(Rows {
        content: stored.content,
        document,
        now: tx.now(),
        lines: images,
        busy: lines::busy(tx, &repositories).await?,
        newest,
        made: changes::newest_made(tx, key).await?,
        deployments,
    }))
}

/// The foreign registry of an image: none if the document calls this one by its name.
pub(crate) fn registry(image: &ReleaseImage, own: &str) -> Option<RegistryHost> {
    let own = own.parse::<RegistryHost>().ok();
    let is_ours = |host: &RegistryHost| own.as_ref().is_some_and(|own| is_own(host, own));
    image.registry.clone().filter(|host| !is_ours(host))
}

/// What is no rule was refused when the document was applied.
pub(crate) fn rule(image: &ReleaseImage) -> Option<Rule> {
    image.rule.as_ref().and_then(|rule| rule.parse().ok())
}

fn inputs(rows: &Rows, chart: String, own: &str) -> Result<Inputs, String> {
    let mut images = Vec::new();
    if rows.document.update.image {
        for (image, line) in rows.document.images.iter().zip(&rows.lines) {
            let written = ReleaseDocument::line(image);
            let registry = registry(image, own);
            let to_do = match registry {
                Some(_) => "watch it by an Upstream",
                None => "push one",
            };
            let line = line
                .as_ref()
                .ok_or_else(|| format!("the line {written} names no image yet; {to_do}"))?;
            images.push(InputImage {
                path: image.path.clone(),
                line: written,
                registry,
                repository: image.repository.clone(),
                digest: line.digest,
                tag: line.unique.clone().unwrap_or_else(|| line.tag.clone()),
            });
        }
    }
    Ok(Inputs {
        document: Digest::sha256(rows.content.as_bytes()),
        chart,
        images,
    })
}

/// Environments that the document has and the change does not know (or the other way round) are those of the next change.
fn environments(wanted: &[Environment], deployments: &[DeploymentRow]) -> Vec<EnvironmentView> {
    deployments
        .iter()
        .map(|deployment| {
            let known = wanted
                .iter()
                .find(|environment| environment.name == deployment.environment);
            EnvironmentView {
                name: deployment.environment.clone(),
                after: known.and_then(|known| known.after.clone()),
                soak_seconds: known.map_or(0, |known| known.soak_seconds),
                state: deployment.state.clone(),
            }
        })
        .collect()
}
