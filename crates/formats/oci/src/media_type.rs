//! media_type (being written)
