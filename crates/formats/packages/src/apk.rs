//! apk's database: `lib/apk/db/installed` (Alpine's "Apk spec": paragraphs of `letter:value`).

use crate::package::{Package, PackageKind};

/// The most bytes of a database that are read.
pub const INSTALLED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most packages.
pub const PACKAGES_MAX: usize = 50_000;

/// Why a database cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApkError {
    /// More than the cap.
    #[error("apk's database is larger than {INSTALLED_BYTES_MAX} bytes or {PACKAGES_MAX} packages")]
    TooLarge,
    /// A paragraph without what each must have.
    #[error("apk's database has a paragraph without {0} near line {1}")]
    Missing(&'static str, usize),
    /// A line that is no field.
    #[error("apk's database has no field in line {0}")]
    Line(usize),
}

/// Installed packages, sorted.
///
/// # Errors
/// [`ApkError`] if it is no such file: what is read halfway would look like removed packages.
pub fn parse(installed: &[u8]) -> Result<Vec<Package>, ApkError> {
    if installed.len() > INSTALLED_BYTES_MAX {
        return Err(ApkError::TooLarge);
    }
    let text = String::from_utf8_lossy(installed);
    let mut packages = Vec::new();
    let mut paragraph = Paragraph::default();
    let mut last = 0;
    for (at, line) in text.lines().enumerate() {
        last = at + 1;
        if line.is_empty() {
            std::mem::take(&mut paragraph).end(last, &mut packages)?;
            continue;
        }
        let (field, value) = line
            .split_once(':')
            .filter(|(field, _)| field.len() == 1)
            .ok_or(ApkError::Line(last))?;
        paragraph.take(field, value);
    }
    paragraph.end(last, &mut packages)?;
    packages.sort();
    packages.dedup();
    Ok(packages)
}

#[derive(Default)]
struct Paragraph {
    has_fields: bool,
    name: Option<String>,
    version: Option<String>,
    architecture: String,
    provides: String,
}

impl Paragraph {
    fn take(&mut self, field: &str, value: &str) {
        self.has_fields = true;
        match field {
            "P" => self.name = Some(value.to_owned()),
            "V" => self.version = Some(value.to_owned()),
            "A" => value.clone_into(&mut self.architecture),
            "p" => value.clone_into(&mut self.provides),
            _ => {}
        }
    }

    fn end(self, line: usize, packages: &mut Vec<Package>) -> Result<(), ApkError> {
        if !self.has_fields {
            return Ok(());
        }
        if packages.len() >= PACKAGES_MAX {
            return Err(ApkError::TooLarge);
        }
        packages.push(Package {
            kind: PackageKind::Apk,
            name: self.name.ok_or(ApkError::Missing("P", line))?,
            architecture: self.architecture,
            version: self.version.ok_or(ApkError::Missing("V", line))?,
            provides: self.provides,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installed_packages_in_order() {
        let text = "C:Q1x=\nP:musl\nV:1.2.4-r2\nA:x86_64\np:so:libc.musl-x86_64.so.1=1\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\n\n\
            P:busybox\nV:1.36.1-r5\nA:x86_64\n\n";
        let packages = parse(text.as_bytes()).expect("a database");
        let told: Vec<_> = packages
            .iter()
            .map(|it| (it.name.as_str(), it.version.as_str()))
            .collect();
        assert_eq!(told, [("busybox", "1.36.1-r5"), ("musl", "1.2.4-r2")]);
        assert_eq!(parse(b""), Ok(Vec::new()));
    }

    #[test]
    fn half_a_file_is_an_error() {
        assert_eq!(parse(b"P:a\n\nP:b\nV:1\n"), Err(ApkError::Missing("V", 2)));
        assert_eq!(parse(b"P:a\nV:1\nnothing\n"), Err(ApkError::Line(3)));
        assert_eq!(parse(b"\x7fELF"), Err(ApkError::Line(1)));
    }
}
