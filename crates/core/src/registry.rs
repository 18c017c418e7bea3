//! Decisions of the registry (being written).
