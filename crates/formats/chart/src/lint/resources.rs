//! What a linter asks of a rendered resource: that it is one, its name, its API, its selector.

use super::decode::{Shape, Struct, decode};
use super::{Findings, documents, names};
use crate::capabilities::{Capabilities, KubeVersion};
use refloat_template::{Value, yaml};

/// APIs that Kubernetes deprecates: API version, kind, from which version on, gone in which, instead of it. Taken from
/// the life cycles that k8s.io/api 0.36.1 generates, which is what helm 4.2 is built with.
const DEPRECATED: &str = include_str!("deprecated.txt");

const METADATA: Struct = Struct {
    full_name: "rules.k8sYamlMetadata",
    name: "k8sYamlMetadata",
    fields: &[("Namespace", Shape::Text), ("Name", Shape::Text)],
};
const RESOURCE: Struct = Struct {
    full_name: "rules.k8sYamlStruct",
    name: "k8sYamlStruct",
    fields: &[
        ("apiVersion", Shape::Text),
        ("Kind", Shape::Text),
        ("Metadata", Shape::Struct(&METADATA)),
    ],
};

struct Resource {
    api_version: String,
    kind: String,
    name: String,
}

/// Checks the documents of a template; false if the linter stops there.
pub(super) fn check(
    path: &str,
    text: &str,
    kube: Option<&KubeVersion>,
    found: &mut Findings,
) -> bool {
    indent(path, text, found);
    each(path, text, found, |resource, found| {
        let wrong = names::wrong(&resource.kind, &resource.name);
        if !wrong.is_empty() {
            found.warning(path, name_message(&resource.name, &wrong));
        }
        if let Some(message) = deprecated(resource, kube) {
            found.warning(path, message);
        }
        selector(path, text, resource, found);
        list(path, text, resource, found);
    })
}

/// Checks a file below `crds/`; false if the linter stops there.
pub(super) fn check_crd(path: &str, text: &str, found: &mut Findings) -> bool {
    each(path, text, found, |resource, found| {
        if !resource.api_version.starts_with("apiextensions.k8s.io") {
            found.error(path, "apiVersion is not in 'apiextensions.k8s.io'");
        }
        if resource.kind != "CustomResourceDefinition" {
            found.error(path, "object kind is not 'CustomResourceDefinition'");
        }
    })
}

fn each(
    path: &str,
    text: &str,
    found: &mut Findings,
    mut check: impl FnMut(&Resource, &mut Findings),
) -> bool {
    let (documents, broken) = documents::split(text);
    for document in documents {
        match read(&document) {
            Ok(Some(resource)) => check(&resource, found),
            Ok(None) => {}
            Err(reason) => {
                found.error(path, format!("unable to parse YAML: {reason}"));
                return false;
            }
        }
    }
    if let Some(reason) = &broken {
        found.error(path, format!("unable to parse YAML: {reason}"));
    }
    broken.is_none()
}

fn read(document: &str) -> Result<Option<Resource>, String> {
    let value =
        yaml::read(document).map_err(|error| format!("error converting YAML to JSON: {error}"))?;
    if value.is_nil() {
        return Ok(None);
    }
    if let Some(reason) = decode(&value, &RESOURCE).mismatch {
        return Err(reason);
    }
    let metadata = field(&value, "metadata");
    let text = |value: Option<Value>| value.as_ref().map(scalar).unwrap_or_default();
    Ok(Some(Resource {
        api_version: text(field(&value, "apiVersion")),
        kind: text(field(&value, "kind")),
        name: text(metadata.and_then(|metadata| field(&metadata, "name"))),
    }))
}

fn field(value: &Value, key: &str) -> Option<Value> {
    let map = value.as_map()?;
    let found = map.get(key).or_else(|| {
        let entries = map.snapshot().into_iter();
        let mut same = entries.filter(|(name, _)| name.eq_ignore_ascii_case(key));
        same.next().map(|(_, value)| value)
    });
    found.filter(|value| !value.is_nil())
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) | Value::Int64(number) => number.to_string(),
        Value::Uint64(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

fn indent(path: &str, text: &str, found: &mut Findings) {
    let line = text.lines().find(|line| !line.trim().is_empty());
    if let Some(line) = line.filter(|line| line.starts_with([' ', '\t'])) {
        found.warning(
            path,
            format!(
                "document starts with an illegal indent: {line:?}, which may cause parsing problems"
            ),
        );
    }
}

fn name_message(name: &str, wrong: &[String]) -> String {
    let each = |reason: &String| format!("metadata.name: Invalid value: {name:?}: {reason}");
    let all = match wrong {
        [one] => each(one),
        many => format!("[{}]", many.iter().map(each).collect::<Vec<_>>().join(", ")),
    };
    format!("object name does not conform to Kubernetes naming requirements: {name:?}: {all}")
}

/// Kubernetes' warning, if the API is deprecated in this version.
fn deprecated(resource: &Resource, kube: Option<&KubeVersion>) -> Option<String> {
    let assumed = Capabilities::default().kube_version;
    let kube = kube.unwrap_or(&assumed);
    let now = (kube.major.parse().ok()?, kube.minor.parse().ok()?);
    let (api, kind) = (&resource.api_version, &resource.kind);
    let row = DEPRECATED.lines().find_map(|line| {
        let mut words = line.splitn(5, ' ');
        let is_it = words.next() == Some(api) && words.next() == Some(kind);
        is_it.then(|| (words.next(), words.next(), words.next()))
    });
    let (since, gone, instead) = row?;
    let (since, gone) = (since?, gone?);
    if parsed(since)? > now {
        return None;
    }
    let mut text = format!("{api} {kind} is deprecated in v{since}+, unavailable in v{gone}+");
    if let Some(instead) = instead {
        text.push_str(&["; use ", instead].concat());
    }
    Some(text)
}

fn parsed(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Helm looks for the words anywhere in the template.
fn selector(path: &str, text: &str, resource: &Resource, found: &mut Findings) {
    let kinds = ["Deployment", "ReplicaSet", "DaemonSet", "StatefulSet"];
    let selects = text.contains("matchLabels") || text.contains("matchExpressions");
    if kinds.contains(&resource.kind.as_str()) && !selects {
        let (kind, name) = (&resource.kind, &resource.name);
        found.error(
            path,
            format!("a {kind} must contain matchLabels or matchExpressions, and {name:?} does not"),
        );
    }
}

fn list(path: &str, text: &str, resource: &Resource, found: &mut Findings) {
    if resource.kind != "List" {
        return;
    }
    let Ok(value) = yaml::read(text) else { return };
    let items = match field(&value, "items") {
        Some(Value::List(items)) => items.to_vec(),
        None => return,
        Some(_) => {
            let wanted = "[]struct { Metadata struct { Annotations map[string]string } }";
            let reason =
                format!("cannot unmarshal string into Go struct field .Items of type {wanted}");
            let reason = format!("error unmarshaling JSON: while decoding JSON: json: {reason}");
            return found.error(path, format!("unable to parse YAML: {reason}"));
        }
    };
    let kept = |item: &Value| {
        let annotations =
            field(item, "metadata").and_then(|metadata| field(&metadata, "annotations"));
        annotations.is_some_and(|all| field(&all, "helm.sh/resource-policy").is_some())
    };
    if items.iter().any(kept) {
        found.error(
            path,
            "annotation 'helm.sh/resource-policy' within List objects are ignored",
        );
    }
}
