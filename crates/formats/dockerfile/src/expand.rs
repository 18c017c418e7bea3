//! Variables in a word: `$X`, `${X}`, and the modifiers of the shell that BuildKit knows (`frontend/dockerfile/shell/lex.go`).

use crate::glob::{Greed, Pattern};
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// Why a word has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExpandError {
    /// The word is wrong whatever the variables are.
    Syntax(String),
    /// `${X:?..}`, and the variable has no value.
    Required(String),
}

struct Expander<'a> {
    letters: Peekable<Chars<'a>>,
    escape: char,
    variables: &'a BTreeMap<String, String>,
    used: BTreeMap<String, Option<String>>,
}

/// Replaces variables and takes quotes away.
pub(crate) fn expand(
    word: &str,
    escape: char,
    variables: &BTreeMap<String, String>,
) -> (
    Result<String, ExpandError>,
    BTreeMap<String, Option<String>>,
) {
    let mut expander = Expander {
        letters: word.chars().peekable(),
        escape,
        variables,
        used: BTreeMap::new(),
    };
    let text = expander.until(None, false);
    (text, expander.used)
}

fn syntax<T>(message: impl Into<String>) -> Result<T, ExpandError> {
    Err(ExpandError::Syntax(message.into()))
}

impl Expander<'_> {
    /// Reads up to `stop`, or to the end; with `raw` an escape stays where it was.
    fn until(&mut self, stop: Option<char>, raw: bool) -> Result<String, ExpandError> {
        let mut result = String::new();
        while let Some(letter) = self.letters.peek().copied() {
            if Some(letter) == stop {
                self.letters.next();
                return Ok(result);
            }
            match letter {
                '$' => result.push_str(&self.dollar()?),
                '\'' => self.single_quoted(&mut result)?,
                '"' => self.double_quoted(&mut result)?,
                _ => {
                    self.letters.next();
                    if letter == self.escape {
                        if raw {
                            result.push(letter);
                        }
                        // An escape at the very end stands for nothing.
                        result.extend(self.letters.next());
                    } else {
                        result.push(letter);
                    }
                }
            }
        }
        match stop {
            None => Ok(result),
            Some(stop) => syntax(format!("`{stop}` is missing")),
        }
    }

    fn single_quoted(&mut self, result: &mut String) -> Result<(), ExpandError> {
        self.letters.next();
        loop {
            match self.letters.next() {
                None => return syntax("a single quote is not closed"),
                Some('\'') => return Ok(()),
                Some(letter) => result.push(letter),
            }
        }
    }

    fn double_quoted(&mut self, result: &mut String) -> Result<(), ExpandError> {
        self.letters.next();
        loop {
            match self.letters.peek().copied() {
                None => return syntax("a double quote is not closed"),
                Some('"') => {
                    self.letters.next();
                    return Ok(());
                }
                Some('$') => result.push_str(&self.dollar()?),
                Some(letter) if letter == self.escape => {
                    self.letters.next();
                    match self.letters.peek().copied() {
                        // Only these can be escaped here, before others the escape stays.
                        Some(next) if next == '"' || next == '$' || next == self.escape => {
                            self.letters.next();
                            result.push(next);
                        }
                        Some(_) => result.push(letter),
                        None => {}
                    }
                }
                Some(letter) => {
                    self.letters.next();
                    result.push(letter);
                }
            }
        }
    }

    fn dollar(&mut self) -> Result<String, ExpandError> {
        self.letters.next();
        if self.letters.peek() != Some(&'{') {
            let name = self.name();
            return Ok(if name.is_empty() {
                "$".to_owned()
            } else {
                self.value(&name).unwrap_or_default()
            });
        }
        self.letters.next();
        match self.letters.peek() {
            None => return syntax("`}` is missing"),
            Some('{' | '}' | ':') => return syntax("bad substitution"),
            Some(_) => {}
        }
        let name = self.name();
        match self.letters.next() {
            None => syntax("`}` is missing"),
            Some('}') => Ok(self.value(&name).unwrap_or_default()),
            Some('/') => self.replaced(&name),
            Some(':') => match self.letters.next() {
                Some(modifier @ ('-' | '+' | '?')) => self.modified(&name, modifier, true),
                Some(other) => syntax(format!("the modifier `:{other}` is not known")),
                None => syntax("`}` is missing"),
            },
            Some(modifier @ ('-' | '+' | '?')) => self.modified(&name, modifier, false),
            Some(modifier @ ('#' | '%')) => self.trimmed(&name, modifier),
            Some(other) => syntax(format!("the modifier `{other}` is not known")),
        }
    }

    /// `${X-d}`, `${X+a}`, `${X?e}`; with `or_empty` (a colon) an empty value counts as none.
    fn modified(
        &mut self,
        name: &str,
        modifier: char,
        or_empty: bool,
    ) -> Result<String, ExpandError> {
        let word = self.until(Some('}'), false)?;
        let value = self.value(name);
        let given = value.clone().filter(|value| !or_empty || !value.is_empty());
        match (modifier, given) {
            ('-', given) => Ok(given.unwrap_or(word)),
            ('+', Some(_)) => Ok(word),
            ('+', None) => Ok(String::new()),
            (_, Some(given)) => Ok(given),
            (_, None) => {
                let message = match (word.is_empty(), value) {
                    (false, _) => word,
                    (true, None) => "is not allowed to be unset".to_owned(),
                    (true, Some(_)) => "is not allowed to be empty".to_owned(),
                };
                Err(ExpandError::Required(format!("{name}: {message}")))
            }
        }
    }

    /// `${X#p}`, `${X##p}`, `${X%p}`, `${X%%p}`.
    fn trimmed(&mut self, name: &str, modifier: char) -> Result<String, ExpandError> {
        let word = self.until(Some('}'), true)?;
        let value = self.value(name).unwrap_or_default();
        let (greed, pattern) = match word.strip_prefix(modifier) {
            Some(pattern) => (Greed::Longest, pattern),
            None => (Greed::Shortest, word.as_str()),
        };
        let pattern = Pattern::new(pattern);
        Ok(if modifier == '#' {
            pattern.trim_prefix(&value, greed)
        } else {
            pattern.trim_suffix(&value, greed)
        })
    }

    /// `${X/a/b}`, `${X//a/b}`.
    fn replaced(&mut self, name: &str) -> Result<String, ExpandError> {
        let all = self.letters.next_if_eq(&'/').is_some();
        let pattern = self.until(Some('/'), true)?;
        let by = self.until(Some('}'), true)?;
        let value = self.value(name).unwrap_or_default();
        Ok(Pattern::new(&pattern).replace(&value, &by, all))
    }

    /// Letters, digits and `_`; a name that begins with a digit is digits alone, a special sign is a name by itself.
    fn name(&mut self) -> String {
        let mut name = String::new();
        if let Some(sign) = self.letters.next_if(|letter| "@*#?-$!".contains(*letter)) {
            name.push(sign);
            return name;
        }
        let digits = self.letters.peek().is_some_and(char::is_ascii_digit);
        let fits = |letter: &char| {
            letter.is_ascii_digit() || (!digits && (letter.is_alphanumeric() || *letter == '_'))
        };
        while let Some(letter) = self.letters.next_if(fits) {
            name.push(letter);
        }
        name
    }

    fn value(&mut self, name: &str) -> Option<String> {
        let value = self.variables.get(name).cloned();
        self.used.insert(name.to_owned(), value.clone());
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line: a word, and what becomes of it with A=a-b-c, E empty, and nothing else set.
    const WORDS: &str = r#"
plain               | plain
$A                  | a-b-c
${A}x               | a-b-cx
$Ax                 |
$A-x                | a-b-c-x
'$A'                | $A
"$A"                | a-b-c
\$A                 | $A
"\$A"               | $A
"\x"                | \x
a\bc                | abc
${U:-d}             | d
${U-d}              | d
${E:-d}             | d
${E-d}              |
${A:-d}             | a-b-c
${U:-$A}            | a-b-c
${U:-${E:-q}}       | q
${A:+y}             | y
${E:+y}             |
${E+y}              | y
${U+y}              |
${U:?gone}          | required U: gone
${U?}               | required U: is not allowed to be unset
${E:?}              | required E: is not allowed to be empty
${E?}               |
${A:?gone}          | a-b-c
${A#*-}             | b-c
${A##*-}            | c
${A%-*}             | a-b
${A%%-*}            | a
${A/-/+}            | a+b-c
${A//-/+}           | a+b+c
${A                 | syntax `}` is missing
${                  | syntax `}` is missing
${}                 | syntax bad substitution
${:}                | syntax bad substitution
${A:#x}             | syntax the modifier `:#` is not known
${A^}               | syntax the modifier `^` is not known
${A/x}              | syntax `/` is missing
'open               | syntax a single quote is not closed
"open               | syntax a double quote is not closed
$                   | $
a$                  | a$
$1x                 | x
$$                  |
tail\               | tail
"#;

    #[test]
    fn words_are_expanded_as_buildkit_does() {
        let variables = BTreeMap::from([
            ("A".to_owned(), "a-b-c".to_owned()),
            ("E".to_owned(), String::new()),
        ]);
        for line in WORDS.lines().filter(|line| !line.is_empty()) {
            let (word, expected) = line.split_once('|').expect("two columns");
            let result = match expand(word.trim_end(), '\\', &variables).0 {
                Ok(text) => text,
                Err(ExpandError::Syntax(message)) => format!("syntax {message}"),
                Err(ExpandError::Required(message)) => format!("required {message}"),
            };
            assert_eq!(result, expected.trim(), "{word}");
        }
    }

    #[test]
    fn what_was_used_is_told() {
        let variables = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        let (text, used) = expand("x:${A}${U:-$A}", '\\', &variables);
        assert_eq!(text, Ok("x:11".to_owned()));
        let expected = [
            ("A".to_owned(), Some("1".to_owned())),
            ("U".to_owned(), None),
        ];
        assert_eq!(used, BTreeMap::from(expected));
    }
}
