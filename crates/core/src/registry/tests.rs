//! Scenarios (below).
