//! The packages of an image: dpkg's database, and distroless' one file per package.

use crate::tree::Files;
use refloat_packages::{Package, dpkg};

/// Installed packages, sorted; empty where there is no database.
///
/// # Errors
/// A sentence if there is one that cannot be read.
pub(crate) fn installed(files: &Files) -> Result<Vec<Package>, String> {
    let mut packages = Vec::new();
    let mut databases = Vec::new();
    if let Some(status) = files.content("var/lib/dpkg/status") {
        databases.push(status);
    }
    let singles = files.files_in("var/lib/dpkg/status.d");
    databases.extend(singles.filter_map(|path| files.content(path)));
    for database in databases {
        packages.extend(dpkg::parse(database).map_err(|error| error.to_string())?);
    }
    packages.sort();
    packages.dedup();
    Ok(packages)
}
