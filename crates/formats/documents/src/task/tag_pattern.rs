//! The pattern of the tag that every run has for itself: text with fields of the run.

use crate::error::DocumentError;
use crate::fields::Located;
use refloat_oci::TagName;

/// What a run's tag is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagFields<'a> {
    /// `.Run.ID`
    pub run: &'a str,
    /// `.Commit`
    pub commit: &'a str,
    /// `.Date`, as `20261121`
    pub date: &'a str,
    /// `.Branch`
    pub branch: &'a str,
    /// `.Cause`: `person`, `base`
    pub cause: &'a str,
}

/// The pattern of a unique tag: text with `{{ .Run.ID }}` in it, and other fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPattern(String);

/// The unique tag if nothing is written.
const UNIQUE: &str = "{{ .Run.ID }}";

impl Default for TagPattern {
    fn default() -> Self {
        Self(UNIQUE.to_owned())
    }
}

impl TagPattern {
    /// The pattern as it is written.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag of a run; what a tag cannot have becomes `-`.
    ///
    /// # Errors
    /// If that is no tag, for example because it is too long.
    pub fn tag(&self, fields: &TagFields<'_>) -> Result<TagName, refloat_oci::NameError> {
        let mut tag = String::new();
        let mut rest = self.0.as_str();
        while let Some((before, after)) = rest.split_once("{{") {
            let (field, after) = after.split_once("}}").unwrap_or((after, ""));
            tag.push_str(before);
            tag.push_str(value(field.trim(), fields).unwrap_or_default());
            rest = after;
        }
        tag.push_str(rest);
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        let tag: String = tag
            .chars()
            .map(|letter| if fits(letter) { letter } else { '-' })
            .collect();
        tag.parse()
    }

    pub(super) fn read(text: &Located<String>) -> Result<Self, DocumentError> {
        let wrong =
            |message: &str, advice: &str| Err(DocumentError::invalid(text.line, message, advice));
        let probe = TagFields {
            run: "r",
            commit: "c",
            date: "d",
            branch: "b",
            cause: "p",
        };
        let mut rest = text.value.as_str();
        let mut unique = false;
        while let Some((_, after)) = rest.split_once("{{") {
            let Some((field, after)) = after.split_once("}}") else {
                return wrong("`unique` has `{{` without `}}`", "write {{ .Run.ID }}");
            };
            if value(field.trim(), &probe).is_none() {
                let message = format!("`{}` is no field of a tag", field.trim());
                return wrong(&message, "use .Run.ID .Commit .Date .Branch .Cause");
            }
            unique |= field.trim() == ".Run.ID";
            rest = after;
        }
        if !unique {
            return wrong(
                "`unique` would name several runs",
                "write {{ .Run.ID }} into it",
            );
        }
        let pattern = Self(text.value.clone());
        match pattern.tag(&probe) {
            Ok(_) => Ok(pattern),
            Err(error) => wrong(
                &error.to_string(),
                "use letters, digits, `.`, `_` and `-` beside fields",
            ),
        }
    }
}

fn value<'a>(field: &str, fields: &TagFields<'a>) -> Option<&'a str> {
    match field {
        ".Run.ID" => Some(fields.run),
        ".Commit" => Some(fields.commit),
        ".Date" => Some(fields.date),
        ".Branch" => Some(fields.branch),
        ".Cause" => Some(fields.cause),
        _ => None,
    }
}
