//! A chart out of its files (helm, pkg/chart/v2/loader/load.go).

pub mod archive;
pub mod ignore;
pub mod pattern;

use crate::chart::Chart;
use crate::metadata::{Metadata, read_lock, read_metadata};
use refloat_template::ParsedText;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The deepest nesting of charts in charts.
const DEPTH_MAX: usize = 32;

/// A file of a chart.
#[derive(Debug, Clone)]
pub struct ChartFile {
    /// Relative to the chart, with slashes.
    pub name: String,
    /// Its bytes, without a byte order mark.
    pub data: Arc<[u8]>,
    /// The template that it is, once that is parsed.
    pub(crate) parsed: Arc<ParsedText>,
}

impl PartialEq for ChartFile {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.data == other.data
    }
}

impl Eq for ChartFile {}

impl ChartFile {
    /// A file; a byte order mark at its beginning is dropped, as Helm drops it.
    pub fn new(name: impl Into<String>, data: impl AsRef<[u8]>) -> Self {
        let data = data.as_ref();
        let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
        Self {
            name: name.into(),
            data: data.into(),
            parsed: Arc::default(),
        }
    }

    /// The same content under another name.
    fn renamed(&self, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            data: Arc::clone(&self.data),
            parsed: Arc::clone(&self.parsed),
        }
    }

    /// Its bytes as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.data)
    }
}

/// Why files are no chart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChartError {
    /// There is no `Chart.yaml`.
    #[error("Chart.yaml file is missing")]
    NoChart,
    /// A chart of a form that is not known.
    #[error("unsupported chart version: apiVersion {0:?}; use v1 or v2")]
    ApiVersion(String),
    /// Its metadata is refused.
    #[error("validation: {0}")]
    Invalid(String),
    /// A file of it cannot be read.
    #[error("cannot load {file}: {reason}")]
    Yaml {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// `.helmignore`
    #[error(transparent)]
    Ignore(#[from] ignore::IgnoreError),
    /// The archive is refused.
    #[error("{0}")]
    Archive(String),
    /// A chart below `charts/`.
    #[error("error unpacking subchart {name} in {parent}: {source}")]
    Subchart {
        /// The folder or file below `charts/`.
        name: String,
        /// The chart it lies in.
        parent: String,
        /// What is wrong with it.
        source: Box<ChartError>,
    },
}

/// Loads the files of a folder by their paths relative to it; `.helmignore` applies.
///
/// # Errors
/// [`ChartError`].
pub fn load(files: BTreeMap<String, Vec<u8>>) -> Result<Chart, ChartError> {
    let rules = files.get(ignore::FILE_NAME);
    let rules = rules.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let rules = ignore::IgnoreRules::parse(&rules.unwrap_or_default())?;
    let limit = archive::FILE_MAX_BYTES;
    let mut list: Vec<ChartFile> = Vec::with_capacity(files.len());
    for (name, data) in files {
        if rules.leaves_out(&name) {
            continue;
        }
        if data.len() as u64 > limit {
            return Err(ChartError::Archive(format!(
                "`{name}` is larger than {limit} bytes; leave it out by .helmignore"
            )));
        }
        list.push(ChartFile::new(name, data));
    }
    // The order of a walk through folders, which is not the order of whole paths: `a/b` comes before `a-b`.
    list.sort_by(|a, b| a.name.split('/').cmp(b.name.split('/')));
    load_files(&list, 0)
}

/// Loads a packaged chart.
///
/// # Errors
/// [`ChartError`].
pub fn load_archive(bytes: &[u8]) -> Result<Chart, ChartError> {
    load_files(&archive::unpack(bytes)?, 0)
}

fn load_files(files: &[ChartFile], depth: usize) -> Result<Chart, ChartError> {
    if depth > DEPTH_MAX {
        return Err(ChartError::Archive(format!(
            "charts lie in charts more than {DEPTH_MAX} deep"
        )));
    }
    let metadata = read_chart_yaml(files)?;
    let mut chart = Chart::new(metadata);
    let mut below: BTreeMap<String, Vec<ChartFile>> = BTreeMap::new();
    for file in files {
        place(&mut chart, file, &mut below)?;
    }
    chart.metadata.validate()?;
    for (name, files) in below {
        if name.starts_with(['_', '.']) {
            continue;
        }
        let loaded = subchart(&name, &files, depth + 1).map_err(|source| ChartError::Subchart {
            name: name.clone(),
            parent: chart.metadata.name.clone(),
            source: Box::new(source),
        })?;
        chart.dependencies.push(loaded);
    }
    Ok(chart)
}

fn read_chart_yaml(files: &[ChartFile]) -> Result<Metadata, ChartError> {
    let file = files.iter().find(|file| file.name == "Chart.yaml");
    let file = file.ok_or(ChartError::NoChart)?;
    let mut metadata = Metadata::default();
    read_metadata(&mut metadata, "Chart.yaml", &file.text())?;
    if metadata.api_version.is_empty() {
        // Charts of Helm 2 did not say.
        "v1".clone_into(&mut metadata.api_version);
    }
    if !matches!(metadata.api_version.as_str(), "v1" | "v2") {
        return Err(ChartError::ApiVersion(metadata.api_version));
    }
    Ok(metadata)
}

/// Puts a file where it belongs.
fn place(
    chart: &mut Chart,
    file: &ChartFile,
    below: &mut BTreeMap<String, Vec<ChartFile>>,
) -> Result<(), ChartError> {
    let name = file.name.as_str();
    let old = chart.metadata.api_version == "v1";
    match name {
        "Chart.yaml" => {}
        "Chart.lock" => chart.lock = Some(read_lock(name, &file.text())?),
        "values.yaml" => chart.values_file = Some(Arc::clone(&file.data)),
        "values.schema.json" => chart.schema = Some(Arc::clone(&file.data)),
        "requirements.yaml" => {
            read_metadata(&mut chart.metadata, name, &file.text())?;
            if old {
                chart.files.push(file.clone());
            }
        }
        "requirements.lock" => {
            chart.lock = Some(read_lock(name, &file.text())?);
            if old {
                chart.files.push(file.clone());
            }
        }
        _ if name.starts_with("templates/") => chart.templates.push(file.clone()),
        _ => match name.strip_prefix("charts/") {
            Some(rest) if !has_extension(name, "prov") => {
                let first = rest.split('/').next().unwrap_or(rest);
                let inner = file.renamed(rest);
                below.entry(first.to_owned()).or_default().push(inner);
            }
            _ => chart.files.push(file.clone()),
        },
    }
    Ok(())
}

fn subchart(name: &str, files: &[ChartFile], depth: usize) -> Result<Chart, ChartError> {
    if has_extension(name, "tgz") {
        return match files {
            [file, ..] if file.name == name => load_files(&archive::unpack(&file.data)?, depth),
            _ => Err(ChartError::Archive(format!(
                "`{name}` is a folder that is named like an archive"
            ))),
        };
    }
    // Plain files in charts/ are no charts.
    let inner = files.iter().filter_map(|file| {
        let (_, rest) = file.name.split_once('/')?;
        Some(file.renamed(rest))
    });
    load_files(&inner.collect::<Vec<_>>(), depth)
}

/// Go's `filepath.Ext`: what follows the last dot of the last name.
pub(crate) fn has_extension(name: &str, extension: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    last.rsplit_once('.')
        .is_some_and(|(_, found)| found == extension)
}

#[cfg(test)]
mod tests;
