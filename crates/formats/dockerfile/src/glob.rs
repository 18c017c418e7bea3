//! The patterns of `${X#p}` and its kin: `*`, `?` and a backslash that takes the next character as it is.

/// A piece of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Any,
    One,
    Exactly(char),
}

/// A pattern, ready to be compared.
pub(crate) struct Pattern(Vec<Piece>);

/// Which match is wanted where several would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Greed {
    Shortest,
    Longest,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text.chars();
        while let Some(letter) = rest.next() {
            pieces.push(match letter {
                '*' => Piece::Any,
                '?' => Piece::One,
                '\\' => Piece::Exactly(rest.next().unwrap_or('\\')),
                other => Piece::Exactly(other),
            });
        }
        Self(pieces)
    }

    /// Whether the whole of `text` fits. Two positions are kept, so that a long pattern takes no more than |pattern| x |text|.
    fn fits(&self, text: &[char]) -> bool {
        let (mut piece, mut at) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.0.get(piece) {
                Some(Piece::Any) => {
                    star = Some((piece, at));
                    piece += 1;
                    continue;
                }
                Some(Piece::One) => {
                    piece += 1;
                    at += 1;
                    continue;
                }
                Some(Piece::Exactly(letter)) if *letter == text[at] => {
                    piece += 1;
                    at += 1;
                    continue;
                }
                Some(Piece::Exactly(_)) | None => {}
            }
            let Some((from, eaten)) = star else {
                return false;
            };
            star = Some((from, eaten + 1));
            piece = from + 1;
            at = eaten + 1;
        }
        self.0[piece..].iter().all(|piece| *piece == Piece::Any)
    }

    /// `text` without the prefix that fits.
    pub(crate) fn trim_prefix(&self, text: &str, greed: Greed) -> String {
        let letters: Vec<char> = text.chars().collect();
        let mut ends = 0..=letters.len();
        let end = match greed {
            Greed::Shortest => ends.find(|end| self.fits(&letters[..*end])),
            Greed::Longest => ends.rfind(|end| self.fits(&letters[..*end])),
        };
        letters[end.unwrap_or(0)..].iter().collect()
    }

    /// `text` without the suffix that fits.
    pub(crate) fn trim_suffix(&self, text: &str, greed: Greed) -> String {
        let letters: Vec<char> = text.chars().collect();
        let mut starts = 0..=letters.len();
        let start = match greed {
            Greed::Shortest => starts.rfind(|start| self.fits(&letters[*start..])),
            Greed::Longest => starts.find(|start| self.fits(&letters[*start..])),
        };
        letters[..start.unwrap_or(letters.len())].iter().collect()
    }

    /// `text` with the first place that fits replaced, or with `all` of them.
    pub(crate) fn replace(&self, text: &str, by: &str, all: bool) -> String {
        let letters: Vec<char> = text.chars().collect();
        let (mut result, mut at, mut open) = (String::new(), 0, true);
        while at < letters.len() {
            let end = (at + 1..=letters.len())
                .rev()
                .find(|end| open && self.fits(&letters[at..*end]));
            if let Some(end) = end {
                result.push_str(by);
                at = end;
                open = all;
            } else {
                result.push(letters[at]);
                at += 1;
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_in_a_shell() {
        let trimmed = [
            ("#", "*-", "a-b-c", "b-c"),
            ("##", "*-", "a-b-c", "c"),
            ("%", "-*", "a-b-c", "a-b"),
            ("%%", "-*", "a-b-c", "a"),
            ("#", "x*", "a-b-c", "a-b-c"),
            ("%", "?", "1.2", "1."),
            ("##", "*", "abc", ""),
            ("#", "\\*", "*b", "b"),
            ("/", "b", "abcb", "aXcb"),
            ("//", "b", "abcb", "aXcX"),
            ("//", "?", "ab", "XX"),
            ("/", "*", "ab", "X"),
        ];
        for (how, pattern, text, expected) in trimmed {
            let compiled = Pattern::new(pattern);
            let result = match how {
                "#" => compiled.trim_prefix(text, Greed::Shortest),
                "##" => compiled.trim_prefix(text, Greed::Longest),
                "%" => compiled.trim_suffix(text, Greed::Shortest),
                "%%" => compiled.trim_suffix(text, Greed::Longest),
                "/" => compiled.replace(text, "X", false),
                _ => compiled.replace(text, "X", true),
            };
            assert_eq!(result, expected, "{text} {how} {pattern}");
        }
    }
}
