//! From text to trees: Go's `text/template/parse`, with the same words when it refuses.

pub(crate) mod display;
pub(crate) mod lexer;
pub(crate) mod literal;
pub(crate) mod parser;
pub(crate) mod tree;
