//! `kind: Release`: a chart, the lines of its images, and the environments it goes to in order.

use crate::error::DocumentError;
use crate::fields::{Fields, LIST_MAX, Located};
use crate::node::{Node, NodeValue};
use refloat_oci::RepositoryName;
use serde_json::{Value, json};

/// The most environments of a release.
pub const ENVIRONMENTS_MAX: usize = 20;
/// The longest name: helm's bound, so that names of objects made from it fit.
pub const NAME_MAX_BYTES: usize = 53;
/// The longest soak in seconds: 30 days.
const SOAK_MAX_SECONDS: u64 = 30 * 24 * 3600;

/// Keys of the kind that are not built.
const UNBUILT: [&str; 2] = ["together", "rollback"];
/// Keys of an environment that are not built.
const UNBUILT_ENVIRONMENT: [&str; 3] = ["secrets", "window", "approvals"];
/// Targets that are not built.
const UNBUILT_TARGETS: [&str; 3] = ["git", "pipeline", "set_image"];
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
    /// Where the image is.
    pub repository: RepositoryName,
    /// The line's rule; `None` is the repository's default line.
    pub rule: Option<String>,
}

/// A place where the release runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Files of values on top of the release's.
    pub values: Vec<String>,
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
        let environments = environments(fields)?;
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
        json["environments"] = self.environments.iter().map(environment_json).collect();
        let all = [("image", self.update.image), ("chart", self.update.chart)];
        json["update"] = all
            .into_iter()
            .filter_map(|(word, is_on)| is_on.then_some(word))
            .collect();
        json
    }
}

fn image_json(image: &ReleaseImage) -> (String, Value) {
    let mut json = json!({ "repository": image.repository.to_string() });
    if let Some(rule) = &image.rule {
        json["tags"] = Value::from(rule.as_str());
    }
    (image.path.clone(), json)
}

fn environment_json(environment: &Environment) -> Value {
    let target = match &environment.target {
        EnvironmentTarget::Folder { path } => json!({ "folder": path }),
        EnvironmentTarget::Kubernetes {
            credential,
            context,
            namespace,
        } => {
            let mut place = json!({ "credential": credential, "namespace": namespace });
            if let Some(context) = context {
                place["context"] = Value::from(context.as_str());
            }
            json!({ "kubernetes": place })
        }
    };
    let mut json =
        json!({ "name": environment.name, "values": environment.values, "target": target });
    if let Some(after) = &environment.after {
        json["after"] = Value::from(after.as_str());
    }
    if environment.soak_seconds > 0 {
        json["soak"] = Value::from(format!("{}s", environment.soak_seconds));
    }
    json
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
    let repository = fields.parsed::<RepositoryName>("repository")?;
    let repository = repository.ok_or_else(|| fields.missing("repository"))?;
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
    Ok(ReleaseImage {
        path,
        repository: repository.value,
        rule: rule.map(|rule| rule.value),
    })
}

fn environments(fields: &mut Fields) -> Result<Vec<Environment>, DocumentError> {
    let node = fields
        .take("environments")
        .ok_or_else(|| fields.missing("environments"))?;
    let line = node.line;
    let wrong = |message: &str| {
        let advice = "write - name: NAME and target: { folder: PATH } for each";
        DocumentError::invalid(line, format!("`environments` of Release {message}"), advice)
    };
    let NodeValue::List(items) = node.value else {
        return Err(wrong("must be a list"));
    };
    if items.is_empty() || items.len() > ENVIRONMENTS_MAX {
        return Err(wrong(&format!("has 1 to {ENVIRONMENTS_MAX} entries")));
    }
    let mut environments: Vec<Environment> = Vec::with_capacity(items.len());
    for item in items {
        let line = item.line;
        let environment = environment(item)?;
        let known = |name: &str| environments.iter().any(|other| other.name == name);
        if known(&environment.name) {
            let message = format!("environment `{}` stands twice", environment.name);
            return Err(DocumentError::invalid(line, message, "keep one of them"));
        }
        if let Some(after) = environment.after.as_deref().filter(|after| !known(after)) {
            let message = format!("`after` names `{after}`, which is no environment above it");
            return Err(DocumentError::invalid(
                line,
                message,
                "order them as they follow each other",
            ));
        }
        environments.push(environment);
    }
    Ok(environments)
}

fn environment(node: Node) -> Result<Environment, DocumentError> {
    let mut fields = Fields::of(node, "an environment of Release")?;
    fields.refuse_unbuilt(&UNBUILT_ENVIRONMENT)?;
    let name = crate::project::name(&mut fields)?;
    let mut fields = fields.renamed(format!("environment {name} of Release"));
    let values = paths(&mut fields, "values")?;
    let after = fields.text("after")?;
    let soak = fields.text("soak")?;
    let soak_seconds = match &soak {
        None => 0,
        Some(soak) => seconds(&soak.value).ok_or_else(|| {
            DocumentError::invalid(
                soak.line,
                format!("`soak` of environment {name} is no duration"),
                "write a number with s, m, h or d, at most 30d",
            )
        })?,
    };
    if let (Some(soak), None) = (&soak, &after) {
        return Err(DocumentError::invalid(
            soak.line,
            format!("`soak` of environment {name} goes with `after`"),
            "name the environment in which it soaks",
        ));
    }
    let target = fields
        .take("target")
        .ok_or_else(|| fields.missing("target"))?;
    let target = target_of(target, &name)?;
    fields.finish()?;
    Ok(Environment {
        name,
        values,
        target,
        after: after.map(|after| after.value),
        soak_seconds,
    })
}

fn target_of(node: Node, environment: &str) -> Result<EnvironmentTarget, DocumentError> {
    let owner = format!("target of environment {environment}");
    let line = node.line;
    let mut fields = Fields::of(node, owner.clone())?;
    fields.refuse_unbuilt(&UNBUILT_TARGETS)?;
    let (folder, kubernetes) = (fields.text("folder")?, fields.take("kubernetes"));
    fields.finish()?;
    match (folder, kubernetes) {
        (Some(folder), None) if !folder.value.is_empty() => {
            Ok(EnvironmentTarget::Folder { path: folder.value })
        }
        (None, Some(node)) => {
            let mut fields = Fields::of(node, format!("kubernetes of {owner}"))?;
            let credential = fields.required_text("credential")?;
            let context = fields.text("context")?;
            let namespace = fields.required_text("namespace")?;
            fields.finish()?;
            if !is_label(&namespace.value, 63) {
                let message = "`namespace` is no name of a namespace";
                return Err(DocumentError::invalid(
                    namespace.line,
                    message,
                    "write small letters, digits and `-`",
                ));
            }
            Ok(EnvironmentTarget::Kubernetes {
                credential: credential.value,
                context: context.map(|context| context.value),
                namespace: namespace.value,
            })
        }
        _ => Err(DocumentError::invalid(
            line,
            format!("{owner} must name one place"),
            "write { folder: PATH } or { kubernetes: { credential, namespace } }",
        )),
    }
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

/// `90s`, `30m`, `2h`, `1d`.
fn seconds(text: &str) -> Option<u64> {
    let unit = match text.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 24 * 3600,
        _ => return None,
    };
    let number: u64 = text[..text.len() - 1].parse().ok()?;
    number
        .checked_mul(unit)
        .filter(|seconds| *seconds <= SOAK_MAX_SECONDS)
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
            Some(rule) => format!("{}#{rule}", image.repository),
            None => image.repository.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
