//! The rows of the loop, on both databases.

#[path = "../../../rows/tests/store/both.rs"]
#[expect(dead_code, reason = "the harness has more than these tests need")]
mod both;
mod travel;
