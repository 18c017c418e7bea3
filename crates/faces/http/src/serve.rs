//! The accept loop: HTTP/1.1 and HTTP/2, plain or over TLS, until it is told to stop.
//!
//! ```text
//! accept (a permit per connection) ─► TLS hello ─► patient stream ─► hyper ─► Entry
//! stop: no more accepts ─► answers in progress end, idle connections close ─► deadline ─► the rest is dropped
//! ```
//!
//! Bounds: connections, headers, streams per connection, and the time without progress. A transfer as a whole may
//! last as long as it moves.

mod patient;
mod tls;

pub use tls::{Tls, TlsError, TlsFiles};

use crate::entry::{Entry, Registry};
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use patient::Patient;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
const FRAME_BYTES: u32 = 1024 * 1024;
const STREAMS_MAX: u32 = 250;
const HEADER_LIST_BYTES_MAX: u32 = 64 * 1024;
const HEADERS_MAX: usize = 100;
/// One read of HTTP/1.1 takes at most this; a whole head must fit as well.
const READ_BUFFER_BYTES: usize = 256 * 1024;
/// How long the loop rests when the system has no more descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(50);
/// How often the certificate's files are looked at.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(10);

/// The bounds of the accept loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The most connections at a time; more wait to be accepted.
    pub connections_max: usize,
    /// How long a head may take, and how long a connection may be idle between requests.
    pub head_max: Duration,
    /// How long an answer may make no progress.
    pub write_idle_max: Duration,
    /// How long a TLS handshake may take.
    pub handshake_max: Duration,
    /// How long answers in progress may go on after the stop.
    pub shutdown_max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            head_max: Duration::from_mins(1),
            write_idle_max: Duration::from_mins(1),
            handshake_max: Duration::from_secs(10),
            shutdown_max: Duration::from_secs(30),
        }
    }
}

/// A listening socket and what answers on it.
pub struct Server<R> {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    settings: Settings,
    entry: Entry<R>,
}

impl<R: Registry> Server<R> {
    /// A server on `listener`; with `tls`, every connection is encrypted.
    pub fn new(
        listener: TcpListener,
        tls: Option<Arc<Tls>>,
        settings: Settings,
        entry: Entry<R>,
    ) -> Self {
        Self {
            listener,
            tls,
            settings,
            entry,
        }
    }

    /// Serves until `stop` is ready and the connections have ended, at most [`Settings::shutdown_max`] later.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self {
            listener,
            tls,
            settings,
            entry,
        } = self;
        let permits = Arc::new(Semaphore::new(settings.connections_max));
        let graceful = GracefulShutdown::new();
        let connection = Connection {
            builder: Arc::new(builder(&settings)),
            tls,
            settings,
            entry,
        };
        let mut open = JoinSet::new();
        let mut look = tokio::time::interval(CERTIFICATE_CHECK);
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = accept(&listener, &permits) => {
                    if let Some((stream, peer, permit)) = accepted {
                        open.spawn(connection.clone().serve(stream, peer, permit, graceful.watcher()));
                    }
                }
                Some(ended) = open.join_next() => report(ended),
                _ = look.tick() => connection.look_at_certificate(),
            }
        }
        drop(listener);
        let deadline = tokio::time::sleep(connection.settings.shutdown_max);
        tokio::pin!(deadline);
        let finished = async {
            graceful.shutdown().await;
            while let Some(ended) = open.join_next().await {
                report(ended);
            }
        };
        tokio::select! {
            () = finished => tracing::info!("all connections have ended"),
            () = &mut deadline => tracing::warn!("connections were dropped after the deadline of the shutdown"),
        }
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection ended in a bug");
    }
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = permits.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, permit)),
        Err(error) => {
            // A connection that is gone already is not worth a word; a lack of descriptors is.
            if !matches!(
                error.kind(),
                std::io::ErrorKind::ConnectionAborted | std::io::ErrorKind::ConnectionReset
            ) {
                tracing::warn!(%error, "no connection can be accepted");
                tokio::time::sleep(ACCEPT_REST).await;
            }
            None
        }
    }
}

fn builder(settings: &Settings) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.head_max)
        .max_headers(HEADERS_MAX)
        // Not `pipeline_flush`: it lifts the bound, and whoever reads slowly would have a whole layer held in memory.
        .max_buf_size(READ_BUFFER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(settings.write_idle_max);
    builder
}

/// What every connection needs.
#[derive(Clone)]
struct Connection<R> {
    builder: Arc<auto::Builder<TokioExecutor>>,
    tls: Option<Arc<Tls>>,
    settings: Settings,
    entry: Entry<R>,
}

impl<R: Registry> Connection<R> {
    fn look_at_certificate(&self) {
        if let Some(tls) = &self.tls {
            tls.reload_if_changed();
        }
    }

    async fn serve(
        self,
        stream: TcpStream,
        peer: SocketAddr,
        permit: OwnedSemaphorePermit,
        watcher: Watcher,
    ) {
        let _open = (permit, self.entry.metrics().connected());
        // Answers are small and wait for nothing.
        let _ = stream.set_nodelay(true);
        let Some(tls) = self.tls.clone() else {
            return self.speak(stream, peer, watcher).await;
        };
        match tokio::time::timeout(self.settings.handshake_max, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.speak(stream, peer, watcher).await,
            Ok(Err(error)) => {
                tracing::debug!(address = %peer.ip(), %error, "a TLS handshake failed");
            }
            Err(_) => tracing::debug!(address = %peer.ip(), "a TLS handshake took too long"),
        }
    }

    async fn speak<T>(self, stream: T, peer: SocketAddr, watcher: Watcher)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = Patient::new(stream, self.settings.head_max, self.settings.write_idle_max);
        let entry = self.entry;
        let address = peer.ip().to_canonical();
        let service = service_fn(move |request: http::Request<Incoming>| {
            let entry = entry.clone();
            async move { Ok::<_, Infallible>(entry.answer(request.map(Body::new), address).await) }
        });
        let connection = self
            .builder
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%address, %error, "a connection broke off");
        }
    }
}

#[cfg(test)]
mod tests;
