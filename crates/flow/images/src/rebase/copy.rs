//! Blobs into the result's repository: there already, mounted, or sent. A layer is never compressed again.

use crate::error::ImageError;
use crate::observe::{Observer, Step};
use crate::walk::LayerEntry;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use refloat_oci::{Digest, Location};
use refloat_ports::{ByteStream, Place};
use std::sync::Arc;

/// Makes a layer of `from` be in `to`.
pub(super) async fn layer(
    layer: &LayerEntry,
    from: &Place,
    to: &Place,
    observer: &Observer,
) -> Result<(), ImageError> {
    let source = is_one_registry(from, to).then_some(&from.repository);
    if to
        .images
        .mount(&to.repository, &layer.digest, source)
        .await?
    {
        return Ok(());
    }
    let read = from.images.blob(&from.repository, &layer.digest).await?;
    let read = read.ok_or_else(|| ImageError::Missing {
        image: from.written.clone(),
        digest: layer.digest,
    })?;
    observer(Step::Sending {
        digest: layer.digest,
        size: read.size,
    });
    let watched = Arc::clone(observer);
    let stream: ByteStream = Box::pin(read.stream.inspect(move |frame| {
        if let Ok(bytes) = frame {
            watched(Step::Bytes(bytes.len() as u64));
        }
    }));
    to.images
        .put_blob(&to.repository, &layer.digest, read.size, stream)
        .await?;
    Ok(())
}

/// Whether both are repositories of one registry: the server opens a place for each of its writes, whose records name
/// different causes, so that the names decide.
fn is_one_registry(from: &Place, to: &Place) -> bool {
    let host = |place: &Place| match Location::parse(&place.written, None) {
        Ok(Location::Registry(reference)) => Some(reference.registry),
        _ => None,
    };
    Arc::ptr_eq(&from.images, &to.images) || host(from).is_some_and(|own| host(to) == Some(own))
}

/// Makes bytes of our own be in `to`; their digest.
pub(super) async fn bytes(bytes: &Bytes, to: &Place) -> Result<Digest, ImageError> {
    let digest = Digest::sha256(bytes);
    if to.images.mount(&to.repository, &digest, None).await? {
        return Ok(digest);
    }
    let frames: ByteStream = Box::pin(stream::iter([Ok(bytes.clone())]));
    to.images
        .put_blob(&to.repository, &digest, bytes.len() as u64, frames)
        .await?;
    Ok(digest)
}
