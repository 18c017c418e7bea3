//! The environments of a release: where each is, and what it comes after.

use super::{ENVIRONMENTS_MAX, Environment, EnvironmentTarget, is_label, paths};
use crate::error::DocumentError;
use crate::fields::Fields;
use crate::node::{Node, NodeValue};
use serde_json::{Value, json};

/// Keys of an environment that are not built.
const UNBUILT_ENVIRONMENT: [&str; 2] = ["window", "approvals"];
/// Targets that are not built.
const UNBUILT_TARGETS: [&str; 3] = ["git", "pipeline", "set_image"];
/// The longest soak in seconds: 30 days.
const SOAK_MAX_SECONDS: u64 = 30 * 24 * 3600;

/// An environment as it is kept.
pub(super) fn to_json(environment: &Environment) -> Value {
    let target = match &environment.target {
        EnvironmentTarget::Folder { path } => json!({ "folder": path }),
        EnvironmentTarget::Kubernetes {
            credential,
            context,
            namespace,
        } => {
            let mut place = json!({ "credential": credential, "namespace": namespace });
            if let Some(context) = context {
                place["context"] = Value::from(context.as_str());
            }
            json!({ "kubernetes": place })
        }
    };
    let mut json =
        json!({ "name": environment.name, "values": environment.values, "target": target });
    if !environment.secrets.is_empty() {
        json["secrets"] = Value::from(environment.secrets.clone());
    }
    if let Some(after) = &environment.after {
        json["after"] = Value::from(after.as_str());
    }
    if environment.soak_seconds > 0 {
        json["soak"] = Value::from(format!("{}s", environment.soak_seconds));
    }
    json
}

/// The environments in their order.
pub(super) fn read(fields: &mut Fields) -> Result<Vec<Environment>, DocumentError> {
    let node = fields
        .take("environments")
        .ok_or_else(|| fields.missing("environments"))?;
    let line = node.line;
    let wrong = |message: &str| {
        let advice = "write - name: NAME and target: { folder: PATH } for each";
        DocumentError::invalid(line, format!("`environments` of Release {message}"), advice)
    };
    let NodeValue::List(items) = node.value else {
        return Err(wrong("must be a list"));
    };
    if items.is_empty() || items.len() > ENVIRONMENTS_MAX {
        return Err(wrong(&format!("has 1 to {ENVIRONMENTS_MAX} entries")));
    }
    let mut environments: Vec<Environment> = Vec::with_capacity(items.len());
    for item in items {
        let line = item.line;
        let (environment, after_line) = environment(item)?;
        let known = |name: &str| environments.iter().any(|other| other.name == name);
        if known(&environment.name) {
            let message = format!("environment `{}` stands twice", environment.name);
            return Err(DocumentError::invalid(line, message, "keep one of them"));
        }
        if let Some(after) = environment.after.as_deref().filter(|after| !known(after)) {
            let message = format!("`after` names `{after}`, which is no environment above it");
            return Err(DocumentError::invalid(
                after_line,
                message,
                "order them as they follow each other",
            ));
        }
        environments.push(environment);
    }
    Ok(environments)
}

/// An environment, and the line of its `after`.
fn environment(node: Node) -> Result<(Environment, u64), DocumentError> {
    let mut fields = Fields::of(node, "an environment of Release")?;
    fields.refuse_unbuilt(&UNBUILT_ENVIRONMENT)?;
    let name = crate::project::name(&mut fields)?;
    let mut fields = fields.renamed(format!("environment {name} of Release"));
    let values = paths(&mut fields, "values")?;
    let secrets = paths(&mut fields, "secrets")?;
    let after = fields.text("after")?;
    let soak = fields.text("soak")?;
    let soak_seconds = match &soak {
        None => 0,
        Some(soak) => seconds(&soak.value).ok_or_else(|| {
            DocumentError::invalid(
                soak.line,
                format!("`soak` of environment {name} is no duration"),
                "write a number with s, m, h or d, at most 30d",
            )
        })?,
    };
    if let (Some(soak), None) = (&soak, &after) {
        return Err(DocumentError::invalid(
            soak.line,
            format!("`soak` of environment {name} goes with `after`"),
            "name the environment in which it soaks",
        ));
    }
    let target = fields
        .take("target")
        .ok_or_else(|| fields.missing("target"))?;
    let target = target_of(target, &name)?;
    fields.finish()?;
    let after_line = after.as_ref().map_or(0, |after| after.line);
    let environment = Environment {
        name,
        values,
        secrets,
        target,
        after: after.map(|after| after.value),
        soak_seconds,
    };
    Ok((environment, after_line))
}

fn target_of(node: Node, environment: &str) -> Result<EnvironmentTarget, DocumentError> {
    let owner = format!("target of environment {environment}");
    let line = node.line;
    let mut fields = Fields::of(node, owner.clone())?;
    fields.refuse_unbuilt(&UNBUILT_TARGETS)?;
    let (folder, kubernetes) = (fields.text("folder")?, fields.take("kubernetes"));
    fields.finish()?;
    match (folder, kubernetes) {
        (Some(folder), None) if !folder.value.is_empty() => {
            Ok(EnvironmentTarget::Folder { path: folder.value })
        }
        (None, Some(node)) => {
            let mut fields = Fields::of(node, format!("kubernetes of {owner}"))?;
            let credential = fields.required_text("credential")?;
            let context = fields.text("context")?;
            let namespace = fields.required_text("namespace")?;
            fields.finish()?;
            if !is_label(&namespace.value, 63) {
                let message = "`namespace` is no name of a namespace";
                return Err(DocumentError::invalid(
                    namespace.line,
                    message,
                    "write small letters, digits and `-`",
                ));
            }
            Ok(EnvironmentTarget::Kubernetes {
                credential: credential.value,
                context: context.map(|context| context.value),
                namespace: namespace.value,
            })
        }
        _ => Err(DocumentError::invalid(
            line,
            format!("{owner} must name one place"),
            "write { folder: PATH } or { kubernetes: { credential, namespace } }",
        )),
    }
}

/// `90s`, `30m`, `2h`, `1d`.
fn seconds(text: &str) -> Option<u64> {
    let unit = match text.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 24 * 3600,
        _ => return None,
    };
    let number: u64 = text[..text.len() - 1].parse().ok()?;
    number
        .checked_mul(unit)
        .filter(|seconds| *seconds <= SOAK_MAX_SECONDS)
}
