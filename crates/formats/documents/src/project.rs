//! `kind: Project`: a tenant, the prefixes of repositories it owns, and its members.

use crate::error::DocumentError;
use crate::fields::{Fields, Located};
use crate::node::{Node, NodeValue};
use refloat_oci::RepositoryName;
use serde_json::{Value, json};

/// The most members of a project.
pub const MEMBERS_MAX: usize = 500;
/// The longest name of a project, account or credential in bytes.
pub const NAME_MAX_BYTES: usize = 64;

/// A tenant: whole path segments that it owns, and who may do what there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectDocument {
    /// Its name.
    pub name: String,
    /// Prefixes of repository names, whole segments; the longest of all projects wins.
    pub prefixes: Vec<RepositoryName>,
    /// Who may do what in all its repositories.
    pub members: Vec<Member>,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// A user's or robot's name.
    pub subject: String,
    /// What it may do.
    pub role: Role,
    /// The line it stands at, for messages.
    pub line: u64,
}

/// What a member may do: actions as grants have them. `push`, `update` and `delete` include `pull`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role(Vec<&'static str>);

const ACTIONS: [&str; 6] = ["pull", "push", "update", "delete", "clear", "admin"];

impl Role {
    /// The actions, weakest first, separated by commas: the form grants are written in.
    pub fn actions(&self) -> String {
        self.0.join(",")
    }

    fn read(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(',').map(str::trim).collect();
        if !words.iter().all(|word| ACTIONS.contains(word)) {
            return None;
        }
        let implied = |action: &&str| *action == "pull" && !words.contains(&"admin");
        let chosen = ACTIONS
            .into_iter()
            .filter(|action| words.contains(action) || implied(action));
        Some(Self(chosen.collect()))
    }
}

impl ProjectDocument {
    /// Reads the keys of the kind.
    ///
    /// # Errors
    /// [`DocumentError`] with the line.
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, DocumentError> {
        let name = name(fields)?;
        let prefixes = fields
            .texts("prefixes")?
            .into_iter()
            .map(Located::parse::<RepositoryName>);
        let prefixes = prefixes
            .map(|prefix| prefix.map(|found| found.value))
            .collect::<Result<_, _>>()?;
        let members = match fields.take("members") {
            Some(node) => members(node)?,
            None => Vec::new(),
        };
        Ok(Self {
            name,
            prefixes,
            members,
        })
    }

    /// The document as it is kept.
    pub(crate) fn to_json(&self) -> Value {
        let members = self
            .members
            .iter()
            .map(|member| (member.subject.clone(), Value::from(member.role.actions())));
        json!({
            "name": self.name,
            "prefixes": self.prefixes,
            "members": members.collect::<serde_json::Map<_, _>>(),
        })
    }
}

fn members(node: Node) -> Result<Vec<Member>, DocumentError> {
    let NodeValue::Map(entries) = node.value else {
        let message = format!("`members` of Project must be a map, not {}", node.kind());
        return Err(DocumentError::invalid(
            node.line,
            message,
            "write { alice: admin }",
        ));
    };
    if entries.len() > MEMBERS_MAX {
        let message = format!("`members` has more than {MEMBERS_MAX} entries");
        return Err(DocumentError::invalid(
            node.line,
            message,
            "grant by pattern instead",
        ));
    }
    let member = |(subject, line, role): (String, u64, Node)| {
        let read = match &role.value {
            NodeValue::Text(text) => Role::read(text),
            _ => None,
        };
        let role = read.ok_or_else(|| {
            let message = format!("what member `{subject}` may do is not known");
            DocumentError::invalid(
                line,
                message,
                "write admin, or of pull, push, update, delete, clear, separated by commas",
            )
        })?;
        if !is_name(&subject) {
            return Err(bad_name(line, &subject));
        }
        Ok(Member {
            subject,
            role,
            line,
        })
    };
    entries.into_iter().map(member).collect()
}

/// Takes `name`: letters, digits, `.`, `_`, `-`.
pub(crate) fn name(fields: &mut Fields) -> Result<String, DocumentError> {
    let name = fields.required_text("name")?;
    if is_name(&name.value) {
        Ok(name.value)
    } else {
        Err(bad_name(name.line, &name.value))
    }
}

/// Whether `text` can name a project, an account or a credential.
pub fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    text.len() <= NAME_MAX_BYTES
        && text.bytes().all(allowed)
        && edge(bytes.first())
        && edge(bytes.last())
}

fn bad_name(line: u64, text: &str) -> DocumentError {
    let text: String = text.chars().take(80).collect();
    let advice = format!(
        "use up to {NAME_MAX_BYTES} letters, digits, `.`, `_`, `-` and `@`, a letter or digit at both ends"
    );
    DocumentError::invalid(line, format!("`{text}` is not a name"), advice)
}
