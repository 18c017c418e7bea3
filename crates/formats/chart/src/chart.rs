//! A loaded chart: what it says, what it holds, the charts below it.

use crate::load::{ChartError, ChartFile};
use crate::metadata::{Lock, Metadata};
use crate::values;
use refloat_template::Map;
use std::sync::Arc;

/// A chart as it was loaded. Content is shared: cloning is cheap. It can be sent between threads; values are parsed by
/// whoever computes with them.
#[derive(Debug, Clone)]
pub struct Chart {
    /// What `Chart.yaml` says.
    pub metadata: Metadata,
    /// What `Chart.lock` says.
    pub lock: Option<Lock>,
    /// `values.yaml`, as it is.
    pub values_file: Option<Arc<[u8]>>,
    /// `values.schema.json`, as it is.
    pub schema: Option<Arc<[u8]>>,
    /// Files below `templates/`.
    pub templates: Vec<ChartFile>,
    /// All other files.
    pub files: Vec<ChartFile>,
    /// Charts below `charts/`.
    pub dependencies: Vec<Chart>,
}

/// A file below `crds/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrdFile {
    /// `CHART/crds/NAME`, with the charts it lies in.
    pub path: String,
    /// The file.
    pub file: ChartFile,
}

impl Chart {
    pub(crate) fn new(metadata: Metadata) -> Self {
        Self {
            metadata,
            lock: None,
            values_file: None,
            schema: None,
            templates: Vec::new(),
            files: Vec::new(),
            dependencies: Vec::new(),
        }
    }

    /// The name of its metadata.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Its default values.
    ///
    /// # Errors
    /// [`ChartError::Yaml`] if `values.yaml` cannot be read.
    pub fn values(&self) -> Result<Map, ChartError> {
        let bytes = self.values_file.as_deref().unwrap_or_default();
        values::read(&String::from_utf8_lossy(bytes)).map_err(|reason| ChartError::Yaml {
            file: "values.yaml".to_owned(),
            reason,
        })
    }

    /// Files below `crds/` of this chart and of those below it, which no template language touches.
    pub fn crds(&self) -> Vec<CrdFile> {
        let mut found = Vec::new();
        self.crds_into(self.name(), &mut found);
        found
    }

    fn crds_into(&self, path: &str, found: &mut Vec<CrdFile>) {
        let is_manifest = |file: &&ChartFile| {
            let name = file.name.to_ascii_lowercase();
            let known = [".yaml", ".yml", ".json"];
            file.name.starts_with("crds/") && known.iter().any(|end| name.ends_with(end))
        };
        found.extend(self.files.iter().filter(is_manifest).map(|file| CrdFile {
            path: format!("{path}/{}", file.name),
            file: file.clone(),
        }));
        for chart in &self.dependencies {
            chart.crds_into(&format!("{path}/charts/{}", chart.name()), found);
        }
    }

    /// Dependencies that `Chart.yaml` names and `charts/` does not hold (helm, `action.CheckDependencies`).
    pub fn missing_dependencies(&self) -> Vec<&str> {
        let there = |name: &str| self.dependencies.iter().any(|chart| chart.name() == name);
        let wanted = self
            .metadata
            .dependencies
            .iter()
            .map(|wanted| wanted.name.as_str());
        wanted.filter(|name| !there(name)).collect()
    }
}
