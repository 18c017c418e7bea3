//! What every face of HTTP shares: the accept loop, TLS, the entry that counts and logs each request,
//! who is signed in, and the one place where a rejection becomes a wire answer.
//!
//! A face never writes a status of its own for something that went wrong: it hands a [`FlowError`](refloat_flow::FlowError)
//! to [`wire`]. Time-outs here are on lack of progress, never on a whole transfer. Called by `faces/registry`,
//! `faces/api` and the binary.

pub mod body;
pub mod context;
pub mod entry;
pub mod health;
pub mod metrics;
pub mod serve;
pub mod signed_in;
pub mod wire;

pub use context::{Context, Noted};
pub use entry::Entry;
pub use health::{Readiness, operations};
pub use metrics::Metrics;
pub use serve::{Server, Settings, Tls, TlsFiles};
