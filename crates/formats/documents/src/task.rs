//! `kind: Task`: how an image is built, tested and tagged.

mod tag_pattern;

pub use tag_pattern::{TagFields, TagPattern};

use crate::error::DocumentError;
use crate::fields::{Fields, Located};
use crate::node::{Node, NodeValue};
use crate::project::name;
use crate::span::Span;
use refloat_oci::{Reference, RegistryHost, RepositoryName, TagName};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The longest that a build may take if nothing is written, in seconds.
const TIMEOUT_SECONDS: i64 = 30 * 60;
/// The longest that may be written, in seconds.
const TIMEOUT_SECONDS_MAX: i64 = 24 * 3600;
/// The only builder that is built.
const BUILDER: &str = "buildah";
/// Builders of the design that are not built.
const UNBUILT_BUILDERS: [&str; 7] = [
    "buildkit",
    "docker",
    "kubernetes",
    "github",
    "azure-devops",
    "jenkins",
    "gitlab",
];
/// Kinds of edges whose move may make a task run.
const EDGE_KINDS: [&str; 5] = ["RUNTIME", "BUILD", "FRONTEND", "ONBUILD", "CONTEXT"];

/// How an image is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskDocument {
    /// Its name.
    pub name: String,
    /// Where its images go.
    pub image: TaskImage,
    /// The pattern of the tag that every run has for itself.
    pub unique: TagPattern,
    /// The tags that move to a run's image after its tests.
    pub stable: Vec<TagName>,
    /// Where the source is.
    pub source: TaskSource,
    /// `os/architecture`; `None` is the builder's own.
    pub platform: Option<String>,
    /// Build arguments.
    pub build_args: BTreeMap<String, String>,
    /// Names of credentials by the id of `RUN --mount=type=secret`.
    pub secrets: BTreeMap<String, String>,
    /// Kinds of edges whose move makes it run.
    pub base_triggers: Vec<&'static str>,
    /// Commands that must end with 0 in a container from the new image.
    pub tests: Vec<Vec<String>>,
    /// The longest that a run may take.
    pub timeout: Span,
}

/// Where the images of a task go: a repository of this registry, or of a foreign one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskImage {
    /// The foreign registry; `None` is this one.
    pub registry: Option<RegistryHost>,
    /// The repository.
    pub repository: RepositoryName,
}

impl std::fmt::Display for TaskImage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.registry {
            Some(registry) => write!(formatter, "{registry}/{}", self.repository),
            None => write!(formatter, "{}", self.repository),
        }
    }
}

impl std::str::FromStr for TaskImage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(found) = Reference::parse(text, None) {
            if found.tag.is_some() || found.digest.is_some() {
                return Err(format!(
                    "`{text}` names a tag or digest; write the repository alone, and tags below `tags`"
                ));
            }
            return Ok(Self {
                registry: Some(found.registry),
                repository: found.repository,
            });
        }
        match text.parse() {
            Ok(repository) => Ok(Self {
                registry: None,
                repository,
            }),
            Err(error) => Err(format!("{error}")),
        }
    }
}

/// Where the source of a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSource {
    /// The git repository.
    pub git: String,
    /// Its branch.
    pub branch: String,
    /// The folder of the context in it.
    pub context: String,
    /// The Dockerfile, relative to the context.
    pub dockerfile: String,
    /// The credential that opens it.
    pub credential: Option<String>,
}

impl TaskDocument {
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, DocumentError> {
        let name = name(fields)?;
        let image = fields.required_text("image")?.parse()?.value;
        let (unique, stable) = tags(fields)?;
        let source = source(fields)?;
        let platform = platform(fields)?;
        let build_args = build_args(fields)?;
        let secrets = secrets(fields)?;
        let base_triggers = triggers(fields)?;
        let tests = tests(fields)?;
        builder(fields)?;
        let timeout = timeout(fields)?;
        Ok(Self {
            name,
            image,
            unique,
            stable,
            source,
            platform,
            build_args,
            secrets,
            base_triggers,
            tests,
            timeout,
        })
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut source = json!({
            "git": self.source.git,
            "branch": self.source.branch,
            "context": self.source.context,
            "dockerfile": self.source.dockerfile,
        });
        if let Some(credential) = &self.source.credential {
            source["credential"] = Value::from(credential.as_str());
        }
        let mut json = json!({
            "name": self.name,
            "image": self.image.to_string(),
            "tags": { "unique": self.unique.as_str(), "stable": self.stable },
            "source": source,
        });
        if let Some(platform) = &self.platform {
            json["platforms"] = json!([platform]);
        }
        if !self.build_args.is_empty() {
            json["build_args"] = json!(self.build_args);
        }
        if !self.secrets.is_empty() {
            let secret = |(id, credential): (&String, &String)| {
                (id.clone(), json!({ "credential": credential }))
            };
            json["secrets"] = Value::Object(self.secrets.iter().map(secret).collect::<Map<_, _>>());
        }
        json["triggers"] = json!({ "base": self.base_triggers });
        if !self.tests.is_empty() {
            json["tests"] = self.tests.iter().map(|run| json!({ "run": run })).collect();
        }
        json["builder"] = Value::from(BUILDER);
        json["timeout"] = Value::from(self.timeout.to_string());
        json
    }
}

fn tags(fields: &mut Fields) -> Result<(TagPattern, Vec<TagName>), DocumentError> {
    let Some(node) = fields.take("tags") else {
        return Ok((TagPattern::default(), Vec::new()));
    };
    let mut tags = Fields::of(node, "tags")?;
    let unique = match tags.text("unique")? {
        Some(text) => TagPattern::read(&text)?,
        None => TagPattern::default(),
    };
    let stable = tags
        .texts("stable")?
        .into_iter()
        .map(|text| Ok(text.parse()?.value));
    let stable = stable.collect::<Result<_, DocumentError>>()?;
    tags.finish()?;
    Ok((unique, stable))
}

fn source(fields: &mut Fields) -> Result<TaskSource, DocumentError> {
    let node = fields
        .take("source")
        .ok_or_else(|| fields.missing("source"))?;
    let mut source = Fields::of(node, "source")?;
    let git = source.required_text("git")?;
    if git.value.starts_with('-') || git.value.contains(char::is_control) {
        return Err(DocumentError::invalid(
            git.line,
            "`git` is no address",
            "write a URL or a path",
        ));
    }
    let branch = source
        .text("branch")?
        .map_or_else(|| "main".to_owned(), |text| text.value);
    let context = inner_path(source.text("context")?, ".")?;
    let dockerfile = inner_path(source.text("dockerfile")?, "Dockerfile")?;
    let credential = source.text("credential")?.map(|text| text.value);
    source.finish()?;
    Ok(TaskSource {
        git: git.value,
        branch,
        context,
        dockerfile,
        credential,
    })
}

/// A path inside the source.
fn inner_path(text: Option<Located<String>>, default: &str) -> Result<String, DocumentError> {
    let Some(text) = text else {
        return Ok(default.to_owned());
    };
    let path = text.value.trim_start_matches("./").trim_end_matches('/');
    let path = if path.is_empty() { "." } else { path };
    if path.starts_with('/') || path.split('/').any(|part| part == "..") {
        let message = format!(
            "`{}` leaves the source",
            text.value.chars().take(100).collect::<String>()
        );
        return Err(DocumentError::invalid(
            text.line,
            message,
            "write a path below the top of the repository",
        ));
    }
    Ok(path.to_owned())
}

fn platform(fields: &mut Fields) -> Result<Option<String>, DocumentError> {
    let mut platforms = fields.texts("platforms")?;
    if let Some(second) = platforms.get(1) {
        return Err(DocumentError::unsupported(
            second.line,
            "more than one platform of a Task",
        ));
    }
    let Some(platform) = platforms.pop() else {
        return Ok(None);
    };
    let parts: Vec<&str> = platform.value.split('/').collect();
    let word = |part: &&str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    if !(2..=3).contains(&parts.len()) || !parts.iter().all(word) {
        let message = format!(
            "`{}` is no platform",
            platform.value.chars().take(100).collect::<String>()
        );
        return Err(DocumentError::invalid(
            platform.line,
            message,
            "write os/architecture, for example linux/amd64",
        ));
    }
    Ok(Some(platform.value))
}

/// The entries of a map whose keys are the writer's own.
fn entries(
    fields: &mut Fields,
    key: &'static str,
) -> Result<Vec<(String, u64, Node)>, DocumentError> {
    let Some(node) = fields.take(key) else {
        return Ok(Vec::new());
    };
    match node.value {
        NodeValue::Map(entries) => Ok(entries),
        _ => Err(DocumentError::invalid(
            node.line,
            format!("`{key}` must be a map"),
            "write { NAME: value }",
        )),
    }
}

fn build_args(fields: &mut Fields) -> Result<BTreeMap<String, String>, DocumentError> {
    let mut arguments = BTreeMap::new();
    for (name, line, node) in entries(fields, "build_args")? {
        let NodeValue::Text(value) = node.value else {
            return Err(DocumentError::invalid(
                line,
                format!("`build_args.{name}` must be text"),
                "put it in quotes",
            ));
        };
        if name.is_empty() || name.contains('=') || name.starts_with('-') {
            return Err(DocumentError::invalid(
                line,
                format!("`{name}` is no build argument"),
                "write NAME: value",
            ));
        }
        arguments.insert(name, value);
    }
    Ok(arguments)
}

fn secrets(fields: &mut Fields) -> Result<BTreeMap<String, String>, DocumentError> {
    let mut secrets = BTreeMap::new();
    for (id, line, node) in entries(fields, "secrets")? {
        if id.is_empty()
            || !id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        {
            return Err(DocumentError::invalid(
                line,
                format!("`{id}` is no id of a secret"),
                "use letters, digits, `.`, `_` and `-`",
            ));
        }
        let mut secret = Fields::of(node, format!("secrets.{id}"))?;
        let credential = secret.required_text("credential")?.value;
        secret.finish()?;
        secrets.insert(id, credential);
    }
    Ok(secrets)
}

fn triggers(fields: &mut Fields) -> Result<Vec<&'static str>, DocumentError> {
    let default = || vec!["RUNTIME", "BUILD"];
    let Some(node) = fields.take("triggers") else {
        return Ok(default());
    };
    let mut triggers = Fields::of(node, "triggers")?;
    triggers.refuse_unbuilt(&["schedule"])?;
    let line = triggers.line();
    if triggers.flag("commit")? == Some(true) {
        return Err(DocumentError::unsupported(
            line,
            "`commit: true` of triggers",
        ));
    }
    let mut kinds = Vec::new();
    for text in triggers.texts("base")? {
        let kind = EDGE_KINDS.into_iter().find(|kind| *kind == text.value);
        kinds.push(kind.ok_or_else(|| {
            let message = format!(
                "`{}` is no kind of edge",
                text.value.chars().take(80).collect::<String>()
            );
            DocumentError::invalid(text.line, message, format!("use {}", EDGE_KINDS.join(", ")))
        })?);
    }
    triggers.finish()?;
    Ok(kinds)
}

fn tests(fields: &mut Fields) -> Result<Vec<Vec<String>>, DocumentError> {
    let Some(node) = fields.take("tests") else {
        return Ok(Vec::new());
    };
    let NodeValue::List(items) = node.value else {
        return Err(DocumentError::invalid(
            node.line,
            "`tests` must be a list",
            "write [{ run: [command, argument] }]",
        ));
    };
    let mut tests = Vec::new();
    for item in items {
        let mut test = Fields::of(item, "a test")?;
        test.refuse_unbuilt(&["with"])?;
        let run: Vec<String> = test
            .texts("run")?
            .into_iter()
            .map(|text| text.value)
            .collect();
        if run.first().is_none_or(String::is_empty) {
            return Err(test.missing("run"));
        }
        test.finish()?;
        tests.push(run);
    }
    Ok(tests)
}

fn builder(fields: &mut Fields) -> Result<(), DocumentError> {
    match fields.text("builder")? {
        None => Ok(()),
        Some(text) if text.value == BUILDER => Ok(()),
        Some(text) if UNBUILT_BUILDERS.contains(&text.value.as_str()) => Err(
            DocumentError::unsupported(text.line, &format!("builder {} of Task", text.value)),
        ),
        Some(text) => {
            let message = format!(
                "`{}` is no builder",
                text.value.chars().take(80).collect::<String>()
            );
            Err(DocumentError::invalid(
                text.line,
                message,
                format!("write {BUILDER}"),
            ))
        }
    }
}

fn timeout(fields: &mut Fields) -> Result<Span, DocumentError> {
    match fields.parsed::<Span>("timeout")? {
        None => Ok(Span::of_seconds(TIMEOUT_SECONDS)),
        Some(span) if (1..=TIMEOUT_SECONDS_MAX).contains(&span.value.seconds()) => Ok(span.value),
        Some(span) => Err(DocumentError::invalid(
            span.line,
            "`timeout` is not between 1s and 1d",
            "write for example 30m",
        )),
    }
}

#[cfg(test)]
mod tests_of_tasks {
    use super::*;
    use crate::document::{Document, DocumentBody};

    fn read(text: &str) -> Result<TaskDocument, DocumentError> {
        let head = "apiVersion: refloat/v1\nkind: Task\nname: web\nimage: apps/web\nsource: { git: /srv/web }\n";
        let node = Node::read_yaml(&format!("{head}{text}"))?.remove(0);
        match Document::read(node)?.body {
            DocumentBody::Task(task) => Ok(task),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_whole_task_is_read_and_shown_again() {
        let text = "tags: { unique: \"{{ .Date }}-{{ .Run.ID }}\", stable: [\"1.2\"] }\nplatforms: [linux/amd64]\n\
                    build_args: { FLAVOUR: slim }\nsecrets: { npmrc: { credential: npm } }\ntriggers: { base: [RUNTIME] }\n\
                    tests: [{ run: [/app/selftest, -q] }]\nbuilder: buildah\ntimeout: 30m\n";
        let task = read(text).expect("a good task");
        assert_eq!(task.stable[0].as_str(), "1.2");
        assert_eq!(task.source.branch, "main");
        assert_eq!(task.base_triggers, ["RUNTIME"]);
        let fields = TagFields {
            run: "run_1",
            commit: "abc",
            date: "20261121",
            branch: "a/b",
            cause: "base",
        };
        assert_eq!(
            task.unique.tag(&fields).expect("a tag").as_str(),
            "20261121-run_1"
        );
        let json = task.to_json().to_string();
        let again = Node::read_yaml(&format!(
            "{{\"apiVersion\":\"refloat/v1\",\"kind\":\"Task\",{}",
            &json[1..]
        ))
        .expect("JSON is YAML")
        .remove(0);
        assert_eq!(
            Document::read(again).expect("its own JSON").body,
            DocumentBody::Task(task)
        );
    }

    #[test]
    fn what_is_wrong_or_not_built_is_named() {
        let cases = [
            ("builder: kubernetes", "builder kubernetes of Task"),
            ("builder: make", "`make` is no builder"),
            (
                "platforms: [linux/amd64, linux/arm64]",
                "more than one platform of a Task",
            ),
            (
                "triggers: { schedule: \"0 3 * * 1\" }",
                "key schedule of triggers",
            ),
            ("triggers: { commit: true }", "`commit: true` of triggers"),
            (
                "tests: [{ with: [apps/cache], run: [x] }]",
                "key with of a test",
            ),
            ("tests: [{ run: [] }]", "a test has no `run`"),
            (
                "tags: { unique: \"{{ .Commit }}\" }",
                "would name several runs",
            ),
            (
                "tags: { unique: \"{{ .Run.ID }}{{ .Nope }}\" }",
                "`.Nope` is no field of a tag",
            ),
            ("timeout: 0s", "`timeout` is not between"),
            ("nonsense: 1", "key `nonsense` of Task is not known"),
        ];
        for (text, expected) in cases {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
