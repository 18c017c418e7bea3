//! `Chart.yaml` and locks as Helm writes them, and `.Chart` as templates see it.

use super::{Dependency, ImportValues, Lock, Maintainer, Metadata};
use refloat_template::{Map, MapKind, Value, yaml};
use std::collections::BTreeMap;

/// Fields of a Go struct with `omitempty`: name and value, nothing for empty ones.
struct Written(Map);

impl Written {
    fn new() -> Self {
        Self(Map::new())
    }

    fn text(self, key: &str, text: &str) -> Self {
        if !text.is_empty() {
            self.0.insert(key, Value::from(text));
        }
        self
    }

    fn always(self, key: &str, text: &str) -> Self {
        self.0.insert(key, Value::from(text));
        self
    }

    fn list(self, key: &str, items: Vec<Value>) -> Self {
        if !items.is_empty() {
            self.0.insert(key, Value::list(items));
        }
        self
    }

    fn done(self) -> Value {
        Value::Map(self.0)
    }
}

impl Metadata {
    /// As a value, with the keys of `Chart.yaml`.
    pub fn to_value(&self) -> Value {
        let written = Written::new()
            .text("name", &self.name)
            .text("home", &self.home)
            .list("sources", texts(&self.sources))
            .text("version", &self.version)
            .text("description", &self.description)
            .list("keywords", texts(&self.keywords))
            .list(
                "maintainers",
                self.maintainers.iter().map(Maintainer::to_value).collect(),
            )
            .text("icon", &self.icon)
            .text("apiVersion", &self.api_version)
            .text("condition", &self.condition)
            .text("tags", &self.tags)
            .text("appVersion", &self.app_version)
            .text("kubeVersion", &self.kube_version)
            .list(
                "dependencies",
                self.dependencies.iter().map(Dependency::to_value).collect(),
            )
            .text("type", &self.kind);
        if self.deprecated {
            written.0.insert("deprecated", Value::Bool(true));
        }
        if !self.annotations.is_empty() {
            written
                .0
                .insert("annotations", annotations(&self.annotations));
        }
        written.done()
    }

    /// As the text of a `Chart.yaml` in a packaged chart: keys sorted, comments lost.
    pub fn to_yaml(&self) -> String {
        yaml::write(&self.to_value())
    }

    /// `.Chart`: Go's names of the fields, all of them (helm, pkg/chart/common.go `structToMap`).
    pub(crate) fn to_template(&self, is_root: bool) -> Map {
        let text = |text: &str| Value::from(text);
        let maintainers = self.maintainers.iter().map(|person| {
            map([
                ("Name", text(&person.name)),
                ("Email", text(&person.email)),
                ("URL", text(&person.url)),
            ])
        });
        let fields = [
            ("Name", text(&self.name)),
            ("Home", text(&self.home)),
            ("Sources", Value::list(texts(&self.sources))),
            ("Version", text(&self.version)),
            ("Description", text(&self.description)),
            ("Keywords", Value::list(texts(&self.keywords))),
            ("Maintainers", Value::list(maintainers.collect())),
            ("Icon", text(&self.icon)),
            ("APIVersion", text(&self.api_version)),
            ("Condition", text(&self.condition)),
            ("Tags", text(&self.tags)),
            ("AppVersion", text(&self.app_version)),
            ("Deprecated", Value::Bool(self.deprecated)),
            ("Annotations", annotations(&self.annotations)),
            ("KubeVersion", text(&self.kube_version)),
            (
                "Dependencies",
                Value::list(
                    self.dependencies
                        .iter()
                        .map(Dependency::to_template)
                        .collect(),
                ),
            ),
            ("Type", text(&self.kind)),
            ("IsRoot", Value::Bool(is_root)),
        ];
        fields.into_iter().collect()
    }
}

impl Maintainer {
    fn to_value(&self) -> Value {
        Written::new()
            .text("name", &self.name)
            .text("email", &self.email)
            .text("url", &self.url)
            .done()
    }
}

impl Dependency {
    fn to_value(&self) -> Value {
        let written = Written::new()
            .always("name", &self.name)
            .text("version", &self.version)
            .always("repository", &self.repository)
            .text("condition", &self.condition)
            .list("tags", texts(&self.tags))
            .list(
                "import-values",
                self.import_values
                    .iter()
                    .map(ImportValues::to_value)
                    .collect(),
            )
            .text("alias", &self.alias);
        if self.enabled {
            written.0.insert("enabled", Value::Bool(true));
        }
        written.done()
    }

    fn to_template(&self) -> Value {
        map([
            ("Name", Value::from(self.name.as_str())),
            ("Version", Value::from(self.version.as_str())),
            ("Repository", Value::from(self.repository.as_str())),
            ("Condition", Value::from(self.condition.as_str())),
            ("Tags", Value::list(texts(&self.tags))),
            ("Enabled", Value::Bool(self.enabled)),
            (
                "ImportValues",
                Value::list(
                    self.import_values
                        .iter()
                        .map(ImportValues::to_value)
                        .collect(),
                ),
            ),
            ("Alias", Value::from(self.alias.as_str())),
        ])
    }
}

impl ImportValues {
    fn to_value(&self) -> Value {
        match self {
            Self::Export(name) => Value::from(name.as_str()),
            Self::Table { child, parent } => map([
                ("child", Value::from(child.as_str())),
                ("parent", Value::from(parent.as_str())),
            ]),
            Self::Other(other) => crate::values::from_json(other),
        }
    }
}

impl Lock {
    /// As the text of a `Chart.lock`.
    pub fn to_yaml(&self) -> String {
        let items = self.dependencies.iter().map(Dependency::to_value).collect();
        let written = Written::new()
            .always("generated", &self.generated)
            .always("digest", &self.digest);
        written.0.insert("dependencies", Value::list(items));
        yaml::write(&written.done())
    }
}

fn texts(list: &[String]) -> Vec<Value> {
    list.iter().map(|text| Value::from(text.as_str())).collect()
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().collect())
}

fn annotations(annotations: &BTreeMap<String, String>) -> Value {
    let entries = annotations.iter();
    let entries = entries.map(|(key, text)| (key.as_str().into(), Value::from(text.as_str())));
    Value::Map(Map::of(MapKind::Strings, entries.collect()))
}
