//! From upload to blob: check the digest, put the file under its final name, and that name on disk.

use crate::failure;
use crate::layout::{Layout, sync_folder};
use crate::live::{Hashes, Lease};
use refloat_core::{Failure, StorageKey};
use refloat_oci::Digest;
use refloat_ports::{Checksums, FinishError, Finished};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek};

/// How much is read at once where a file must be hashed again.
const REREAD_BYTES: usize = 256 * 1024;

pub(crate) fn finish(
    layout: &Layout,
    mut lease: Lease,
    key: &StorageKey,
    size: u64,
    digest: &Digest,
) -> Result<Finished, FinishError> {
    let cannot = |error: io::Error| failure(&format!("cannot finish upload `{key}`"), &error);
    match File::open(layout.blob(key)) {
        Ok(file) => {
            lease.hashes = None;
            return finished_before(layout, &file, key, size, digest);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(cannot(error).into()),
    }
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(size == 0)
        .truncate(false)
        .open(layout.upload(key));
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(lost(lease, key, absent()));
        }
        other => other.map_err(cannot)?,
    };
    let length = file.metadata().map_err(cannot)?.len();
    if length < size {
        return Err(lost(lease, key, absent()));
    }
    if length > size {
        file.set_len(size).map_err(cannot)?;
    }
    let metadata = file.metadata().map_err(cannot)?;
    let seen = lease.hashes.as_ref().filter(|hashes| {
        hashes.length() == size
            && hashes.algorithm() == digest.algorithm()
            && hashes.are_of(&metadata)
    });
    // Digest and checksums are those of the pass that wrote the bytes if that was this process, all of it, with this algorithm.
    let (actual, checksums) = match seen {
        Some(hashes) => hashes.clone().finish(),
        None => reread(&file, size, digest).map_err(cannot)?,
    };
    if actual != *digest {
        return Err(FinishError::Mismatch { actual });
    }
    // What was stamped was synced before; all else is now.
    let synced = seen.map_or_else(|| file.sync_data(), |_| Ok(()));
    if let Err(error) = synced {
        // See `append`: after a failed fsync the bytes cannot be trusted, whatever a second one says.
        let _ = fs::remove_file(layout.upload(key));
        return Err(lost(lease, key, failure("fsync failed", &error)));
    }
    publish(layout, key).map_err(cannot)?;
    lease.hashes = None;
    Ok(Finished { size, checksums })
}

/// Gives the file its final name, durably.
fn publish(layout: &Layout, key: &StorageKey) -> io::Result<()> {
    refloat_fail::point("blob.synced")?;
    let folder = layout.durable_folder(key)?;
    fs::rename(layout.upload(key), folder.join(key.as_str()))?;
    refloat_fail::point("blob.renamed")?;
    sync_folder(&folder)?;
    refloat_fail::point("blob.folder_synced")?;
    sync_folder(layout.uploads())?;
    refloat_fail::point("blob.finished")?;
    Ok(())
}

/// Somebody finished this upload and died before the row: say the same again, and make sure that it is on disk.
/// Bytes that were appended since must be the same ones; they are thrown away.
fn finished_before(
    layout: &Layout,
    file: &File,
    key: &StorageKey,
    size: u64,
    digest: &Digest,
) -> Result<Finished, FinishError> {
    let cannot = |error: io::Error| failure(&format!("cannot finish upload `{key}` again"), &error);
    let length = file.metadata().map_err(cannot)?.len();
    let (actual, checksums) = reread(file, length, digest).map_err(cannot)?;
    if length != size || actual != *digest {
        let appended = fs::exists(layout.upload(key)).map_err(cannot)?;
        return Err(if appended || length != size {
            FinishError::Lost {
                key: key.clone(),
                cause: Failure::Damaged("it was finished with other bytes".to_owned()),
            }
        } else {
            FinishError::Mismatch { actual }
        });
    }
    let durable = || {
        file.sync_data()?;
        match fs::remove_file(layout.upload(key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        sync_folder(&layout.durable_folder(key)?)?;
        sync_folder(layout.uploads())
    };
    durable().map_err(cannot)?;
    Ok(Finished { size, checksums })
}

fn reread(mut file: &File, size: u64, digest: &Digest) -> io::Result<(Digest, Checksums)> {
    let mut hashes = Hashes::new(digest.algorithm());
    let mut buffer = vec![0; REREAD_BYTES];
    file.rewind()?;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => hashes.update(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if hashes.length() != size {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
    }
    Ok(hashes.finish())
}

fn absent() -> Failure {
    Failure::Damaged("the file has another length than was acknowledged".to_owned())
}

fn lost(mut lease: Lease, key: &StorageKey, cause: Failure) -> FinishError {
    lease.hashes = None;
    FinishError::Lost {
        key: key.clone(),
        cause,
    }
}
