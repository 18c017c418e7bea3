//! Charts in registries, for the command line: one archive in, one archive out.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use refloat_chart::ChartArtifact;
use refloat_chart::artifact::{CHART_LAYER_MAX_BYTES, layers};
use refloat_cli::PushedChart;
use refloat_cli::credentials::{HostCredential, credential_of};
use refloat_cli::error::{CliError, EXIT_NOT_FOUND};
use refloat_core::Secret;
use refloat_oci::{Digest, Location, Reference, RegistryHost, TagOrDigest, media_type};
use refloat_ports::{ByteStream, Images, ImagesError};
use refloat_remote::{Credential, CredentialError, Remotes};
use std::sync::Arc;

/// Fetches the archive of the chart at `location`, checked against its digest.
pub(crate) fn pull(
    location: &Location,
    server: Option<&RegistryHost>,
) -> Result<Vec<u8>, CliError> {
    let reference = registry(location)?;
    let target = reference.target().ok_or_else(|| {
        CliError::usage(
            format!("`{reference}` names no version"),
            "add :VERSION or @DIGEST, or --version",
        )
    })?;
    run(async {
        let images = open(reference, server)?;
        let failed = |error: ImagesError| refused(reference, &error);
        let found = images
            .manifest(&reference.repository, &target)
            .await
            .map_err(failed)?;
        let manifest = found.ok_or_else(|| absent(reference))?;
        let chart = layers(&manifest.bytes).map_err(|reason| {
            CliError::failed(
                "chart",
                format!("{reference}: {reason}"),
                "give the reference of a chart",
            )
        })?;
        if chart.archive_size > CHART_LAYER_MAX_BYTES {
            let message = format!("{reference} is larger than {CHART_LAYER_MAX_BYTES} bytes");
            return Err(CliError::failed("chart", message, "no chart is that large"));
        }
        let blob = images
            .blob(&reference.repository, &chart.archive)
            .await
            .map_err(failed)?;
        let stream = blob.ok_or_else(|| absent(reference))?.stream;
        let bytes: Vec<Bytes> = stream.try_collect().await.map_err(|error| {
            CliError::failed("failed", format!("{reference}: {error}"), "try again")
        })?;
        Ok(bytes.concat())
    })
}

/// Stores a chart and lets its tag name it.
pub(crate) fn push(
    location: &Location,
    artifact: ChartArtifact,
    server: Option<&RegistryHost>,
) -> Result<PushedChart, CliError> {
    let reference = registry(location)?;
    let tag = reference.tag.clone().map(TagOrDigest::Tag);
    let target =
        tag.ok_or_else(|| CliError::usage(format!("`{reference}` names no tag"), "add :VERSION"))?;
    let digest = artifact.digest;
    run(async {
        let images = open(reference, server)?;
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
        for (digest, bytes) in blobs {
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

fn open(reference: &Reference, server: Option<&RegistryHost>) -> Result<Arc<dyn Images>, CliError> {
    let server = server.cloned();
    let source = Arc::new(move |host: &RegistryHost| {
        let found = credential_of(host, server.as_ref());
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
