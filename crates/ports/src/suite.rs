//! What every implementation of [`Blobs`] passes: one call in a test of its crate.
//!
//! A failed promise panics with its name. The subject is a store that is empty at the start.

use crate::{AppendError, Blobs, ByteStream, CHECKSUM_SPAN_BYTES, FinishError, Finished};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use refloat_core::{Failure, StorageKey};
use refloat_oci::{Algorithm, Digest};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// A store under test, and what a test does to it from outside.
pub trait Subject {
    /// The same bytes behind a new process: nothing in memory is left.
    fn reopen(&self) -> Arc<dyn Blobs>;

    /// Flips a bit of the stored bytes of `key` at `position`.
    fn damage(&self, key: &StorageKey, position: u64);
}

/// Runs every case.
///
/// # Panics
/// If a promise of the contract is broken.
pub async fn run(subject: &dyn Subject) {
    bodies_of_every_length_come_back(subject).await;
    an_upload_survives_a_restart(subject).await;
    every_algorithm_is_checked_at_the_end(subject).await;
    a_mismatch_leaves_the_upload_as_it_was(subject).await;
    a_broken_body_keeps_what_came(subject).await;
    unacknowledged_bytes_do_not_exist(subject).await;
    lost_bytes_are_named(subject).await;
    finish_may_be_repeated(subject).await;
    an_upload_goes_on_after_a_finish_without_a_row(subject).await;
    damage_is_never_served(subject).await;
    what_is_not_there_is_damaged(subject).await;
    delete_may_be_repeated(subject).await;
    a_reader_who_goes_away_leaves_nothing(subject).await;
    the_list_has_every_key_once(subject).await;
}

/// A key that nobody has used.
pub fn fresh_key() -> StorageKey {
    StorageKey::from_ulid(ulid::Ulid::new())
}

/// `length` bytes that differ from place to place.
pub fn sample(length: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ length as u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

/// `bytes` as a body that arrives in pieces of `piece` bytes.
pub fn body(bytes: &Bytes, piece: usize) -> ByteStream {
    // Asked again after its end this stream panics, as bodies of requests may.
    Box::pin(stream::unfold(bytes.clone(), move |mut rest| async move {
        let part = rest.split_to(piece.min(rest.len()));
        (!part.is_empty()).then_some((Ok(part), rest))
    }))
}

/// `bytes` as a body that breaks off after them.
pub fn broken_body(bytes: &Bytes) -> ByteStream {
    let broken = io::Error::new(io::ErrorKind::ConnectionReset, "the client went away");
    Box::pin(body(bytes, 1000).chain(stream::iter([Err(broken)])))
}

/// Reads a stream to its end or first error; the bytes before it, and the error.
pub async fn drain(mut stream: ByteStream) -> (Vec<u8>, Option<io::Error>) {
    let mut all = Vec::new();
    while let Some(part) = stream.next().await {
        match part {
            Ok(bytes) => all.extend_from_slice(&bytes),
            Err(error) => return (all, Some(error)),
        }
    }
    (all, None)
}

async fn store(blobs: &dyn Blobs, bytes: &Bytes) -> (StorageKey, Finished) {
    let key = fresh_key();
    blobs
        .begin(key.clone(), Algorithm::Sha256)
        .await
        .expect("begin");
    let length = blobs
        .append(key.clone(), 0, body(bytes, 70_001))
        .await
        .expect("append");
    assert_eq!(length, bytes.len() as u64, "append returns the length");
    let finished = blobs
        .finish(key.clone(), length, Digest::sha256(bytes))
        .await
        .expect("finish");
    assert_eq!(finished.size, length, "finish returns the length");
    (key, finished)
}

async fn read(
    blobs: &dyn Blobs,
    key: &StorageKey,
    range: Range<u64>,
    finished: &Finished,
) -> Vec<u8> {
    let stream = blobs
        .read(key.clone(), range, finished.checksums.clone())
        .await
        .expect("read");
    let (bytes, error) = drain(stream).await;
    assert!(error.is_none(), "the stream ended with {error:?}");
    bytes
}

async fn bodies_of_every_length_come_back(subject: &dyn Subject) {
    let blobs = subject.reopen();
    let span = usize::try_from(CHECKSUM_SPAN_BYTES).expect("a MiB");
    for length in [0, 1, 1000, span - 1, span, span + 1, 3 * span + 77] {
        let bytes = sample(length);
        let (key, finished) = store(&*blobs, &bytes).await;
        let size = length as u64;
        assert_eq!(
            read(&*blobs, &key, 0..size, &finished).await,
            bytes,
            "{length} bytes"
        );
        let edges = [
            0,
            1,
            500,
            CHECKSUM_SPAN_BYTES - 1,
            CHECKSUM_SPAN_BYTES,
            CHECKSUM_SPAN_BYTES + 1,
            size / 2,
            size.saturating_sub(1),
            size,
        ];
        for start in edges.into_iter().filter(|start| *start <= size) {
            for end in edges
                .into_iter()
                .filter(|end| start <= *end && *end <= size)
            {
                let expected = &bytes
                    [usize::try_from(start).expect("small")..usize::try_from(end).expect("small")];
                assert!(
                    read(&*blobs, &key, start..end, &finished).await == expected,
                    "bytes {start}..{end} of {length}"
                );
            }
        }
    }
}

async fn an_upload_survives_a_restart(subject: &dyn Subject) {
    let bytes = sample(2_500_000);
    let key = fresh_key();
    subject
        .reopen()
        .begin(key.clone(), Algorithm::Sha256)
        .await
        .expect("begin");
    let mut offset = 0;
    for part in [0..900_000, 900_000..900_001, 900_001..2_500_000] {
        let blobs = subject.reopen();
        offset = blobs
            .append(
                key.clone(),
                offset,
                body(&bytes.slice(part.clone()), 65_536),
            )
            .await
            .expect("append");
        assert_eq!(offset, part.end as u64);
    }
    let finished = subject
        .reopen()
        .finish(key.clone(), offset, Digest::sha256(&bytes))
        .await
        .expect("finish");
    assert_eq!(
        read(&*subject.reopen(), &key, 0..offset, &finished).await,
        bytes,
        "the bytes of three processes"
    );
}

async fn every_algorithm_is_checked_at_the_end(subject: &dyn Subject) {
    let blobs = subject.reopen();
    let bytes = sample(1_200_000);
    for announced in [Algorithm::Sha256, Algorithm::Sha512] {
        for used in [Algorithm::Sha256, Algorithm::Sha512] {
            let key = fresh_key();
            blobs.begin(key.clone(), announced).await.expect("begin");
            let length = blobs
                .append(key.clone(), 0, body(&bytes, 300_000))
                .await
                .expect("append");
            let finished = blobs
                .finish(key.clone(), length, Digest::of(used, &bytes))
                .await
                .expect("finish");
            assert_eq!(
                read(&*blobs, &key, 0..length, &finished).await,
                bytes,
                "{announced:?} announced, {used:?} used"
            );
        }
    }
}

async fn a_mismatch_leaves_the_upload_as_it_was(subject: &dyn Subject) {
    let blobs = subject.reopen();
    let bytes = sample(5000);
    let key = fresh_key();
    let length = blobs
        .append(key.clone(), 0, body(&bytes.slice(..4000), 999))
        .await
        .expect("append");
    let wrong = blobs
        .finish(key.clone(), length, Digest::sha256(&bytes))
        .await;
    assert!(
        matches!(&wrong, Err(FinishError::Mismatch { actual }) if *actual == Digest::sha256(&bytes[..4000])),
        "a wrong digest gives the right one: {wrong:?}"
    );
    let unread = blobs
        .read(key.clone(), 0..4000, crate::Checksums::of(&bytes[..4000]))
        .await;
    assert!(unread.is_err(), "an upload cannot be read");
    let length = blobs
        .append(key.clone(), 4000, body(&bytes.slice(4000..), 999))
        .await
        .expect("append goes on");
    blobs
        .finish(key, length, Digest::sha256(&bytes))
        .await
        .expect("finish");
}

async fn a_broken_body_keeps_what_came(subject: &dyn Subject) {
    let bytes = sample(700_000);
    let key = fresh_key();
    let broken = subject
        .reopen()
        .append(key.clone(), 0, broken_body(&bytes.slice(..400_000)))
        .await;
    assert!(
        matches!(
            &broken,
            Err(AppendError::Body {
                length: 400_000,
                ..
            })
        ),
        "what came is kept: {broken:?}"
    );
    let blobs = subject.reopen();
    let length = blobs
        .append(key.clone(), 400_000, body(&bytes.slice(400_000..), 5000))
        .await
        .expect("append goes on");
    blobs
        .finish(key, length, Digest::sha256(&bytes))
        .await
        .expect("finish");
}

async fn unacknowledged_bytes_do_not_exist(subject: &dyn Subject) {
    let blobs = subject.reopen();
    let bytes = sample(3000);
    let key = fresh_key();
    blobs
        .append(key.clone(), 0, body(&sample(4000), 777))
        .await
        .expect("append");
    let length = blobs
        .append(key.clone(), 0, body(&bytes.slice(..1000), 777))
        .await
        .expect("append again from the start");
    assert_eq!(length, 1000, "an append ends the upload where it ends");
    blobs
        .append(key.clone(), 1000, body(&bytes.slice(1000..), 777))
        .await
        .expect("append");
    // The caller acknowledged only 2000 of the 3000 bytes.
    let finished = blobs
        .finish(key.clone(), 2000, Digest::sha256(&bytes[..2000]))
        .await
        .expect("finish");
    assert_eq!(
        read(&*subject.reopen(), &key, 0..2000, &finished).await,
        &bytes[..2000],
        "the first bytes alone"
    );
}

async fn lost_bytes_are_named(subject: &dyn Subject) {
    let blobs = subject.reopen();
    let key = fresh_key();
    let gap = blobs.append(key.clone(), 10, body(&sample(5), 5)).await;
    assert!(
        matches!(gap, Err(AppendError::Lost { .. })),
        "an append past the end: {gap:?}"
    );
    let never = blobs
        .finish(fresh_key(), 10, Digest::sha256(&sample(10)))
        .await;
    assert!(
        matches!(never, Err(FinishError::Lost { .. })),
        "finish without bytes: {never:?}"
    );
    blobs
        .append(key.clone(), 0, body(&sample(5), 5))
        .await
        .expect("append");
    let short = blobs
        .finish(key.clone(), 6, Digest::sha256(&sample(6)))
        .await;
    assert!(
        matches!(short, Err(FinishError::Lost { .. })),
        "finish of more than there is: {short:?}"
    );
    blobs.delete(key).await.expect("delete");
}

async fn finish_may_be_repeated(subject: &dyn Subject) {
    let bytes = sample(2_000_000);
    let (key, first) = store(&*subject.reopen(), &bytes).await;
    let again = subject
        .reopen()
        .finish(key.clone(), first.size, Digest::sha256(&bytes))
        .await
        .expect("finish again");
    assert_eq!(again, first, "finish says the same");
    let other = subject
        .reopen()
        .finish(key.clone(), first.size, Digest::sha256(b"other"))
        .await;
    assert!(
        matches!(other, Err(FinishError::Mismatch { .. })),
        "stored bytes have one digest: {other:?}"
    );
    assert_eq!(
        read(&*subject.reopen(), &key, 0..first.size, &first).await,
        bytes,
        "the bytes are still there"
    );
}

async fn an_upload_goes_on_after_a_finish_without_a_row(subject: &dyn Subject) {
    let bytes = sample(1_500_000);
    let (key, first) = store(&*subject.reopen(), &bytes).await;
    // The caller's row still says 1,000,000: it sends the rest again, as a client does that had no answer.
    let blobs = subject.reopen();
    let rest = body(&bytes.slice(1_000_000..), 4000);
    let length = blobs
        .append(key.clone(), 1_000_000, rest)
        .await
        .expect("append again");
    let again = subject
        .reopen()
        .finish(key.clone(), length, Digest::sha256(&bytes))
        .await
        .expect("finish again");
    assert_eq!(again, first, "finish says the same");
    assert_eq!(
        read(&*subject.reopen(), &key, 0..length, &first).await,
        bytes,
        "the bytes are the same"
    );
    // Other bytes under a finished key are refused, and change nothing of it.
    let other = sample(1_400_000);
    let blobs = subject.reopen();
    let length = blobs
        .append(key.clone(), 0, body(&other, 4000))
        .await
        .expect("append again");
    let lost = blobs
        .finish(key.clone(), length, Digest::sha256(&other))
        .await;
    assert!(
        matches!(lost, Err(FinishError::Lost { .. })),
        "a key has one body: {lost:?}"
    );
    assert_eq!(
        read(&*blobs, &key, 0..first.size, &first).await,
        bytes,
        "stored bytes never change"
    );
}

async fn damage_is_never_served(subject: &dyn Subject) {
    let blobs = subject.reopen();
    let size = 3 * CHECKSUM_SPAN_BYTES + 1000;
    let bytes = sample(usize::try_from(size).expect("small"));
    let (key, finished) = store(&*blobs, &bytes).await;
    subject.damage(&key, CHECKSUM_SPAN_BYTES + 5);
    let open = |range: Range<u64>| blobs.read(key.clone(), range, finished.checksums.clone());
    let (before, error) = drain(open(0..size).await.expect("read")).await;
    assert_eq!(
        error.expect("the stream breaks off").kind(),
        io::ErrorKind::InvalidData
    );
    assert_eq!(
        before,
        &bytes[..1024 * 1024],
        "whole MiB before the damage, nothing of it"
    );
    // A range beside the bad byte, within its MiB, is no better.
    let (none, error) = drain(
        open(CHECKSUM_SPAN_BYTES + 100..CHECKSUM_SPAN_BYTES + 200)
            .await
            .expect("read"),
    )
    .await;
    assert!(
        none.is_empty() && error.is_some(),
        "a range within the bad MiB"
    );
    let good = read(&*blobs, &key, 2 * CHECKSUM_SPAN_BYTES..size, &finished).await;
    assert_eq!(
        good,
        &bytes[2 * 1024 * 1024..],
        "whole MiB after the damage"
    );
}

async fn what_is_not_there_is_damaged(subject: &dyn Subject) {
    let blobs = subject.reopen();
    let bytes = sample(1000);
    let (key, finished) = store(&*blobs, &bytes).await;
    let absent = blobs
        .read(fresh_key(), 0..1000, finished.checksums.clone())
        .await;
    assert!(
        matches!(absent, Err(Failure::Damaged(_))),
        "a key that never was"
    );
    let outside = blobs.read(key.clone(), 0..1001, finished.checksums).await;
    assert!(
        matches!(outside, Err(Failure::Damaged(_))),
        "a range past the end"
    );
    let longer = crate::Checksums::of(&sample(1_100_000));
    assert!(
        matches!(
            blobs.read(key, 0..10, longer).await,
            Err(Failure::Damaged(_))
        ),
        "another length"
    );
}

async fn delete_may_be_repeated(subject: &dyn Subject) {
    let blobs = subject.reopen();
    let bytes = sample(1000);
    let (key, finished) = store(&*blobs, &bytes).await;
    let upload = fresh_key();
    blobs
        .append(upload.clone(), 0, body(&bytes, 100))
        .await
        .expect("append");
    for key in [&key, &upload, &fresh_key()] {
        blobs.delete(key.clone()).await.expect("delete");
        blobs.delete(key.clone()).await.expect("delete again");
    }
    let gone = subject
        .reopen()
        .read(key, 0..1000, finished.checksums)
        .await;
    assert!(gone.is_err(), "deleted bytes are gone");
    let lost = subject
        .reopen()
        .append(upload.clone(), 1000, body(&bytes, 100))
        .await;
    assert!(
        matches!(lost, Err(AppendError::Lost { .. })),
        "a deleted upload is gone: {lost:?}"
    );
    blobs.delete(upload).await.expect("delete");
}

async fn a_reader_who_goes_away_leaves_nothing(subject: &dyn Subject) {
    let blobs = subject.reopen();
    let bytes = sample(5_000_000);
    let (key, finished) = store(&*blobs, &bytes).await;
    for _ in 0..20 {
        let mut stream = blobs
            .read(key.clone(), 0..finished.size, finished.checksums.clone())
            .await
            .expect("read");
        let first = stream.next().await.expect("a part").expect("good bytes");
        assert!(bytes.starts_with(&first));
    }
    blobs.delete(key).await.expect("delete");
}

async fn the_list_has_every_key_once(subject: &dyn Subject) {
    let blobs = subject.reopen();
    let mut expected = Vec::new();
    for length in 1..=9 {
        expected.push((store(&*blobs, &sample(length)).await.0, length as u64));
    }
    let upload = fresh_key();
    blobs
        .append(upload.clone(), 0, body(&sample(10), 3))
        .await
        .expect("append");
    expected.push((upload, 10));
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let page = blobs.list(after, 4).await.expect("list");
        assert!(page.len() <= 4, "a page has its limit");
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        listed.extend(page.into_iter().map(|stored| (stored.key, stored.size)));
    }
    for entry in &expected {
        assert_eq!(
            listed.iter().filter(|seen| *seen == entry).count(),
            1,
            "{entry:?} is listed once"
        );
    }
    let length = listed.len();
    listed.sort();
    listed.dedup_by(|one, other| one.0 == other.0);
    assert_eq!(listed.len(), length, "no key is listed twice");
}
