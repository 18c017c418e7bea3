//! Charts: loading, values, rendering, packaging, and edits of exactly the intended lines. All of it pure.
//!
//! ```text
//! files | .tgz ─► load ─► Chart ─► package ─► .tgz ─► artifact ─► OCI manifest
//!                           │
//!      values files, --set ─┴► values ─► dependencies ─► coalesce ─► schema ─► render ─► manifest, hooks, notes
//! ```
//! The rules are Helm 4.2's, byte for byte (helm, pkg/chart, pkg/engine, pkg/strvals, pkg/release/v1/util). Files come as
//! bytes, time as an argument; nothing here reads a folder, a clock or a network.

pub mod artifact;
pub mod bump;
pub mod capabilities;
pub mod chart;
pub mod dependency;
pub mod lint;
pub mod load;
pub mod metadata;
pub mod name;
pub mod package;
mod prepare;
pub mod provenance;
pub mod render;
mod schema;
pub mod values;
pub mod version;

pub use artifact::{ChartArtifact, artifact};
pub use bump::{
    BumpError, Bumped, FileEdit, ImageRef, ValuesPath, VersionChange, bump, bump_app_version,
    bump_file, bump_version,
};
pub use capabilities::{Capabilities, KubeVersion};
pub use chart::Chart;
pub use load::{ChartError, ChartFile, load, load_archive};
pub use metadata::Metadata;
pub use package::package;
pub use render::{RenderError, RenderOptions, Rendered, TemplateOutput, render, render_templates};
pub use values::GivenValues;
