//! Bytes checked while they stream by: whoever reads to the end has what the digest says, or an error.

use crate::ByteStream;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use refloat_oci::{Digest, Hasher};
use std::io;

/// The bytes of `stream`, which must be `size` long and have `digest`. Bytes past `size` are not handed out. What does
/// not fit ends the stream with an error of kind `InvalidData`; fewer bytes than promised with `UnexpectedEof`.
pub fn verified(stream: ByteStream, digest: Digest, size: u64) -> ByteStream {
    let state = State {
        stream,
        hasher: Some(Hasher::new(digest.algorithm())),
        digest,
        left: size,
    };
    Box::pin(stream::unfold(state, |mut state| async move {
        let item = state.next().await?;
        Some((item, state))
    }))
}

struct State {
    stream: ByteStream,
    /// `None` once the stream has ended, well or badly.
    hasher: Option<Hasher>,
    digest: Digest,
    left: u64,
}

impl State {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        self.hasher.as_ref()?;
        match self.stream.next().await {
            Some(Ok(bytes)) if bytes.len() as u64 > self.left => {
                Some(Err(self.wrong("more bytes than its length says")))
            }
            Some(Ok(bytes)) => {
                self.left -= bytes.len() as u64;
                if let Some(hasher) = &mut self.hasher {
                    hasher.update(&bytes);
                }
                Some(Ok(bytes))
            }
            Some(Err(error)) => {
                self.hasher = None;
                Some(Err(error))
            }
            None => self.end().map(Err),
        }
    }

    fn end(&mut self) -> Option<io::Error> {
        if self.left > 0 {
            let text = format!(
                "{} is cut off: {} bytes are missing",
                self.digest, self.left
            );
            self.hasher = None;
            return Some(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        let actual = self.hasher.take()?.finish();
        (actual != self.digest).then(|| self.wrong("other bytes than its digest says"))
    }

    fn wrong(&mut self, what: &str) -> io::Error {
        self.hasher = None;
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} has {what}", self.digest),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{body, drain};

    #[tokio::test]
    async fn only_the_right_bytes_end_well() {
        let bytes = Bytes::from_static(b"keel and hull");
        let digest = Digest::sha256(&bytes);
        let size = bytes.len() as u64;
        let read = |bytes: &Bytes, size| drain(verified(body(bytes, 4), digest, size));
        assert!(read(&bytes, size).await.1.is_none());
        for (bytes, size, kind) in [
            (&b"keel and hulk"[..], size, io::ErrorKind::InvalidData),
            (b"keel and hull!", size, io::ErrorKind::InvalidData),
            (b"keel and", size, io::ErrorKind::UnexpectedEof),
            (b"keel and", 8, io::ErrorKind::InvalidData),
        ] {
            let error = read(&Bytes::from_static(bytes), size).await.1;
            assert_eq!(error.map(|error| error.kind()), Some(kind), "{bytes:?}");
        }
    }
}
