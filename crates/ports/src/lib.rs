//! refloat-ports
