//! Real charts against what Helm's own engine makes of them. The charts lie beside the checkout; where they do not, the
//! tests say so and pass.

mod images;
mod outputs;
mod place;
