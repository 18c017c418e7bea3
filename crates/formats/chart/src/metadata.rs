//! What `Chart.yaml` says (helm, pkg/chart/v2/metadata.go and dependency.go).

mod read;
mod write;

pub use read::{read_lock, read_metadata};

use crate::load::ChartError;
use crate::version;

/// The content of `Chart.yaml`. Empty texts and lists mean that nothing was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The chart's name.
    pub name: String,
    /// The project's page.
    pub home: String,
    /// Where its sources are.
    pub sources: Vec<String>,
    /// A version, semantic in Helm's lenient sense.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// Words to find it by.
    pub keywords: Vec<String>,
    /// Who keeps it.
    pub maintainers: Vec<Maintainer>,
    /// The address of a picture.
    pub icon: String,
    /// `v1` or `v2`.
    pub api_version: String,
    /// A condition of old charts.
    pub condition: String,
    /// Tags of old charts.
    pub tags: String,
    /// The version of what it installs.
    pub app_version: String,
    /// No longer kept.
    pub deprecated: bool,
    /// Anything else.
    pub annotations: std::collections::BTreeMap<String, String>,
    /// The range of Kubernetes versions it works with.
    pub kube_version: String,
    /// Charts it stands on.
    pub dependencies: Vec<Dependency>,
    /// `application` or `library`; empty means the first.
    pub kind: String,
}

/// A person or a team.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maintainer {
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Their page.
    pub url: String,
}

/// A chart that another one stands on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dependency {
    /// Its name; after processing the name it is used under.
    pub name: String,
    /// A version or a range.
    pub version: String,
    /// Where it comes from.
    pub repository: String,
    /// Paths into the values, the first that is there decides.
    pub condition: String,
    /// Tags that switch it.
    pub tags: Vec<String>,
    /// Whether it is used; decided while processing.
    pub enabled: bool,
    /// Values taken over from it.
    pub import_values: Vec<ImportValues>,
    /// Another name to use it under.
    pub alias: String,
}

/// Values that a parent takes over from a dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportValues {
    /// The table `exports.NAME`, into the top of the parent.
    Export(String),
    /// A table of the dependency into a table of the parent.
    Table {
        /// In the dependency.
        child: String,
        /// In the parent; `.` is the top.
        parent: String,
    },
    /// What helm passes over, or a table with more in it: it counts for the digest of the lock.
    Other(serde_json::Value),
}

impl ImportValues {
    /// What is taken and where it goes, as `child` and `parent` of a table; `None` for what helm passes over.
    pub fn table(&self) -> Option<(String, String)> {
        match self {
            Self::Export(name) => Some((format!("exports.{name}"), ".".to_owned())),
            Self::Table { child, parent } => Some((child.clone(), parent.clone())),
            Self::Other(other) => {
                let part = |key| match other.get(key) {
                    None | Some(serde_json::Value::Null) => "<nil>".to_owned(),
                    Some(serde_json::Value::String(text)) => text.clone(),
                    Some(value) => value.to_string(),
                };
                other.is_object().then(|| (part("child"), part("parent")))
            }
        }
    }
}

/// What `Chart.lock` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// RFC 3339, as written.
    pub generated: String,
    /// Of the dependencies requested and locked.
    pub digest: String,
    /// The versions that were chosen.
    pub dependencies: Vec<Dependency>,
}

impl Metadata {
    /// Whether it has only definitions for others.
    pub fn is_library(&self) -> bool {
        self.kind.eq_ignore_ascii_case("library")
    }

    /// Cleans texts of what cannot be printed, and refuses what Helm refuses, in its words.
    ///
    /// # Errors
    /// [`ChartError::Invalid`].
    pub fn validate(&mut self) -> Result<(), ChartError> {
        self.clean();
        if self.api_version.is_empty() {
            return Err(invalid("chart.metadata.apiVersion is required"));
        }
        if self.name.is_empty() {
            return Err(invalid("chart.metadata.name is required"));
        }
        if self.name == "." || self.name == ".." {
            return Err(invalid(&format!(
                "chart.metadata.name {:?} is not allowed",
                self.name
            )));
        }
        if self.name.contains('/') {
            return Err(invalid(&format!(
                "chart.metadata.name {:?} is invalid",
                self.name
            )));
        }
        if self.version.is_empty() {
            return Err(invalid("chart.metadata.version is required"));
        }
        if !version::is_lenient(&self.version) {
            return Err(invalid(&format!(
                "chart.metadata.version {:?} is invalid",
                self.version
            )));
        }
        if !matches!(self.kind.as_str(), "" | "application" | "library") {
            return Err(invalid(
                "chart.metadata.type must be application or library",
            ));
        }
        self.validate_dependencies()
    }

    fn clean(&mut self) {
        let texts = [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ];
        let lists = self.sources.iter_mut().chain(&mut self.keywords);
        let people = self
            .maintainers
            .iter_mut()
            .flat_map(|person| [&mut person.name, &mut person.email, &mut person.url]);
        for text in texts.into_iter().chain(lists).chain(people) {
            *text = printable(text);
        }
    }

    fn validate_dependencies(&mut self) -> Result<(), ChartError> {
        let mut names = std::collections::BTreeSet::new();
        for dependency in &mut self.dependencies {
            let tags = dependency.tags.iter_mut();
            let texts = [
                &mut dependency.name,
                &mut dependency.version,
                &mut dependency.repository,
                &mut dependency.condition,
            ];
            for text in texts.into_iter().chain(tags) {
                *text = printable(text);
            }
            let allowed = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
            if !dependency.alias.chars().all(allowed) {
                return Err(invalid(&format!(
                    "dependency {:?} has disallowed characters in the alias",
                    dependency.name
                )));
            }
            let name = dependency.used_name().to_owned();
            if !names.insert(name.clone()) {
                return Err(invalid(&format!(
                    "more than one dependency with name or alias {name:?}"
                )));
            }
        }
        Ok(())
    }
}

impl Dependency {
    /// The alias, or the name.
    pub fn used_name(&self) -> &str {
        if self.alias.is_empty() {
            &self.name
        } else {
            &self.alias
        }
    }
}

fn invalid(reason: &str) -> ChartError {
    ChartError::Invalid(reason.to_owned())
}

/// White space becomes a space, what cannot be printed goes.
fn printable(text: &str) -> String {
    let letter = |letter: char| match letter {
        space if space.is_whitespace() => Some(' '),
        control if control.is_control() => None,
        other => Some(other),
    };
    text.chars().filter_map(letter).collect()
}
