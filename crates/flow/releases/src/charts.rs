//! Charts in this registry: read by digest, stored under a version that is taken once.

use crate::StepError;
use bytes::Bytes;
use futures_util::StreamExt;
use refloat_chart::ChartArtifact;
use refloat_chart::artifact::{LAYER_TYPE, LEGACY_LAYER_TYPE};
use refloat_core::{Failure, Rejection};
use refloat_flow::{Because, Caller, FlowError, PutManifest, Registry};
use refloat_oci::reference::TagOrDigest;
use refloat_oci::{Digest, RepositoryName, TagName, media_type};
use serde_json::Value;

/// The longest chart that is read, in bytes.
const CHART_MAX_BYTES: usize = 64 * 1024 * 1024;

/// What a tag names; `None` if there is no such tag.
pub(crate) async fn digest_of(
    registry: &Registry,
    repository: &RepositoryName,
    tag: &str,
) -> Result<Option<Digest>, FlowError> {
    let Ok(tag) = tag.parse::<TagName>() else {
        return Ok(None);
    };
    let target = TagOrDigest::Tag(tag);
    let found = registry
        .get_manifest(&Caller::system(), repository, &target)
        .await;
    match found {
        Ok(manifest) => Ok(Some(manifest.digest)),
        Err(FlowError::Rejected(
            Rejection::ManifestUnknown { .. } | Rejection::RepositoryUnknown(_),
        )) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The archive of a chart.
pub(crate) async fn read(
    registry: &Registry,
    repository: &RepositoryName,
    target: &TagOrDigest,
) -> Result<Vec<u8>, StepError> {
    let caller = Caller::system();
    let manifest = registry.get_manifest(&caller, repository, target).await;
    let manifest = manifest.map_err(rejected_is_final)?;
    let no_chart = || {
        let name = manifest.digest;
        StepError::Final(format!("{repository}@{name} is no chart"))
    };
    let json: Value = serde_json::from_slice(&manifest.bytes).map_err(|_| no_chart())?;
    let layers = json["layers"].as_array().into_iter().flatten();
    let mut layers = layers.filter(|layer| {
        let media_type = layer["mediaType"].as_str();
        media_type == Some(LAYER_TYPE) || media_type == Some(LEGACY_LAYER_TYPE)
    });
    let layer = layers.next().ok_or_else(no_chart)?;
    let digest = layer["digest"].as_str().and_then(|text| text.parse().ok());
    let digest: Digest = digest.ok_or_else(no_chart)?;
    let blob = registry.open_blob(&caller, repository, &digest, None).await;
    let mut blob = blob.map_err(rejected_is_final)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = blob.stream.next().await {
        let chunk = chunk.map_err(|error| {
            FlowError::Failed(Failure::Damaged(format!("{repository}@{digest}: {error}")))
        })?;
        bytes.extend_from_slice(&chunk);
        if bytes.len() > CHART_MAX_BYTES {
            let message = format!("{repository}@{digest} has more than {CHART_MAX_BYTES} bytes");
            return Err(StepError::Final(message));
        }
    }
    Ok(bytes)
}

/// Stores a chart under its version. The same again is success; another one under this version is refused.
pub(crate) async fn publish(
    registry: &Registry,
    repository: &RepositoryName,
    chart: &ChartArtifact,
    because: Because,
) -> Result<(), StepError> {
    match digest_of(registry, repository, &chart.tag).await? {
        Some(there) if there == chart.digest => return Ok(()),
        Some(there) => {
            return Err(StepError::Final(format!(
                "{repository}:{} is {there} already; push the chart with a newer version",
                chart.tag
            )));
        }
        None => {}
    }
    let caller = Caller {
        because,
        ..Caller::system()
    };
    for (digest, bytes) in [
        (chart.config_digest, &chart.config),
        (chart.layer_digest, &chart.layer),
    ] {
        let bytes = Bytes::from(bytes.clone());
        let length = bytes.len() as u64;
        let body = Box::pin(futures_util::stream::iter([Ok(bytes)]));
        let put = registry.put_blob(&caller, repository, Some(length), body, digest);
        put.await.map_err(rejected_is_final)?;
    }
    refloat_fail::point("release.chart_stored").map_err(crate::deploy::injected)?;
    let tag = chart
        .tag
        .parse()
        .map_err(|_| StepError::Final(format!("`{}` is no version for a tag", chart.tag)))?;
    let put = PutManifest {
        reference: TagOrDigest::Tag(tag),
        tags: Vec::new(),
        content_type: Some(media_type::OCI_MANIFEST.to_owned()),
        bytes: Bytes::from(chart.manifest.clone()),
    };
    let put = registry.put_manifest(&caller, repository, put).await;
    put.map_err(rejected_is_final)?;
    refloat_fail::point("release.chart_published").map_err(crate::deploy::injected)?;
    Ok(())
}

/// What the server itself may not do it may not do again.
fn rejected_is_final(error: FlowError) -> StepError {
    match error {
        FlowError::Rejected(rejection) => StepError::Final(rejection.to_string()),
        failed @ FlowError::Failed(_) => StepError::Again(failed),
    }
}
