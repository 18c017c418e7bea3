//! The environments of a chart: those of a Release document, or those whose files lie beside its values.

use super::{secrets, source};
use crate::Local;
use crate::arguments::EnvironmentArguments;
use crate::error::{CliError, EXIT_NOT_FOUND};
use crate::settings::Settings;
use refloat_chart::Chart;
use refloat_sops::PlainText;
use refloat_values::{Layer, Located, Shape};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where a Release document is looked for.
const DOCUMENTS: [&str; 2] = ["refloat.yaml", "release.yaml"];
/// The most environments of a chart.
const ENVIRONMENTS_MAX: usize = 200;

/// A chart and its environments.
pub(super) struct Ground {
    pub(super) chart: Chart,
    /// Its folder, if it is one.
    folder: Option<PathBuf>,
    /// The name of the release.
    pub(super) release: String,
    /// Files that lie below those of every environment.
    pub(super) shared: Vec<ValuesFile>,
    /// In the order of the document, or by name.
    pub(super) environments: Vec<Named>,
}

/// An environment.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) namespace: String,
    /// From the lowest to the highest.
    pub(super) files: Vec<ValuesFile>,
}

/// A file of values.
pub(super) struct ValuesFile {
    /// As errors name it.
    pub(super) name: String,
    text: String,
    plain: Option<PlainText>,
}

impl ValuesFile {
    /// Its name and values, for a rendering.
    pub(super) fn given(&self) -> (String, String) {
        let text = self
            .plain
            .as_ref()
            .map_or(self.text.as_str(), PlainText::expose);
        (self.name.clone(), text.to_owned())
    }

    /// Its keys and lines.
    pub(super) fn layer(&self) -> Result<Layer, CliError> {
        let layer = Layer::read(&self.name, &self.text).map_err(|error| wrong(&error))?;
        Ok(if self.plain.is_some() {
            layer.secret()
        } else {
            layer
        })
    }

    /// Takes a text, and opens it if it is encrypted.
    pub(super) fn new(name: String, text: String) -> Result<Self, CliError> {
        let plain = secrets::opened(&name, &text)?;
        Ok(Self { name, text, plain })
    }
}

impl Ground {
    /// Loads a chart and reads the files of all its environments.
    pub(super) fn load(
        chart: &str,
        arguments: &EnvironmentArguments,
        settings: &Settings,
        local: &Local,
    ) -> Result<Self, CliError> {
        let wish = source::Wish::default();
        let loaded = source::chart(chart, &wish, settings, local)?;
        let folder = Some(PathBuf::from(chart)).filter(|path| path.is_dir());
        let mut ground = Self {
            release: loaded.name().to_owned(),
            chart: loaded,
            folder,
            shared: Vec::new(),
            environments: Vec::new(),
        };
        match ground.document(arguments)? {
            Some(document) => ground.by_document(&document)?,
            None => ground.by_names()?,
        }
        Ok(ground)
    }

    /// The defaults of the charts below and of the chart, from the lowest to the highest.
    pub(super) fn defaults(&self) -> Result<Vec<Layer>, CliError> {
        let mut layers = Vec::new();
        self.defaults_of(&self.chart, "", &[], &mut layers)?;
        Ok(layers)
    }

    fn defaults_of(
        &self,
        chart: &Chart,
        path: &str,
        keys: &[String],
        layers: &mut Vec<Layer>,
    ) -> Result<(), CliError> {
        for below in &chart.dependencies {
            let wanted = chart.metadata.dependencies.iter();
            let mut names: Vec<&str> = wanted
                .filter(|wanted| wanted.name == below.name())
                .map(|wanted| match wanted.alias.as_str() {
                    "" => wanted.name.as_str(),
                    alias => alias,
                })
                .collect();
            if names.is_empty() {
                names.push(below.name());
            }
            for name in names {
                let mut keys = keys.to_vec();
                keys.push(name.to_owned());
                let path = format!("{path}charts/{}/", below.name());
                self.defaults_of(below, &path, &keys, layers)?;
            }
        }
        let Some(bytes) = &chart.values_file else {
            return Ok(());
        };
        let name = self.shown(&format!("{path}values.yaml"));
        let layer = Layer::read(&name, &String::from_utf8_lossy(bytes));
        let layer = layer.map_err(|error| wrong(&error))?;
        layers.push(keys.iter().rev().fold(layer, |layer, key| layer.below(key)));
        Ok(())
    }

    /// The environment of a name.
    pub(super) fn named(&self, name: &str) -> Result<&Named, CliError> {
        let found = self.environments.iter().find(|known| known.name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self
                .environments
                .iter()
                .map(|known| known.name.as_str())
                .collect();
            let advice = if names.is_empty() {
                "write a Release document, or values-NAME.yaml beside values.yaml".to_owned()
            } else {
                format!("there are {}", names.join(", "))
            };
            CliError::failed(
                "not_found",
                format!("there is no environment `{name}`"),
                advice,
            )
            .exiting(EXIT_NOT_FOUND)
        })
    }

    /// The Release document of this chart.
    fn document(&self, arguments: &EnvironmentArguments) -> Result<Option<Located>, CliError> {
        if let Some(path) = &arguments.release {
            let text = text(path)?;
            let found = releases(path, &text)?.into_iter().next();
            let none = || {
                let message = format!("{} holds no Release", path.display());
                CliError::failed(
                    "documents",
                    message,
                    "name the file with the Release document",
                )
            };
            return found.ok_or_else(none).map(Some);
        }
        let Some(folder) = &self.folder else {
            return Ok(None);
        };
        for place in [folder.as_path(), Path::new("."), &folder.join("..")] {
            for name in DOCUMENTS {
                let path = place.join(name);
                if path.is_file() {
                    let text = text(&path)?;
                    if let Some(found) = releases(&path, &text)?.into_iter().next() {
                        return Ok(Some(found));
                    }
                }
            }
        }
        Ok(None)
    }

    fn by_document(&mut self, document: &Located) -> Result<(), CliError> {
        let word = |node: Option<&Located>| {
            node.map(Located::to_json)
                .and_then(|json| json.as_str().map(str::to_owned))
        };
        if let Some(name) = word(document.get("name")) {
            self.release = name;
        }
        for name in words(document.get("values")) {
            self.shared.push(self.file(&name)?);
        }
        let Some(Shape::List(items)) = document.get("environments").map(|node| &node.shape) else {
            return Ok(());
        };
        for item in items.iter().take(ENVIRONMENTS_MAX) {
            let name = word(item.get("name")).unwrap_or_default();
            let target = item
                .get("target")
                .and_then(|target| target.get("kubernetes"));
            let namespace = target.and_then(|target| word(target.get("namespace")));
            let mut files = Vec::new();
            let all = words(item.get("values"))
                .into_iter()
                .chain(words(item.get("secrets")));
            for file in all {
                files.push(self.file(&file)?);
            }
            self.environments.push(Named {
                name,
                namespace: namespace.unwrap_or_else(|| "default".to_owned()),
                files,
            });
        }
        Ok(())
    }

    /// `values-NAME.yaml` and its like in the chart's folder.
    fn by_names(&mut self) -> Result<(), CliError> {
        let mut found = BTreeMap::<String, Vec<String>>::new();
        let names = match &self.folder {
            Some(folder) => listed(folder),
            None => self
                .chart
                .files
                .iter()
                .map(|file| file.name.clone())
                .collect(),
        };
        for file in names {
            if let Some(name) = environment_of(&file) {
                found.entry(name).or_default().push(file);
            }
        }
        for (name, mut names) in found.into_iter().take(ENVIRONMENTS_MAX) {
            // Secrets lie over values.
            names.sort_by_key(|name| (name.contains("secrets"), name.clone()));
            let files: Result<Vec<_>, _> = names.iter().map(|name| self.file(name)).collect();
            self.environments.push(Named {
                name,
                namespace: "default".to_owned(),
                files: files?,
            });
        }
        Ok(())
    }

    /// Takes a file as an environment of its own, named after it.
    pub(super) fn add(&mut self, file: &str, text: String) -> Result<(), CliError> {
        let name = Path::new(file).file_name().unwrap_or_default();
        let name = name.to_string_lossy();
        let stem = name.rsplit_once('.').map_or(&*name, |(stem, _)| stem);
        self.environments.push(Named {
            name: environment_of(&name).unwrap_or_else(|| stem.to_owned()),
            namespace: "default".to_owned(),
            files: vec![ValuesFile::new(file.to_owned(), text)?],
        });
        Ok(())
    }

    /// A file of the chart.
    fn file(&self, name: &str) -> Result<ValuesFile, CliError> {
        let text = if let Some(folder) = &self.folder {
            text(&folder.join(name))?
        } else {
            let file = self.chart.files.iter().find(|file| file.name == name);
            let missing = || {
                let message = format!("the chart has no file `{name}`");
                CliError::failed("not_found", message, "name a file of the chart")
                    .exiting(EXIT_NOT_FOUND)
            };
            file.ok_or_else(missing)?.text().into_owned()
        };
        ValuesFile::new(self.shown(name), text)
    }

    /// A file of the chart, as a person finds it.
    pub(super) fn shown(&self, name: &str) -> String {
        match &self.folder {
            Some(folder) if folder != Path::new(".") => folder.join(name).display().to_string(),
            _ => name.to_owned(),
        }
    }
}

/// Files of a folder, and of the folders that may hold environments.
fn listed(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for inner in ["", "environments", "values", "env"] {
        let Ok(entries) = fs::read_dir(folder.join(inner)) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_file = entry.path().is_file();
            match (inner, is_file) {
                ("", true) => names.push(name),
                ("", false) => {}
                (inner, true) => names.push(format!("{inner}/{name}")),
                (inner, false) => {
                    let files = ["values.yaml", "secrets.yaml"];
                    let files = files.map(|file| format!("{inner}/{name}/{file}"));
                    names.extend(files.into_iter().filter(|file| folder.join(file).is_file()));
                }
            }
        }
    }
    names.sort();
    names
}

/// `values-production.yaml`, `secrets.production.yaml`, `environments/production.yaml`, `env/production/values.yaml`.
fn environment_of(file: &str) -> Option<String> {
    let stem = file
        .strip_suffix(".yaml")
        .or_else(|| file.strip_suffix(".yml"))?;
    let mut parts: Vec<&str> = stem.split('/').collect();
    let last = parts.pop()?;
    let name = match (parts.as_slice(), last) {
        ([_, name], "values" | "secrets") => name,
        ([_], name) if !["values", "secrets"].contains(&name) => name,
        ([], name) => {
            let rest = name
                .strip_prefix("values")
                .or_else(|| name.strip_prefix("secrets"))?;
            rest.strip_prefix(['-', '.', '_'])?
        }
        _ => return None,
    };
    (!name.is_empty() && name != "schema").then(|| name.to_owned())
}

/// The Release documents of a file.
fn releases(path: &Path, text: &str) -> Result<Vec<Located>, CliError> {
    let mut found = Vec::new();
    for document in text.split("\n---") {
        let document = document.trim_start_matches("---");
        let layer = Layer::read(&path.display().to_string(), document);
        let layer = layer.map_err(|error| wrong(&error))?;
        let is = |key: &str, value: &str| {
            layer
                .root
                .get(key)
                .is_some_and(|node| node.to_json() == value)
        };
        if is("apiVersion", "refloat/v1") && is("kind", "Release") {
            found.push(layer.root);
        }
    }
    Ok(found)
}

fn words(node: Option<&Located>) -> Vec<String> {
    let items = match node.map(Located::to_json) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    items
        .iter()
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

fn text(path: &Path) -> Result<String, CliError> {
    let bytes = source::read(path)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn wrong(message: &str) -> CliError {
    CliError::failed("values", message, "correct the file that is named")
}
