use super::*;
use serde_json::json;

/// `given | expect`: what a live object says, and how it is judged.
fn judged(object: &Value) -> String {
    match readiness(object) {
        Current => "current".to_owned(),
        InProgress(why) => format!("waits: {why}"),
        Failed(why) => format!("failed: {why}"),
    }
}

fn deployed(status: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "generation": 2 },
        "spec": { "replicas": 2 },
        "status": status,
    })
}

#[test]
fn deployments() {
    let done = json!([
        { "type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable" },
        { "type": "Available", "status": "True" },
    ]);
    let full = json!({ "observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2,
        "availableReplicas": 2, "conditions": done });
    let with = |key: &str, value: Value| {
        let mut status = full.clone();
        status[key] = value;
        deployed(&status)
    };
    let late = json!([{ "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too long" }]);
    for (object, expected) in [
        (deployed(&full), "current"),
        (
            with("observedGeneration", json!(1)),
            "waits: generation 2 is not observed yet",
        ),
        (deployed(&json!({})), "waits: is not observed yet"),
        (
            with("replicas", json!(3)),
            "waits: 1 old replicas are still there",
        ),
        (
            with("updatedReplicas", json!(1)),
            "waits: 1 of 2 replicas are updated",
        ),
        (
            with("readyReplicas", json!(0)),
            "waits: 0 of 2 replicas are ready",
        ),
        (
            with("conditions", late),
            "failed: ProgressDeadlineExceeded: too long",
        ),
        (with("conditions", json!([])), "waits: is not available yet"),
    ] {
        assert_eq!(judged(&object), expected);
    }
}

#[test]
fn other_kinds() {
    let object = |version: &str, kind: &str, spec: Value, status: Value| json!({ "apiVersion": version, "kind": kind, "metadata": {}, "spec": spec, "status": status });
    let pod = |status: Value| object("v1", "Pod", json!({}), status);
    let ready = json!([{ "type": "Ready", "status": "True" }]);
    let crash = json!([{ "name": "c", "state": { "waiting": { "reason": "CrashLoopBackOff" } } }]);
    let pull = json!([{ "name": "c", "state": { "waiting": { "reason": "ErrImagePull", "message": "no such image" } } }]);
    let none = || json!({});
    for (object, expected) in [
        (
            pod(json!({ "phase": "Running", "conditions": ready })),
            "current",
        ),
        (
            pod(json!({ "phase": "Running", "containerStatuses": crash })),
            "failed: container c crashes again and again",
        ),
        (
            pod(json!({ "phase": "Pending", "containerStatuses": pull })),
            "waits: ErrImagePull no such image",
        ),
        (
            pod(json!({ "phase": "Failed" })),
            "failed: the pod has failed",
        ),
        (
            object(
                "v1",
                "PersistentVolumeClaim",
                none(),
                json!({ "phase": "Pending" }),
            ),
            "waits: is Pending",
        ),
        (
            object(
                "v1",
                "PersistentVolumeClaim",
                none(),
                json!({ "phase": "Bound" }),
            ),
            "current",
        ),
        (object("v1", "ConfigMap", none(), none()), "current"),
        (
            object("v1", "Service", json!({ "type": "LoadBalancer" }), none()),
            "waits: has no address yet",
        ),
        (
            object("batch/v1", "Job", none(), none()),
            "waits: has not started yet",
        ),
        (
            object("batch/v1", "Job", none(), json!({ "startTime": "now" })),
            "current",
        ),
        (
            object(
                "batch/v1",
                "Job",
                none(),
                json!({ "conditions": [{ "type": "Failed", "status": "True", "reason": "BackoffLimitExceeded" }] }),
            ),
            "failed: BackoffLimitExceeded",
        ),
        (
            object("apps/v1", "DaemonSet", none(), none()),
            "waits: no number of pods is known yet",
        ),
        (
            object(
                "apps/v1",
                "StatefulSet",
                none(),
                json!({ "replicas": 1, "readyReplicas": 1, "currentReplicas": 1, "currentRevision": "a", "updateRevision": "b" }),
            ),
            "waits: waits for its update revision",
        ),
        (
            object(
                "x.org/v1",
                "Thing",
                none(),
                json!({ "conditions": [{ "type": "Stalled", "status": "True", "reason": "No" }] }),
            ),
            "failed: No",
        ),
        (
            object(
                "x.org/v1",
                "Thing",
                none(),
                json!({ "conditions": [{ "type": "Ready", "status": "False", "reason": "Soon" }] }),
            ),
            "waits: Soon",
        ),
        (
            object(
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
                none(),
                json!({ "conditions": [{ "type": "Established", "status": "True" }] }),
            ),
            "current",
        ),
    ] {
        assert_eq!(judged(&object), expected);
    }
}
