//! `kind: RepositoryPolicy`: rules for the repositories that a pattern names. Several may match: the strictest wins, key by key.

use crate::error::DocumentError;
use crate::fields::{Fields, Located};
use crate::node::NodeValue;
use crate::patch::PatchDocument;
use serde_json::{Value, json};
use std::str::FromStr;

/// The most rules in `immutable_tags`.
pub const TAG_RULES_MAX: usize = 64;

/// Keys of the kind that are not built.
const UNBUILT: [&str; 2] = ["channels", "retention"];

/// Rules for the repositories that `pattern` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDocument {
    /// A repository pattern, as text; the document's name.
    pub pattern: String,
    /// The line of `match`.
    pub pattern_line: u64,
    /// Which tags cannot be moved or deleted once they are there; the last rule that matches decides.
    pub immutable_tags: Option<Vec<TagRule>>,
    /// Whether everybody may pull. `None` leaves it to other policies.
    pub anonymous_pull: Option<bool>,
    /// Whether `quarantine: off` was written; nothing else can be.
    pub quarantine_off: bool,
    /// How images without a task are patched.
    pub patch: Option<PatchDocument>,
}

/// `glob` makes tags immutable, `!glob` exempts them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRule(String);

impl TagRule {
    /// The rule as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TagRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let glob = text.strip_prefix('!').unwrap_or(text);
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-*".contains(&byte);
        if !glob.is_empty() && glob.len() <= 128 && glob.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            let text: String = text.chars().take(80).collect();
            Err(format!(
                "`{text}` is no rule for tags; write a tag with `*` for any part, with `!` in front to exempt it"
            ))
        }
    }
}

impl PolicyDocument {
    /// Reads the keys of the kind.
    ///
    /// # Errors
    /// [`DocumentError`] with the line.
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, DocumentError> {
        fields.refuse_unbuilt(&UNBUILT)?;
        let pattern = fields.required_text("match")?;
        let immutable_tags = match fields.take("immutable_tags") {
            None => None,
            Some(node) => Some(tag_rules(node)?),
        };
        let anonymous_pull = fields.flag("anonymous_pull")?;
        let quarantine_off = quarantine(fields)?;
        let patch = fields.take("patch").map(PatchDocument::read).transpose()?;
        Ok(Self {
            pattern: pattern.value,
            pattern_line: pattern.line,
            immutable_tags,
            anonymous_pull,
            quarantine_off,
            patch,
        })
    }

    /// The document as it is kept.
    pub(crate) fn to_json(&self) -> Value {
        let mut json = json!({ "match": self.pattern });
        if let Some(rules) = &self.immutable_tags {
            json["immutable_tags"] = rules.iter().map(TagRule::as_str).collect();
        }
        if let Some(flag) = self.anonymous_pull {
            json["anonymous_pull"] = Value::Bool(flag);
        }
        if self.quarantine_off {
            json["quarantine"] = Value::from("off");
        }
        if let Some(patch) = &self.patch {
            json["patch"] = patch.to_json();
        }
        json
    }
}

fn tag_rules(node: crate::node::Node) -> Result<Vec<TagRule>, DocumentError> {
    let wrong = |line, kind| {
        let message =
            format!("`immutable_tags` of RepositoryPolicy must be a list of texts, not {kind}");
        DocumentError::invalid(line, message, r#"write ["*", "!latest"]"#)
    };
    let NodeValue::List(items) = node.value else {
        return Err(wrong(node.line, node.kind()));
    };
    if items.len() > TAG_RULES_MAX {
        let message = format!("`immutable_tags` has more than {TAG_RULES_MAX} rules");
        return Err(DocumentError::invalid(
            node.line,
            message,
            "use wider rules",
        ));
    }
    let rule = |item: crate::node::Node| match item.value {
        NodeValue::Text(value) => Located {
            line: item.line,
            value,
        }
        .parse::<TagRule>()
        .map(|rule| rule.value),
        _ => Err(wrong(item.line, item.kind())),
    };
    items.into_iter().map(rule).collect()
}

fn quarantine(fields: &mut Fields) -> Result<bool, DocumentError> {
    let Some(node) = fields.take("quarantine") else {
        return Ok(false);
    };
    match &node.value {
        // YAML 1.1 reads a bare `off` as false, and some programs write it so.
        NodeValue::Bool(false) => Ok(true),
        NodeValue::Text(text) if text == "off" => Ok(true),
        NodeValue::Text(text) if text == "observe" || text == "enforce" => {
            Err(DocumentError::unsupported(
                node.line,
                &format!("quarantine: {text} of RepositoryPolicy"),
            ))
        }
        _ => Err(DocumentError::invalid(
            node.line,
            "`quarantine` of RepositoryPolicy is not known",
            "write off",
        )),
    }
}
