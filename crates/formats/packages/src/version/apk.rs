//! The order of apk's versions: `number{.number}{letter}{_suffix{number}}{~hash}{-r number}` (apk-package(5)).

use std::cmp::Ordering;

/// What a version is made of, in the order in which kinds may follow each other. Where two versions go on with different
/// kinds, the earlier kind is the greater version: `1.2.1 > 1.2a > 1.2_p1 > 1.2-r1 > 1.2`; but for a suffix that stands
/// for "before the release".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    First,
    Number,
    Letter,
    Suffix,
    SuffixNumber,
    Hash,
    Revision,
    End,
}

/// Suffixes, oldest first; the first four come before the release itself.
const SUFFIXES: [&str; 9] = ["alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg", "p"];
const BEFORE_RELEASE: usize = 4;

/// Orders two versions as `apk version -t` does. What is no version of apk's ends where it stops to be one.
pub fn compare(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (Reading::new(left), Reading::new(right));
    loop {
        let (ours, theirs) = (left.next(), right.next());
        if ours.kind != theirs.kind {
            // A suffix that the other lacks says which side of the release it is on.
            if ours.is_before_release() {
                return Ordering::Less;
            }
            if theirs.is_before_release() {
                return Ordering::Greater;
            }
            return theirs.kind.cmp(&ours.kind);
        }
        if ours.kind == Kind::End {
            return Ordering::Equal;
        }
        let order = ours.compare(&theirs);
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
}

impl Token<'_> {
    fn suffix(&self) -> usize {
        SUFFIXES
            .iter()
            .position(|suffix| *suffix == self.text)
            .unwrap_or(SUFFIXES.len())
    }

    fn is_before_release(&self) -> bool {
        self.kind == Kind::Suffix && self.suffix() < BEFORE_RELEASE
    }

    fn compare(&self, other: &Self) -> Ordering {
        let has_zero = self.text.starts_with('0') || other.text.starts_with('0');
        match self.kind {
            // A number with a leading zero is the rest of a decimal fraction.
            Kind::Number if has_zero => self.text.cmp(other.text),
            Kind::First | Kind::Number | Kind::SuffixNumber | Kind::Revision => {
                super::number(self.text.as_bytes(), other.text.as_bytes())
            }
            Kind::Suffix => self.suffix().cmp(&other.suffix()),
            Kind::Letter | Kind::Hash | Kind::End => self.text.cmp(other.text),
        }
    }
}

struct Reading<'a> {
    rest: &'a str,
    last: Option<Kind>,
}

impl<'a> Reading<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: text.trim(),
            last: None,
        }
    }

    fn next(&mut self) -> Token<'a> {
        let token = self.token().unwrap_or(Token {
            kind: Kind::End,
            text: "",
        });
        self.last = Some(token.kind);
        if token.kind == Kind::End {
            self.rest = "";
        }
        token
    }

    fn token(&mut self) -> Option<Token<'a>> {
        let is_digit = |it: char| it.is_ascii_digit();
        let Some(last) = self.last else {
            return Some(self.take(Kind::First, 0, is_digit));
        };
        let first = self.rest.chars().next()?;
        let is_in_number = matches!(last, Kind::First | Kind::Number);
        let token = match first {
            'a'..='z' if is_in_number => {
                let (text, rest) = self.rest.split_at(1);
                self.rest = rest;
                let kind = Kind::Letter;
                return Some(Token { kind, text });
            }
            '0'..='9' if last == Kind::Suffix => self.take(Kind::SuffixNumber, 0, is_digit),
            '.' if is_in_number => self.take(Kind::Number, 1, is_digit),
            '_' if last <= Kind::SuffixNumber => {
                self.take(Kind::Suffix, 1, |it| it.is_ascii_lowercase())
            }
            '~' if last <= Kind::SuffixNumber => {
                self.take(Kind::Hash, 1, |it| it.is_ascii_hexdigit())
            }
            '-' if last <= Kind::Hash && self.rest.starts_with("-r") => {
                self.take(Kind::Revision, 2, is_digit)
            }
            _ => return None,
        };
        Some(token).filter(|token| !token.text.is_empty())
    }

    fn take(&mut self, kind: Kind, skip: usize, is_part: impl Fn(char) -> bool) -> Token<'a> {
        let from = &self.rest[skip..];
        let end = from.find(|it| !is_part(it)).unwrap_or(from.len());
        let (text, rest) = from.split_at(end);
        self.rest = rest;
        Token { kind, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rising_versions() {
        // Each is newer than the one before.
        let rising = [
            "0.1_alpha_pre2",
            "0.1_alpha",
            "0.1_alpha2",
            "0.1_beta1",
            "0.1_rc3-r1",
            "0.1",
            "0.1-r0",
            "0.1-r1",
            "0.1-r10",
            "0.1_cvs",
            "0.1_git20230101",
            "0.1_hg1",
            "0.1_p1",
            "0.1_p9-r0",
            "0.1_p10-r0",
            "0.1a",
            "0.1b-r2",
            "0.1.0",
            "0.1.0_p1",
            "0.1.01",
            "0.1.1",
            "0.1.10",
            "0.2",
            "1.00_beta2",
            "1.00",
            "1.02",
            "1.06-r6",
            "1.1",
            "1.19",
            "006",
            "20050718-r1",
            "20050718-r2",
        ];
        for (at, older) in rising.iter().enumerate() {
            assert_eq!(compare(older, older), Ordering::Equal, "{older}");
            for newer in &rising[at + 1..] {
                assert_eq!(compare(older, newer), Ordering::Less, "{older} {newer}");
                assert_eq!(compare(newer, older), Ordering::Greater, "{newer} {older}");
            }
        }
    }
}
