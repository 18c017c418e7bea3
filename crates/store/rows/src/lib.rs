//! All rows and the log.
