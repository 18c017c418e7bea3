//! Files and folders that take the place of others at once, and durably.

use crate::failure;
use refloat_core::Failure;
use rustix::fs::{CWD, RenameFlags};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Makes `place/name` the folder of exactly these files.
pub(crate) fn replace(
    place: &Path,
    name: &str,
    id: &str,
    files: &[(String, String)],
) -> Result<(), Failure> {
    make_folder(place)?;
    let aside = place.join(format!(".{name}.{id}"));
    // What an earlier attempt left behind.
    remove(&aside)?;
    make_folder(&aside)?;
    for (path, text) in files {
        let path = aside.join(path);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        let mut file = File::create(&path).map_err(|error| failure(&path, &error))?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|error| failure(&path, &error))?;
    }
    sync_folders(&aside)?;
    let target = place.join(name);
    exchange(&aside, &target).map_err(|error| failure(&target, &error))?;
    sync_folder(place)?;
    // What was there before, if anything was.
    remove(&aside)
}

/// Writes a file aside and renames it.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let aside = path.with_extension("new");
    let written = File::create(&aside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written
        .and_then(|()| fs::rename(&aside, path))
        .map_err(|error| failure(path, &error))?;
    path.parent().map_or(Ok(()), sync_folder)
}

fn exchange(aside: &Path, target: &Path) -> std::io::Result<()> {
    match rustix::fs::renameat_with(CWD, aside, CWD, target, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        // Nothing is there yet: there is nothing to exchange it with.
        Err(rustix::io::Errno::NOENT) => fs::rename(aside, target),
        // A file system that cannot: a moment without the folder instead.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            let before = aside.with_extension("before");
            fs::rename(target, &before)?;
            fs::rename(aside, target)?;
            fs::remove_dir_all(before)
        }
        Err(error) => Err(error.into()),
    }
}

fn make_folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|error| failure(path, &error))
}

fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failure(path, &error)),
    }
}

fn sync_folder(path: &Path) -> Result<(), Failure> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| failure(path, &error))
}

/// The folder and all below it.
fn sync_folders(top: &Path) -> Result<(), Failure> {
    let mut open: Vec<PathBuf> = vec![top.to_owned()];
    while let Some(folder) = open.pop() {
        sync_folder(&folder)?;
        let entries = fs::read_dir(&folder).map_err(|error| failure(&folder, &error))?;
        for entry in entries {
            let path = entry.map_err(|error| failure(&folder, &error))?.path();
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    Ok(())
}
