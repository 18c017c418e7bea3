//! `kind: Upstream`: a foreign registry, and which of its references are watched.

use crate::error::DocumentError;
use crate::fields::{Fields, Located};
use crate::project::name;
use crate::span::Span;
use refloat_oci::{RegistryHost, RepositoryName};
use serde_json::{Value, json};

/// Keys of the kind that are not built.
const UNBUILT: [&str; 1] = ["mirror"];
/// How often an upstream is swept if nothing is written.
const EVERY_SECONDS: i64 = 15 * 60;
/// The shortest interval of sweeps.
const EVERY_SECONDS_MIN: i64 = 1;
/// The most references and patterns of one upstream.
pub const WATCH_MAX: usize = 500;

/// A foreign registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamDocument {
    /// Its name.
    pub name: String,
    /// The registry.
    pub registry: RegistryHost,
    /// The credential that opens it.
    pub credential: Option<String>,
    /// What is watched.
    pub watch: Vec<WatchRule>,
    /// How often.
    pub every: Span,
}

/// A repository and the tags of it that are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchRule {
    /// The repository.
    pub repository: RepositoryName,
    /// A tag, or a pattern with `*` for any part.
    pub tags: String,
}

impl WatchRule {
    /// Whether it names many tags, so that they have to be listed.
    pub fn is_pattern(&self) -> bool {
        self.tags.contains('*')
    }
}

impl std::fmt::Display for WatchRule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.repository, self.tags)
    }
}

impl std::str::FromStr for WatchRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let text: String = text.chars().take(200).collect();
            format!(
                "`{text}` is nothing to watch; write repository:tag, with `*` in the tag for any part"
            )
        };
        let (repository, tags) = text.rsplit_once(':').ok_or_else(wrong)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-*".contains(&byte);
        let fits = (1..=128).contains(&tags.len()) && tags.bytes().all(allowed);
        let plain = tags.contains('*') || tags.parse::<refloat_oci::TagName>().is_ok();
        if !fits || !plain {
            return Err(wrong());
        }
        Ok(Self {
            repository: repository.parse().map_err(|_| wrong())?,
            tags: tags.to_owned(),
        })
    }
}

impl UpstreamDocument {
    /// Reads the keys of the kind.
    ///
    /// # Errors
    /// [`DocumentError`] with the line.
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, DocumentError> {
        fields.refuse_unbuilt(&UNBUILT)?;
        let name = name(fields)?;
        let registry = fields.required_text("registry")?.parse()?.value;
        let credential = fields.text("credential")?.map(|text| text.value);
        let line = fields.line();
        let watch: Vec<WatchRule> = fields
            .texts("watch")?
            .into_iter()
            .map(Located::parse)
            .map(|rule| rule.map(|found| found.value))
            .collect::<Result<_, _>>()?;
        if watch.is_empty() || watch.len() > WATCH_MAX {
            return Err(DocumentError::invalid(
                line,
                format!("Upstream `{name}` must watch 1 to {WATCH_MAX} references"),
                "write watch: [library/debian:12]",
            ));
        }
        let every = fields.parsed::<Span>("every")?;
        let every_line = every.as_ref().map_or(line, |every| every.line);
        let every = every.map_or(Span::of_seconds(EVERY_SECONDS), |every| every.value);
        if every.seconds() < EVERY_SECONDS_MIN {
            return Err(DocumentError::invalid(
                every_line,
                "`every` of Upstream is too short",
                "write 1s or more",
            ));
        }
        Ok(Self {
            name,
            registry,
            credential,
            watch,
            every,
        })
    }

    /// The document as it is kept.
    pub(crate) fn to_json(&self) -> Value {
        let watch: Vec<String> = self.watch.iter().map(ToString::to_string).collect();
        let mut json = json!({ "name": self.name, "registry": self.registry });
        if let Some(credential) = &self.credential {
            json["credential"] = Value::from(credential.as_str());
        }
        json["watch"] = Value::from(watch);
        json["every"] = Value::from(self.every.to_string());
        json
    }
}
