//! refloat-registry
