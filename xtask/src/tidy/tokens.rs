//! Paths in a token stream: `std::{fs, io::Read}` is `std::fs` and `std::io::Read`.
//!
//! Tokens rather than syntax, so that the arguments of macros are seen too.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A path (or a single word), and the line it begins at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
}

/// Every path in `tokens`, groups included. Text of literals and comments is not looked at.
pub(super) fn paths(tokens: &TokenStream) -> Vec<Path> {
    let mut found = Vec::new();
    collect(tokens, &[], &mut found);
    found
}

fn collect(tokens: &TokenStream, prefix: &[String], found: &mut Vec<Path>) {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(_) => at = path(&tokens, at, prefix, found),
            TokenTree::Group(group) => {
                collect(&group.stream(), &[], found);
                at += 1;
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => at += 1,
        }
    }
}

/// Reads the path that begins at `at`; returns the place after it.
fn path(tokens: &[TokenTree], mut at: usize, prefix: &[String], found: &mut Vec<Path>) -> usize {
    let line = tokens[at].span().start().line;
    let mut segments = prefix.to_vec();
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(word)) => segments.push(word.to_string()),
            // The braces of a `use`: each name in them continues the path.
            Some(TokenTree::Group(group)) if is_list(group) => {
                collect(&group.stream(), &segments, found);
                return at + 1;
            }
            _ => break,
        }
        at += 1;
        if !is_separator(tokens, at) {
            break;
        }
        at += 2;
    }
    found.push(Path { segments, line });
    at
}

fn is_list(group: &Group) -> bool {
    group.delimiter() == Delimiter::Brace
}

fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    colon(at) && colon(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_written_out_and_macros_looked_into() -> Result<(), proc_macro2::LexError> {
        let source = "use std::{fs, io::{self, Read}};\nlet x = m!(std::env::var(\"std::net\"));";
        let paths: Vec<String> = paths(&source.parse()?)
            .iter()
            .map(|path| format!("{} {}", path.line, path.segments.join("::")))
            .collect();
        assert_eq!(
            paths,
            [
                "1 use",
                "1 std::fs",
                "1 std::io::self",
                "1 std::io::Read",
                "2 let",
                "2 x",
                "2 m",
                "2 std::env::var",
            ]
        );
        Ok(())
    }
}
