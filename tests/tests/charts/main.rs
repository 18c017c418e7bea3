//! Charts as a user handles them with the built program, compared with what the real helm makes of the same input.

mod bump;
mod classic;
mod dependency;
mod environments;
mod helm;
mod keep;
mod lint;
mod store;
mod template;
