//! A stream with patience of three kinds, all for lack of progress: a first message that does not come, a peer that
//! does not take what is written, and a peer that still sends when it has been answered.
//!
//! The last is the lingering close: closing a socket with unread bytes resets the connection, and a client that
//! is still sending a layer would lose the answer that tells it why it was refused. So the write side is closed first, and
//! a bounded amount of what still comes is thrown away.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// The length of HTTP/2's preface: before it is there, hyper knows no protocol and so keeps no time.
const HELLO_BYTES: usize = 24;
/// The most bytes that are thrown away after the answer.
const LINGER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How long bytes are thrown away after the answer.
const LINGER: Duration = Duration::from_secs(2);
const SCRATCH_BYTES: usize = 16 * 1024;

/// See the head of this module.
pub(super) struct Patient<T> {
    stream: T,
    hello: Option<Pin<Box<Sleep>>>,
    received: usize,
    write_idle_max: Duration,
    write_wait: Option<Pin<Box<Sleep>>>,
    closing: Closing,
}

enum Closing {
    Open,
    Lingering {
        deadline: Pin<Box<Sleep>>,
        thrown_away: usize,
    },
    Closed,
}

impl<T> Patient<T> {
    pub(super) fn new(stream: T, hello_max: Duration, write_idle_max: Duration) -> Self {
        Self {
            stream,
            hello: Some(Box::pin(sleep(hello_max))),
            received: 0,
            write_idle_max,
            write_wait: None,
            closing: Closing::Open,
        }
    }

    /// Passes progress on; after too long without any it is an error.
    fn judge<R>(
        &mut self,
        progress: Poll<io::Result<R>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<R>> {
        if progress.is_ready() {
            self.write_wait = None;
            return progress;
        }
        let idle_max = self.write_idle_max;
        let wait = self
            .write_wait
            .get_or_insert_with(|| Box::pin(sleep(idle_max)));
        ready!(wait.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client took nothing for too long",
        )))
    }
}

use std::future::Future as _;

impl<T: AsyncRead + Unpin> AsyncRead for Patient<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let this = &mut *self;
        let Some(hello) = &mut this.hello else {
            return read;
        };
        if read.is_ready() {
            this.received += buffer.filled().len() - before;
            if this.received >= HELLO_BYTES {
                this.hello = None;
            }
            return read;
        }
        ready!(hello.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "no request came",
        )))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(progress, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.judge(progress, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_flush(context);
        self.judge(progress, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.closing {
                Closing::Open => {
                    let progress = Pin::new(&mut this.stream).poll_shutdown(context);
                    ready!(this.judge(progress, context))?;
                    this.closing = Closing::Lingering {
                        deadline: Box::pin(sleep(LINGER)),
                        thrown_away: 0,
                    };
                }
                Closing::Lingering {
                    deadline,
                    thrown_away,
                } => {
                    let mut scratch = [0_u8; SCRATCH_BYTES];
                    let mut buffer = ReadBuf::new(&mut scratch);
                    let read = Pin::new(&mut this.stream).poll_read(context, &mut buffer);
                    let late = deadline.as_mut().poll(context).is_ready();
                    match read {
                        Poll::Ready(Ok(()))
                            if !buffer.filled().is_empty()
                                && !late
                                && *thrown_away < LINGER_BYTES_MAX =>
                        {
                            *thrown_away += buffer.filled().len();
                        }
                        Poll::Pending if !late => return Poll::Pending,
                        _ => this.closing = Closing::Closed,
                    }
                }
                Closing::Closed => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_told_off_only_before_its_first_message() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut stream = Patient::new(near, Duration::from_secs(5), Duration::from_secs(5));
        let error = stream.read_u8().await.expect_err("nothing comes");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let (near, mut other) = tokio::io::duplex(64);
        let mut stream = Patient::new(near, Duration::from_secs(5), Duration::from_secs(5));
        other.write_all(&[1; 24]).await.expect("room");
        stream.read_exact(&mut [0; 24]).await.expect("sent");
        let waited = tokio::time::timeout(Duration::from_mins(1), stream.read_u8()).await;
        assert!(waited.is_err(), "an idle connection is hyper's to judge");
        far.shutdown().await.expect("open");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_told_off() {
        let (near, _far) = tokio::io::duplex(8);
        let mut stream = Patient::new(near, Duration::from_secs(5), Duration::from_secs(5));
        let error = stream.write_all(&[0; 64]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn closing_reads_what_is_still_on_its_way() {
        let (near, mut far) = tokio::io::duplex(16);
        let mut stream = Patient::new(near, Duration::from_secs(5), Duration::from_secs(5));
        let sending = tokio::spawn(async move {
            far.write_all(&[0; 4096])
                .await
                .expect("it is taken until the end");
        });
        stream.shutdown().await.expect("closed");
        sending.await.expect("sent");
    }
}
