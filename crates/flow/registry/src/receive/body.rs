//! Bodies with a bound: more than was announced, or than is allowed, ends them with a rejection.

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use refloat_core::Rejection;
use refloat_ports::ByteStream;
use std::io;

/// What the bytes of a request may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    /// The exact length, if the request announced it.
    pub(super) exact: Option<u64>,
    /// The most bytes that the thing may still grow by.
    pub(super) room: u64,
    /// The cap that `room` was computed from, for the message.
    pub(super) limit_bytes: u64,
}

/// `body` that ends with a [`Rejection`] inside its error if it breaks the bound.
pub(super) fn bounded(body: ByteStream, bound: Bound) -> ByteStream {
    let state = (body, 0_u64, false);
    Box::pin(stream::unfold(
        state,
        move |(mut body, taken, ended)| async move {
            if ended {
                return None;
            }
            let (part, taken) = match body.next().await {
                Some(Ok(bytes)) => {
                    let taken = taken + bytes.len() as u64;
                    (bound.judge(taken).map(|()| bytes), taken)
                }
                Some(Err(error)) => (Err(error), taken),
                None => match bound.exact {
                    Some(exact) if taken < exact => (Err(short(taken, exact)), taken),
                    _ => return None,
                },
            };
            let ended = part.is_err();
            Some((part, (body, taken, ended)))
        },
    ))
}

impl Bound {
    fn judge(self, taken: u64) -> io::Result<()> {
        if self.exact.is_some_and(|exact| taken > exact) {
            return Err(rejected(Rejection::SizeInvalid(
                "the body is longer than announced".to_owned(),
            )));
        }
        if taken > self.room {
            return Err(rejected(Rejection::TooLarge {
                what: "the blob",
                limit_bytes: self.limit_bytes,
            }));
        }
        Ok(())
    }
}

/// A body that ends early is broken off, not wrong: what came is kept.
fn short(taken: u64, exact: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        format!("the body ended after {taken} of {exact} bytes"),
    )
}

fn rejected(rejection: Rejection) -> io::Error {
    io::Error::other(rejection)
}

/// The rejection that ended a body, if it was one.
pub(super) fn rejection(error: &io::Error) -> Option<Rejection> {
    error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Rejection>())
        .cloned()
}

/// The beginning of a body.
pub(super) enum Beginning {
    /// The whole body.
    Whole(Bytes),
    /// More than was asked for; the stream is the body from its start.
    More(ByteStream),
}

/// Reads at most `bytes_max` bytes ahead, to see whether there are more.
pub(super) async fn beginning(mut body: ByteStream, bytes_max: u64) -> io::Result<Beginning> {
    let mut parts = Vec::new();
    let mut length = 0;
    while let Some(part) = body.next().await {
        match part {
            Ok(bytes) => {
                length += bytes.len() as u64;
                parts.push(bytes);
            }
            Err(error) if length == 0 => return Err(error),
            Err(error) => {
                let start = parts.into_iter().map(Ok).chain([Err(error)]);
                return Ok(Beginning::More(Box::pin(stream::iter(start))));
            }
        }
        if length > bytes_max {
            return Ok(Beginning::More(Box::pin(
                stream::iter(parts.into_iter().map(Ok)).chain(body),
            )));
        }
        if parts.len() > 64 {
            parts = vec![joined(&parts)];
        }
    }
    Ok(Beginning::Whole(joined(&parts)))
}

fn joined(parts: &[Bytes]) -> Bytes {
    if let [only] = parts {
        return only.clone();
    }
    let mut whole = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
    for part in parts {
        whole.extend_from_slice(part);
    }
    whole.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use refloat_ports::suite::{body, broken_body, drain, sample};

    fn bound(exact: Option<u64>, room: u64) -> Bound {
        Bound {
            exact,
            room,
            limit_bytes: room,
        }
    }

    #[tokio::test]
    async fn a_body_keeps_its_bound() {
        let bytes = sample(1000);
        let (all, error) = drain(bounded(body(&bytes, 99), bound(Some(1000), 1000))).await;
        assert!(error.is_none() && all == bytes);
        for (exact, room) in [(Some(999), 2000), (None, 999)] {
            let (_, error) = drain(bounded(body(&bytes, 99), bound(exact, room))).await;
            assert!(rejection(&error.expect("too long")).is_some());
        }
        let (all, error) = drain(bounded(body(&bytes, 99), bound(Some(1001), 2000))).await;
        let error = error.expect("too short");
        assert!(all == bytes && rejection(&error).is_none());
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn the_beginning_loses_nothing() {
        let bytes = sample(1000);
        for (piece, bytes_max) in [(1, 1000), (1000, 1000), (7, 2000)] {
            let Ok(Beginning::Whole(whole)) = beginning(body(&bytes, piece), bytes_max).await
            else {
                panic!("it is whole");
            };
            assert_eq!(whole, bytes);
        }
        let Ok(Beginning::More(rest)) = beginning(body(&bytes, 7), 999).await else {
            panic!("there is more");
        };
        assert_eq!(drain(rest).await.0, bytes);
        let Ok(Beginning::More(rest)) = beginning(broken_body(&bytes), 5000).await else {
            panic!("the error comes after the bytes");
        };
        let (all, error) = drain(rest).await;
        assert!(error.is_some() && all == bytes);
    }
}
