//! Jobs: the only schedule there is.
