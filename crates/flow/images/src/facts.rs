//! What judging needs of an image: its configuration and an index of each layer, read while the layer streams by.

use crate::cache::IndexCache;
use crate::error::ImageError;
use crate::observe::{Observer, Step};
use crate::walk::{LayerEntry, PlatformImage, broken, damaged};
use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use refloat_layer::{LayerError, LayerIndex};
use refloat_ports::Place;
use refloat_verdict::ImageFacts;
use std::io::{self, Read};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Frames between the place and the thread that indexes.
const FRAMES: usize = 8;

/// The facts of an image. A layer of a kind that cannot be read is told in `unread`, never guessed.
///
/// # Errors
/// [`ImageError`] for a layer that is missing, cut off, or not what its digest or DiffID says.
pub async fn facts(
    place: &Place,
    image: &PlatformImage,
    cache: &dyn IndexCache,
    observer: &Observer,
) -> Result<ImageFacts, ImageError> {
    facts_on(place, image, None, cache, observer).await
}

/// The same for an image whose lowest layers are those of `base`: they are not read again. The DiffIDs decide; whether
/// this place's copies of them are whole does not matter to whoever puts other layers in their place.
///
/// # Errors
/// As [`facts`].
pub async fn facts_on(
    place: &Place,
    image: &PlatformImage,
    base: Option<&ImageFacts>,
    cache: &dyn IndexCache,
    observer: &Observer,
) -> Result<ImageFacts, ImageError> {
    let mut made = ImageFacts {
        config: image.config.clone(),
        diff_ids: image.diff_ids.clone(),
        media_types: image
            .layers
            .iter()
            .map(|layer| layer.media_type.clone())
            .collect(),
        annotations: annotations(image),
        ..ImageFacts::default()
    };
    let shared =
        base.filter(|base| base.unread.is_empty() && image.diff_ids.starts_with(&base.diff_ids));
    if let Some(base) = shared {
        made.layers.clone_from(&base.layers);
    }
    for (position, layer) in image.layers.iter().enumerate().skip(made.layers.len()) {
        match indexed(place, layer, cache, observer).await? {
            Ok(index) if index.diff_id == image.diff_ids[position] => made.layers.push(index),
            Ok(index) => {
                let text = format!(
                    "its DiffID is {}, the configuration says {}",
                    index.diff_id, image.diff_ids[position]
                );
                return Err(damaged(place, layer.digest, text));
            }
            Err(words) => made.unread.push((position, words)),
        }
    }
    Ok(made)
}

fn annotations(image: &PlatformImage) -> Vec<(String, String)> {
    let all = image.document["annotations"]
        .as_object()
        .into_iter()
        .flatten();
    all.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// The index of a layer, or in words why it has none.
async fn indexed(
    place: &Place,
    layer: &LayerEntry,
    cache: &dyn IndexCache,
    observer: &Observer,
) -> Result<Result<Arc<LayerIndex>, String>, ImageError> {
    if let Some(known) = cache.get(&layer.digest).await {
        return Ok(Ok(known));
    }
    if !refloat_layer::is_readable(&layer.media_type) {
        return Ok(Err(
            LayerError::MediaType(layer.media_type.clone()).to_string()
        ));
    }
    let read = place.images.blob(&place.repository, &layer.digest).await?;
    let mut read = read.ok_or_else(|| ImageError::Missing {
        image: place.written.clone(),
        digest: layer.digest,
    })?;
    if read.size != layer.size {
        let text = format!(
            "it has {} bytes, the manifest says {}",
            read.size, layer.size
        );
        return Err(damaged(place, layer.digest, text));
    }
    observer(Step::Reading {
        digest: layer.digest,
        size: layer.size,
    });
    let (frames, taken) = mpsc::channel(FRAMES);
    let media_type = layer.media_type.clone();
    let thread = tokio::task::spawn_blocking(move || index(taken, &media_type));
    while let Some(frame) = read.stream.next().await {
        if let Ok(bytes) = &frame {
            observer(Step::Bytes(bytes.len() as u64));
        }
        if frames.send(frame).await.is_err() {
            break;
        }
    }
    drop(frames);
    let (result, failed) = thread
        .await
        .map_err(|error| damaged(place, layer.digest, format!("its index broke off: {error}")))?;
    if let Some(error) = failed {
        return Err(broken(place, layer.digest, &error));
    }
    match result {
        Ok(index) => {
            let index = Arc::new(index);
            cache.put(&layer.digest, &index).await;
            Ok(Ok(index))
        }
        Err(error @ LayerError::Read(_)) => Err(damaged(place, layer.digest, error.to_string())),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// Indexes what comes, to the last byte: only then has the stream checked the digest.
fn index(
    taken: mpsc::Receiver<io::Result<Bytes>>,
    media_type: &str,
) -> (Result<LayerIndex, LayerError>, Option<io::Error>) {
    let mut reader = Frames {
        taken,
        current: Bytes::new(),
        failed: None,
    };
    let result = crate::index::index(&mut reader, media_type);
    if result.is_ok() {
        // What the stream says at its end stands in `failed`.
        let _ = io::copy(&mut reader, &mut io::sink());
    }
    (result, reader.failed)
}

/// A stream's frames as a reader, on a thread that may block.
struct Frames {
    taken: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
    failed: Option<io::Error>,
}

impl Read for Frames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.taken.blocking_recv() {
                Some(Ok(frame)) => self.current = frame,
                Some(Err(error)) => {
                    let told = io::Error::new(error.kind(), error.to_string());
                    self.failed.get_or_insert(error);
                    return Err(told);
                }
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
