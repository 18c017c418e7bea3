//! Clusters: server-side apply, release records, rollouts.
