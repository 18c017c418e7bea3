//! Bytes of files, off the asynchronous workers.

use bytes::BytesMut;
use futures_util::stream;
use refloat_core::Failure;
use refloat_oci::Digest;
use refloat_ports::{BlobRead, ByteStream, ImagesError, verified};
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

/// Bytes read at once.
const READ_BYTES: usize = 256 * 1024;

/// Where bytes lie: a whole file, or a part of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) path: PathBuf,
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

impl Span {
    /// The bytes as a blob that is checked against its digest.
    pub(crate) async fn read(&self, digest: Digest) -> Result<BlobRead, ImagesError> {
        let failed = |error: io::Error| world(&self.path, &error);
        let mut file = File::open(&self.path).await.map_err(failed)?;
        file.seek(SeekFrom::Start(self.offset))
            .await
            .map_err(failed)?;
        let stream = frames(file.take(self.size));
        Ok(BlobRead {
            size: self.size,
            stream: verified(stream, digest, self.size),
        })
    }

    /// All bytes; an error if there are more than `max`.
    pub(crate) fn read_small(&self, max: usize) -> Result<Vec<u8>, ImagesError> {
        use std::io::{Read as _, Seek as _};
        if self.size > max as u64 {
            let text = format!(
                "{} has {} bytes where at most {max} are read",
                self.path.display(),
                self.size
            );
            return Err(ImagesError::Unsupported(text));
        }
        let read = || -> io::Result<Vec<u8>> {
            let mut file = std::fs::File::open(&self.path)?;
            file.seek(SeekFrom::Start(self.offset))?;
            let mut bytes = Vec::new();
            file.take(self.size).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(|error| world(&self.path, &error))
    }
}

fn frames(file: tokio::io::Take<File>) -> ByteStream {
    Box::pin(stream::unfold(Some(file), |file| async move {
        let mut file = file?;
        let mut frame = BytesMut::with_capacity(READ_BYTES);
        match file.read_buf(&mut frame).await {
            Ok(0) => None,
            Ok(_) => Some((Ok(frame.freeze()), Some(file))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

/// An error of the file system, by what follows from it.
pub(crate) fn world(path: &Path, error: &io::Error) -> ImagesError {
    let text = format!("{}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ImagesError::Failed(Failure::Full(text))
        }
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
            ImagesError::NotPermitted(text)
        }
        _ => ImagesError::Failed(Failure::Terminal(text)),
    }
}

/// Runs blocking work on a thread for it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ImagesError> + Send + 'static,
) -> Result<T, ImagesError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(ImagesError::Failed(Failure::Terminal(format!(
            "a thread of files: {error}"
        )))),
    }
}
