use super::*;
use serde_json::json;

fn schemas(minor: u32) -> Schemas {
    Schemas::of_minor(minor).expect("a packed version")
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "labels": {"a": "b"}},
        "spec": {
            "replicas": 2,
            "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}},
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{
                    "name": "web", "image": "a/b:1", "ports": [{"containerPort": 80}],
                    "env": [{"name": "A", "value": "1"}],
                    "resources": {"limits": {"cpu": 0.5, "memory": "1Gi"}}, "command": null,
                }]},
            },
        },
    })
}

/// (where, what stands there, the code, the path, words of the message)
#[test]
fn what_a_cluster_refuses_is_found() {
    let container = "/spec/template/spec/containers/0";
    let cases: Vec<(String, Value, &str, &str, &str)> = vec![
        (
            "/spec/replicas".into(),
            json!("three"),
            "wrong_type",
            "spec.replicas",
            "is text, must be a whole number",
        ),
        (
            "/spec/replicas".into(),
            json!(1.5),
            "wrong_type",
            "spec.replicas",
            "1.5",
        ),
        (
            "/spec/replicas".into(),
            json!(3_000_000_000_u64),
            "wrong_value",
            "spec.replicas",
            "32 bits",
        ),
        (
            format!("{container}/env/0/value"),
            json!(true),
            "wrong_type",
            "spec.template.spec.containers[0].env[0].value",
            "is true, must be text; quote it",
        ),
        (
            format!("{container}/resources/limits/memory"),
            json!("1Gig"),
            "wrong_value",
            "spec.template.spec.containers[0].resources.limits.memory",
            "no quantity",
        ),
        (
            format!("{container}/ports/0"),
            json!({"containerport": 80}),
            "missing_field",
            "spec.template.spec.containers[0].ports[0].containerPort",
            "is missing",
        ),
        (
            format!("{container}/ports/0"),
            json!({"containerPort": 80, "protocl": "TCP"}),
            "unknown_field",
            "spec.template.spec.containers[0].ports[0].protocl",
            "did you mean `protocol`?",
        ),
        (
            "/spec/selector".into(),
            Value::Null,
            "missing_field",
            "spec.selector",
            "is missing",
        ),
        (
            "/metadata/name".into(),
            Value::Null,
            "missing_field",
            "",
            "metadata.name is missing",
        ),
        (
            "/spec/template/metadata/labels".into(),
            json!({"app": 1}),
            "wrong_type",
            "spec.template.metadata.labels.app",
            "quote it",
        ),
    ];
    for minor in [25, 30, 36] {
        assert_eq!(schemas(minor).check(&deployment()), []);
    }
    for (pointer, value, code, path, words) in cases {
        let mut object = deployment();
        *object.pointer_mut(&pointer).expect("a place") = value;
        let found = schemas(33).check(&object);
        let fits =
            |one: &&Finding| one.code == code && one.path == path && one.message.contains(words);
        assert!(found.iter().any(|one| fits(&one)), "{pointer}: {found:?}");
    }
}

#[test]
fn removed_and_deprecated_apis_are_named_with_their_version() {
    let object = |api: &str, kind: &str| json!({"apiVersion": api, "kind": kind, "metadata": {"name": "x"}, "spec": {}});
    let removed = [
        (
            "policy/v1beta1",
            "PodDisruptionBudget",
            "1.25; use policy/v1 PodDisruptionBudget",
        ),
        ("policy/v1beta1", "PodSecurityPolicy", "1.25"),
        (
            "extensions/v1beta1",
            "Ingress",
            "1.22; use networking.k8s.io/v1 Ingress",
        ),
        ("apps/v1beta2", "Deployment", "1.16; use apps/v1 Deployment"),
        ("batch/v1beta1", "CronJob", "1.25; use batch/v1 CronJob"),
        (
            "autoscaling/v2beta2",
            "HorizontalPodAutoscaler",
            "1.26; use autoscaling/v2 HorizontalPodAutoscaler",
        ),
        (
            "apiextensions.k8s.io/v1beta1",
            "CustomResourceDefinition",
            "1.22",
        ),
    ];
    for (api, kind, words) in removed {
        let found = schemas(36).check(&object(api, kind));
        let [one] = found.as_slice() else {
            panic!("{api} {kind}: {found:?}");
        };
        assert_eq!((one.code, one.severity), ("api_removed", Severity::Error));
        assert!(
            one.message
                .contains(&format!("not served since Kubernetes {words}")),
            "{one:?}"
        );
    }
    let found = schemas(25).check(&object("autoscaling/v2beta2", "HorizontalPodAutoscaler"));
    let deprecated = found.iter().find(|one| one.code == "api_deprecated");
    assert!(
        deprecated.is_some_and(|one| one
            .message
            .contains("since Kubernetes 1.23 and not served from 1.26 on")),
        "{found:?}"
    );
    let codes = |api: &str, kind: &str| {
        let found = schemas(36).check(&object(api, kind)).into_iter();
        found.map(|one| one.code).collect::<Vec<_>>()
    };
    assert_eq!(codes("apps/v1", "Deploymant"), ["api_unknown"]);
    assert_eq!(codes("apps/v7", "Deployment"), ["api_unknown"]);
    assert_eq!(codes("example.com/v1", "Thing"), ["no_schema"]);
    assert!(Schemas::of_minor(3).is_err());
    let apis = schemas(36).apis();
    let has = |api: &str| apis.iter().any(|known| known == api);
    assert!(has("v1") && has("apps/v1") && has("apps/v1/Deployment") && !has("policy/v1beta1"));
}

#[test]
fn custom_resources_by_their_definitions() {
    let mut schemas = schemas(36);
    let added = schemas.add_definitions(
        "apiVersion: v1\nkind: ConfigMap\n---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
         metadata: {name: things.example.com}\nspec:\n  group: example.com\n  names: {kind: Thing}\n  versions:\n  - name: v1\n    served: true\n\
         \x20   schema:\n      openAPIV3Schema:\n        type: object\n        required: [spec]\n        properties:\n          spec:\n            type: object\n\
         \x20           properties:\n              size: {type: integer, minimum: 1}\n              mode: {type: string, enum: [a, b]}\n\
         \x20             name: {type: string, pattern: '^[a-z]+$'}\n              any: {type: object, x-kubernetes-preserve-unknown-fields: true}\n",
    );
    assert_eq!(added, Ok(1));
    let thing = |spec: Value| json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": spec});
    assert_eq!(
        schemas.check(&thing(json!({"size": 1, "mode": "a", "any": {"x": 1}}))),
        []
    );
    let wrong = thing(json!({"size": 0, "mode": "c", "name": "A", "sise": 1}));
    let found = schemas.check(&wrong);
    let codes: Vec<(&str, &str)> = found
        .iter()
        .map(|one| (one.code, one.path.as_str()))
        .collect();
    assert_eq!(
        codes,
        [
            ("wrong_value", "spec.size"),
            ("wrong_value", "spec.mode"),
            ("wrong_value", "spec.name"),
            ("unknown_field", "spec.sise"),
        ]
    );
    let other = json!({"apiVersion": "example.com/v2", "kind": "Thing", "metadata": {"name": "x"}});
    assert_eq!(schemas.check(&other)[0].code, "api_unknown");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [wrong]});
    assert_eq!(schemas.check(&list)[0].path, "items[0].spec.size");
}

#[test]
fn documents_are_packed_and_lifecycles_read() {
    let go = "func (in *Old) APILifecycleDeprecated() (major, minor int) {\n\treturn 1, 21\n}\n\n\
              func (in *Old) APILifecycleReplacement() schema.GroupVersionKind {\n\
              \treturn schema.GroupVersionKind{Group: \"policy\", Version: \"v1\", Kind: \"New\"}\n}\n\n\
              func (in *Old) APILifecycleRemoved() (major, minor int) {\n\treturn 1, 25\n}\n";
    let read = Lifecycle::read("policy", "v1beta1", go);
    let wanted = Lifecycle {
        group: "policy".to_owned(),
        version: "v1beta1".to_owned(),
        kind: "Old".to_owned(),
        deprecated: Some(21),
        removed: Some(25),
        replacement: Some("policy/v1 New".to_owned()),
    };
    assert_eq!(read, [wanted]);
    let source = |minor| pack::Source {
        minor,
        swagger: json!({"definitions": {"a.B": {"description": "long", "type": "object"}}})
            .to_string(),
    };
    let packed = pack::pack(&[source(1), source(2)], &read).expect("packed");
    assert_eq!(
        pack::pack(&[source(1), source(2)], &read).as_ref(),
        Ok(&packed)
    );
    assert!(
        pack::pack(
            &[pack::Source {
                minor: 1,
                swagger: "{}".to_owned()
            }],
            &[]
        )
        .is_err()
    );
}
