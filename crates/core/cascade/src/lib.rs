//! What a base change reaches, in order, and how each patch proceeds.
