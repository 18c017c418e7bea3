//! When a release is due, and how it proceeds through its environments.
