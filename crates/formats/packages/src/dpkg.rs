//! dpkg's database: `var/lib/dpkg/status`, and distroless' `var/lib/dpkg/status.d/*` (the same paragraphs, one file
//! per package).

use crate::package::{Package, PackageKind};

/// The most bytes of a database that are read.
pub const STATUS_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The most packages.
pub const PACKAGES_MAX: usize = 50_000;

/// Why a database cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DpkgError {
    /// More than the cap.
    #[error("dpkg's database is larger than {STATUS_BYTES_MAX} bytes or {PACKAGES_MAX} packages")]
    TooLarge,
    /// A paragraph without what each must have.
    #[error("dpkg's database has a paragraph without {0} near line {1}")]
    Missing(&'static str, usize),
    /// A line that is no field.
    #[error("dpkg's database has no field in line {0}")]
    Line(usize),
}

/// Packages of a status file that are installed, sorted. Removed ones whose configuration stayed are left out
/// (dpkg-query(1), "Package State").
///
/// # Errors
/// [`DpkgError`] if it is no such file: what is read halfway would look like removed packages.
pub fn parse(status: &[u8]) -> Result<Vec<Package>, DpkgError> {
    if status.len() > STATUS_BYTES_MAX {
        return Err(DpkgError::TooLarge);
    }
    let text = String::from_utf8_lossy(status);
    let mut packages = Vec::new();
    let mut paragraph = Paragraph::default();
    let mut last = 0;
    for (at, line) in text.lines().enumerate() {
        last = at + 1;
        if line.trim().is_empty() {
            paragraph.end(last, &mut packages)?;
            paragraph = Paragraph::default();
        } else {
            paragraph.take(line, last)?;
        }
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
    architecture: String,
    version: Option<String>,
    provides: String,
    status: Option<String>,
}

impl Paragraph {
    fn take(&mut self, line: &str, number: usize) -> Result<(), DpkgError> {
        if line.starts_with([' ', '\t']) {
            return if self.has_fields {
                Ok(())
            } else {
                Err(DpkgError::Line(number))
            };
        }
        let (field, value) = line.split_once(':').ok_or(DpkgError::Line(number))?;
        self.has_fields = true;
        let value = value.trim().to_owned();
        match field.to_ascii_lowercase().as_str() {
            "package" => self.name = Some(value),
            "architecture" => self.architecture = value,
            "version" => self.version = Some(value),
            "provides" => self.provides = value,
            "status" => self.status = Some(value),
            _ => {}
        }
        Ok(())
    }

    fn end(self, number: usize, packages: &mut Vec<Package>) -> Result<(), DpkgError> {
        if !self.has_fields {
            return Ok(());
        }
        let name = self.name.ok_or(DpkgError::Missing("Package", number))?;
        // distroless' files have no Status: being there is being installed.
        let is_there = self.status.is_none_or(|status| {
            !matches!(
                status.split_whitespace().last(),
                Some("not-installed" | "config-files")
            )
        });
        if !is_there {
            return Ok(());
        }
        if packages.len() >= PACKAGES_MAX {
            return Err(DpkgError::TooLarge);
        }
        packages.push(Package {
            kind: PackageKind::Deb,
            name,
            architecture: self.architecture,
            version: self.version.ok_or(DpkgError::Missing("Version", number))?,
            provides: self.provides,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nProvides: libz1\nVersion: 1:1.2.13\nDescription: x\n more\n .\n\n\
        Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\nPackage: adduser\nStatus: install ok installed\nArchitecture: all\nVersion: 3.134\n";

    #[test]
    fn installed_packages_in_order() {
        let packages = parse(STATUS.as_bytes()).expect("a status file");
        let names: Vec<&str> = packages
            .iter()
            .map(|package| package.name.as_str())
            .collect();
        assert_eq!(names, ["adduser", "zlib1g"]);
        assert_eq!(packages[1].version, "1:1.2.13");
        assert_eq!(packages[1].provides, "libz1");
    }

    #[test]
    fn distroless_paragraphs_have_no_status() {
        let packages =
            parse(b"Package: tzdata\nVersion: 2024a\nArchitecture: all\n").expect("a paragraph");
        assert_eq!(packages.len(), 1);
    }

    #[test]
    fn half_a_file_is_an_error() {
        assert_eq!(
            parse(b"Package: a\nVersion: 1\n\nVersion: 2\n"),
            Err(DpkgError::Missing("Package", 4))
        );
        assert_eq!(
            parse(b"Package: a\n"),
            Err(DpkgError::Missing("Version", 1))
        );
        assert_eq!(parse(b"\x7fELF garbage"), Err(DpkgError::Line(1)));
        assert_eq!(parse(b""), Ok(Vec::new()));
    }
}
