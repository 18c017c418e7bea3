//! Releases on a cluster without a server, for the command line.

use refloat_chart::render::{ReleaseAction, SchemaCheck};
use refloat_chart::values::from_json;
use refloat_chart::{Capabilities, Chart, KubeVersion, RenderOptions};
use refloat_cli::arguments::{ClusterArguments, InstallArguments};
use refloat_cli::error::{CliError, EXIT_NOT_FOUND};
use refloat_cli::{Newness, ReleaseQuestion};
use refloat_core::{Failure, ReleaseId, Secret};
use refloat_kubernetes::{Cluster, Files, KubernetesDeployer, Record, Status};
use refloat_ports::{DeployStatus, Deployer, Deployment, Namespace, Rendered, Target, Wait};
use refloat_releases::{AssembleError, assemble};
use refloat_template::{Map, Oracle, Value as TemplateValue};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_millis(300);

/// A kubeconfig as it was found.
struct Found {
    text: String,
    files: Files,
}

/// Installs or upgrades a release, as helm does.
pub(crate) fn deploy(
    arguments: &InstallArguments,
    newness: Newness,
    chart: &Chart,
    given: Map,
    oracle: &dyn Oracle,
) -> Result<Value, CliError> {
    let found = kubeconfig(&arguments.cluster)?;
    let context = arguments.cluster.kube_context.as_deref();
    let cluster = Cluster::open(&found.text, context, &found.files).map_err(failed)?;
    let namespace = namespace(&arguments.cluster, &cluster);
    run(async {
        let history = cluster
            .history(&namespace, &arguments.name)
            .await
            .map_err(|error| failed(error.into()))?;
        let last = history.last();
        let running = last.filter(|last| last.status() != Status::Uninstalled);
        check(arguments, newness, running)?;
        let given = values(given, running);
        let options = options(arguments, &cluster, &namespace, last, running).await?;
        let mut rendered =
            assemble(chart, &given, &options, oracle).map_err(|error| refused(&error))?;
        rendered.description = arguments.description.clone().unwrap_or_default();
        if arguments.dry_run {
            return Ok(dry(&rendered, options.revision));
        }
        let deployment = Deployment {
            id: ReleaseId::from_ulid(ulid::Ulid::new()),
            target: Target::Kubernetes {
                kubeconfig: Secret::new(found.text.clone()),
                context: context.map(str::to_owned),
            },
            rendered,
            wait: if arguments.wait {
                Wait::Rollout
            } else {
                Wait::Applied
            },
            timeout_seconds: arguments.timeout,
            namespace: if arguments.create_namespace {
                Namespace::Create
            } else {
                Namespace::MustExist
            },
        };
        let deployer = KubernetesDeployer::new(found.files.clone());
        let revision = carry_out(&deployer, &deployment).await?;
        Ok(json!({
            "name": deployment.rendered.name,
            "namespace": namespace,
            "revision": revision,
            "status": "deployed",
            "chart": format!("{}-{}", chart.name(), chart.metadata.version),
            "notes": deployment.rendered.notes,
        }))
    })
}

fn check(
    arguments: &InstallArguments,
    newness: Newness,
    running: Option<&Record>,
) -> Result<(), CliError> {
    let name = &arguments.name;
    match (newness, running) {
        (Newness::New, Some(_)) => Err(CliError::failed(
            "conflict",
            format!("cannot re-use the name `{name}`: it is in use"),
            "use `refloat upgrade`",
        )),
        (Newness::Existing, None) => Err(CliError::failed(
            "not_found",
            format!("release `{name}` is not known"),
            "use `refloat upgrade --install`",
        )
        .exiting(EXIT_NOT_FOUND)),
        (Newness::New | Newness::Any, None) | (Newness::Any | Newness::Existing, Some(_)) => Ok(()),
    }
}

/// Without new values those of the last revision stay, as helm has it.
fn values(given: Map, running: Option<&Record>) -> Map {
    let before = running.map(|running| from_json(&running.release["config"]));
    match before {
        Some(TemplateValue::Map(before)) if given.is_empty() => before,
        _ => given,
    }
}

async fn options(
    arguments: &InstallArguments,
    cluster: &Cluster,
    namespace: &str,
    last: Option<&Record>,
    running: Option<&Record>,
) -> Result<RenderOptions, CliError> {
    let able = cluster.capabilities().await;
    let able = able.map_err(|error| failed(error.into()))?;
    let version: Result<KubeVersion, _> = able.version.parse();
    let version = version.map_err(|error| CliError::failed("failed", error.to_string(), ""))?;
    let mut options = RenderOptions::new(&arguments.name, namespace);
    options.revision = last.map_or(1, |last| i64::from(last.revision()) + 1);
    if running.is_some() {
        options.action = ReleaseAction::Upgrade;
    }
    options.capabilities = Capabilities {
        kube_version: version,
        api_versions: able.api_versions,
    };
    if arguments.skip_schema_validation {
        options.schema = SchemaCheck::Skip;
    }
    Ok(options)
}

fn dry(rendered: &Rendered, revision: i64) -> Value {
    json!({
        "name": rendered.name,
        "namespace": rendered.namespace,
        "revision": revision,
        "status": "dry-run",
        "manifest": rendered.manifest,
        "notes": rendered.notes,
        "changed": false,
    })
}

async fn carry_out(
    deployer: &KubernetesDeployer,
    deployment: &Deployment,
) -> Result<u32, CliError> {
    deployer.start(deployment.clone()).await.map_err(failed)?;
    loop {
        match deployer.observe(deployment).await.map_err(failed)? {
            DeployStatus::Deployed { revision } => return Ok(revision),
            DeployStatus::Running { .. } => tokio::time::sleep(LOOK_EVERY).await,
            DeployStatus::Failed { error, .. } => {
                let advice = "see `refloat status`; `helm rollback` goes back";
                return Err(CliError::failed("release_failed", error, advice));
            }
            DeployStatus::Absent => {
                let message = "the release's record is gone";
                return Err(CliError::failed("failed", message, "try again"));
            }
        }
    }
}

/// What the records of a cluster say.
pub(crate) fn ask(
    arguments: &ClusterArguments,
    question: ReleaseQuestion<'_>,
) -> Result<Value, CliError> {
    let cluster = cluster(arguments)?;
    let namespace = namespace(arguments, &cluster);
    run(async {
        let records = match question {
            ReleaseQuestion::List => cluster.list(Some(&namespace)).await,
            ReleaseQuestion::ListAll => cluster.list(None).await,
            ReleaseQuestion::History(name) => cluster.history(&namespace, name).await,
        };
        let records = records.map_err(|error| failed(error.into()))?;
        Ok(records.iter().map(shown).collect())
    })
}

fn shown(record: &Record) -> Value {
    json!({
        "name": record.name(),
        "namespace": record.namespace(),
        "revision": record.revision(),
        "status": record.status().name(),
        "chart": record.chart(),
        "app_version": record.app_version(),
        "updated": record.info("last_deployed"),
        "first_deployed": record.info("first_deployed"),
        "description": record.info("description"),
        "notes": record.info("notes"),
        "manifest": record.manifest(),
        "config": record.release["config"],
    })
}

/// The cluster that the arguments name.
pub(crate) fn cluster(arguments: &ClusterArguments) -> Result<Cluster, CliError> {
    let found = kubeconfig(arguments)?;
    let context = arguments.kube_context.as_deref();
    Cluster::open(&found.text, context, &found.files).map_err(failed)
}

fn namespace(arguments: &ClusterArguments, cluster: &Cluster) -> String {
    let named = arguments.namespace.clone();
    named.unwrap_or_else(|| cluster.namespace.clone())
}

/// The file that is named, or KUBECONFIG's first that is there, or the user's own.
fn kubeconfig(arguments: &ClusterArguments) -> Result<Found, CliError> {
    let path = arguments.kubeconfig.clone().or_else(by_environment);
    let path = path.ok_or_else(|| {
        CliError::usage(
            "no cluster is configured",
            "set --kubeconfig FILE or KUBECONFIG",
        )
    })?;
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let message = format!("cannot read {}: {error}", path.display());
        CliError::failed("failed", message, "name another file by --kubeconfig")
    })?;
    let base = path.parent().map(PathBuf::from).unwrap_or_default();
    Ok(Found {
        text,
        files: Files::Read { base },
    })
}

fn by_environment() -> Option<PathBuf> {
    let listed = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let listed = std::env::split_paths(&listed).find(|path| path.is_file());
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".kube/config"));
    listed.or_else(home)
}

/// Runs it on this thread.
pub(crate) fn run<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| CliError::failed("failed", error.to_string(), ""))?;
    runtime.block_on(work)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what map_err hands over"
)]
pub(crate) fn failed(failure: Failure) -> CliError {
    let text = failure.to_string();
    let (message, advice) = text.split_once("; ").unwrap_or((&text, ""));
    CliError::failed("failed", message, advice)
}

fn refused(error: &AssembleError) -> CliError {
    let message = error.to_string();
    let code = if message.contains("is not built") || message.contains("unsupported") {
        "unsupported"
    } else {
        "template"
    };
    CliError::failed(code, message, "see the chart and its values")
}
