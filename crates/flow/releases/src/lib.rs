//! Releases: from a line that moved to a chart that names the new image, and to its environments.
