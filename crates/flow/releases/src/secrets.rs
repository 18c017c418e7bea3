//! Values that sops encrypted, of environments with `secrets`: opened in memory with the age keys of the project's
//! credentials, for one rendering. What was opened is in the manifest where the chart puts it, and nowhere else: what is
//! kept until its turn comes is sealed, its digest is keyed, helm's record has the other values only, and no message
//! quotes it.

use crate::record::{assemble, to_json};
use crate::{Releases, StepError, operation};
use refloat_chart::values::to_json as json_of;
use refloat_chart::{Chart, GivenValues, RenderOptions};
use refloat_core::Secret;
use refloat_oci::{Algorithm, Digest};
use refloat_ports::Rendered;
use refloat_sops::{Identities, PlainText, SopsError, decrypt, is_encrypted};
use refloat_store::secrets::{keyed_hash, open_text, seal_text};
use refloat_store::{documents, secrets};
use refloat_store_releases::ReleaseKey;
use refloat_template::{Map, Oracle, Value};
use serde_json::Value as Json;

/// What stands for a text where an error is told.
const STAND_IN: &str = "(secret)";
/// Shorter texts are not looked for in messages: they would be found in every one.
const HIDDEN_MIN_BYTES: usize = 4;
/// What is told where the cause itself cannot be.
const UNTOLD: &str = "it does not render with its secrets; the cause is not told here, since it could quote them: \
    render it with `refloat template -f` where they may be seen";

/// Opened files, by name.
#[derive(Default)]
pub(crate) struct SecretFiles(Vec<(String, PlainText)>);

impl SecretFiles {
    fn open(files: &[(String, String)], keys: &[Identities]) -> Result<Self, String> {
        let opened = files.iter().map(|(name, text)| {
            if !is_encrypted(text) {
                return Err(format!(
                    "{name} is not encrypted by sops; encrypt it, or list it under values"
                ));
            }
            let plain = plain(text, keys).map_err(|error| format!("{name}: {error}"))?;
            Ok((name.clone(), plain))
        });
        opened.collect::<Result<_, _>>().map(Self)
    }

    fn texts(&self) -> Vec<(String, String)> {
        let text = |(name, plain): &(String, PlainText)| (name.clone(), plain.expose().to_owned());
        self.0.iter().map(text).collect()
    }

    /// The same files with nothing of their values.
    fn stand_ins(&self) -> Vec<(String, String)> {
        let blank = |(name, plain): &(String, PlainText)| {
            let mut documents = documents_of(plain);
            documents.iter_mut().for_each(blank);
            let texts: Vec<String> = documents.iter().map(Json::to_string).collect();
            (name.clone(), texts.join("\n---\n"))
        };
        self.0.iter().map(blank).collect()
    }

    /// Texts that no message may quote.
    fn hidden(&self) -> Vec<String> {
        let mut hidden = Vec::new();
        for (_, plain) in &self.0 {
            for document in documents_of(plain) {
                collect(&document, &mut hidden);
            }
        }
        hidden.sort_by_key(|text| std::cmp::Reverse(text.len()));
        hidden.dedup();
        hidden
    }
}

fn plain(text: &str, keys: &[Identities]) -> Result<PlainText, SopsError> {
    let mut last = Err(SopsError::Recipients(
        "other keys; the project has no Credential with an `age_key`".to_owned(),
    ));
    for key in keys {
        last = decrypt(text, key);
        if !matches!(last, Err(SopsError::Recipients(_))) {
            break;
        }
    }
    last
}

/// JSON has no line break of its own.
fn documents_of(plain: &PlainText) -> Vec<Json> {
    let documents = plain.expose().split("\n---\n");
    documents
        .map(|document| serde_json::from_str(document).unwrap_or_default())
        .collect()
}

fn blank(value: &mut Json) {
    match value {
        Json::Null => {}
        Json::Bool(flag) => *flag = false,
        Json::Number(number) => *number = 0.into(),
        Json::String(text) => STAND_IN.clone_into(text),
        Json::Array(items) => items.iter_mut().for_each(blank),
        Json::Object(map) => map.values_mut().for_each(blank),
    }
}

fn collect(value: &Json, hidden: &mut Vec<String>) {
    match value {
        Json::Null | Json::Bool(_) => {}
        Json::Number(number) => hidden.extend(long(&number.to_string())),
        Json::String(text) => {
            // Messages quote lines, and templates trim.
            hidden.extend(text.lines().filter_map(|line| long(line.trim())));
        }
        Json::Array(items) => items.iter().for_each(|item| collect(item, hidden)),
        Json::Object(map) => map.values().for_each(|item| collect(item, hidden)),
    }
}

fn long(text: &str) -> Option<String> {
    (text.len() >= HIDDEN_MIN_BYTES).then(|| text.to_owned())
}

/// Renders a chart with its values and secrets; what came of it, or why not, without a value of the secrets.
pub(crate) fn render(
    chart: &Chart,
    files: &[(String, String)],
    secret: &SecretFiles,
    options: &RenderOptions,
    oracle: &dyn Oracle,
) -> Result<Rendered, String> {
    let with = |more: Vec<(String, String)>| {
        let given = merged(files, more)?;
        assemble(chart, &given, options, oracle).map_err(|error| error.to_string())
    };
    if secret.0.is_empty() {
        return with(Vec::new());
    }
    match with(secret.texts()) {
        Ok(mut done) => {
            done.config = json_of(&Value::Map(merged(files, Vec::new())?));
            Ok(done)
        }
        // Told only if it says the same of a rendering that knows no value.
        Err(cause) => match with(secret.stand_ins()) {
            Err(same) if same == cause => Err(cause),
            _ => Err(UNTOLD.to_owned()),
        },
    }
}

fn merged(files: &[(String, String)], more: Vec<(String, String)>) -> Result<Map, String> {
    let given = GivenValues {
        files: files.iter().cloned().chain(more).collect(),
        ..GivenValues::default()
    };
    given
        .merged(&|file| Err(format!("`{file}` cannot be read here")))
        .map_err(|error| error.to_string())
}

impl Releases {
    /// Opens files of a chart with every age key of the release's project.
    pub(crate) async fn secret_files(
        &self,
        key: &ReleaseKey,
        files: &[(String, String)],
    ) -> Result<SecretFiles, StepError> {
        if files.is_empty() {
            return Ok(SecretFiles::default());
        }
        let (project, master) = (key.project.clone(), self.world().master.clone());
        let read = self.store().read(operation!(tx, [project, master], {
            let mut values = Vec::new();
            for (name, id) in documents::credentials_with(tx, &project, "age_key").await? {
                values.push((name, secrets::get(tx, &master, &id).await?));
            }
            Ok(values)
        }));
        let mut keys = Vec::new();
        for (name, value) in read.await? {
            let text = String::from_utf8_lossy(value.expose());
            let parsed = Identities::parse(&text)
                .map_err(|error| StepError::Final(format!("credential `{name}`: {error}")))?;
            keys.push(parsed);
        }
        SecretFiles::open(files, &keys).map_err(StepError::Final)
    }

    /// What is kept of a rendering until its turn comes, and the digest that is recorded of it.
    pub(crate) fn kept(
        &self,
        key: &ReleaseKey,
        environment: &str,
        done: &Rendered,
        secret: &SecretFiles,
    ) -> Result<(String, Digest), StepError> {
        let mut json = to_json(done);
        let manifest = done.manifest.as_bytes();
        if secret.0.is_empty() {
            return Ok((json.to_string(), Digest::sha256(manifest)));
        }
        json["hidden"] = Json::from(secret.hidden());
        let master = &self.world().master;
        let sealed = seal_text(master, &context(key, environment), &json.to_string())?;
        let digest = Digest::from_hash(Algorithm::Sha256, &keyed_hash(master, manifest));
        let digest = digest.ok_or_else(|| StepError::Final("a hash has 32 bytes".to_owned()))?;
        Ok((sealed, digest))
    }

    /// The same, opened again.
    pub(crate) fn opened(
        &self,
        key: &ReleaseKey,
        environment: &str,
        kept: String,
    ) -> Result<Secret<String>, StepError> {
        let opened = open_text(&self.world().master, &context(key, environment), &kept)?;
        Ok(opened.unwrap_or_else(|| Secret::new(kept)))
    }
}

fn context(key: &ReleaseKey, environment: &str) -> String {
    format!("{}/{}/{environment}", key.project.as_str(), key.name)
}

/// An error of a deployment without what `kept` says to hide.
pub(crate) fn unquoted(error: String, kept: &str) -> String {
    let json: Json = serde_json::from_str(kept).unwrap_or_default();
    let hidden = json["hidden"].as_array().into_iter().flatten();
    hidden
        .filter_map(Json::as_str)
        .fold(error, |error, text| error.replace(text, STAND_IN))
}

#[cfg(test)]
mod tests;
