//! The data folder: made, locked for one process, and refused where SQLite is not safe.

use crate::error::OpenError;
use rustix::fs::{FlockOperation, flock, statfs};
use std::fs::{File, OpenOptions, create_dir};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The lock's file in the data folder. It stays; only the lock on it counts.
const LOCK: &str = "lock";

/// File systems without memory shared between machines, by their magic number (statfs(2), linux/magic.h).
const NETWORK: &[(u32, &str)] = &[
    (0x0000_6969, "NFS"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0000_517b, "SMB"),
    (0x5346_414f, "AFS"),
    (0x0000_564c, "NCP"),
    (0x7375_7245, "Coda"),
];

/// A data folder that this process holds until the value is dropped.
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is absent and takes its lock.
    pub(super) fn lock(path: &Path) -> Result<Self, OpenError> {
        let at = |at: &Path| {
            let at = at.to_owned();
            move |source| OpenError::Io { path: at, source }
        };
        match create_dir(path) {
            Ok(()) => sync_folder(
                path.parent()
                    .filter(|parent| !parent.as_os_str().is_empty())
                    .unwrap_or(Path::new(".")),
            )?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(at(path)(error)),
        }
        if let Some(kind) = network_kind(path).map_err(at(path))? {
            return Err(OpenError::NetworkFilesystem {
                folder: path.to_owned(),
                kind,
            });
        }
        let name = path.join(LOCK);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&name).map_err(at(&name))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(OpenError::InUse {
                    folder: path.to_owned(),
                    process: holder(&mut file),
                });
            }
            Err(error) => return Err(at(&name)(error.into())),
        }
        // Who holds the lock is a courtesy to whoever is refused: a full disk must not keep the server from starting.
        if let Err(error) = write_holder(&mut file) {
            tracing::warn!(%error, "the process id could not be written into the lock");
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: file,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn write_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(32).read_to_string(&mut text);
    match text.trim() {
        number if read.is_ok() && !number.is_empty() => number.to_owned(),
        _ => "(unknown)".to_owned(),
    }
}

fn network_kind(path: &Path) -> std::io::Result<Option<&'static str>> {
    // The field's type differs between platforms; the magic numbers are 32 bits wide on all of them.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "magic numbers are 32 bits wide"
    )]
    let magic = statfs(path)?.f_type as u32;
    Ok(kind_of(magic))
}

fn kind_of(magic: u32) -> Option<&'static str> {
    NETWORK
        .iter()
        .find(|(known, _)| *known == magic)
        .map(|(_, kind)| *kind)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<(), OpenError> {
    let synced = File::open(path).and_then(|folder| folder.sync_all());
    synced.map_err(|source| OpenError::Io {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_number() {
        assert_eq!(kind_of(0x6969), Some("NFS"));
        assert_eq!(kind_of(0xff53_4d42), Some("CIFS"));
        assert_eq!(kind_of(0xef53), None, "ext4");
        assert_eq!(kind_of(0x0102_1994), None, "tmpfs");
    }

    #[test]
    fn a_folder_has_one_holder() {
        let parent = tempfile::tempdir().expect("a folder");
        let path = parent.path().join("data");
        let held = Folder::lock(&path).expect("the first");
        let refused = Folder::lock(&path)
            .err()
            .expect("the second is refused")
            .to_string();
        let expected = format!("is in use by process {}", std::process::id());
        assert!(refused.contains(&expected), "{refused}");
        assert!(refused.contains(&path.display().to_string()), "{refused}");
        drop(held);
        Folder::lock(&path).expect("free again");
    }
}
