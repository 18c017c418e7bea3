//! Shell patterns as Go's `filepath.Match` reads them: `*`, `?`, `[a-z]`, `[^a]`, backslash; none of them crosses a slash.

/// A pattern that cannot be read: an open bracket, an empty range, a backslash at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadPattern;

/// Whether all of `name` matches.
///
/// # Errors
/// [`BadPattern`] where Go has `ErrBadPattern`.
pub fn matches(pattern: &str, name: &str) -> Result<bool, BadPattern> {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    check(&pattern)?;
    Ok(run(&pattern, &name))
}

/// Reads the whole pattern once, so that a bad end is found whatever the name is.
fn check(pattern: &[char]) -> Result<(), BadPattern> {
    let mut rest = pattern;
    while let Some((first, after)) = rest.split_first() {
        rest = match first {
            '\\' => after.get(1..).ok_or(BadPattern)?,
            '[' => class(after, '\0')?.1,
            _ => after,
        };
    }
    Ok(())
}

fn run(pattern: &[char], name: &[char]) -> bool {
    // The place to come back to: the pattern behind the last star, and the name from where it tries next.
    let mut star: Option<(&[char], &[char])> = None;
    let (mut pattern, mut name) = (pattern, name);
    loop {
        if let Some(rest) = pattern.strip_prefix(&['*']) {
            star = Some((rest, name));
            pattern = rest;
            continue;
        }
        if let Some(next) = step(pattern, name) {
            (pattern, name) = next;
            continue;
        }
        if pattern.is_empty() && name.is_empty() {
            return true;
        }
        match star {
            Some((rest, [first, left @ ..])) if *first != '/' => {
                star = Some((rest, left));
                (pattern, name) = (rest, left);
            }
            _ => return false,
        }
    }
}

/// One character of the name against one item of the pattern, which is no star.
fn step<'a>(pattern: &'a [char], name: &'a [char]) -> Option<(&'a [char], &'a [char])> {
    let (item, after) = pattern.split_first()?;
    let (found, left) = name.split_first()?;
    match item {
        '?' => (*found != '/').then_some((after, left)),
        '[' => {
            let (hit, rest) = class(after, *found).ok()?;
            (hit && *found != '/').then_some((rest, left))
        }
        '\\' => {
            let (literal, rest) = after.split_first()?;
            (literal == found).then_some((rest, left))
        }
        literal => (literal == found).then_some((after, left)),
    }
}

/// A class behind its bracket: whether it has the character, and what follows it.
fn class(text: &[char], found: char) -> Result<(bool, &[char]), BadPattern> {
    let (negated, mut rest) = match text.split_first() {
        Some(('^', rest)) => (true, rest),
        _ => (false, text),
    };
    let (mut hit, mut ranges) = (false, 0);
    loop {
        if let (Some((']', after)), true) = (rest.split_first(), ranges > 0) {
            return Ok((hit != negated, after));
        }
        let (low, after) = member(rest)?;
        let (high, after) = match after.split_first() {
            Some(('-', after)) => member(after)?,
            _ => (low, after),
        };
        hit |= low <= found && found <= high;
        ranges += 1;
        rest = after;
    }
}

/// One end of a range; something must follow it.
fn member(text: &[char]) -> Result<(char, &[char]), BadPattern> {
    let (first, after) = text.split_first().ok_or(BadPattern)?;
    let (found, after) = match first {
        '-' | ']' => return Err(BadPattern),
        '\\' => {
            let (escaped, after) = after.split_first().ok_or(BadPattern)?;
            (*escaped, after)
        }
        plain => (*plain, after),
    };
    if after.is_empty() {
        return Err(BadPattern);
    }
    Ok((found, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the table of Go's path/filepath/match_test.go.
    #[test]
    fn patterns_match_as_go_matches_them() {
        let cases = [
            ("abc", "abc", Ok(true)),
            ("*c", "abc", Ok(true)),
            ("a*", "ab/c", Ok(false)),
            ("a*/b", "abc/b", Ok(true)),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/f", Ok(true)),
            ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", Ok(false)),
            ("a*b?c*x", "abxbbxdbxebxczzx", Ok(true)),
            ("ab[c]", "abc", Ok(true)),
            ("ab[^b-d]", "abc", Ok(false)),
            ("a\\*b", "a*b", Ok(true)),
            ("a[^a][^a]b", "a☺b", Ok(false)),
            ("[a-ζ]*", "α", Ok(true)),
            ("a?b", "a/b", Ok(false)),
            ("[]a]", "]", Err(BadPattern)),
            ("[-]", "-", Err(BadPattern)),
            ("[x-]", "x", Err(BadPattern)),
            ("[a", "a", Err(BadPattern)),
            ("[^", "ab", Err(BadPattern)),
            ("*x", "xxx", Ok(true)),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches(pattern, name), expected, "{pattern} on {name}");
        }
    }
}
