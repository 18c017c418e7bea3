//! `kind: Release`: a chart, the lines of its images, and the environments it goes to in order.

mod environments;

use crate::error::DocumentError;
use crate::fields::{Fields, LIST_MAX, Located};
use crate::node::{Node, NodeValue};
use crate::task::TaskImage;
use refloat_oci::{RegistryHost, RepositoryName};
use serde_json::{Value, json};

/// The most environments of a release.
pub const ENVIRONMENTS_MAX: usize = 20;
/// The longest name: helm's bound, so that names of objects made from it fit.
pub const NAME_MAX_BYTES: usize = 53;

/// Keys of the kind that are not built.
const UNBUILT: [&str; 2] = ["together", "rollback"];
/// What a line's rule begins with.
const RULES: [&str; 4] = ["tag:", "semver:", "glob:", "runs:"];

/// A chart and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseDocument {
    /// Its name, which is also the release's in every environment.
    pub name: String,
    /// Where the chart comes from and where changes of it go.
    pub source: ReleaseSource,
    /// The images, by their place in the chart's values.
    pub images: Vec<ReleaseImage>,
    /// Files of values in the chart, lowest first; the chart's own `values.yaml` needs no mention.
    pub values: Vec<String>,
    /// In the order of the document.
    pub environments: Vec<Environment>,
    /// What makes a change.
    pub update: Update,
    /// Whether the chart's tests run after each release. Only `false` is built.
    pub tests: bool,
}

/// Where the chart is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseSource {
    /// A folder of a git repository; changes are commits.
    Git {
        /// A URL or path.
        url: String,
        /// The branch.
        branch: String,
        /// The folder of the chart.
        path: String,
        /// The credential's name.
        credential: Option<String>,
    },
    /// A chart of this registry; changes are new versions in `publish`.
    Chart {
        /// Its repository.
        repository: RepositoryName,
        /// Its tag, which is its version.
        tag: String,
        /// Where new versions go.
        publish: RepositoryName,
    },
}

/// An image of the chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseImage {
    /// The path in the values, for example `web.image`.
    pub path: String,
    /// The foreign registry that holds the image, watched by an `Upstream`; `None` is this one.
    pub registry: Option<RegistryHost>,
    /// Where the image is.
    pub repository: RepositoryName,
    /// The line's rule; `None` is the repository's default line. In a foreign registry always `tag:T`.
    pub rule: Option<String>,
}

/// A place where the release runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Files of values on top of the release's.
    pub values: Vec<String>,
    /// Files of values in the chart that sops encrypted with age, on top of all others.
    pub secrets: Vec<String>,
    /// Where.
    pub target: EnvironmentTarget,
    /// The environment that must run a change first.
    pub after: Option<String>,
    /// For how long it must have run there, in seconds.
    pub soak_seconds: u64,
}

/// Where an environment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvironmentTarget {
    /// A folder of rendered manifests on the server's machine.
    Folder {
        /// Its path.
        path: String,
    },
    /// A namespace of a cluster.
    Kubernetes {
        /// The credential with the kubeconfig.
        credential: String,
        /// The kubeconfig's context; `None` is its current one.
        context: Option<String>,
        /// The namespace.
        namespace: String,
    },
}

/// What makes a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update {
    /// A line of its images that moved.
    pub image: bool,
    /// A chart that moved.
    pub chart: bool,
}

impl ReleaseDocument {
    /// Reads the keys of the kind.
    ///
    /// # Errors
    /// [`DocumentError`] with the line.
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, DocumentError> {
        fields.refuse_unbuilt(&UNBUILT)?;
        let name = fields.required_text("name")?;
        if !is_release_name(&name.value) {
            return Err(DocumentError::invalid(
                name.line,
                "`name` of Release is no name of a release",
                format!(
                    "write small letters, digits and `-`, at most {NAME_MAX_BYTES}, a letter or digit at both ends"
                ),
            ));
        }
        let source = source(fields)?;
        let images = images(fields)?;
        let values = paths(fields, "values")?;
        let environments = environments::read(fields)?;
        let update = update(fields)?;
        if let Some(node) = fields.take("tests") {
            match node.value {
                NodeValue::Bool(false) => {}
                NodeValue::Bool(true) => {
                    return Err(DocumentError::unsupported(
                        node.line,
                        "tests: true of Release",
                    ));
                }
                _ => {
                    return Err(DocumentError::invalid(
                        node.line,
                        "`tests` of Release must be true or false",
                        "write one of them without quotes",
                    ));
                }
            }
        }
        Ok(Self {
            name: name.value,
            source,
            images,
            values,
            environments,
            update,
            tests: false,
        })
    }

    /// The document as it is kept.
    pub(crate) fn to_json(&self) -> Value {
        let mut json = json!({ "name": self.name });
        match &self.source {
            ReleaseSource::Git {
                url,
                branch,
                path,
                credential,
            } => {
                json["source"] =
                    json!({ "git": url, "branch": branch, "path": path, "write": "commit" });
                if let Some(credential) = credential {
                    json["source"]["credential"] = Value::from(credential.as_str());
                }
            }
            ReleaseSource::Chart {
                repository,
                tag,
                publish,
            } => {
                json["chart"] = Value::from(format!("{repository}:{tag}"));
                json["publish"] = Value::from(publish.to_string());
            }
        }
        json["images"] = Value::Object(self.images.iter().map(image_json).collect());
        json["values"] = Value::from(self.values.clone());
        json["environments"] = self
            .environments
            .iter()
            .map(environments::to_json)
            .collect();
        let all = [("image", self.update.image), ("chart", self.update.chart)];
        json["update"] = all
            .into_iter()
            .filter_map(|(word, is_on)| is_on.then_some(word))
            .collect();
        json
    }
}

/// The repository with its registry, if that is a foreign one.
fn place(image: &ReleaseImage) -> String {
    match &image.registry {
        Some(registry) => format!("{registry}/{}", image.repository),
        None => image.repository.to_string(),
    }
}

fn image_json(image: &ReleaseImage) -> (String, Value) {
    let mut json = json!({ "repository": place(image) });
    if let Some(rule) = &image.rule {
        json["tags"] = Value::from(rule.as_str());
    }
    (image.path.clone(), json)
}

fn source(fields: &mut Fields) -> Result<ReleaseSource, DocumentError> {
    let (git, chart) = (fields.take("source"), fields.text("chart")?);
    let publish = fields.parsed::<RepositoryName>("publish")?;
    match (git, chart, publish) {
        (Some(node), None, None) => git_source(node),
        (None, Some(chart), Some(publish)) => {
            let reference = chart.value.rsplit_once(':');
            let repository = reference.and_then(|(name, _)| name.parse().ok());
            let tag = reference.map(|(_, tag)| tag.to_owned());
            let is_tag = |tag: &String| tag.parse::<refloat_oci::TagName>().is_ok();
            let (Some(repository), Some(tag)) = (repository, tag.filter(is_tag)) else {
                return Err(DocumentError::invalid(
                    chart.line,
                    "`chart` of Release names no chart of this registry",
                    "write REPOSITORY:VERSION",
                ));
            };
            Ok(ReleaseSource::Chart {
                repository,
                tag,
                publish: publish.value,
            })
        }
        (None, Some(_), None) => Err(fields.missing("publish")),
        (None, None, _) => Err(DocumentError::invalid(
            fields.line(),
            "Release has neither `source` nor `chart`",
            "add source: { git, path }, or chart: REPOSITORY:VERSION with publish: REPOSITORY",
        )),
        (Some(node), ..) => Err(DocumentError::invalid(
            node.line,
            "Release has both `source` and `chart` or `publish`",
            "keep source, or chart with publish",
        )),
    }
}

fn git_source(node: Node) -> Result<ReleaseSource, DocumentError> {
    let mut fields = Fields::of(node, "source of Release")?;
    let url = fields.required_text("git")?;
    let path = fields.required_text("path")?;
    if !is_inner_path(&path.value) && path.value != "." {
        return Err(bad_path(&path));
    }
    let branch = fields.text("branch")?;
    let credential = fields.text("credential")?;
    if let Some(write) = fields.text("write")? {
        match write.value.as_str() {
            "commit" => {}
            "pull-request" => {
                return Err(DocumentError::unsupported(
                    write.line,
                    "write: pull-request of Release",
                ));
            }
            _ => {
                return Err(DocumentError::invalid(
                    write.line,
                    "`write` of source of Release is not known",
                    "write commit",
                ));
            }
        }
    }
    fields.finish()?;
    Ok(ReleaseSource::Git {
        url: url.value,
        branch: branch.map_or_else(|| "main".to_owned(), |branch| branch.value),
        path: path.value,
        credential: credential.map(|credential| credential.value),
    })
}

fn images(fields: &mut Fields) -> Result<Vec<ReleaseImage>, DocumentError> {
    let Some(node) = fields.take("images") else {
        return Ok(Vec::new());
    };
    let line = node.line;
    let NodeValue::Map(entries) = node.value else {
        return Err(DocumentError::invalid(
            line,
            "`images` of Release must be a map",
            "write PATH.IN.VALUES: { repository: REPOSITORY, tags: \"semver:*\" }",
        ));
    };
    if entries.len() > LIST_MAX {
        let message = format!("`images` of Release has more than {LIST_MAX} entries");
        return Err(DocumentError::invalid(
            line,
            message,
            "use several releases",
        ));
    }
    entries.into_iter().map(image).collect()
}

fn image((path, line, node): (String, u64, Node)) -> Result<ReleaseImage, DocumentError> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'\\{}".contains(&byte);
    if path.is_empty() || path.len() > 200 || !path.bytes().all(plain) {
        return Err(DocumentError::invalid(
            line,
            "a key of `images` is no path in values",
            "write it with dots, for example web.image",
        ));
    }
    let mut fields = Fields::of(node, format!("images.{path} of Release"))?;
    let place = fields.parsed::<TaskImage>("repository")?;
    let place = place.ok_or_else(|| fields.missing("repository"))?;
    let rule = fields.text("tags")?;
    if let Some(rule) = &rule {
        let known = RULES
            .iter()
            .any(|prefix| rule.value.len() > prefix.len() && rule.value.starts_with(prefix));
        if !known {
            return Err(DocumentError::invalid(
                rule.line,
                "`tags` names no rule of a line",
                "write semver:RANGE, tag:TAG, glob:PATTERN or runs:TASK",
            ));
        }
    }
    fields.finish()?;
    let is_tag = |rule: &Located<String>| rule.value.starts_with("tag:");
    if place.value.registry.is_some() && !rule.as_ref().is_some_and(is_tag) {
        return Err(DocumentError::invalid(
            place.line,
            "an image of a foreign registry needs `tags: \"tag:TAG\"`",
            "each of its tags that an Upstream watches is a line",
        ));
    }
    Ok(ReleaseImage {
        path,
        registry: place.value.registry,
        repository: place.value.repository,
        rule: rule.map(|rule| rule.value),
    })
}

fn update(fields: &mut Fields) -> Result<Update, DocumentError> {
    let words = fields.texts("update")?;
    if words.is_empty() {
        return Ok(Update {
            image: true,
            chart: true,
        });
    }
    let mut update = Update {
        image: false,
        chart: false,
    };
    for word in words {
        match word.value.as_str() {
            "image" => update.image = true,
            "chart" => update.chart = true,
            _ => {
                return Err(DocumentError::invalid(
                    word.line,
                    "`update` of Release has an unknown word",
                    "write [image, chart] or one of them",
                ));
            }
        }
    }
    Ok(update)
}

/// Paths inside the chart.
fn paths(fields: &mut Fields, key: &'static str) -> Result<Vec<String>, DocumentError> {
    let paths = fields.texts(key)?;
    if let Some(bad) = paths.iter().find(|path| !is_inner_path(&path.value)) {
        return Err(bad_path(bad));
    }
    Ok(paths.into_iter().map(|path| path.value).collect())
}

fn bad_path(path: &Located<String>) -> DocumentError {
    let shown: String = path.value.chars().take(80).collect();
    DocumentError::invalid(
        path.line,
        format!("`{shown}` is no path inside"),
        "write it relative, with `/`, without `..`",
    )
}

fn is_inner_path(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    !path.is_empty()
        && path.len() <= 400
        && path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != ".." && !part.contains('\\'))
}

/// Helm's rule for names of releases (RFC 1123 label).
fn is_release_name(text: &str) -> bool {
    is_label(text, NAME_MAX_BYTES)
}

fn is_label(text: &str, bytes_max: usize) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    text.len() <= bytes_max
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
}

impl ReleaseDocument {
    /// Reads the document as it is kept.
    ///
    /// # Errors
    /// [`DocumentError`] if it is none of a release.
    pub fn from_json(json: Value) -> Result<Self, DocumentError> {
        let document = crate::document::Document::read(Node::from_json(json))?;
        match document.body {
            crate::document::DocumentBody::Release(release) => Ok(release),
            _ => Err(DocumentError::invalid(0, "this is no Release", "")),
        }
    }

    /// The line of an image as people write it: `REPOSITORY#RULE`.
    pub fn line(image: &ReleaseImage) -> String {
        match &image.rule {
            Some(rule) => format!("{}#{rule}", place(image)),
            None => place(image),
        }
    }
}

#[cfg(test)]
mod tests;
