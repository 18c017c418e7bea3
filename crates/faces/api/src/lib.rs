//! refloat-api
