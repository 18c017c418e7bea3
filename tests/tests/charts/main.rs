//! Charts as a user handles them with the built program, compared with what the real helm makes of the same input.

mod bump;
mod classic;
mod dependency;
mod environments;
mod flags;
mod helm;
mod keep;
mod lint;
mod lint_corpus;
mod store;
mod template;
