//! Words: how instructions are cut where no variable is replaced yet. The rules are BuildKit's
//! (`parser/line_parsers.go: parseWords`, `parser/split_command.go: extractBuilderFlags`).

/// The flags at the beginning of an instruction's arguments, unquoted, and what follows them.
pub(crate) fn flags(line: &str, escape: char) -> (Vec<String>, &str) {
    let mut flags = Vec::new();
    let mut rest = line.trim_start();
    while rest.starts_with("--") {
        let (word, after) = flag(rest, escape);
        rest = after.trim_start();
        if word == "--" {
            break;
        }
        if !word.is_empty() {
            flags.push(word);
        }
    }
    (flags, rest)
}

/// One word with its quotes and escapes taken away, and what follows it.
fn flag(text: &str, escape: char) -> (String, &str) {
    let mut word = String::new();
    let mut quote = None;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (None, letter) if letter.is_whitespace() => return (word, &text[at..]),
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            (_, letter) if letter == escape => word.extend(letters.next().map(|(_, next)| next)),
            (_, letter) => word.push(letter),
        }
    }
    (word, "")
}

/// Words separated by white space outside quotes; quotes and escapes stay in them.
pub(crate) fn words(line: &str, escape: char) -> Vec<String> {
    let mut found = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if quote.is_none() && letter.is_whitespace() {
            if !word.is_empty() {
                found.push(std::mem::take(&mut word));
            }
            continue;
        }
        // Nothing is escaped between single quotes.
        if letter == escape && quote != Some('\'') {
            match letters.next() {
                Some(next) => word.extend([letter, next]),
                None if quote.is_some() => {}
                None => break,
            }
            continue;
        }
        match quote {
            None if letter == '\'' || letter == '"' => quote = Some(letter),
            Some(open) if open == letter => quote = None,
            _ => {}
        }
        word.push(letter);
    }
    if !word.is_empty() {
        found.push(word);
    }
    found
}

/// A heredoc that a line announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heredoc {
    /// The line that ends it.
    pub(crate) name: String,
    /// Whether tabs before that line do not count.
    pub(crate) chomp: bool,
}

/// The heredocs that a line announces, in order.
pub(crate) fn heredocs(line: &str) -> Vec<Heredoc> {
    words(line, '\\')
        .iter()
        .filter_map(|word| heredoc(word))
        .collect()
}

/// `[fd]<<[-]NAME`, the name perhaps quoted.
fn heredoc(word: &str) -> Option<Heredoc> {
    let rest = word.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let rest = rest.strip_prefix("<<")?;
    let (chomp, rest) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    if rest.is_empty() || rest.contains('<') {
        return None;
    }
    let (name, _) = flag(rest, '\\');
    (!name.is_empty()).then_some(Heredoc { name, chomp })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_end_at_the_first_other_word() {
        let cases: [(&str, &[&str], &str); 6] = [
            ("--from=a /x /y", &["--from=a"], "/x /y"),
            ("  --from=\"a b\" --link x", &["--from=a b", "--link"], "x"),
            ("-- --x", &[], "--x"),
            ("x --from=a", &[], "x --from=a"),
            (
                "--mount=type=bind,from='q'",
                &["--mount=type=bind,from=q"],
                "",
            ),
            ("", &[], ""),
        ];
        for (line, expected, rest) in cases {
            let (found, after) = flags(line, '\\');
            assert_eq!(
                (found.as_slice(), after),
                (
                    expected
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .as_slice(),
                    rest
                ),
                "{line}"
            );
        }
    }

    #[test]
    fn words_keep_their_quotes() {
        assert_eq!(
            words(r#"A="b c" D=e\ f G='h i'"#, '\\'),
            [r#"A="b c""#, r"D=e\ f", "G='h i'"]
        );
        assert_eq!(words("  a\t b ", '\\'), ["a", "b"]);
        assert!(words("", '\\').is_empty());
    }

    #[test]
    fn heredocs_are_found_where_a_shell_finds_them() {
        let named = |line: &str| {
            heredocs(line)
                .iter()
                .map(|heredoc| format!("{}{}", if heredoc.chomp { "-" } else { "" }, heredoc.name))
                .collect::<Vec<_>>()
        };
        assert_eq!(named("RUN <<EOF"), ["EOF"]);
        assert_eq!(named("RUN <<-'EOF' cat 3<<\"B C\""), ["-EOF", "B C"]);
        assert_eq!(named("RUN cat <<<word"), [""; 0]);
        assert_eq!(named(r#"RUN echo "<<EOF""#), [""; 0]);
        assert_eq!(named("RUN x<<EOF"), [""; 0]);
        assert_eq!(named("RUN << EOF"), [""; 0]);
    }
}
