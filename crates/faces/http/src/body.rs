//! Bodies in and out: streams with a known length, and bounded reads.

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use hyper::body::{Frame, SizeHint};
use refloat_core::Rejection;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The longest body of a form or small document, in bytes.
pub const SMALL_BODY_MAX_BYTES: usize = 64 * 1024;

/// A body of exactly `length` bytes from `stream`. An error in the stream breaks the connection, so that a reader
/// never takes a part for the whole.
pub fn sized<S>(stream: S, length: u64) -> Body
where
    S: Stream<Item = std::io::Result<Bytes>> + Send + Unpin + 'static,
{
    Body::new(Measured {
        stream,
        remaining: length,
    })
}

struct Measured<S> {
    stream: S,
    remaining: u64,
}

impl<S: Stream<Item = std::io::Result<Bytes>> + Unpin> HttpBody for Measured<S> {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        let next = std::task::ready!(self.stream.poll_next_unpin(context));
        Poll::Ready(match next {
            Some(Ok(bytes)) => match self.remaining.checked_sub(bytes.len() as u64) {
                Some(remaining) => {
                    self.remaining = remaining;
                    Some(Ok(Frame::data(bytes)))
                }
                None => Some(Err(std::io::Error::other("more bytes than announced"))),
            },
            Some(Err(error)) => Some(Err(error)),
            None if self.remaining == 0 => None,
            None => Some(Err(std::io::Error::other("fewer bytes than announced"))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

/// The bytes of a request's body, as use cases take them.
pub fn incoming(body: Body) -> Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>> {
    Box::pin(
        body.into_data_stream()
            .map(|bytes| bytes.map_err(std::io::Error::other)),
    )
}

/// The whole of a body that may have at most `bytes_max` bytes.
///
/// # Errors
/// [`Rejection::TooLarge`] before or while reading; [`Rejection::SizeInvalid`] if the body breaks off.
pub async fn whole(body: Body, what: &'static str, bytes_max: usize) -> Result<Bytes, Rejection> {
    let too_large = || Rejection::TooLarge {
        what,
        limit_bytes: bytes_max as u64,
    };
    let hint = HttpBody::size_hint(&body);
    if hint.lower() > bytes_max as u64 {
        return Err(too_large());
    }
    let mut stream = body.into_data_stream();
    let mut first: Option<Bytes> = None;
    let mut joined = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk
            .map_err(|error| Rejection::SizeInvalid(format!("the body broke off: {error}")))?;
        let before = first.as_ref().map_or(0, Bytes::len).max(joined.len());
        if before + chunk.len() > bytes_max {
            return Err(too_large());
        }
        match first.take() {
            None if joined.is_empty() => first = Some(chunk),
            None => joined.extend_from_slice(&chunk),
            Some(start) => {
                joined.reserve(
                    usize::try_from(hint.lower())
                        .unwrap_or(0)
                        .max(start.len() + chunk.len()),
                );
                joined.extend_from_slice(&start);
                joined.extend_from_slice(&chunk);
            }
        }
    }
    Ok(first.unwrap_or_else(|| joined.freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    fn stream(
        parts: &'static [&'static [u8]],
    ) -> impl Stream<Item = std::io::Result<Bytes>> + Send + Unpin {
        futures_util::stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part))))
    }

    #[tokio::test]
    async fn a_sized_body_is_whole_or_broken() {
        let body = sized(stream(&[b"ab", b"c"]), 3);
        assert_eq!(HttpBody::size_hint(&body).exact(), Some(3));
        assert_eq!(body.collect().await.expect("whole").to_bytes(), "abc");
        assert!(sized(stream(&[b"ab"]), 3).collect().await.is_err());
        assert!(sized(stream(&[b"abcd"]), 3).collect().await.is_err());
    }

    #[tokio::test]
    async fn whole_is_bounded() {
        let body = |parts| Body::from_stream(stream(parts));
        assert_eq!(
            whole(body(&[b"ab", b"c", b"d"]), "x", 4).await,
            Ok(Bytes::from_static(b"abcd"))
        );
        assert_eq!(whole(body(&[]), "x", 4).await, Ok(Bytes::new()));
        assert!(matches!(
            whole(body(&[b"ab", b"c", b"de"]), "x", 4).await,
            Err(Rejection::TooLarge { .. })
        ));
        assert!(matches!(
            whole(Body::from("abcde"), "x", 4).await,
            Err(Rejection::TooLarge { .. })
        ));
    }
}
