//! rpm's databases: `rpmdb.sqlite` (SQLite), `Packages.db` (rpm's own "ndb") and `Packages` (Berkeley DB, hashed).
//!
//! Each is a bag of package headers; the containers differ. All are read from bytes, with caps on pages and headers, and
//! anything that points outside of the file is an error.

use crate::package::{Package, PackageKind};

mod berkeley;
mod bytes;
mod header;
mod ndb;
mod sqlite;

/// The most bytes of a database that are read.
pub const DATABASE_BYTES_MAX: usize = 128 * 1024 * 1024;
/// The most packages.
pub const PACKAGES_MAX: usize = 50_000;
/// The most bytes of one package's header.
pub const HEADER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The first line of [`summary`].
const SUMMARY: &str = "refloat-rpm-1";

/// The blobs of a database. None lies in another, so that all of them together are no larger than the file: what says
/// otherwise names the same bytes again and again.
struct Blobs {
    found: Vec<Vec<u8>>,
    room_bytes: usize,
}

impl Blobs {
    fn of(database: &[u8]) -> Self {
        Self {
            found: Vec::new(),
            room_bytes: database.len(),
        }
    }

    /// Makes room for one more, before its bytes are copied.
    fn admit(&mut self, length: usize) -> Result<(), RpmError> {
        if self.found.len() >= PACKAGES_MAX || length > HEADER_BYTES_MAX {
            return Err(RpmError::TooLarge);
        }
        let left = self.room_bytes.checked_sub(length);
        self.room_bytes = left.ok_or(RpmError::Damaged("values that lie in each other"))?;
        Ok(())
    }
}

/// Why a database cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpmError {
    /// More than a cap.
    #[error(
        "rpm's database is larger than {DATABASE_BYTES_MAX} bytes, {PACKAGES_MAX} packages or {HEADER_BYTES_MAX} bytes per package"
    )]
    TooLarge,
    /// No known container.
    #[error("rpm's database is of an unknown form")]
    Unknown,
    /// Something points outside, or lacks what it must have.
    #[error("rpm's database is damaged: {0}")]
    Damaged(&'static str),
}

/// Installed packages, sorted. Imported keys (`gpg-pubkey`) are no packages.
///
/// # Errors
/// [`RpmError`] if it is no such database.
pub fn parse(database: &[u8]) -> Result<Vec<Package>, RpmError> {
    if let Some(text) = database.strip_prefix(SUMMARY.as_bytes()) {
        return from_summary(text);
    }
    if database.len() > DATABASE_BYTES_MAX {
        return Err(RpmError::TooLarge);
    }
    let headers = if sqlite::is_database(database) {
        sqlite::blobs(database)?
    } else if ndb::is_database(database) {
        ndb::blobs(database)?
    } else if berkeley::is_database(database) {
        berkeley::blobs(database)?
    } else {
        return Err(RpmError::Unknown);
    };
    let mut packages = Vec::new();
    for blob in headers {
        packages.push(header::package(&blob)?);
    }
    packages.retain(|package| package.name != "gpg-pubkey");
    packages.sort();
    packages.dedup();
    Ok(packages)
}

/// A short form of a database, which [`parse`] reads, too: a database of 200 packages has 20 MB, this 20 KB.
///
/// # Errors
/// [`RpmError`] as for [`parse`].
pub fn summary(database: &[u8]) -> Result<Vec<u8>, RpmError> {
    let mut text = SUMMARY.to_owned();
    for package in parse(database)? {
        text.push('\n');
        for (at, field) in [&package.name, &package.version, &package.architecture]
            .iter()
            .enumerate()
        {
            if field.contains(['\n', '\t']) {
                return Err(RpmError::Damaged("a name with a line break"));
            }
            if at > 0 {
                text.push('\t');
            }
            text.push_str(field);
        }
    }
    Ok(text.into_bytes())
}

fn from_summary(text: &[u8]) -> Result<Vec<Package>, RpmError> {
    let text = String::from_utf8_lossy(text);
    let package = |line: &str| {
        let mut fields = line.split('\t').map(str::to_owned);
        let mut field = || fields.next().ok_or(RpmError::Damaged("a short line"));
        Ok(Package {
            kind: PackageKind::Rpm,
            name: field()?,
            version: field()?,
            architecture: field()?,
            provides: String::new(),
        })
    };
    text.lines().skip(1).map(package).collect()
}
