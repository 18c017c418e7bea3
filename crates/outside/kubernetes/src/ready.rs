//! Whether an object is as it was asked to be: the rules of kstatus (sigs.k8s.io/cli-utils, `pkg/kstatus/status`).

use serde_json::Value;

/// Where an object stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// As asked.
    Current,
    /// On its way; what it waits for.
    InProgress(String),
    /// It will not become ready by itself.
    Failed(String),
}

use Readiness::{Current, Failed, InProgress};

/// Judges a live object.
pub fn readiness(object: &Value) -> Readiness {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return InProgress("is being deleted".to_owned());
    }
    let observed = object["status"]["observedGeneration"].as_i64();
    let generation = object["metadata"]["generation"].as_i64();
    if let (Some(observed), Some(generation)) = (observed, generation)
        && observed < generation
    {
        return InProgress(format!("generation {generation} is not observed yet"));
    }
    if let Some(message) = condition(object, "Stalled", "True") {
        return Failed(message);
    }
    if let Some(message) = condition(object, "Reconciling", "True") {
        return InProgress(message);
    }
    let group = object["apiVersion"].as_str().unwrap_or_default();
    let group = group.split_once('/').map_or("", |(group, _)| group);
    match (group, object["kind"].as_str().unwrap_or_default()) {
        ("apps", "Deployment") => deployment(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("apps", "DaemonSet") => daemon_set(object),
        ("apps", "ReplicaSet") => replica_set(object),
        ("", "Pod") => pod(object),
        ("", "PersistentVolumeClaim") => claim(object),
        ("", "Service") => service(object),
        ("batch", "Job") => job(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        _ => other(object),
    }
}

/// The message of the condition `kind` if it has this status.
fn condition(object: &Value, kind: &str, status: &str) -> Option<String> {
    let found = find(object, kind)?;
    (found["status"] == status).then(|| text(found, kind))
}

fn find<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == kind)
}

fn text(condition: &Value, kind: &str) -> String {
    let reason = condition["reason"].as_str().unwrap_or(kind);
    match condition["message"].as_str() {
        Some(message) if !message.is_empty() => format!("{reason}: {message}"),
        Some(_) | None => reason.to_owned(),
    }
}

fn int(object: &Value, path: &str, default: i64) -> i64 {
    object
        .pointer(path)
        .and_then(Value::as_i64)
        .unwrap_or(default)
}

/// The first of `(what, has, wants)` that has too few.
fn too_few(counts: &[(&str, i64, i64)]) -> Option<Readiness> {
    let (what, has, wants) = counts.iter().find(|(_, has, wants)| has < wants)?;
    Some(InProgress(format!("{has} of {wants} replicas are {what}")))
}

fn deployment(object: &Value) -> Readiness {
    let progressing = find(object, "Progressing");
    if let Some(condition) = progressing
        && condition["reason"] == "ProgressDeadlineExceeded"
    {
        return Failed(text(condition, "Progressing"));
    }
    if object["status"]["observedGeneration"].is_null() {
        return InProgress("is not observed yet".to_owned());
    }
    let wanted = int(object, "/spec/replicas", 1);
    let there = int(object, "/status/replicas", 0);
    let updated = int(object, "/status/updatedReplicas", 0);
    let available = int(object, "/status/availableReplicas", 0);
    let ready = int(object, "/status/readyReplicas", 0);
    if let Some(waiting) = too_few(&[("there", there, wanted), ("updated", updated, wanted)]) {
        return waiting;
    }
    if there > wanted {
        return InProgress(format!("{} old replicas are still there", there - wanted));
    }
    if let Some(waiting) = too_few(&[("available", available, updated), ("ready", ready, wanted)]) {
        return waiting;
    }
    let rolled = progressing.is_none_or(|condition| {
        condition["status"] == "True" && condition["reason"] == "NewReplicaSetAvailable"
    });
    if !rolled {
        return InProgress("its replica set is not available yet".to_owned());
    }
    if condition(object, "Available", "True").is_none() {
        return InProgress("is not available yet".to_owned());
    }
    Current
}

fn stateful_set(object: &Value) -> Readiness {
    if object["spec"]["updateStrategy"]["type"] == "OnDelete" {
        return Current;
    }
    let wanted = int(object, "/spec/replicas", 1);
    let there = int(object, "/status/replicas", 0);
    let ready = int(object, "/status/readyReplicas", 0);
    let updated = int(object, "/status/updatedReplicas", 0);
    let current = int(object, "/status/currentReplicas", 0);
    if let Some(waiting) = too_few(&[("there", there, wanted), ("ready", ready, wanted)]) {
        return waiting;
    }
    if there > wanted {
        return InProgress(format!("{} old replicas are still there", there - wanted));
    }
    let partition = int(object, "/spec/updateStrategy/rollingUpdate/partition", 0);
    if partition > 0 {
        return too_few(&[("updated", updated, wanted - partition)]).unwrap_or(Current);
    }
    if let Some(waiting) = too_few(&[("current", current, wanted)]) {
        return waiting;
    }
    if object["status"]["currentRevision"] == object["status"]["updateRevision"] {
        Current
    } else {
        InProgress("waits for its update revision".to_owned())
    }
}

fn daemon_set(object: &Value) -> Readiness {
    let wanted = int(object, "/status/desiredNumberScheduled", -1);
    if wanted < 0 || object["status"]["observedGeneration"].is_null() {
        return InProgress("no number of pods is known yet".to_owned());
    }
    let at = |path: &str| int(object, path, 0);
    too_few(&[
        ("scheduled", at("/status/currentNumberScheduled"), wanted),
        ("updated", at("/status/updatedNumberScheduled"), wanted),
        ("available", at("/status/numberAvailable"), wanted),
        ("ready", at("/status/numberReady"), wanted),
    ])
    .unwrap_or(Current)
}

fn replica_set(object: &Value) -> Readiness {
    if let Some(message) = condition(object, "ReplicaFailure", "True") {
        return InProgress(message);
    }
    let wanted = int(object, "/spec/replicas", 1);
    let at = |path: &str| int(object, path, 0);
    let there = at("/status/replicas");
    let waiting = too_few(&[
        ("labelled", at("/status/fullyLabeledReplicas"), wanted),
        ("available", at("/status/availableReplicas"), wanted),
        ("ready", at("/status/readyReplicas"), wanted),
    ]);
    match waiting {
        Some(waiting) => waiting,
        None if there > wanted => {
            InProgress(format!("{} old replicas are still there", there - wanted))
        }
        None => Current,
    }
}

/// The same for a pod alone.
pub(crate) fn pod(object: &Value) -> Readiness {
    match object["status"]["phase"].as_str().unwrap_or_default() {
        "Succeeded" => Current,
        "Failed" => Failed("the pod has failed".to_owned()),
        "Running" if condition(object, "Ready", "True").is_some() => Current,
        "Running" => match crash_looping(object) {
            Some(name) => Failed(format!("container {name} crashes again and again")),
            None => InProgress("is not ready yet".to_owned()),
        },
        _ => InProgress(waiting_containers(object)),
    }
}

fn containers(object: &Value) -> impl Iterator<Item = &Value> {
    let list = object["status"]["containerStatuses"].as_array();
    list.into_iter().flatten()
}

fn crash_looping(object: &Value) -> Option<&str> {
    let crashing = |status: &&Value| status["state"]["waiting"]["reason"] == "CrashLoopBackOff";
    containers(object).find(crashing)?["name"].as_str()
}

fn waiting_containers(object: &Value) -> String {
    let reasons: Vec<String> = containers(object)
        .filter_map(|status| {
            let waiting = &status["state"]["waiting"];
            let reason = waiting["reason"].as_str()?;
            let message = waiting["message"].as_str().unwrap_or_default();
            Some(format!("{reason} {message}").trim_end().to_owned())
        })
        .collect();
    if reasons.is_empty() {
        return condition(object, "PodScheduled", "False").unwrap_or("is pending".to_owned());
    }
    reasons.join(", ")
}

fn claim(object: &Value) -> Readiness {
    match object["status"]["phase"].as_str() {
        Some("Bound") => Current,
        phase => InProgress(format!("is {}", phase.unwrap_or("not bound"))),
    }
}

fn service(object: &Value) -> Readiness {
    let balanced = object["spec"]["type"] == "LoadBalancer";
    let has_address = object["spec"]["clusterIP"]
        .as_str()
        .is_some_and(|ip| !ip.is_empty());
    if balanced && !has_address {
        return InProgress("has no address yet".to_owned());
    }
    Current
}

/// A job that runs counts as ready: who must wait for it uses a hook.
fn job(object: &Value) -> Readiness {
    if let Some(message) = condition(object, "Failed", "True") {
        return Failed(message);
    }
    if condition(object, "Complete", "True").is_some() || !object["status"]["startTime"].is_null() {
        return Current;
    }
    InProgress("has not started yet".to_owned())
}

fn definition(object: &Value) -> Readiness {
    if let Some(message) = condition(object, "NamesAccepted", "False") {
        return Failed(message);
    }
    match find(object, "Established") {
        Some(found) if found["status"] == "True" => Current,
        Some(found) if found["status"] == "False" && found["reason"] != "Installing" => {
            Failed(text(found, "Established"))
        }
        Some(_) | None => InProgress("is not established yet".to_owned()),
    }
}

fn other(object: &Value) -> Readiness {
    condition(object, "Ready", "False").map_or(Current, InProgress)
}

#[cfg(test)]
mod tests;
