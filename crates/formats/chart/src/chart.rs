//! A loaded chart: what it says, what it holds, the charts below it.

use crate::load::{ChartError, ChartFile};
use crate::metadata::{Lock, Metadata};
use crate::values;
use jsonschema::Validator;
use refloat_template::{Frozen, Map, Value};
use std::sync::{Arc, OnceLock};

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
    /// What was read out of its files so far.
    pub(crate) memory: Arc<Memory>,
}

/// What is read out of a chart's files once for all its renderings, each with the bytes it was read from.
#[derive(Default)]
pub(crate) struct Memory {
    values: OnceLock<(Arc<[u8]>, Frozen)>,
    pub(crate) validator: OnceLock<(Arc<[u8]>, Validator)>,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Memory")
    }
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
            memory: Arc::default(),
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
        let Some(file) = &self.values_file else {
            return Ok(Map::new());
        };
        if let Some((bytes, known)) = self.memory.values.get()
            && Arc::ptr_eq(bytes, file)
            && let Value::Map(values) = known.thaw()
        {
            return Ok(values);
        }
        let read = values::read(&String::from_utf8_lossy(file));
        let values = read.map_err(|reason| ChartError::Yaml {
            file: "values.yaml".to_owned(),
            reason,
        })?;
        if let Some(frozen) = Frozen::of(&Value::Map(values.clone())) {
            // Whoever was faster read the same.
            let _ = self.memory.values.set((Arc::clone(file), frozen));
        }
        Ok(values)
    }

    /// Files below `crds/` of this chart and of those below it, which no template language touches.
    pub fn crds(&self) -> Vec<CrdFile> {
        let mut found = Vec::new();
        self.crds_into(self.name(), &mut found);
        found
    }

    fn crds_into(&self, path: &str, found: &mut Vec<CrdFile>) {
        self.own_crds(path, found);
        for chart in &self.dependencies {
            chart.crds_into(&format!("{path}/charts/{}", chart.name()), found);
        }
    }

    /// Those of this chart alone, which lies at `path`.
    pub(crate) fn own_crds(&self, path: &str, found: &mut Vec<CrdFile>) {
        let is_manifest = |file: &&ChartFile| {
            let name = file.name.to_ascii_lowercase();
            let known = [".yaml", ".yml", ".json"];
            file.name.starts_with("crds/") && known.iter().any(|end| name.ends_with(end))
        };
        found.extend(self.files.iter().filter(is_manifest).map(|file| CrdFile {
            path: format!("{path}/{}", file.name),
            file: file.clone(),
        }));
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
