//! Buffers of a MiB that are used again: fresh ones cost as much in page faults as reading or writing them does.

use std::sync::{Arc, Mutex, PoisonError};

/// The most buffers kept for the next user; more are allocated and given back.
const BUFFERS_KEPT: usize = 32;
/// The length of a buffer, which is that of the span of a checksum.
pub(crate) const SPAN: usize = 1024 * 1024;
/// Where a buffer begins in memory, and where in a file what bypasses the page cache may begin and end.
pub(crate) const PAGE: usize = 4096;

/// The buffers that are at rest.
pub(crate) struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    /// A buffer of `length` bytes, at most [`SPAN`], with whatever was in it.
    pub(crate) fn take(buffers: &Arc<Self>, length: usize) -> Buffer {
        let kept = buffers
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let bytes = kept.unwrap_or_else(|| vec![0; SPAN + PAGE]);
        Buffer {
            start: bytes.as_ptr().align_offset(PAGE).min(PAGE),
            bytes,
            length,
            home: Arc::clone(buffers),
        }
    }
}

/// One buffer; it goes home when it is dropped.
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    length: usize,
    home: Arc<Buffers>,
}

impl Buffer {
    pub(crate) fn filled(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.length]
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.length]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut kept = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < BUFFERS_KEPT {
            kept.push(std::mem::take(&mut self.bytes));
        }
    }
}
