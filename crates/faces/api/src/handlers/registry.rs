//! What the server is, who asks, repositories and tags.

use crate::answer::Answer;
use crate::asking::Asking;
use crate::face::Api;
use crate::openapi;
use refloat_core::Rejection;
use refloat_flow::{FlowError, Page};
use refloat_oci::{RepositoryName, TagName, TagOrDigest};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) async fn capabilities(_api: &Api, _asking: &Asking) -> Result<Answer, FlowError> {
    let kinds: Vec<_> = refloat_documents::DocumentKind::ALL
        .iter()
        .map(|kind| kind.name())
        .collect();
    Ok(Answer::ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "api": ["v1"],
        "registry": ["pull", "push", "delete", "mount", "chunked", "referrers", "multi-tag"],
        "digests": ["sha256", "sha512"],
        "documents": kinds,
        "events": ["page", "wait", "stream"],
        "tokens": ["basic", "bearer", "refresh", "robot", "personal"],
    })))
}

pub(crate) async fn openapi(_api: &Api, _asking: &Asking) -> Result<Answer, FlowError> {
    Ok(Answer::ok(openapi::description().clone()))
}

pub(crate) async fn whoami(_api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let who = &asking.caller.principal;
    Ok(Answer::ok(json!({
        "id": who.id,
        "name": who.name,
        "kind": who.kind,
        "administrator": who.administrator,
        "scopes": who.scopes,
    })))
}

/// A page of a list of the registry, whose own pages are by the last key.
fn page<K: std::str::FromStr>(
    api: &Api,
    asking: &Asking,
    list: &str,
) -> Result<(Page<K>, usize), FlowError> {
    let asked = asking.page()?;
    let after = api.administration.opened(list, &asked)?;
    let damaged = |_| Rejection::Invalid("the cursor is damaged".to_owned());
    let after = after.map(|key| key.parse().map_err(damaged)).transpose()?;
    Ok((
        Page {
            after,
            limit: asked.limit(),
        },
        asked.limit(),
    ))
}

fn listed(
    api: &Api,
    list: &str,
    items: Vec<Value>,
    last: Option<String>,
) -> Result<Answer, FlowError> {
    let next = last
        .map(|key| api.administration.sealed(list, &key))
        .transpose()?;
    let items = Value::from(items);
    Ok(Answer::ok(json!({ "items": items, "next": next })))
}

pub(crate) async fn repositories(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let list = "repositories";
    let (page, _) = page::<RepositoryName>(api, asking, list)?;
    let found = api.registry.catalog(&asking.caller, page).await?;
    let last = found
        .items
        .last()
        .filter(|_| found.more)
        .map(ToString::to_string);
    let items = found
        .items
        .iter()
        .map(|name| json!({ "name": name }))
        .collect();
    listed(api, list, items, last)
}

pub(crate) async fn tags(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let repository: RepositoryName = asking.parsed("repository")?;
    let list = format!("tags|{repository}");
    let (page, _) = page::<TagName>(api, asking, &list)?;
    let found = api
        .registry
        .list_tags(&asking.caller, &repository, page)
        .await?;
    let last = found
        .items
        .last()
        .filter(|_| found.more)
        .map(ToString::to_string);
    let mut items = Vec::with_capacity(found.items.len());
    for name in found.items {
        // A tag that went meanwhile is simply no longer there.
        let Ok(manifest) = api
            .registry
            .get_manifest(&asking.caller, &repository, &TagOrDigest::Tag(name.clone()))
            .await
        else {
            continue;
        };
        items.push(
            json!({ "name": name, "digest": manifest.digest, "media_type": &*manifest.media_type }),
        );
    }
    listed(api, &list, items, last)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TagBody {
    repository: RepositoryName,
    from: String,
    tag: TagName,
}

pub(crate) async fn tag(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let body: TagBody = asking.read()?;
    let from: TagOrDigest = body
        .from
        .parse()
        .map_err(|error| Rejection::NameInvalid(format!("{error}")))?;
    let outcome = api
        .registry
        .tag(&asking.caller, &body.repository, &from, body.tag)
        .await?;
    Ok(Answer::ok(
        json!({ "digest": outcome.digest, "changed": outcome.changed }),
    ))
}

pub(crate) async fn untag(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let (repository, tag) = (asking.parsed("repository")?, asking.parsed("tag")?);
    api.registry.untag(&asking.caller, &repository, tag).await?;
    Ok(Answer::changed(true))
}

pub(crate) async fn tag_history(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let (repository, tag): (RepositoryName, TagName) =
        (asking.parsed("repository")?, asking.parsed("tag")?);
    let list = format!("history|{repository}|{tag}");
    let (page, _) = page::<i64>(api, asking, &list)?;
    let found = api
        .registry
        .tag_history(&asking.caller, &repository, tag, page)
        .await?;
    let last = found
        .items
        .last()
        .filter(|_| found.more)
        .map(|position| position.version.to_string());
    let item = |position: &refloat_flow::TagPosition| {
        json!({
            "version": position.version,
            "digest": position.digest,
            "at": position.at,
            "actor": position.actor_name.as_ref().unwrap_or(&position.actor),
            "actor_id": position.actor,
            "record": position.record,
        })
    };
    let items = found.items.iter().map(item).collect();
    listed(api, &list, items, last)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UndoBody {
    repository: RepositoryName,
    tag: TagName,
}

pub(crate) async fn tag_undo(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let body: UndoBody = asking.read()?;
    let digest = api
        .registry
        .tag_undo(&asking.caller, &body.repository, body.tag)
        .await?;
    Ok(Answer::ok(json!({ "digest": digest, "changed": true })))
}
