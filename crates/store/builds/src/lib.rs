//! Rows of tasks and runs.
