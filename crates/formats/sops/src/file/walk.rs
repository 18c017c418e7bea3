//! The values in the order in which SOPS walks them, decrypted, and the MAC over them.

use super::rules::Rules;
use super::{METADATA, SopsError, number};
use crate::cipher::{DataKey, OpenedKind};
use aws_lc_rs::digest::{Context, SHA512};
use granit_parser::ScalarStyle;
use refloat_chart::bump::tree::{Kind, Node};
use serde_json::{Map, Value};

/// What a MAC over encrypted values alone begins with: SHA-256 of `sops`.
const ENCRYPTED_ONLY: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b,
    0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

pub(super) struct Walk<'a> {
    key: &'a DataKey,
    rules: &'a Rules,
    hash: Context,
    path: Vec<String>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(key: &'a DataKey, rules: &'a Rules) -> Self {
        let mut hash = Context::new(&SHA512);
        if rules.mac_only_encrypted {
            hash.update(&ENCRYPTED_ONLY);
        }
        Self {
            key,
            rules,
            hash,
            path: Vec::new(),
        }
    }

    /// One document without what SOPS keeps in it.
    pub(super) fn document(&mut self, root: &Node) -> Result<Value, SopsError> {
        let Kind::Map { entries, .. } = &root.kind else {
            return Err(SopsError::Yaml("the document is no map".to_owned()));
        };
        let entries = entries.iter();
        let own = entries.filter(|(key, _)| key.text() != Some(METADATA));
        self.map(own)
    }

    /// The MAC of what was walked: SHA-512 in capitals.
    pub(super) fn mac(self) -> String {
        let digest = self.hash.finish();
        digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect()
    }

    fn map<'b>(
        &mut self,
        entries: impl Iterator<Item = &'b (Node, Node)>,
    ) -> Result<Value, SopsError> {
        let mut map = Map::new();
        for (key, value) in entries {
            let name = key.text().ok_or_else(|| self.value(key))?;
            self.path.push(name.to_owned());
            if let Some(value) = self.node(value)? {
                map.insert(name.to_owned(), value);
            }
            self.path.pop();
        }
        Ok(Value::Object(map))
    }

    /// A value; `None` for a comment.
    fn node(&mut self, node: &Node) -> Result<Option<Value>, SopsError> {
        match &node.kind {
            Kind::Map { entries, .. } => self.map(entries.iter()).map(Some),
            Kind::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    list.extend(self.node(item)?);
                }
                Ok(Some(Value::Array(list)))
            }
            Kind::Alias(_) => Err(SopsError::Unsupported(format!(
                "an alias (line {})",
                node.line
            ))),
            Kind::Scalar { .. } if node.is_null() => Ok(Some(Value::Null)),
            Kind::Scalar { text, style } => {
                if self.rules.is_encrypted(&self.path) {
                    self.encrypted(node, text)
                } else {
                    Ok(Some(self.plain(text, *style)))
                }
            }
        }
    }

    fn encrypted(&mut self, node: &Node, text: &str) -> Result<Option<Value>, SopsError> {
        let path: String = self.path.iter().map(|key| format!("{key}:")).collect();
        let opened = self.key.open(text, &path);
        let opened = opened.ok_or_else(|| self.value(node))?;
        if opened.kind != OpenedKind::Comment {
            self.hash.update(opened.text.as_bytes());
        }
        Ok(match opened.kind {
            OpenedKind::Comment => None,
            OpenedKind::Text => Some(Value::String(opened.text)),
            OpenedKind::Number => Some(number(&opened.text)),
            OpenedKind::Boolean => Some(Value::Bool(opened.text.eq_ignore_ascii_case("true"))),
        })
    }

    /// A value that stays as it is. Numbers of other bases and instants do not fit the MAC, and are refused by it.
    fn plain(&mut self, text: &str, style: ScalarStyle) -> Value {
        let is_plain = style == ScalarStyle::Plain;
        let (value, hashed) = match text {
            "true" | "True" | "TRUE" if is_plain => (Value::Bool(true), "True".to_owned()),
            "false" | "False" | "FALSE" if is_plain => (Value::Bool(false), "False".to_owned()),
            _ => match number(text) {
                value @ Value::Number(_) if is_plain => {
                    let hashed = match &value {
                        Value::Number(number) if number.is_f64() => {
                            number.as_f64().map(|number| number.to_string())
                        }
                        other => Some(other.to_string()),
                    };
                    (value, hashed.unwrap_or_default())
                }
                _ => (Value::String(text.to_owned()), text.to_owned()),
            },
        };
        if !self.rules.mac_only_encrypted {
            self.hash.update(hashed.as_bytes());
        }
        value
    }

    fn value(&self, node: &Node) -> SopsError {
        SopsError::Value {
            path: self.path.join("."),
            line: node.line,
        }
    }
}
