//! Where each consumer of the log stands.
