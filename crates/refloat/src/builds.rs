//! Builds by this binary: the runner's process, `refloat build` without a server, and the folder in which a server's runs lie.

use crate::alone::places::AlonePlaces;
use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use refloat_builders::{Buildah, BuildahOptions};
use refloat_cli::arguments::BuildArguments;
use refloat_cli::credentials::{HostCredential, credential_of};
use refloat_cli::error::CliError;
use refloat_cli::invocation_options;
use refloat_core::{RunId, Secret};
use refloat_dockerfile::{Edge, EdgeKind, edges};
use refloat_documents::Span;
use refloat_oci::{Location, Reference, RegistryHost};
use refloat_ports::builder::{
    BuildRequest, BuildStatus, RegistryLogin, Source, StartError, TestRequest,
};
use refloat_ports::{Builder as _, Images, Places as _};
use refloat_remote::{Credential, Remotes};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often a build is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// `refloat runner FOLDER`: takes one run to its end, in a process of its own.
pub(crate) fn runner(folder: &Path) -> Result<(), CliError> {
    refloat_builders::run(folder, &registry).map_err(|error| {
        let message = format!("{}: {error}", folder.display());
        CliError::failed("runner", message, "look at the folder of the run")
    })
}

fn registry(
    host: &RegistryHost,
    shown: Option<(String, Secret<String>)>,
) -> Result<Arc<dyn Images>, String> {
    let source = Arc::new(move |_: &RegistryHost| {
        let credential = shown
            .clone()
            .map(|(username, password)| Credential::Password { username, password });
        Ok(credential)
    });
    let remotes = Remotes::new(source).map_err(|failure| failure.to_string())?;
    Ok(remotes.of(host))
}

/// How this program starts a runner.
pub(crate) fn runner_command() -> Result<Vec<OsString>> {
    let program = std::env::current_exe().context("the program does not know where it lies")?;
    Ok(vec![program.into(), "runner".into()])
}

/// The folder of a server's runs: its own by the data folder, and outside of it, so that no runner sees it.
pub(crate) fn runs_folder(data: &Path) -> Result<PathBuf> {
    let data = std::fs::canonicalize(data).context("the data folder")?;
    let name = refloat_oci::Digest::sha256(data.as_os_str().as_encoded_bytes()).to_string();
    let short: String = name
        .chars()
        .skip_while(|letter| *letter != ':')
        .skip(1)
        .take(16)
        .collect();
    let user = rustix::process::geteuid().as_raw();
    Ok(PathBuf::from("/var/tmp")
        .join(format!("refloat-runs-{user}"))
        .join(short))
}

/// `refloat build`: the same builder and runner, in a folder that goes with the call.
pub(crate) fn build(
    arguments: &BuildArguments,
    server: Option<&RegistryHost>,
) -> Result<Value, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| failed("failed", &error))?;
    runtime.block_on(build_alone(arguments, server))
}

/// Where the image goes; the tag is `latest` if none is written.
fn destination(
    arguments: &BuildArguments,
    server: Option<&RegistryHost>,
) -> Result<Reference, CliError> {
    let tag = arguments.tag.as_deref().ok_or_else(|| {
        CliError::usage("no place for the image", "write -t REGISTRY/REPOSITORY:TAG")
    })?;
    let mut destination = Reference::parse(tag, server)?;
    if destination.digest.is_some() {
        return Err(CliError::usage(
            format!("`{tag}` names a digest"),
            "write a tag",
        ));
    }
    if destination.tag.is_none() {
        destination.tag = "latest".parse().ok();
    }
    Ok(destination)
}

/// Refuses where there is nothing to build with.
pub(crate) fn check_builder() -> Result<(), CliError> {
    if Buildah::is_installed() {
        return Ok(());
    }
    Err(CliError::failed(
        "no_builder",
        "the program `buildah` is not installed",
        "install it, for example apt-get install buildah",
    ))
}

/// `30m`, in seconds.
pub(crate) fn timeout_seconds(text: &str) -> Result<u64, CliError> {
    let timeout: Span = text
        .parse()
        .map_err(|error| CliError::usage(error, "write --timeout 30m"))?;
    Ok(u64::try_from(timeout.seconds()).unwrap_or(0))
}

/// The edges, each with the digest that it was pinned to.
fn with_digests(edges: &Value, bases: &BTreeMap<String, Reference>) -> Vec<Value> {
    let edges = edges.as_array().cloned().unwrap_or_default();
    let pinned = |mut edge: Value| {
        let name = edge["written"].as_str().unwrap_or_default();
        edge["digest"] = json!(bases.get(name).and_then(|base| base.digest));
        edge
    };
    edges.into_iter().map(pinned).collect()
}

async fn build_alone(
    arguments: &BuildArguments,
    server: Option<&RegistryHost>,
) -> Result<Value, CliError> {
    let destination = destination(arguments, server)?;
    check_builder()?;
    let options = invocation_options(&arguments.invocation)?;
    let folder =
        std::path::absolute(&arguments.folder).map_err(|error| failed("failed", &error))?;
    let dockerfile = match &arguments.file {
        Some(file) => std::path::absolute(file).map_err(|error| failed("failed", &error))?,
        None => folder.join("Dockerfile"),
    };
    let text = std::fs::read_to_string(&dockerfile).map_err(|error| {
        CliError::failed(
            "dockerfile",
            format!("{} cannot be read: {error}", dockerfile.display()),
            "name it with -f",
        )
    })?;
    let found = edges(&text, &options).map_err(|error| {
        CliError::failed(
            "dockerfile",
            format!("{}, {error}", dockerfile.display()),
            "correct the Dockerfile",
        )
    })?;
    let places = AlonePlaces::new(server.cloned())?;
    let bases = pinned(&places, &found.edges).await?;
    let platform = options.platform.to_string();
    let request = BuildRequest {
        run: RunId::from_ulid(ulid::Ulid::new()),
        source: Source::Folder {
            folder: folder.to_string_lossy().into_owned(),
        },
        context: ".".to_owned(),
        dockerfile: dockerfile.to_string_lossy().into_owned(),
        target: options.target.clone(),
        platform,
        arguments: options.build_args.clone(),
        annotations: annotations(&found.edges, &bases),
        logins: logins(&destination, &bases, server)?,
        bases: bases.clone(),
        secrets: BTreeMap::new(),
        destination: destination.clone(),
        timeout_seconds: timeout_seconds(&arguments.timeout)?,
        tests: Vec::new(),
    };
    let (digest, builder) = built(request).await?;
    let edges = with_digests(&found.to_json()["edges"], &bases);
    Ok(
        json!({ "image": destination.to_string(), "digest": digest, "builder": builder, "edges": edges }),
    )
}

/// Each image by its name in the Dockerfile, pinned to what it is now.
pub(crate) async fn pinned(
    places: &AlonePlaces,
    edges: &[Edge],
) -> Result<BTreeMap<String, Reference>, CliError> {
    let mut bases = BTreeMap::new();
    for edge in edges.iter().filter(|edge| edge.kind != EdgeKind::Frontend) {
        let Some(reference) = &edge.reference else {
            let reason = edge.unresolved.as_deref().unwrap_or("it is not known");
            let message = format!(
                "unsupported: line {}: `{}`: {reason}",
                edge.line, edge.written
            );
            return Err(CliError::failed(
                "unsupported",
                message,
                "give what is missing, or build with the builder itself",
            ));
        };
        bases.insert(edge.written.clone(), pin(places, reference).await?);
    }
    Ok(bases)
}

/// The image that a name means now, by its digest.
pub(crate) async fn pin(
    places: &AlonePlaces,
    reference: &Reference,
) -> Result<Reference, CliError> {
    let place = places.open(&Location::Registry(reference.clone())).await;
    let place = place.map_err(|error| crate::alone::of_place(&error))?;
    let digest = match (&reference.digest, &place.target) {
        (Some(digest), _) => *digest,
        (None, Some(target)) => {
            let found = place.images.resolve(&place.repository, target).await;
            let found = found.map_err(|error| crate::alone::of_place(&error))?;
            found.ok_or_else(|| absent(reference))?.digest
        }
        (None, None) => return Err(absent(reference)),
    };
    Ok(Reference {
        tag: None,
        digest: Some(digest),
        ..reference.clone()
    })
}

fn absent(reference: &Reference) -> CliError {
    CliError::failed(
        "not_found",
        format!("{reference} is not there, or not permitted"),
        "check the name, and sign in with `refloat login`",
    )
    .exiting(refloat_cli::error::EXIT_NOT_FOUND)
}

pub(crate) fn annotations(
    edges: &[Edge],
    bases: &BTreeMap<String, Reference>,
) -> BTreeMap<String, String> {
    let base = edges.iter().rfind(|edge| edge.kind == EdgeKind::Runtime);
    let named =
        base.and_then(|edge| Some((edge.reference.as_ref()?, bases.get(&edge.written)?.digest?)));
    named.map_or_else(BTreeMap::new, |(reference, digest)| {
        let name = Reference {
            digest: None,
            ..reference.clone()
        };
        BTreeMap::from([
            (
                "org.opencontainers.image.base.name".to_owned(),
                name.to_string(),
            ),
            (
                "org.opencontainers.image.base.digest".to_owned(),
                digest.to_string(),
            ),
        ])
    })
}

pub(crate) fn logins(
    destination: &Reference,
    bases: &BTreeMap<String, Reference>,
    server: Option<&RegistryHost>,
) -> Result<Vec<RegistryLogin>, CliError> {
    let hosts: BTreeSet<&RegistryHost> = bases
        .values()
        .chain([destination])
        .map(|reference| &reference.registry)
        .collect();
    let mut logins = Vec::new();
    for host in hosts {
        let (username, password) = match credential_of(host, server)? {
            None => continue,
            Some(HostCredential::Password { username, password }) => (username, password),
            Some(HostCredential::Token(token)) => ("token".to_owned(), token),
        };
        logins.push(RegistryLogin {
            registry: host.to_string(),
            username,
            password: Secret::new(password),
        });
    }
    Ok(logins)
}

/// Runs the build to its end, its output on standard error; an interrupt calls it off.
pub(crate) async fn built(
    request: BuildRequest,
) -> Result<(refloat_oci::Digest, String), CliError> {
    let run = request.run.clone();
    ended(run, Work::Build(Box::new(request))).await
}

/// Runs the tests of an image to their end, likewise.
pub(crate) async fn tested(
    request: TestRequest,
) -> Result<(refloat_oci::Digest, String), CliError> {
    let run = request.run.clone();
    ended(run, Work::Tests(Box::new(request))).await
}

/// What a builder is given.
enum Work {
    Build(Box<BuildRequest>),
    Tests(Box<TestRequest>),
}

async fn ended(run: RunId, work: Work) -> Result<(refloat_oci::Digest, String), CliError> {
    let home = Scratch::new().map_err(|error| failed("failed", &error))?;
    let builder = Buildah::new(BuildahOptions {
        folder: home.0.clone(),
        runner: runner_command().map_err(|error| failed("failed", &error))?,
        user: None,
    });
    let started = match work {
        Work::Build(request) => builder.start(*request).await,
        Work::Tests(request) => builder.start_tests(*request).await,
    };
    match started {
        Ok(()) => {}
        Err(StartError::Refused(text)) => return Err(CliError::failed("refused", text, "")),
        Err(StartError::Failed(failure)) => return Err(failed("failed", &failure)),
    }
    let mut shown = 0;
    loop {
        let status = builder
            .observe(&run)
            .await
            .map_err(|failure| failed("failed", &failure))?;
        shown = follow(&builder, &run, shown).await?;
        let end = match status {
            BuildStatus::Running { .. } => {
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    _ = tokio::signal::ctrl_c() => {
                        let called_off = builder.cancel(&run, "interrupted").await;
                        called_off.map_err(|failure| failed("failed", &failure))?;
                    }
                }
                continue;
            }
            BuildStatus::Succeeded { digest, builder } => Ok((digest, builder)),
            BuildStatus::Failed { step, error } => Err(CliError::failed(
                "build_failed",
                format!("the build failed at {step}: {error}"),
                "see the output above",
            )),
            BuildStatus::Cancelled { reason } => Err(CliError::failed(
                "cancelled",
                format!("the build was called off: {reason}"),
                "",
            )),
            BuildStatus::Absent => Err(CliError::failed(
                "build_failed",
                "the runner of the build died",
                "try again",
            )),
        };
        let _ = builder.remove(&run).await;
        return end;
    }
}

async fn follow(builder: &Buildah, run: &RunId, from: u64) -> Result<u64, CliError> {
    let mut shown = from;
    loop {
        let stream = builder
            .log(run, shown)
            .await
            .map_err(|failure| failed("failed", &failure))?;
        let parts: Vec<_> = stream.collect().await;
        let before = shown;
        for part in parts {
            let bytes = part.map_err(|error| failed("failed", &error))?;
            shown += bytes.len() as u64;
            // Whoever closed standard error does not want to see it.
            let _ = std::io::stderr().lock().write_all(&bytes);
        }
        if shown == before {
            return Ok(shown);
        }
    }
}

/// A folder that goes with the call.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> std::io::Result<Self> {
        let folder = PathBuf::from("/var/tmp").join(format!("refloat-build-{}", ulid::Ulid::new()));
        std::fs::create_dir(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn failed(code: &str, error: &impl std::fmt::Display) -> CliError {
    CliError::failed(code, error.to_string(), "")
}
