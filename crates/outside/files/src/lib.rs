//! refloat-files
