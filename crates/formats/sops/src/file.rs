//! A whole file: what says how it is encrypted, its values, its MAC.

mod rules;
mod walk;

use crate::age::Identities;
use crate::cipher::DataKey;
use refloat_chart::bump::tree::{Node, read_all};
use rules::Rules;
use serde_json::Value;
use std::fmt;

/// The key below which SOPS keeps what it needs.
const METADATA: &str = "sops";
/// Key services that are not supported.
const SERVICES: [&str; 6] = ["pgp", "kms", "gcp_kms", "azure_kv", "hc_vault", "hckms"];

/// What a file says without its encryption, as JSON, which is YAML too. It has no Debug of its content and no Display.
pub struct PlainText(String);

impl PlainText {
    /// The text. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PlainText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(secret)")
    }
}

/// Why a file stays closed. No message holds a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SopsError {
    /// It is no YAML, or no map.
    #[error("it cannot be read: {0}")]
    Yaml(String),
    /// It is not encrypted.
    #[error(
        "it is not encrypted by sops: it has no `sops` with `mac` and `lastmodified`; encrypt it first"
    )]
    Plain,
    /// Something of SOPS that is not supported.
    #[error("unsupported: {0} of a sops file; encrypt it with age recipients")]
    Unsupported(String),
    /// No identity opens it.
    #[error("no age identity opens it; it is encrypted for {0}")]
    Recipients(String),
    /// A value does not open at its place.
    #[error(
        "`{path}` (line {line}) does not decrypt: it was changed, moved or never encrypted; restore the file"
    )]
    Value {
        /// Where.
        path: String,
        /// Counted from 1.
        line: usize,
    },
    /// The MAC is not that of the values.
    #[error(
        "the MAC does not fit: a value was added, removed or changed without sops; restore the file"
    )]
    Mac,
}

/// Whether a text is a file of SOPS: it has the key `sops` with a `mac` in it.
pub fn is_encrypted(text: &str) -> bool {
    text.contains(METADATA)
        && text.contains("mac")
        && read_all(text).is_ok_and(|documents| {
            let mut found = documents
                .iter()
                .filter_map(|document| document.root.get(METADATA));
            found.any(|metadata| metadata.get("mac").is_some())
        })
}

/// Decrypts a file and verifies its MAC. Several documents become one JSON document after the other, with `---` between.
///
/// # Errors
/// [`SopsError`] names the path and line, never a value.
pub fn decrypt(text: &str, identities: &Identities) -> Result<PlainText, SopsError> {
    let documents = read_all(text).map_err(|error| SopsError::Yaml(error.to_string()))?;
    let mut found = documents
        .iter()
        .filter_map(|document| document.root.get(METADATA));
    let metadata = found.next().ok_or(SopsError::Plain)?;
    let word = |key: &str| metadata.get(key).and_then(Node::text);
    let (Some(mac), Some(modified)) = (word("mac"), word("lastmodified")) else {
        return Err(SopsError::Plain);
    };
    let key = data_key(metadata, identities)?;
    let rules = Rules::read(metadata)?;
    let mut walk = walk::Walk::new(&key, &rules);
    let mut plain = Vec::with_capacity(documents.len());
    for document in &documents {
        if !document.root.is_null() {
            plain.push(walk.document(&document.root)?.to_string());
        }
    }
    let wanted = key.open(mac, modified).ok_or(SopsError::Mac)?;
    if walk.mac() != wanted.text {
        return Err(SopsError::Mac);
    }
    Ok(PlainText(plain.join("\n---\n")))
}

fn data_key(metadata: &Node, identities: &Identities) -> Result<DataKey, SopsError> {
    let groups = metadata.get("key_groups").map_or(&[][..], Node::items);
    let threshold = metadata.get("shamir_threshold").and_then(Node::text);
    if groups.len() > 1 || threshold.is_some_and(|number| !matches!(number, "0" | "1")) {
        return Err(SopsError::Unsupported(
            "a key that is split (shamir_threshold)".to_owned(),
        ));
    }
    let metadata = groups.first().unwrap_or(metadata);
    let wrapped = metadata.get("age").map_or(&[][..], Node::items);
    let keys = wrapped.iter().filter_map(|entry| entry.get("enc")?.text());
    let mut opened = keys.filter_map(|text| identities.open(text));
    if let Some(key) = opened.next().and_then(|bytes| DataKey::new(&bytes)) {
        return Ok(key);
    }
    let recipients: Vec<&str> = wrapped
        .iter()
        .filter_map(|entry| entry.get("recipient")?.text())
        .collect();
    if recipients.is_empty() {
        let used = SERVICES.into_iter().find(|name| {
            let items = metadata.get(name).map_or(&[][..], Node::items);
            !items.is_empty()
        });
        return Err(SopsError::Unsupported(format!(
            "a data key without an age recipient ({})",
            used.unwrap_or("none is named")
        )));
    }
    Err(SopsError::Recipients(recipients.join(", ")))
}

/// A JSON number of SOPS' text; what JSON has no number for stays text.
fn number(text: &str) -> Value {
    let parsed: Result<serde_json::Number, _> = text.parse();
    parsed.map_or_else(|_| Value::String(text.to_owned()), Value::Number)
}
