//! Charts: loading, values, rendering, packaging, and edits of exactly the intended lines. All of it pure.
//!
//! ```text
//! files | .tgz ─► load ─► Chart ─► package ─► .tgz ─► artifact ─► OCI manifest
//!                           │
//!      values files, --set ─┴► values ─► dependencies ─► coalesce ─► schema ─► render ─► manifest, hooks, notes
//! ```
//! The rules are Helm 4.2's, byte for byte (helm, pkg/chart, pkg/engine, pkg/strvals, pkg/release/v1/util). Files come as
//! bytes, time as an argument; nothing here reads a folder, a clock or a network.

pub mod bump;
