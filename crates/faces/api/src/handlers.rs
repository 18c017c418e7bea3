//! The routes' use cases: parameters in, JSON out. One module per subject.

pub(crate) mod accounts;
pub(crate) mod documents;
pub(crate) mod grants;
pub(crate) mod log;
pub(crate) mod patches;
pub(crate) mod registry;
pub(crate) mod releases;
pub(crate) mod runs;
pub(crate) mod upkeep;
