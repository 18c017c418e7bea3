//! PAX records: `LENGTH KEY=VALUE\n`.

use std::collections::BTreeMap;

/// The prefix of extended attributes that runtimes apply.
const XATTR: &str = "SCHILY.xattr.";

/// What records say about the next member.
#[derive(Default)]
pub(super) struct Records {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub uid: Option<u64>,
    pub gid: Option<u64>,
    pub is_sparse: bool,
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

impl Records {
    pub fn parse(mut bytes: &[u8]) -> Result<Self, String> {
        let wrong = || "PAX records that cannot be read".to_owned();
        let mut records = Self::default();
        while !bytes.is_empty() {
            let space = bytes
                .iter()
                .position(|byte| *byte == b' ')
                .ok_or_else(wrong)?;
            let length: usize = std::str::from_utf8(&bytes[..space])
                .ok()
                .and_then(|digits| digits.parse().ok())
                .ok_or_else(wrong)?;
            if length <= space + 1 || length > bytes.len() || bytes[length - 1] != b'\n' {
                return Err(wrong());
            }
            let record = &bytes[space + 1..length - 1];
            let equals = record
                .iter()
                .position(|byte| *byte == b'=')
                .ok_or_else(wrong)?;
            let key = std::str::from_utf8(&record[..equals]).map_err(|_| wrong())?;
            records.take(key, &record[equals + 1..])?;
            bytes = &bytes[length..];
        }
        Ok(records)
    }

    fn take(&mut self, key: &str, value: &[u8]) -> Result<(), String> {
        let number = || -> Result<Option<u64>, String> {
            if value.is_empty() {
                return Ok(None);
            }
            std::str::from_utf8(value)
                .ok()
                .and_then(|digits| digits.parse().ok())
                .map(Some)
                .ok_or_else(|| format!("a PAX record `{key}` that is no number"))
        };
        let text = || (!value.is_empty()).then(|| value.to_vec());
        match key {
            "path" => self.path = text(),
            "linkpath" => self.link = text(),
            "size" => self.size = number()?,
            "uid" => self.uid = number()?,
            "gid" => self.gid = number()?,
            _ if key.starts_with("GNU.sparse.") => self.is_sparse = true,
            _ => {
                if let Some(name) = key.strip_prefix(XATTR) {
                    self.xattrs.insert(name.to_owned(), value.to_vec());
                }
            }
        }
        Ok(())
    }

    /// True if a global header with these would change members.
    pub fn is_about_members(&self) -> bool {
        self.path.is_some()
            || self.link.is_some()
            || self.size.is_some()
            || self.uid.is_some()
            || self.gid.is_some()
            || self.is_sparse
            || !self.xattrs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_or_nothing() {
        let records = Records::parse(b"11 path=abc\n39 SCHILY.xattr.security.capability=x\n").err();
        assert_eq!(records.as_deref(), Some("PAX records that cannot be read"));
        let records = Records::parse(b"12 path=abc\n38 SCHILY.xattr.security.capability=x\n");
        let records = records.expect("two records");
        assert_eq!(records.path.as_deref(), Some(b"abc".as_slice()));
        assert_eq!(records.xattrs["security.capability"], b"x");
        assert!(Records::parse(b"99999999999999999999 a=b\n").is_err());
        assert!(Records::parse(b"0 a=b\n").is_err());
        assert!(Records::parse(b"10 size=x1\n").is_err());
    }
}
