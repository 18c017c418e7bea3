//! refloat-tests
