//! refloat-http
