//! Repositories and tags.

use super::{changed, text, when};
use crate::arguments::TagReference;
use crate::client::Client;
use crate::error::CliError;
use crate::output::{Answer, View};
use crate::settings::Settings;
use refloat_oci::{Reference, TagName};
use serde_json::{Value, json};

pub(super) fn repositories(settings: &Settings) -> Result<Answer, CliError> {
    let items = settings.client()?.list("/repositories", &[])?;
    let rows = items.iter().map(|item| vec![text(item, "name")]).collect();
    Ok(Answer::read(
        Value::Array(items),
        View::Table(vec!["REPOSITORY"], rows),
    ))
}

pub(super) fn tags(repository: &str, settings: &Settings) -> Result<Answer, CliError> {
    let (client, reference) = settings.reference(repository)?;
    if reference.target().is_some() {
        return Err(CliError::usage(
            format!("`{repository}` names a tag or digest"),
            "write the repository alone",
        ));
    }
    let items = client.list("/tags", &[("repository", reference.repository.as_str())])?;
    let rows = items
        .iter()
        .map(|item| vec![text(item, "name"), text(item, "digest")])
        .collect();
    Ok(Answer::read(
        Value::Array(items),
        View::Table(vec!["TAG", "DIGEST"], rows),
    ))
}

pub(super) fn tag(reference: &str, new: &str, settings: &Settings) -> Result<Answer, CliError> {
    let (client, reference) = settings.reference(reference)?;
    let from = reference.target().ok_or_else(|| {
        CliError::usage(
            format!("`{reference}` names no image"),
            "add :TAG or @DIGEST",
        )
    })?;
    let new: TagName = new_tag(new, &reference, settings)?;
    let body = json!({ "repository": reference.repository, "from": from.to_string(), "tag": new });
    let json = client.post("/tags", &body)?;
    let line = if changed(&json) {
        format!("{new} now names {}", text(&json, "digest"))
    } else {
        format!("{new} named it already")
    };
    Ok(Answer::done(json.clone(), changed(&json), line).with_brief(vec![text(&json, "digest")]))
}

/// The new tag: a tag alone, or a whole reference to the same repository.
fn new_tag(new: &str, reference: &Reference, settings: &Settings) -> Result<TagName, CliError> {
    if let Ok(tag) = new.parse() {
        return Ok(tag);
    }
    let host = settings
        .host()
        .unwrap_or_else(|| reference.registry.clone());
    let other = Reference::parse(new, Some(&host))?;
    match other.tag {
        Some(tag)
            if other.repository == reference.repository
                && other.registry == reference.registry
                && other.digest.is_none() =>
        {
            Ok(tag)
        }
        _ => Err(CliError::usage(
            format!("`{new}` is not a tag of {}", reference.repository),
            "write a tag; copying to another repository is `docker push` or `skopeo copy`",
        )),
    }
}

/// The repository and tag that a verb is about.
fn named(
    argument: &TagReference,
    settings: &Settings,
) -> Result<(Client, String, String), CliError> {
    let (client, reference) = settings.reference(&argument.reference)?;
    match (reference.tag, reference.digest) {
        (Some(tag), None) => Ok((client, reference.repository.to_string(), tag.to_string())),
        _ => Err(CliError::usage(
            format!("`{}` names no tag", argument.reference),
            "write repository:tag",
        )),
    }
}

pub(super) fn untag(argument: &TagReference, settings: &Settings) -> Result<Answer, CliError> {
    let (client, repository, tag) = named(argument, settings)?;
    let json = client.delete("/tags", &[("repository", &repository), ("tag", &tag)])?;
    let changed = changed(&json);
    Ok(Answer::done(
        json,
        changed,
        format!("{repository}:{tag} is gone"),
    ))
}

pub(super) fn tag_history(
    argument: &TagReference,
    settings: &Settings,
) -> Result<Answer, CliError> {
    let (client, repository, tag) = named(argument, settings)?;
    let items = client.list(
        "/tags/history",
        &[("repository", &repository), ("tag", &tag)],
    )?;
    let row = |item: &Value| {
        let digest = if item["digest"].is_null() {
            "(deleted)".to_owned()
        } else {
            text(item, "digest")
        };
        vec![
            digest,
            when(item, "at"),
            text(item, "actor"),
            text(item, "version"),
        ]
    };
    let rows = items.iter().map(row).collect();
    Ok(Answer::read(
        Value::Array(items),
        View::Table(vec!["DIGEST", "SINCE", "BY", "VERSION"], rows),
    ))
}

pub(super) fn tag_undo(argument: &TagReference, settings: &Settings) -> Result<Answer, CliError> {
    let (client, repository, tag) = named(argument, settings)?;
    let json = client.post(
        "/tags/undo",
        &json!({ "repository": repository, "tag": tag }),
    )?;
    let changed = changed(&json);
    let line = match json["digest"].as_str() {
        Some(digest) => format!("{tag} names {digest} again"),
        None => format!("{tag} is gone again"),
    };
    Ok(Answer::done(json, changed, line))
}
