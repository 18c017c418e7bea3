//! Helm's record of a release: a Secret per revision, so that helm lists, shows and rolls back what we deployed.
//!
//! ```text
//! Secret sh.helm.release.v1.NAME.vN   type helm.sh/release.v1   labels name, owner=helm, status, version, createdAt|modifiedAt
//! data.release = base64( base64( gzip( JSON ) ) )                (Helm, pkg/storage/driver; the outer one is the API's own)
//! ```
//! Labels that Helm does not know it keeps; ours says which deployment wrote the record.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use refloat_core::ReleaseId;
use refloat_ports::Rendered;
use serde_json::{Value, json};
use std::io::{Read, Write};

/// The longest record that is read, unpacked, in bytes.
const RECORD_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// What fits into a Secret, in bytes.
const SECRET_MAX_BYTES: usize = 1024 * 1024;
/// The label with the id of the deployment that wrote a record.
const DEPLOYMENT: &str = "refloat-release-id";

/// What has become of a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It runs.
    Deployed,
    /// It did not become ready, or was refused.
    Failed,
    /// A later one runs.
    Superseded,
    /// It is being made, as the first one.
    PendingInstall,
    /// It is being made.
    PendingUpgrade,
    /// Helm is going back.
    PendingRollback,
    /// Helm is removing it.
    Uninstalling,
    /// It was removed.
    Uninstalled,
    /// Helm does not know either.
    Unknown,
}

impl Status {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Deployed, "deployed"),
        (Self::Failed, "failed"),
        (Self::Superseded, "superseded"),
        (Self::PendingInstall, "pending-install"),
        (Self::PendingUpgrade, "pending-upgrade"),
        (Self::PendingRollback, "pending-rollback"),
        (Self::Uninstalling, "uninstalling"),
        (Self::Uninstalled, "uninstalled"),
        (Self::Unknown, "unknown"),
    ];

    fn of(text: &str) -> Self {
        let found = Self::ALL.iter().find(|(_, name)| *name == text);
        found.map_or(Self::Unknown, |(status, _)| *status)
    }

    /// Helm's word.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(status, _)| *status == self);
        found.map_or("unknown", |(_, name)| name)
    }

    /// Whether somebody is at work on it, or died while at it.
    pub fn is_pending(self) -> bool {
        matches!(
            self,
            Self::PendingInstall
                | Self::PendingUpgrade
                | Self::PendingRollback
                | Self::Uninstalling
        )
    }
}

/// One revision of a release.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its JSON, whoever wrote it.
    pub release: Value,
    /// Labels of the Secret that are not Helm's own.
    labels: serde_json::Map<String, Value>,
    created: i64,
}

impl Record {
    /// The record of a deployment that begins now.
    pub(crate) fn begin(
        rendered: &Rendered,
        id: &ReleaseId,
        revision: u32,
        first_deployed: Option<&str>,
        now: Timestamp,
    ) -> Self {
        let now_text = now.to_string();
        let status = if revision == 1 {
            Status::PendingInstall
        } else {
            Status::PendingUpgrade
        };
        let description = if revision == 1 {
            "Initial install underway"
        } else {
            "Preparing upgrade"
        };
        let release = json!({
            "name": rendered.name,
            "info": {
                "first_deployed": first_deployed.unwrap_or(&now_text),
                "last_deployed": now_text,
                "deleted": "",
                "description": description,
                "status": status.name(),
                "notes": rendered.notes,
            },
            "chart": rendered.chart,
            "config": rendered.config,
            "manifest": rendered.manifest,
            "hooks": rendered.hooks,
            "version": revision,
            "namespace": rendered.namespace,
            "apply_method": "ssa",
        });
        let labels = [(DEPLOYMENT.to_owned(), Value::from(id.as_str()))];
        Self {
            release,
            labels: labels.into_iter().collect(),
            created: now.as_second(),
        }
    }

    /// Reads a Secret.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(secret: &Value) -> Result<Self, String> {
        let name = secret["metadata"]["name"].as_str().unwrap_or_default();
        let wrong = |what: &str| format!("the release record {name} {what}");
        let outer = secret["data"]["release"].as_str();
        let outer = outer.ok_or_else(|| wrong("has no data"))?;
        let inner = STANDARD.decode(outer).map_err(|_| wrong("is no base64"))?;
        let packed = STANDARD.decode(inner).map_err(|_| wrong("is no base64"))?;
        // Records of old are not compressed.
        let text = if packed.starts_with(&[0x1f, 0x8b, 0x08]) {
            let mut text = Vec::new();
            let mut unpacked = GzDecoder::new(&packed[..]).take(RECORD_MAX_BYTES);
            let read = unpacked.read_to_end(&mut text);
            read.map_err(|_| wrong("does not unpack"))?;
            text
        } else {
            packed
        };
        let release = serde_json::from_slice(&text).map_err(|_| wrong("is no JSON"))?;
        let mut labels = secret["metadata"]["labels"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        let created = labels.get("createdAt").and_then(Value::as_str);
        let created = created.and_then(|text| text.parse().ok()).unwrap_or(0);
        labels.retain(|key, _| {
            ![
                "name",
                "owner",
                "status",
                "version",
                "createdAt",
                "modifiedAt",
            ]
            .contains(&key.as_str())
        });
        Ok(Self {
            release,
            labels,
            created,
        })
    }

    /// The Secret. `modified` is `None` for a new one.
    ///
    /// # Errors
    /// If it does not fit.
    pub(crate) fn to_secret(&self, modified: Option<Timestamp>) -> Result<Value, String> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let packed = encoder
            .write_all(self.release.to_string().as_bytes())
            .and_then(|()| encoder.finish());
        let packed = packed.map_err(|error| error.to_string())?;
        let data = STANDARD.encode(STANDARD.encode(packed));
        if data.len() > SECRET_MAX_BYTES {
            return Err(format!(
                "the release record has {} bytes, a Secret holds {SECRET_MAX_BYTES}; make the chart smaller",
                data.len()
            ));
        }
        let mut labels = self.labels.clone();
        let (when, seconds) = match modified {
            None => ("createdAt", self.created),
            Some(now) => ("modifiedAt", now.as_second()),
        };
        for (key, value) in [
            ("name", self.name().to_owned()),
            ("owner", "helm".to_owned()),
            ("status", self.status().name().to_owned()),
            ("version", self.revision().to_string()),
            (when, seconds.to_string()),
        ] {
            labels.insert(key.to_owned(), Value::from(value));
        }
        Ok(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "helm.sh/release.v1",
            "metadata": {
                "name": secret_name(self.name(), self.revision()),
                "namespace": self.namespace(),
                "labels": labels,
            },
            "data": { "release": data },
        }))
    }

    /// The release's name.
    pub fn name(&self) -> &str {
        self.release["name"].as_str().unwrap_or_default()
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        self.release["namespace"].as_str().unwrap_or_default()
    }

    /// Its revision, from 1.
    pub fn revision(&self) -> u32 {
        let revision = self.release["version"].as_u64().unwrap_or(0);
        u32::try_from(revision).unwrap_or(0)
    }

    /// What has become of it.
    pub fn status(&self) -> Status {
        Status::of(self.info("status"))
    }

    /// A text of its `info`.
    pub fn info(&self, key: &str) -> &str {
        self.release["info"][key].as_str().unwrap_or_default()
    }

    /// Its objects.
    pub fn manifest(&self) -> &str {
        self.release["manifest"].as_str().unwrap_or_default()
    }

    /// `NAME-VERSION` of its chart.
    pub fn chart(&self) -> String {
        let metadata = &self.release["chart"]["metadata"];
        let text = |key: &str| metadata[key].as_str().unwrap_or("unknown").to_owned();
        format!("{}-{}", text("name"), text("version"))
    }

    /// The version of the application in its chart.
    pub fn app_version(&self) -> &str {
        let metadata = &self.release["chart"]["metadata"];
        metadata["appVersion"].as_str().unwrap_or_default()
    }

    /// The deployment that wrote it, if it was one of ours.
    pub(crate) fn deployment(&self) -> Option<&str> {
        self.labels.get(DEPLOYMENT).and_then(Value::as_str)
    }

    /// When it began, in seconds since 1970.
    pub(crate) fn began(&self) -> i64 {
        let at = self.info("last_deployed").parse::<Timestamp>();
        at.map_or(self.created, Timestamp::as_second)
    }

    /// Whether its objects were made by server-side apply.
    pub(crate) fn is_applied(&self) -> bool {
        self.release["apply_method"] == "ssa"
    }

    pub(crate) fn set(&mut self, status: Status, description: Option<&str>) {
        self.release["info"]["status"] = Value::from(status.name());
        if let Some(description) = description {
            self.release["info"]["description"] = Value::from(description);
        }
    }
}

/// The name of the Secret of a revision.
pub(crate) fn secret_name(release: &str, revision: u32) -> String {
    format!("sh.helm.release.v1.{release}.v{revision}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_from_its_secret() -> Result<(), String> {
        let rendered = Rendered {
            name: "shop".to_owned(),
            namespace: "default".to_owned(),
            manifest: "---\n# Source: a\n".to_owned(),
            crds: String::new(),
            files: Vec::new(),
            hooks: json!([]),
            chart: json!({ "metadata": { "name": "shop", "version": "1.0.0" } }),
            config: json!({}),
            notes: String::new(),
            description: String::new(),
        };
        let id: ReleaseId = "rel_01arz3ndektsv4rrffq69g5fav"
            .parse()
            .map_err(|error: refloat_core::id::IdError| error.to_string())?;
        let now = Timestamp::from_second(1_700_000_000).map_err(|error| error.to_string())?;
        let record = Record::begin(&rendered, &id, 2, None, now);
        let secret = record.to_secret(None)?;
        assert_eq!(secret["metadata"]["name"], "sh.helm.release.v1.shop.v2");
        assert_eq!(secret["metadata"]["labels"]["status"], "pending-upgrade");
        assert_eq!(secret["metadata"]["labels"]["createdAt"], "1700000000");
        let read = Record::read(&secret)?;
        assert_eq!(read, record);
        assert_eq!(read.deployment(), Some(id.as_str()));
        assert_eq!(read.chart(), "shop-1.0.0");
        assert_eq!(read.began(), 1_700_000_000);
        Ok(())
    }

    #[test]
    fn damage_is_named() {
        let secret = json!({ "metadata": { "name": "s" }, "data": { "release": "!" } });
        let error = Record::read(&secret).err().unwrap_or_default();
        assert_eq!(error, "the release record s is no base64");
    }
}
