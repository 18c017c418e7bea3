//! refloat-flow
