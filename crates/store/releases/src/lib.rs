//! Rows of releases, changes and their rollouts.
