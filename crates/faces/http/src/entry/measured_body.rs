//! Bodies that count themselves: a request's, which must make progress, and an answer's, which writes its log line at its end.

use super::Line;
use crate::metrics::InFlight;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use prometheus_client::metrics::counter::Counter;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// A request's body. A client that sends nothing for too long is told off by an error, however much it sent before.
pub(super) struct Incoming {
    body: Body,
    received: Counter,
    idle_max: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Incoming {
    pub(super) fn new(body: Body, idle_max: Duration, received: Counter) -> Self {
        Self {
            body,
            received,
            idle_max,
            waiting: None,
        }
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => {
                self.waiting = None;
                if let Some(data) = frame
                    .as_ref()
                    .and_then(|frame| frame.as_ref().ok()?.data_ref())
                {
                    self.received.inc_by(data.len() as u64);
                }
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                let idle_max = self.idle_max;
                let timer = self
                    .waiting
                    .get_or_insert_with(|| Box::pin(sleep(idle_max)));
                // A timer that was reset by an earlier frame starts anew above, so it measures one wait only.
                match timer.as_mut().poll(context) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(()) => {
                        timer.as_mut().reset(Instant::now() + idle_max);
                        let late = std::io::Error::new(
                            std::io::ErrorKind::TimedOut,
                            "the client sent nothing for too long",
                        );
                        Poll::Ready(Some(Err(late.into())))
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body, counted while it is sent.
pub(super) struct Outgoing {
    body: Body,
    sent: Counter,
    bytes: u64,
    line: Line,
    complete: bool,
    _in_flight: InFlight,
}

impl Outgoing {
    pub(super) fn new(body: Body, sent: Counter, line: Line, in_flight: InFlight) -> Self {
        Self {
            body,
            sent,
            bytes: 0,
            line,
            complete: false,
            _in_flight: in_flight,
        }
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.bytes += length;
                self.sent.inc_by(length);
                self.complete = self.body.is_end_stream();
            }
            Some(Err(error)) => {
                tracing::error!(request_id = self.line.context.request_id, %error, "an answer broke off");
            }
            None => self.complete = true,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.line.write(
            self.bytes,
            if self.complete { "" } else { "before its end" },
        );
    }
}
