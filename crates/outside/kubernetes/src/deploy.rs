//! Applying a release: the record first, then the objects, then the removal of what left the manifest.

use crate::client::{ApiError, Force};
use crate::cluster::Cluster;
use crate::objects;
use crate::ready::{Readiness, readiness};
use crate::record::{Record, Status};
use jiff::Timestamp;
use refloat_core::Failure;
use refloat_ports::{Deployment, Namespace};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long a kind may take from its definition until it can be used.
const DEFINITION_TIMEOUT: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A record of ours that is pending for longer than it may take is a dead one.
const DEAD_AFTER_SECONDS: i64 = 60;

/// Does what is missing of the deployment; nothing if it has come to an end.
pub(crate) async fn start(cluster: &Cluster, deployment: &Deployment) -> Result<(), Failure> {
    let rendered = &deployment.rendered;
    refuse_hooks(&rendered.hooks)?;
    let manifest = |error| Failure::Terminal(format!("the manifest: {error}"));
    let mut wanted = objects::read(&rendered.manifest).map_err(manifest)?;
    let history = cluster.history(&rendered.namespace, &rendered.name).await?;
    let ours = history
        .iter()
        .find(|record| record.deployment() == Some(deployment.id.as_str()));
    let record = match ours {
        Some(record) if record.status().is_pending() => record.clone(),
        Some(_) => return Ok(()),
        None => begin(cluster, deployment, &history, &wanted).await?,
    };
    let earlier = base(&history, record.revision());
    let force = match earlier {
        // Its objects were made by another method under the same name: those fields are taken over.
        Some(earlier) if !earlier.is_applied() => Force::Yes,
        Some(_) | None => Force::No,
    };
    for object in &mut wanted {
        objects::mark(object, &rendered.name, &rendered.namespace);
    }
    let applied = async {
        define(cluster, &rendered.crds).await?;
        apply(cluster, &wanted, &rendered.namespace, force).await?;
        remove(cluster, deployment, earlier, &wanted).await
    };
    match applied.await {
        Ok(()) => {}
        Err(error) if error.is_final() => {
            let mut failed = record;
            let description = format!("Release {:?} failed: {error}", rendered.name);
            failed.set(Status::Failed, Some(&description));
            cluster.write_changed(&failed).await?;
        }
        Err(error) => return Err(error.into()),
    }
    refloat_fail::point("release.applied").map_err(injected)
}

fn injected(error: refloat_fail::Injected) -> Failure {
    Failure::Transient(error.to_string())
}

/// Hooks of tests are kept in the record and run by who tests; the others are not built.
fn refuse_hooks(hooks: &Value) -> Result<(), Failure> {
    for hook in hooks.as_array().into_iter().flatten() {
        let events = hook["events"].as_array().into_iter().flatten();
        let run = events
            .filter_map(Value::as_str)
            .find(|event| *event != "test");
        if let Some(event) = run {
            let text = |key: &str| hook[key].as_str().unwrap_or_default();
            return Err(Failure::Terminal(format!(
                "unsupported: {event} hook {}/{} ({}); remove it from the chart, or release it with helm",
                text("kind"),
                text("name"),
                text("path"),
            )));
        }
    }
    Ok(())
}

/// What the new manifest is compared with: the last one that ran, otherwise the last one of all.
fn base(history: &[Record], revision: u32) -> Option<&Record> {
    let earlier = || {
        history
            .iter()
            .rev()
            .filter(|record| record.revision() < revision)
    };
    earlier()
        .find(|record| record.status() == Status::Deployed)
        .or_else(|| {
            earlier().find(|record| matches!(record.status(), Status::Failed | Status::Superseded))
        })
}

/// Writes the pending record, which is the lock: the revision can be made once.
async fn begin(
    cluster: &Cluster,
    deployment: &Deployment,
    history: &[Record],
    wanted: &[Value],
) -> Result<Record, Failure> {
    let rendered = &deployment.rendered;
    let now = Timestamp::now();
    let last = history.last();
    if let Some(last) = last.filter(|last| last.status().is_pending()) {
        free(cluster, deployment, last, now).await?;
    }
    have_namespace(cluster, deployment).await?;
    let revision = last.map_or(1, |last| last.revision() + 1);
    check_owners(cluster, deployment, base(history, revision), wanted).await?;
    let first = history.first().map(|record| record.info("first_deployed"));
    let record = Record::begin(rendered, &deployment.id, revision, first, now);
    match cluster.write_new(&record).await {
        Ok(()) => {}
        Err(ApiError::Refused { status: 409, .. }) => {
            return Err(Failure::Transient(format!(
                "somebody else makes revision {revision} of {}",
                rendered.name
            )));
        }
        Err(error) => return Err(error.into()),
    }
    refloat_fail::point("release.recorded").map_err(injected)?;
    Ok(record)
}

/// A pending record of somebody else is a lock, unless it is one of ours whose time is long over.
async fn free(
    cluster: &Cluster,
    deployment: &Deployment,
    last: &Record,
    now: Timestamp,
) -> Result<(), Failure> {
    let age = now.as_second() - last.began();
    let allowed = i64::try_from(deployment.timeout_seconds).unwrap_or(i64::MAX);
    if last.deployment().is_some() && age > allowed.saturating_add(DEAD_AFTER_SECONDS) {
        let mut dead = last.clone();
        dead.set(Status::Failed, Some("Release failed: nobody finished it"));
        cluster.write_changed(&dead).await?;
        return Ok(());
    }
    Err(Failure::Terminal(format!(
        "another operation is in progress on {}: revision {} is {} since {}; wait for it, or end it with `helm rollback`",
        last.name(),
        last.revision(),
        last.status().name(),
        last.info("last_deployed"),
    )))
}

async fn have_namespace(cluster: &Cluster, deployment: &Deployment) -> Result<(), Failure> {
    let name = &deployment.rendered.namespace;
    let path = format!("/api/v1/namespaces/{name}");
    if cluster.client.get_path(&path).await?.is_some() {
        return Ok(());
    }
    if deployment.namespace == Namespace::MustExist {
        return Err(Failure::Terminal(format!(
            "the namespace `{name}` is not known; make it first"
        )));
    }
    let namespace = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": name, "labels": { "name": name } },
    });
    match cluster
        .client
        .create("/api/v1/namespaces", &namespace)
        .await
    {
        Ok(_) | Err(ApiError::Refused { status: 409, .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// New objects that exist already must carry the release's marks.
async fn check_owners(
    cluster: &Cluster,
    deployment: &Deployment,
    earlier: Option<&Record>,
    wanted: &[Value],
) -> Result<(), Failure> {
    let rendered = &deployment.rendered;
    let known = keys(earlier, &rendered.namespace);
    for object in wanted {
        if known.contains(&objects::key(object, &rendered.namespace)) {
            continue;
        }
        let live = cluster.client.get(object, &rendered.namespace).await?;
        let why =
            live.and_then(|live| objects::foreign(&live, &rendered.name, &rendered.namespace));
        if let Some(why) = why {
            return Err(Failure::Terminal(format!(
                "{why}; remove it, or give it these marks"
            )));
        }
    }
    Ok(())
}

fn keys(record: Option<&Record>, namespace: &str) -> BTreeSet<objects::Key> {
    // An old manifest that does not read protects nothing and removes nothing.
    let old = record.and_then(|record| objects::read(record.manifest()).ok());
    let old = old.unwrap_or_default();
    old.iter()
        .map(|object| objects::key(object, namespace))
        .collect()
}

/// Makes the kinds that the chart defines; those that exist stay as they are.
async fn define(cluster: &Cluster, definitions: &str) -> Result<(), ApiError> {
    let wrong = |error| Failure::Terminal(format!("the chart's definitions of kinds: {error}"));
    for definition in objects::read(definitions).map_err(wrong)? {
        if cluster.client.get(&definition, "").await?.is_none() {
            cluster.client.apply(&definition, "", Force::No).await?;
            wait_for_definition(cluster, &definition).await?;
        }
    }
    Ok(())
}

async fn apply(
    cluster: &Cluster,
    wanted: &[Value],
    namespace: &str,
    force: Force,
) -> Result<(), ApiError> {
    for object in wanted {
        let mut object = object.clone();
        if object["metadata"]["namespace"].is_null()
            && cluster.client.is_namespaced(&object).await? == Some(true)
        {
            object["metadata"]["namespace"] = Value::from(namespace);
        }
        let applied = cluster.client.apply(&object, namespace, force).await;
        applied.map_err(|error| named(error, &object))?;
        if object["kind"] == "CustomResourceDefinition" {
            wait_for_definition(cluster, &object).await?;
        }
    }
    Ok(())
}

/// The API's message with the object in front.
fn named(error: ApiError, object: &Value) -> ApiError {
    match error {
        ApiError::Refused {
            status,
            reason,
            message,
        } => ApiError::Refused {
            status,
            reason,
            message: format!("{}: {message}", objects::shown(object)),
        },
        ApiError::Failed(failure) => ApiError::Failed(failure),
    }
}

async fn wait_for_definition(cluster: &Cluster, definition: &Value) -> Result<(), ApiError> {
    let since = Instant::now();
    loop {
        let live = cluster
            .client
            .get(definition, "")
            .await?
            .unwrap_or_default();
        let waiting = match readiness(&live) {
            Readiness::Current => return Ok(()),
            Readiness::InProgress(waiting) | Readiness::Failed(waiting) => waiting,
        };
        if since.elapsed() > DEFINITION_TIMEOUT {
            let name = objects::shown(definition);
            return Err(Failure::Terminal(format!("{name} {waiting}")).into());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Removes what the earlier manifest had and the new one has not: only what carries our marks and does not say that it stays.
async fn remove(
    cluster: &Cluster,
    deployment: &Deployment,
    earlier: Option<&Record>,
    wanted: &[Value],
) -> Result<(), ApiError> {
    let rendered = &deployment.rendered;
    let namespace = &rendered.namespace;
    let old = earlier.map(|record| objects::read(record.manifest()));
    let Some(Ok(old)) = old else {
        return Ok(());
    };
    let stay: BTreeSet<_> = wanted
        .iter()
        .map(|object| objects::key(object, namespace))
        .collect();
    for object in old.iter().rev() {
        if stay.contains(&objects::key(object, namespace)) {
            continue;
        }
        // A kind that the cluster has no more has no objects either.
        let Some(path) = cluster.client.path(object, namespace).await? else {
            continue;
        };
        let Some(live) = cluster.client.get_path(&path).await? else {
            continue;
        };
        let foreign = objects::foreign(&live, &rendered.name, namespace);
        if foreign.is_none() && !objects::is_kept(&live) {
            cluster.client.delete(&path).await?;
        }
    }
    Ok(())
}
