//! What a name was last seen to name.

use refloat_oci::Digest;
use serde_json::{Value, json};

/// What a name was last seen to name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// `host/path:tag`, `host/path@digest`, or the address of an archive or index.
    pub name: String,
    /// The manifest's digest, of what lies in a registry.
    pub manifest: Option<Digest>,
    /// The bytes: an archive or an index.
    pub content: Digest,
    /// The provenance file, if there is one and it was asked for.
    pub provenance: Option<Digest>,
    /// What search shows; `None` for an index.
    pub chart: Option<KeptChart>,
}

/// What search shows of a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptChart {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The version of what it installs.
    pub app_version: String,
    /// One sentence.
    pub description: String,
    /// Words to find it by.
    pub keywords: Vec<String>,
}

impl Kept {
    /// Whether a lower-case word stands in what search looks at.
    pub(super) fn has(&self, word: &str) -> bool {
        let chart = self.chart.iter().flat_map(|chart| {
            let texts = [&chart.name, &chart.description];
            texts.into_iter().chain(&chart.keywords)
        });
        let mut texts = chart.chain([&self.name]);
        texts.any(|text| text.to_lowercase().contains(word))
    }

    pub(super) fn to_json(&self) -> Value {
        let text = |digest: &Option<Digest>| digest.as_ref().map(ToString::to_string);
        let chart = self.chart.as_ref().map(|chart| {
            json!({
                "name": chart.name,
                "version": chart.version,
                "app_version": chart.app_version,
                "description": chart.description,
                "keywords": chart.keywords,
            })
        });
        json!({
            "name": self.name,
            "manifest": text(&self.manifest),
            "content": self.content.to_string(),
            "provenance": text(&self.provenance),
            "chart": chart,
        })
    }

    pub(super) fn from_json(bytes: &[u8]) -> Option<Self> {
        let json: Value = serde_json::from_slice(bytes).ok()?;
        let digest = |key: &str| match &json[key] {
            Value::Null => Some(None),
            value => value.as_str()?.parse::<Digest>().ok().map(Some),
        };
        let chart = match &json["chart"] {
            Value::Null => None,
            chart => {
                let text = |key: &str| chart[key].as_str().map(str::to_owned);
                let keywords = chart["keywords"].as_array()?.iter();
                Some(KeptChart {
                    name: text("name")?,
                    version: text("version")?,
                    app_version: text("app_version")?,
                    description: text("description")?,
                    keywords: keywords
                        .map(|word| word.as_str().map(str::to_owned))
                        .collect::<Option<_>>()?,
                })
            }
        };
        Some(Self {
            name: json["name"].as_str()?.to_owned(),
            manifest: digest("manifest")?,
            content: digest("content")??,
            provenance: digest("provenance")?,
            chart,
        })
    }
}
