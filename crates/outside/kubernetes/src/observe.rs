//! Looking at a release that was applied: ready, on its way, or not to be.

use crate::cluster::{Cluster, encoded};
use crate::objects;
use crate::ready::{Readiness, readiness};
use crate::record::{Record, Status};
use jiff::Timestamp;
use refloat_core::Failure;
use refloat_ports::{DeployStatus, Deployment, Wait};
use serde_json::Value;

/// Revisions that are kept, the deployed one among them (helm's default).
const HISTORY_MAX: usize = 10;
/// The most objects named as being waited for.
const NAMED_MAX: usize = 8;

/// Where the deployment stands; what is ready is recorded as deployed.
pub(crate) async fn observe(
    cluster: &Cluster,
    deployment: &Deployment,
) -> Result<DeployStatus, Failure> {
    let rendered = &deployment.rendered;
    let history = cluster.history(&rendered.namespace, &rendered.name).await?;
    let Some(record) = own(&history, deployment) else {
        return Ok(DeployStatus::Absent);
    };
    let revision = record.revision();
    match record.status() {
        Status::Deployed | Status::Superseded => return Ok(DeployStatus::Deployed { revision }),
        Status::PendingInstall | Status::PendingUpgrade => {}
        other => {
            let description = record.info("description");
            let error = if description.is_empty() {
                other.name().to_owned()
            } else {
                description.to_owned()
            };
            return Ok(DeployStatus::Failed {
                error,
                revision: Some(revision),
            });
        }
    }
    let looked = match deployment.wait {
        Wait::Applied => Looked::default(),
        Wait::Rollout => look(cluster, record).await?,
    };
    let age = Timestamp::now().as_second() - record.began();
    let late = u64::try_from(age).is_ok_and(|age| age > deployment.timeout_seconds);
    if looked.waiting.is_empty() && looked.failed.is_none() {
        finish(cluster, deployment, &history, record).await?;
        return Ok(DeployStatus::Deployed { revision });
    }
    let error = match looked.failed {
        Some(failed) => failed,
        None if late => format!(
            "not ready after {} seconds: {}",
            deployment.timeout_seconds,
            looked.waiting.join("; ")
        ),
        None => {
            return Ok(DeployStatus::Running {
                waiting_for: looked.waiting,
            });
        }
    };
    let mut failed = record.clone();
    let description = format!("Release {:?} failed: {error}", rendered.name);
    failed.set(Status::Failed, Some(&description));
    cluster.write_changed(&failed).await?;
    Ok(DeployStatus::Failed {
        error,
        revision: Some(revision),
    })
}

/// Ends the waiting: the record says so, the objects stay.
pub(crate) async fn cancel(cluster: &Cluster, deployment: &Deployment) -> Result<(), Failure> {
    let rendered = &deployment.rendered;
    let history = cluster.history(&rendered.namespace, &rendered.name).await?;
    let Some(record) = own(&history, deployment) else {
        return Ok(());
    };
    if record.status().is_pending() {
        let mut cancelled = record.clone();
        let description = format!("Release {:?} failed: cancelled", rendered.name);
        cancelled.set(Status::Failed, Some(&description));
        cluster.write_changed(&cancelled).await?;
    }
    Ok(())
}

fn own<'a>(history: &'a [Record], deployment: &Deployment) -> Option<&'a Record> {
    let id = deployment.id.as_str();
    history
        .iter()
        .find(|record| record.deployment() == Some(id))
}

#[derive(Default)]
struct Looked {
    waiting: Vec<String>,
    failed: Option<String>,
}

async fn look(cluster: &Cluster, record: &Record) -> Result<Looked, Failure> {
    let damaged = |error| Failure::Damaged(format!("the recorded manifest: {error}"));
    let mut looked = Looked::default();
    for object in objects::read(record.manifest()).map_err(damaged)? {
        let name = objects::shown(&object);
        let Some(live) = cluster.client.get(&object, record.namespace()).await? else {
            looked.waiting.push(format!("{name} is not there"));
            continue;
        };
        match readiness(&live) {
            Readiness::Current => {}
            Readiness::InProgress(waiting) => {
                if looked.waiting.len() < NAMED_MAX {
                    let pods = pods(cluster, &live, record.namespace()).await?;
                    looked.waiting.push(format!("{name}: {waiting}{pods}"));
                }
            }
            Readiness::Failed(error) => {
                let pods = pods(cluster, &live, record.namespace()).await?;
                looked.failed = Some(format!("{name}: {error}{pods}"));
            }
        }
    }
    Ok(looked)
}

/// What the pods of an object wait for, in brackets; empty if nothing is known.
async fn pods(cluster: &Cluster, live: &Value, namespace: &str) -> Result<String, Failure> {
    let Some(labels) = live["spec"]["selector"]["matchLabels"].as_object() else {
        return Ok(String::new());
    };
    let selector: Vec<String> = labels
        .iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
        .collect();
    let namespace = live["metadata"]["namespace"].as_str().unwrap_or(namespace);
    let path = format!(
        "/api/v1/namespaces/{namespace}/pods?limit=20&labelSelector={}",
        encoded(&selector.join(","))
    );
    let list = cluster.client.get_path(&path).await?.unwrap_or_default();
    let waiting = list["items"].as_array().into_iter().flatten();
    let mut waiting: Vec<String> = waiting
        .filter_map(|pod| match crate::ready::pod(pod) {
            Readiness::Current => None,
            Readiness::InProgress(why) | Readiness::Failed(why) => Some(why),
        })
        .filter(|why| why != "is not ready yet" && why != "is pending")
        .collect();
    waiting.sort();
    waiting.dedup();
    Ok(waiting
        .first()
        .map_or_else(String::new, |why| format!(" ({why})")))
}

/// The earlier one is superseded first: a reader sees no moment with two.
async fn finish(
    cluster: &Cluster,
    deployment: &Deployment,
    history: &[Record],
    record: &Record,
) -> Result<(), Failure> {
    for earlier in history {
        if earlier.status() == Status::Deployed {
            let mut earlier = earlier.clone();
            earlier.set(Status::Superseded, None);
            cluster.write_changed(&earlier).await?;
        }
    }
    let mut done = record.clone();
    let description = match deployment.rendered.description.as_str() {
        "" if record.revision() == 1 => "Install complete",
        "" => "Upgrade complete",
        description => description,
    };
    done.set(Status::Deployed, Some(description));
    cluster.write_changed(&done).await?;
    let surplus = history.len().saturating_sub(HISTORY_MAX);
    for old in history.iter().take(surplus) {
        cluster.forget(old).await?;
    }
    Ok(())
}
