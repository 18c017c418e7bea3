//! The packages of an image: dpkg's, apk's and rpm's databases, and distroless' one file per package.

use crate::tree::Files;
use refloat_packages::{Package, package};

/// Installed packages, sorted; empty where there is no database.
///
/// # Errors
/// A sentence if there is one that cannot be read.
pub(crate) fn installed(files: &Files) -> Result<Vec<Package>, String> {
    let mut packages = Vec::new();
    let whole = package::DATABASES.iter().map(|(path, _)| *path);
    let singles = files.files_in(package::FOLDER);
    for path in whole.chain(singles) {
        if let (Some(kind), Some(content)) = (package::database_at(path), files.content(path)) {
            packages.extend(package::read(kind, content)?);
        }
    }
    packages.sort();
    packages.dedup();
    Ok(packages)
}
