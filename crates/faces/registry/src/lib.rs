//! The registry on the wire: OCI distribution-spec 1.1 and what its main branch adds, under `/v2/`, and its token service.
//!
//! ```text
//! path ─► Route (one pure parser, one table of shapes) ─► who asks ─► use case of flow ─► headers and body
//! ```
//!
//! This face reads and writes HTTP. It decides nothing about rights: the store does, with the rows. What went wrong
//! becomes an answer in `refloat_http::wire` alone. Links are relative to the configured public URL, never
//! taken from a request's `Host`.

mod blobs;
mod face;
mod links;
mod lists;
mod manifests;
pub mod path;
mod query;
mod token;
mod uploads;

pub use face::Face;
pub use links::{Links, LinksError};
pub use path::{Need, Route, SHAPES, Shape};
pub use token::token_service;
