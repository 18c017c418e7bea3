//! One document of any kind, and files of several.

#[cfg(test)]
mod tests;

use crate::credential::CredentialDocument;
use crate::error::DocumentError;
use crate::fields::Fields;
use crate::node::Node;
use crate::policy::PolicyDocument;
use crate::project::{ProjectDocument, is_name};
use crate::release::ReleaseDocument;
use crate::task::TaskDocument;
use crate::upstream::UpstreamDocument;
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// The `apiVersion` of every document.
pub const API_VERSION: &str = "refloat/v1";

/// Kinds that exist in the design and are not built.
const UNBUILT_KINDS: [&str; 2] = ["Subscription", "Inbound"];

/// The kinds that can be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentKind {
    /// A tenant.
    Project,
    /// A secret and what it opens.
    Credential,
    /// Rules for repositories.
    RepositoryPolicy,
    /// A foreign registry, and what of it is watched.
    Upstream,
    /// How an image is built.
    Task,
    /// A chart and where it goes.
    Release,
}

impl DocumentKind {
    /// All kinds, in the order in which they are best applied.
    pub const ALL: [Self; 6] = [
        Self::Project,
        Self::Credential,
        Self::RepositoryPolicy,
        Self::Upstream,
        Self::Task,
        Self::Release,
    ];

    /// The word in `kind:`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Project => "Project",
            Self::Credential => "Credential",
            Self::RepositoryPolicy => "RepositoryPolicy",
            Self::Release => "Release",
            Self::Upstream => "Upstream",
            Self::Task => "Task",
        }
    }
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for DocumentKind {
    type Err = DocumentError;

    /// Reads a kind whatever its case, also in the plural, as `get` takes it.
    fn from_str(text: &str) -> Result<Self, DocumentError> {
        let folded = text.to_ascii_lowercase();
        let known = Self::ALL.into_iter().find(|kind| {
            let name = kind.name().to_ascii_lowercase();
            let plural = name
                .strip_suffix('y')
                .map_or_else(|| format!("{name}s"), |stem| format!("{stem}ies"));
            folded == name || folded == plural
        });
        known.ok_or_else(|| unknown_kind(0, text))
    }
}

fn unknown_kind(line: u64, text: &str) -> DocumentError {
    let unbuilt = |kind: &&&str| {
        text.eq_ignore_ascii_case(kind) || text.eq_ignore_ascii_case(&format!("{kind}s"))
    };
    if let Some(kind) = UNBUILT_KINDS.iter().find(unbuilt) {
        return DocumentError::unsupported(line, &format!("kind {kind}"));
    }
    let text: String = text.chars().take(80).collect();
    let known: Vec<_> = DocumentKind::ALL.iter().map(|kind| kind.name()).collect();
    DocumentError::invalid(
        line,
        format!("unsupported: kind `{text}` is not known"),
        format!("use one of: {}", known.join(", ")),
    )
}

/// A document, whole and valid by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The project it names; `None` leaves it to the caller.
    pub project: Option<String>,
    /// The line it begins at.
    pub line: u64,
    /// What it says.
    pub body: DocumentBody,
}

/// What a document says, by kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentBody {
    /// A tenant.
    Project(ProjectDocument),
    /// A secret and what it opens.
    Credential(CredentialDocument),
    /// Rules for repositories.
    RepositoryPolicy(PolicyDocument),
    /// A foreign registry, and what of it is watched.
    Upstream(UpstreamDocument),
    /// How an image is built.
    Task(TaskDocument),
    /// A chart and where it goes.
    Release(ReleaseDocument),
}

impl Document {
    /// Reads one document whose values are plain.
    ///
    /// # Errors
    /// [`DocumentError`] with the line of what is wrong or not built.
    pub fn read(node: Node) -> Result<Self, DocumentError> {
        let line = node.line;
        let mut head = Fields::of(node, "the document")?;
        let version = head.required_text("apiVersion")?;
        if version.value != API_VERSION {
            let message = format!(
                "apiVersion `{}` is not known",
                version.value.chars().take(80).collect::<String>()
            );
            return Err(DocumentError::invalid(
                version.line,
                message,
                format!("write {API_VERSION}"),
            ));
        }
        let kind = head.required_text("kind")?;
        let kind: DocumentKind = match DocumentKind::ALL
            .into_iter()
            .find(|known| known.name() == kind.value)
        {
            Some(known) => known,
            None => return Err(unknown_kind(kind.line, &kind.value)),
        };
        let mut fields = head.renamed(kind.name());
        let project = fields.text("project")?;
        if let Some(project) = project.as_ref().filter(|project| !is_name(&project.value)) {
            return Err(DocumentError::invalid(
                project.line,
                "`project` is not a name",
                "write the name of a project",
            ));
        }
        let body = match kind {
            DocumentKind::Project => DocumentBody::Project(ProjectDocument::read(&mut fields)?),
            DocumentKind::Credential => {
                DocumentBody::Credential(CredentialDocument::read(&mut fields)?)
            }
            DocumentKind::RepositoryPolicy => {
                DocumentBody::RepositoryPolicy(PolicyDocument::read(&mut fields)?)
            }
            DocumentKind::Release => DocumentBody::Release(ReleaseDocument::read(&mut fields)?),
            DocumentKind::Upstream => DocumentBody::Upstream(UpstreamDocument::read(&mut fields)?),
            DocumentKind::Task => DocumentBody::Task(TaskDocument::read(&mut fields)?),
        };
        fields.finish()?;
        let document = Self {
            project: project.clone().map(|project| project.value),
            line,
            body,
        };
        if let (Some(project), DocumentKind::Project) = (project, kind)
            && project.value != document.name()
        {
            let message = "a Project lies in no other project";
            return Err(DocumentError::invalid(
                project.line,
                message,
                "remove the line `project:`",
            ));
        }
        Ok(document)
    }

    /// Its kind.
    pub fn kind(&self) -> DocumentKind {
        match self.body {
            DocumentBody::Project(_) => DocumentKind::Project,
            DocumentBody::Credential(_) => DocumentKind::Credential,
            DocumentBody::RepositoryPolicy(_) => DocumentKind::RepositoryPolicy,
            DocumentBody::Release(_) => DocumentKind::Release,
            DocumentBody::Upstream(_) => DocumentKind::Upstream,
            DocumentBody::Task(_) => DocumentKind::Task,
        }
    }

    /// Its name; a policy's is its pattern.
    pub fn name(&self) -> &str {
        match &self.body {
            DocumentBody::Project(project) => &project.name,
            DocumentBody::Credential(credential) => &credential.name,
            DocumentBody::RepositoryPolicy(policy) => &policy.pattern,
            DocumentBody::Release(release) => &release.name,
            DocumentBody::Upstream(upstream) => &upstream.name,
            DocumentBody::Task(task) => &task.name,
        }
    }

    /// The document as it is kept and shown, in a fixed order of keys, without secrets and without its project.
    pub fn to_json(&self) -> Value {
        let body = match &self.body {
            DocumentBody::Project(project) => project.to_json(),
            DocumentBody::Credential(credential) => credential.to_json(),
            DocumentBody::RepositoryPolicy(policy) => policy.to_json(),
            DocumentBody::Release(release) => release.to_json(),
            DocumentBody::Upstream(upstream) => upstream.to_json(),
            DocumentBody::Task(task) => task.to_json(),
        };
        let mut json = serde_json::Map::new();
        json.insert("apiVersion".to_owned(), Value::from(API_VERSION));
        json.insert("kind".to_owned(), Value::from(self.kind().name()));
        if let Value::Object(body) = body {
            json.extend(body);
        }
        Value::Object(json)
    }
}

/// Reads every document of a YAML file whose values are plain. Two of one kind and name are an error.
///
/// # Errors
/// The first [`DocumentError`] of the file.
pub fn read_documents(nodes: Vec<Node>) -> Result<Vec<Document>, DocumentError> {
    let mut documents: Vec<Document> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let document = Document::read(node)?;
        let same = |other: &&Document| {
            other.kind() == document.kind()
                && other.name() == document.name()
                && other.project == document.project
        };
        if let Some(other) = documents.iter().find(same) {
            let message = format!(
                "{} `{}` stands here and at line {}",
                document.kind(),
                document.name(),
                other.line
            );
            return Err(DocumentError::invalid(
                document.line,
                message,
                "keep one of them",
            ));
        }
        documents.push(document);
    }
    Ok(documents)
}
