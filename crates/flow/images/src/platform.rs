//! Platforms: `linux/amd64`, `linux/arm/v7`.

use serde_json::Value;
use std::fmt;

/// What an image runs on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    /// The system.
    pub os: String,
    /// The processor.
    pub architecture: String,
    /// The processor's variant; the usual one of its architecture is left out.
    pub variant: Option<String>,
    /// The system's version (Windows).
    pub os_version: Option<String>,
}

impl Platform {
    /// The platform that a configuration or the `platform` of an index entry names; both have the same keys.
    pub fn of(json: &Value) -> Option<Self> {
        let text = |key: &str| {
            json[key]
                .as_str()
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let architecture = text("architecture")?;
        let variant = text("variant").filter(|variant| !is_usual(&architecture, variant));
        Some(Self {
            os: text("os")?,
            architecture,
            variant,
            os_version: text("os.version"),
        })
    }

    /// Reads `os/architecture[/variant]`; `None` if it is not of that form.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (os, architecture) = (parts.next()?, parts.next()?);
        let variant = parts
            .next()
            .filter(|variant| !is_usual(architecture, variant));
        let fine = !os.is_empty() && !architecture.is_empty() && parts.next().is_none();
        fine.then(|| Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
            os_version: None,
        })
    }

    /// Whether this is the placeholder of attestations.
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" || self.architecture == "unknown"
    }

    /// Whether images of both are for the same machines.
    pub fn fits(&self, other: &Self) -> bool {
        let versions = self.os_version.is_none()
            || other.os_version.is_none()
            || self.os_version == other.os_version;
        versions
            && (&self.os, &self.architecture, &self.variant)
                == (&other.os, &other.architecture, &other.variant)
    }
}

/// The variant that is meant where none is written (containerd's `platforms.Normalize`).
fn is_usual(architecture: &str, variant: &str) -> bool {
    matches!(
        (architecture, variant),
        ("arm64", "v8" | "8") | ("arm", "v7" | "7") | ("amd64", "v1")
    )
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(formatter, "/{variant}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_variant_is_not_written() {
        let parse = |text: &str| Platform::parse(text);
        let shown = |text: &str| parse(text).map(|platform| platform.to_string());
        assert_eq!(shown("linux/arm64/v8"), shown("linux/arm64"));
        assert_eq!(shown("linux/arm/v6").as_deref(), Some("linux/arm/v6"));
        for text in ["", "linux", "linux/", "linux/arm/v6/x"] {
            assert_eq!(parse(text), None, "{text}");
        }
        let config = serde_json::json!({ "os": "linux", "architecture": "arm64", "variant": "v8" });
        let fits = |text: &str| Some(Platform::of(&config)?.fits(&parse(text)?));
        assert_eq!(
            (fits("linux/arm64"), fits("linux/amd64")),
            (Some(true), Some(false))
        );
    }
}
