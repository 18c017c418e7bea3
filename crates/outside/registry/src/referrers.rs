//! What refers to a manifest: by the referrers API, or by the tag that stands in for it where a registry has none
//! (distribution-spec 1.1, "Unavailable Referrers API").

use crate::answer::capped;
use crate::remote::Remote;
use crate::session::{Ask, Scope};
use bytes::Bytes;
use refloat_core::Failure;
use refloat_oci::manifest::MANIFEST_MAX_BYTES;
use refloat_oci::{Digest, RepositoryName, TagOrDigest, media_type};
use refloat_ports::ImagesError;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// How often the list is written again when somebody else wrote it meanwhile: there is no compare-and-swap for tags.
const WRITES_MAX: usize = 5;

impl Remote {
    /// Descriptors of what refers to `subject`, with `artifactType` and `annotations` where they are known.
    ///
    /// # Errors
    /// As the port's reads.
    pub async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
    ) -> Result<Vec<Value>, ImagesError> {
        let path = format!("{repository}/referrers/{subject}");
        let scope = Scope::pull(repository.as_str());
        let response = self
            .session
            .send(Ask::new(Method::GET, &path, &scope))
            .await?;
        let status = response.status();
        let index = response
            .headers()
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .is_some_and(|text| media_type::essence(text) == media_type::OCI_INDEX);
        if status == StatusCode::OK && index {
            let body = capped(response, MANIFEST_MAX_BYTES).await;
            let body = body.map_err(|error| self.session.broken(&error))?;
            return Ok(entries(&body.unwrap_or_default()));
        }
        if status.is_client_error() || status == StatusCode::OK {
            return Ok(self.listed_under_tag(repository, subject).await?.1);
        }
        Err(self.session.refusal(&path, response).await)
    }

    /// Adds a referrer to the list under the tag of its subject.
    pub(crate) async fn list_under_tag(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        referrer: &Value,
    ) -> Result<(), ImagesError> {
        let target = fallback_tag(subject)?;
        for _ in 0..WRITES_MAX {
            let (mut index, mut list) = self.listed_under_tag(repository, subject).await?;
            if list
                .iter()
                .any(|entry| entry["digest"] == referrer["digest"])
            {
                return Ok(());
            }
            list.push(referrer.clone());
            index["manifests"] = Value::Array(list);
            let bytes = Bytes::from(index.to_string());
            self.put(repository, &target, media_type::OCI_INDEX, bytes)
                .await?;
        }
        let text = format!(
            "{repository} on {}: others keep rewriting the list of referrers",
            self.host()
        );
        Err(ImagesError::Failed(Failure::Transient(text)))
    }

    async fn listed_under_tag(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
    ) -> Result<(Value, Vec<Value>), ImagesError> {
        let found = self
            .get_manifest(repository, &fallback_tag(subject)?)
            .await?;
        let fresh =
            json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [] });
        let index: Value = found
            .filter(|found| found.media_type == media_type::OCI_INDEX)
            .and_then(|found| serde_json::from_slice(&found.bytes).ok())
            .unwrap_or(fresh);
        let list = index["manifests"].as_array().cloned().unwrap_or_default();
        Ok((index, list))
    }
}

fn entries(body: &[u8]) -> Vec<Value> {
    let index: Value = serde_json::from_slice(body).unwrap_or_default();
    index["manifests"].as_array().cloned().unwrap_or_default()
}

/// `sha256-<hex>`, cut to a tag's length for longer digests.
fn fallback_tag(subject: &Digest) -> Result<TagOrDigest, ImagesError> {
    let text: String = subject
        .to_string()
        .replace(':', "-")
        .chars()
        .take(128)
        .collect();
    let tag = text
        .parse()
        .map_err(|error| ImagesError::Refused(format!("{subject}: {error}")))?;
    Ok(TagOrDigest::Tag(tag))
}

/// The entry of a manifest in a list of referrers: `artifactType` by the rule of the API, annotations as they are.
pub(crate) fn descriptor(bytes: &[u8], media_type: &str, digest: &Digest) -> Value {
    let document: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let mut entry = json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() });
    let written = document["artifactType"]
        .as_str()
        .filter(|text| !text.is_empty());
    if let Some(kind) = written.or_else(|| document["config"]["mediaType"].as_str()) {
        entry["artifactType"] = json!(kind);
    }
    if document["annotations"].is_object() {
        entry["annotations"] = document["annotations"].clone();
    }
    entry
}
