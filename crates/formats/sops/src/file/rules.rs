//! Which values of a file are encrypted (sops, `shouldBeEncrypted`).

use super::SopsError;
use refloat_chart::bump::tree::Node;
use regex::Regex;

/// The longest expression that is taken.
const EXPRESSION_MAX_BYTES: usize = 4096;

#[derive(Default)]
pub(super) struct Rules {
    unencrypted_suffix: Option<String>,
    encrypted_suffix: Option<String>,
    unencrypted_regex: Option<Regex>,
    encrypted_regex: Option<Regex>,
    pub(super) mac_only_encrypted: bool,
}

impl Rules {
    pub(super) fn read(metadata: &Node) -> Result<Self, SopsError> {
        let word = |key: &str| {
            let text = metadata.get(key).filter(|node| !node.is_null())?.text()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        for key in ["unencrypted_comment_regex", "encrypted_comment_regex"] {
            if word(key).is_some() {
                return Err(SopsError::Unsupported(format!("`{key}`")));
            }
        }
        let expression = |key: &str| match word(key) {
            None => Ok(None),
            Some(text) if text.len() > EXPRESSION_MAX_BYTES => {
                Err(SopsError::Unsupported(format!("`{key}` of this length")))
            }
            Some(text) => Regex::new(&text)
                .map(Some)
                .map_err(|_| SopsError::Unsupported(format!("the expression of `{key}`"))),
        };
        Ok(Self {
            unencrypted_suffix: word("unencrypted_suffix"),
            encrypted_suffix: word("encrypted_suffix"),
            unencrypted_regex: expression("unencrypted_regex")?,
            encrypted_regex: expression("encrypted_regex")?,
            mac_only_encrypted: word("mac_only_encrypted").as_deref() == Some("true"),
        })
    }

    /// The later rule wins, as in SOPS.
    pub(super) fn is_encrypted(&self, path: &[String]) -> bool {
        let mut encrypted = true;
        if let Some(suffix) = &self.unencrypted_suffix {
            encrypted &= !path.iter().any(|key| key.ends_with(suffix));
        }
        if let Some(suffix) = &self.encrypted_suffix {
            encrypted = path.iter().any(|key| key.ends_with(suffix));
        }
        if let Some(expression) = &self.unencrypted_regex {
            encrypted &= !path.iter().any(|key| expression.is_match(key));
        }
        if let Some(expression) = &self.encrypted_regex {
            encrypted = path.iter().any(|key| expression.is_match(key));
        }
        encrypted
    }
}
