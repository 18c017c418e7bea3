//! A layer's index on two cores: one looks into the files, the other takes the DiffID.

use refloat_layer::{LayerError, LayerIndex, index_beside};
use refloat_oci::{Algorithm, Hasher};
use std::io::Read;
use std::sync::mpsc::{channel, sync_channel};

/// Buffers between the two; each holds what is read at once, a quarter of a MiB.
const BUFFERS: usize = 4;

/// As [`refloat_layer::index`], in less time. It blocks.
///
/// # Errors
/// [`LayerError`] for anything that is not a whole, unambiguous, bounded layer.
pub fn index(reader: impl Read, media_type: &str) -> Result<LayerIndex, LayerError> {
    let (full, filled) = sync_channel::<Vec<u8>>(BUFFERS);
    let (empty, emptied) = channel::<Vec<u8>>();
    std::thread::scope(|scope| {
        let hashing = scope.spawn(move || {
            let mut hasher = Hasher::new(Algorithm::Sha256);
            for buffer in filled {
                hasher.update(&buffer);
                // Its memory is used again; whoever does not want it any more has read everything.
                let _ = empty.send(buffer);
            }
            hasher.finish()
        });
        let found = index_beside(reader, media_type, |bytes| {
            let mut buffer = emptied.try_recv().unwrap_or_default();
            buffer.clear();
            buffer.extend_from_slice(bytes);
            full.send(buffer).expect("the other side reads to the end");
        });
        drop(full);
        let diff_id = hashing.join().expect("hashing does not fail");
        Ok(found?.complete(diff_id))
    })
}
