//! refloat-cli
