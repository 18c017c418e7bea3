//! How a text is written as a YAML scalar so that every reader, of YAML 1.1 or 1.2, takes it for that text.

use granit_parser::ScalarStyle;

/// The text in the style of what it replaces, or in the safest one that is near it. `None` for block scalars.
pub(super) fn write(text: &str, style: ScalarStyle) -> Option<String> {
    match style {
        ScalarStyle::Plain if is_plainly_text(text) => Some(text.to_owned()),
        ScalarStyle::SingleQuoted => Some(format!("'{}'", text.replace('\'', "''"))),
        ScalarStyle::Plain | ScalarStyle::DoubleQuoted => Some(format!(
            "\"{}\"",
            text.replace('\\', "\\\\").replace('"', "\\\"")
        )),
        ScalarStyle::Literal | ScalarStyle::Folded => None,
    }
}

/// Words that YAML 1.1 reads as something else than text.
const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// Whether no reader can take the unquoted text for a number, a time, a boolean or null. Quoting more is no harm.
fn is_plainly_text(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(first) = bytes.first() else {
        return false;
    };
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-/@:+=".contains(byte);
    if !bytes.iter().all(allowed) || !first.is_ascii_alphanumeric() || text.ends_with(':') {
        return false;
    }
    if WORDS.contains(&text.to_ascii_lowercase().as_str()) {
        return false;
    }
    if first.is_ascii_alphabetic() {
        return true;
    }
    // It begins with a digit: a letter that no number has, or a third part behind a second dot, makes it text.
    let number_like =
        |byte: &u8| byte.is_ascii_digit() || b"+-_.:eExXoObBaAcCdDfFtTzZ".contains(byte);
    let dots = text.matches('.').count();
    let version = dots >= 2 && !text.contains(':') && !text.ends_with('.');
    version || !bytes.iter().all(number_like)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_could_be_read_otherwise_is_quoted() {
        let plain = [
            "1.2.3",
            "1.2.3-p2",
            "v1",
            "sha256:00ff",
            "apps/web:1.2",
            "latest",
            "1.27-slim",
            "2024.1.1",
        ];
        for text in plain {
            assert_eq!(write(text, ScalarStyle::Plain).as_deref(), Some(text));
        }
        let quoted = [
            "1.2",
            "1.10",
            "1",
            "0e123",
            "0x1f",
            "1_000",
            "12:30:45",
            "2024-01-01",
            "yes",
            "No",
            "null",
            "",
            "1e3",
            "~",
            "a: b",
            "- a",
            "1.2.",
        ];
        for text in quoted {
            assert_eq!(write(text, ScalarStyle::Plain), Some(format!("\"{text}\"")));
        }
        assert_eq!(
            write("a'b", ScalarStyle::SingleQuoted).as_deref(),
            Some("'a''b'")
        );
        assert_eq!(write("1.2", ScalarStyle::Folded), None);
    }
}
