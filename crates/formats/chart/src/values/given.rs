//! What a user gives: files and flags, in the order in which Helm lays them over each other
//! (helm, pkg/cli/values/options.go).

use super::{from_json, literal, merge, read, set};
use refloat_template::{Map, Value};

/// Values as a user gives them. Within a kind the later one wins; between kinds the order is that of the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenValues {
    /// `-f`: the name of a file and its text.
    pub files: Vec<(String, String)>,
    /// `--set-json`
    pub json: Vec<String>,
    /// `--set`
    pub set: Vec<String>,
    /// `--set-string`
    pub text: Vec<String>,
    /// `--set-file`
    pub file: Vec<String>,
    /// `--set-literal`
    pub literal: Vec<String>,
}

/// Why values cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValuesError {
    /// A values file.
    #[error("failed to parse {file}: {reason}")]
    File {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A flag.
    #[error("failed parsing {flag} data: {reason}")]
    Flag {
        /// `--set` and its kin.
        flag: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl GivenValues {
    /// All of them as one map. `open` gives the text of a file that `--set-file` names.
    ///
    /// # Errors
    /// [`ValuesError`] names the file or flag.
    pub fn merged(
        &self,
        open: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Map, ValuesError> {
        let mut merged = Map::new();
        for (file, text) in &self.files {
            let map = read(text).map_err(|reason| ValuesError::File {
                file: file.clone(),
                reason,
            })?;
            merged = merge(&merged, &map);
        }
        // What is set below must not reach into maps that the merge shares with nothing but itself.
        let merged = super::deep_copy(&merged);
        let merged = self.json.iter().try_fold(merged, |merged, text| {
            let named = |reason| format!("{text}: {reason}");
            json(merged, text).map_err(|reason| flag("--set-json")(named(reason)))
        })?;
        let kinds = [
            ("--set", &self.set, set::Reading::Typed),
            ("--set-string", &self.text, set::Reading::Text),
            ("--set-file", &self.file, set::Reading::File(open)),
        ];
        for (name, texts, reading) in kinds {
            for text in texts {
                set::apply(text, &merged, reading).map_err(flag(name))?;
            }
        }
        for text in &self.literal {
            literal::apply(text, &merged).map_err(flag("--set-literal"))?;
        }
        Ok(merged)
    }
}

fn flag(flag: &'static str) -> impl Fn(String) -> ValuesError {
    move |reason| ValuesError::Flag { flag, reason }
}

fn json(merged: Map, text: &str) -> Result<Map, String> {
    let trimmed = text.trim();
    if !trimmed.starts_with('{') {
        set::apply(text, &merged, set::Reading::Json)?;
        return Ok(merged);
    }
    let json: serde_json::Value =
        serde_json::from_str(trimmed).map_err(|error| format!("{text}: {error}"))?;
    match from_json(&json) {
        Value::Map(map) => Ok(merge(&merged, &map)),
        _ => Err(format!("{text}: it must be an object")),
    }
}
