//! Charts in registries, in classic repositories and in the client's store, for the command line.

mod classic;
mod pull;

use bytes::Bytes;
use refloat_chart::{Chart, ChartArtifact};
use refloat_charts::{ClientStore, KeptChart};
use refloat_cli::credentials::{HostCredential, credential_of};
use refloat_cli::error::{CliError, EXIT_NOT_FOUND};
use refloat_cli::{ChartPlaces, PushedChart, Reach};
use refloat_core::{Failure, Secret};
use refloat_oci::{Digest, Location, Reference, RegistryHost, TagOrDigest, media_type};
use refloat_ports::{ByteStream, Images, ImagesError};
use refloat_remote::{Credential, CredentialError, Remotes};
use serde_json::{Value, json};
use std::sync::Arc;

/// What the command line is given.
pub(crate) const PLACES: ChartPlaces = ChartPlaces {
    pull: pull::pull,
    provenance: pull::provenance,
    push,
    tags,
    index: classic::index,
    file: classic::file,
    file_provenance: classic::provenance,
    search,
};

/// The most tags of a repository that a version is chosen from.
const TAGS_MAX: usize = 100_000;
/// Tags of one page.
const PAGE: usize = 1000;

/// All tags of a repository.
fn tags(location: &Location, reach: &Reach) -> Result<Vec<String>, CliError> {
    let reference = registry(location)?;
    run(async {
        let images = open(reference, reach)?;
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = images
                .tags(&reference.repository, after.as_ref(), PAGE)
                .await
                .map_err(|error| refused(reference, &error))?;
            all.extend(page.iter().map(ToString::to_string));
            if page.len() < PAGE || all.len() >= TAGS_MAX {
                return Ok(all);
            }
            after = page.last().cloned();
        }
    })
}

/// Charts in the store.
fn search(word: &str) -> Vec<Value> {
    let found = ClientStore::of_user().map(|store| store.search(word));
    let found = found.unwrap_or_default();
    let tagged: Vec<_> = found
        .iter()
        .filter(|kept| !kept.name.contains('@'))
        .map(|kept| kept.content)
        .collect();
    let shown = found
        .iter()
        // What has a tag is shown under it alone.
        .filter(|kept| !kept.name.contains('@') || !tagged.contains(&kept.content));
    let one = |kept: &refloat_charts::Kept| {
        let chart = kept.chart.clone().unwrap_or_default();
        json!({
            "reference": kept.name,
            "name": chart.name,
            "version": chart.version,
            "app_version": chart.app_version,
            "description": chart.description,
            "keywords": chart.keywords,
            "digest": kept.manifest.as_ref().map(ToString::to_string),
        })
    };
    shown.map(one).collect()
}

/// What search shows of a chart.
fn described(chart: &Chart) -> KeptChart {
    let metadata = &chart.metadata;
    KeptChart {
        name: metadata.name.clone(),
        version: metadata.version.clone(),
        app_version: metadata.app_version.clone(),
        description: metadata.description.clone(),
        keywords: metadata.keywords.clone(),
    }
}

/// Work of the store that must not fail a verb: it only saves work next time.
fn kept<T>(result: std::io::Result<T>) {
    if let Err(error) = result {
        tracing::debug!(%error, "a chart is not kept");
    }
}

/// Whether the place did not answer, so that what it said last will do.
fn is_unreachable(error: &ImagesError) -> bool {
    matches!(error, ImagesError::Failed(Failure::Transient(_)))
}

/// Stores a chart and lets its tag name it.
fn push(
    location: &Location,
    artifact: ChartArtifact,
    reach: &Reach,
) -> Result<PushedChart, CliError> {
    let reference = registry(location)?;
    let tag = reference.tag.clone().map(TagOrDigest::Tag);
    let target =
        tag.ok_or_else(|| CliError::usage(format!("`{reference}` names no tag"), "add :VERSION"))?;
    let digest = artifact.digest;
    run(async {
        let images = open(reference, reach)?;
        let failed = |error: ImagesError| refused(reference, &error);
        let repository = &reference.repository;
        let before = images.resolve(repository, &target).await.map_err(failed)?;
        if before.is_some_and(|before| before.digest == digest) {
            return Ok(pushed(digest, false));
        }
        let blobs = [
            (artifact.config_digest, artifact.config),
            (artifact.layer_digest, artifact.layer),
        ];
        let proof = artifact.provenance.map(|(bytes, digest)| (digest, bytes));
        for (digest, bytes) in blobs.into_iter().chain(proof) {
            if !images
                .mount(repository, &digest, None)
                .await
                .map_err(failed)?
            {
                let (size, stream) = (bytes.len() as u64, stream(bytes));
                images
                    .put_blob(repository, &digest, size, stream)
                    .await
                    .map_err(failed)?;
            }
        }
        let bytes = Bytes::from(artifact.manifest);
        let stored = images
            .put_manifest(repository, &target, media_type::OCI_MANIFEST, bytes)
            .await;
        Ok(pushed(stored.map_err(failed)?, true))
    })
}

fn pushed(digest: Digest, changed: bool) -> PushedChart {
    PushedChart {
        digest: digest.to_string(),
        changed,
    }
}

fn stream(bytes: Vec<u8>) -> ByteStream {
    Box::pin(futures_util::stream::once(async { Ok(Bytes::from(bytes)) }))
}

fn registry(location: &Location) -> Result<&Reference, CliError> {
    match location {
        Location::Registry(reference) => Ok(reference),
        Location::Layout(_) | Location::OciArchive(_) | Location::DockerArchive(_) => {
            Err(CliError::unsupported(&format!("a chart in `{location}`")))
        }
    }
}

fn open(reference: &Reference, reach: &Reach) -> Result<Arc<dyn Images>, CliError> {
    let (own, reach) = (reference.registry.clone(), reach.clone());
    let source = Arc::new(move |host: &RegistryHost| {
        // What was given by hand is for this registry alone.
        if let Some((username, password)) = reach.account.clone().filter(|_| *host == own) {
            return Ok(Some(Credential::Password {
                username,
                password: Secret::new(password),
            }));
        }
        let found = credential_of(host, reach.server.as_ref());
        let found = found.map_err(|error| CredentialError(error.message))?;
        Ok(found.map(|credential| match credential {
            HostCredential::Password { username, password } => Credential::Password {
                username,
                password: Secret::new(password),
            },
            HostCredential::Token(token) => Credential::Token(Secret::new(token)),
        }))
    });
    let remotes = Remotes::new(source)
        .map_err(|failure| CliError::failed("failed", failure.to_string(), ""))?;
    Ok(remotes.of(&reference.registry))
}

fn run<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| CliError::failed("failed", error.to_string(), ""))?;
    runtime.block_on(work)
}

fn absent(reference: &Reference) -> CliError {
    CliError::failed(
        "not_found",
        format!("{reference} is not there, or not permitted"),
        "check the name, and sign in with `refloat login`",
    )
    .exiting(EXIT_NOT_FOUND)
}

fn refused(reference: &Reference, error: &ImagesError) -> CliError {
    let text = error.to_string();
    let reason = text.split("; ").next().unwrap_or(&text);
    let message = format!("{reference}: {reason}");
    match error {
        ImagesError::NotPermitted(_) => {
            CliError::failed("not_found", message, "sign in with `refloat login`")
                .exiting(EXIT_NOT_FOUND)
        }
        ImagesError::Refused(_) => {
            CliError::failed("refused", message, "see what the registry says")
        }
        ImagesError::Unsupported(_) => CliError::failed("unsupported", message, ""),
        ImagesError::Damaged(_) => CliError::failed("damaged", message, "push the chart again"),
        ImagesError::Failed(_) => CliError::failed("failed", message, "try again"),
    }
}
