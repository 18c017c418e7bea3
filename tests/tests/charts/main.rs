//! Charts as a user handles them with the built program, compared with what the real helm makes of the same input.

mod bump;
mod helm;
mod keep;
mod template;
