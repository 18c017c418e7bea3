//! Real charts against what Helm's own engine makes of them. The charts lie beside the checkout; where they do not, the
//! tests say so and pass.

#![expect(
    clippy::print_stdout,
    reason = "tests tell what they counted or why they did not run"
)]

#[path = "../shared/fixed.rs"]
mod fixed;
#[path = "../shared/folder.rs"]
mod folder;
mod images;
mod outputs;
mod place;
