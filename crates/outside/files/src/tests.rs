//! The suite of the port on real files, and what only files can do wrong.

#![expect(clippy::print_stdout, reason = "a skipped test says so")]

use crate::LocalBlobs;
use crate::layout::shard;
use futures_util::FutureExt;
use refloat_core::{Failure, StorageKey};
use refloat_oci::{Algorithm, Digest};
use refloat_ports::suite::{self, Subject};
use refloat_ports::{AppendError, Blobs};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn blob(&self, key: &StorageKey) -> PathBuf {
        self.0
            .path()
            .join("blobs")
            .join(shard(key))
            .join(key.as_str())
    }
}

impl Subject for Folder {
    fn reopen(&self) -> Arc<dyn Blobs> {
        Arc::new(LocalBlobs::open(self.0.path()).expect("open"))
    }

    fn damage(&self, key: &StorageKey, position: u64) {
        let path = self.blob(key);
        let mut bytes = fs::read(&path).expect("the file");
        bytes[usize::try_from(position).expect("small")] ^= 1;
        fs::write(path, bytes).expect("write");
    }
}

#[tokio::test]
async fn keeps_the_contract() {
    suite::run(&Folder::new()).await;
}

#[tokio::test]
async fn a_truncated_file_is_damaged() {
    let folder = Folder::new();
    let blobs = folder.reopen();
    let bytes = suite::sample(3_000_000);
    let key = suite::fresh_key();
    blobs
        .append(key.clone(), 0, suite::body(&bytes, 8192))
        .await
        .expect("append");
    let finished = blobs
        .finish(key.clone(), 3_000_000, Digest::sha256(&bytes))
        .await
        .expect("finish");
    let file = fs::OpenOptions::new()
        .write(true)
        .open(folder.blob(&key))
        .expect("the file");
    // Cut within the last MiB: the number of checksums still fits, the last one does not.
    file.set_len(2_500_000).expect("cut");
    let answer = blobs.read(key, 0..3_000_000, finished.checksums).await;
    assert!(matches!(answer, Err(Failure::Damaged(_))));
}

#[tokio::test]
async fn a_writer_excludes_a_second_one() {
    let folder = Folder::new();
    let blobs = folder.reopen();
    let key = suite::fresh_key();
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let slow: refloat_ports::ByteStream = Box::pin(futures_util::stream::unfold(
        receiver,
        |mut receiver| async { receiver.recv().await.map(|part| (part, receiver)) },
    ));
    // A whole batch is there, so the first writer opens the file and then waits for more.
    sender.send(Ok(suite::sample(600 * 1024))).expect("sent");
    let other = Arc::clone(&blobs);
    let writing = key.clone();
    let first = tokio::spawn(async move { other.append(writing, 0, slow).await });
    // The level waited for: the file exists, so the first writer has the key.
    while !folder.0.path().join("uploads").join(key.as_str()).exists() {
        tokio::task::yield_now().await;
    }
    let busy = match blobs
        .append(key.clone(), 0, suite::body(&suite::sample(10), 10))
        .await
    {
        Err(AppendError::Failed(failure)) => failure,
        other => panic!("a second writer: {other:?}"),
    };
    assert!(matches!(busy, Failure::Transient(_)), "{busy}");
    drop(sender);
    assert_eq!(first.await.expect("ends").expect("append"), 600 * 1024);
}

#[tokio::test]
async fn a_dropped_append_leaves_the_upload_resumable() {
    let folder = Folder::new();
    let blobs = folder.reopen();
    let bytes = suite::sample(2_000_000);
    let key = suite::fresh_key();
    blobs
        .begin(key.clone(), Algorithm::Sha256)
        .await
        .expect("begin");
    blobs
        .append(key.clone(), 0, suite::body(&bytes.slice(..500_000), 8192))
        .await
        .expect("append");
    for _ in 0..20 {
        let mut append = blobs.append(
            key.clone(),
            500_000,
            suite::body(&bytes.slice(500_000..), 8192),
        );
        // Polled some times, then dropped wherever it stands.
        for _ in 0..3 {
            if (&mut append).now_or_never().is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let length = loop {
        match blobs
            .append(
                key.clone(),
                500_000,
                suite::body(&bytes.slice(500_000..), 8192),
            )
            .await
        {
            Ok(length) => break length,
            Err(AppendError::Failed(Failure::Transient(_))) => tokio::task::yield_now().await,
            Err(other) => panic!("{other}"),
        }
    };
    blobs
        .finish(key, length, Digest::sha256(&bytes))
        .await
        .expect("finish");
}

#[tokio::test]
async fn long_appends_may_begin_and_end_anywhere() {
    let folder = Folder::new();
    let blobs = folder.reopen();
    // Within a page, at a page, at a MiB; whole MiBs go around the page cache, the rest does not.
    let ends = [
        1_000,
        4_000_003,
        4_001_792,
        8 << 20,
        (11 << 20) + 4096,
        12_000_001,
    ];
    let bytes = suite::sample(12_000_001);
    // More appends at once than there are stages.
    let uploads = (0..40).map(|number| {
        let (blobs, bytes) = (Arc::clone(&blobs), bytes.slice(number..));
        async move {
            let key = suite::fresh_key();
            let mut start = 0;
            for end in ends.map(|end| end.min(bytes.len())) {
                let body = suite::body(&bytes.slice(start..end), 70_001);
                let length = blobs.append(key.clone(), start as u64, body).await;
                assert_eq!(length.expect("append"), end as u64);
                start = end;
            }
            let (length, digest) = (bytes.len() as u64, Digest::sha256(&bytes));
            let finished = blobs.finish(key.clone(), length, digest).await;
            let checksums = finished.expect("finish").checksums;
            let stream = blobs.read(key, 0..length, checksums).await.expect("read");
            let (read, error) = suite::drain(stream).await;
            assert!(error.is_none() && read == bytes, "{number}");
        }
    });
    futures_util::future::join_all(uploads).await;
}

#[tokio::test]
async fn a_full_disk_keeps_what_was_acknowledged() {
    let Some(disk) = SmallDisk::mount(8) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "mounting a tmpfs needs root"
        );
        println!("skipped: mounting a tmpfs needs root");
        return;
    };
    let blobs = LocalBlobs::open(disk.0.path()).expect("open");
    let bytes = suite::sample(20 << 20);
    let key = suite::fresh_key();
    let start = 3 << 20;
    blobs
        .append(key.clone(), 0, suite::body(&bytes.slice(..start), 65_536))
        .await
        .expect("append");
    let full = blobs
        .append(
            key.clone(),
            start as u64,
            suite::body(&bytes.slice(start..), 65_536),
        )
        .await;
    assert!(
        matches!(full, Err(AppendError::Failed(Failure::Full(_)))),
        "{full:?}"
    );
    // The room is free again, and the upload goes on where it was acknowledged, with the hashes of before.
    let end = 5 << 20;
    let length = blobs
        .append(
            key.clone(),
            start as u64,
            suite::body(&bytes.slice(start..end), 65_536),
        )
        .await
        .expect("append");
    let finished = blobs
        .finish(key.clone(), length, Digest::sha256(&bytes[..end]))
        .await
        .expect("finish");
    let stream = blobs
        .read(key, 0..length, finished.checksums)
        .await
        .expect("read");
    let (read, error) = suite::drain(stream).await;
    assert!(error.is_none() && read == bytes[..end]);
}

/// A tmpfs of a few MiB, unmounted at the end.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().ok()?;
        let size = format!("size={mib}m");
        let done = mount_program(
            "mount",
            &["-t", "tmpfs", "-o", &size, "tmpfs"],
            folder.path(),
        );
        done.then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        mount_program("umount", &[], self.0.path());
    }
}

fn mount_program(program: &str, arguments: &[&str], folder: &Path) -> bool {
    let output = std::process::Command::new(program)
        .args(arguments)
        .arg(folder)
        .output();
    output.is_ok_and(|output| output.status.success())
}
