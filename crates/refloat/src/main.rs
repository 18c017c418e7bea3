//! refloat
fn main() {}
