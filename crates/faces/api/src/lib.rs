//! `/api/v1`: everything that is not the registry's own protocol.
//!
//! ```text
//! request ─► route of the one table ─► who asks ─► body within its cap ─► [Idempotency-Key] ─► use case of flow ─► JSON
//! ```
//!
//! [`ROUTES`] makes the router, the OpenAPI description and the matrix of the authorization tests: a route that is in one
//! is in all. This face decides nothing about rights; what a table row says about them is documentation that tests check.
//! Lists are paged by sealed cursors, errors are `{"error":{"code","message","detail"}}`.

mod answer;
mod asking;
mod face;
mod follow;
mod handlers;
mod openapi;
mod routes;

pub use answer::Answer;
pub use asking::Asking;
pub use face::{Api, router};
pub use routes::{Body, Parameter, ROUTES, Right, Route};
