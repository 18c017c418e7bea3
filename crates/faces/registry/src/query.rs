//! Queries and forms: names and values, percent-decoded. Pure.

use refloat_core::Rejection;
use std::borrow::Cow;
use std::fmt::Write as _;

/// The longest query or form that is read, in bytes.
pub(crate) const QUERY_MAX_BYTES: usize = 16 * 1024;
/// The most parameters that are read.
const PARAMETERS_MAX: usize = 256;

/// The parameters of a request, in their order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Query<'q>(Vec<(Cow<'q, str>, Cow<'q, str>)>);

/// What a plus sign means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    /// Itself: `artifactType=application/x+json` is what many clients send, and no value under `/v2` has a space.
    Itself,
    /// A space, as in forms.
    Space,
}

impl<'q> Query<'q> {
    pub(crate) fn parse(text: &'q str, plus: Plus) -> Result<Self, Rejection> {
        let wrong = || Rejection::Invalid("the query cannot be read".to_owned());
        if text.len() > QUERY_MAX_BYTES {
            return Err(Rejection::Invalid(format!(
                "the query is longer than {QUERY_MAX_BYTES} bytes"
            )));
        }
        let pairs = text
            .split('&')
            .filter(|pair| !pair.is_empty())
            .take(PARAMETERS_MAX);
        let decode = |text: &'q str| decoded(text, plus).ok_or_else(wrong);
        let read = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        });
        read.collect::<Result<_, _>>().map(Self)
    }

    /// The first value of `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of `name`.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |pair| pair.0 == name)
            .map(|pair| &*pair.1)
    }
}

fn decoded(text: &str, plus: Plus) -> Option<Cow<'_, str>> {
    let spaces = plus == Plus::Space && text.contains('+');
    if !spaces && !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let text = if spaces {
        text.replace('+', " ")
    } else {
        text.to_owned()
    };
    String::from_utf8(percent_decoded(text.as_bytes())?)
        .ok()
        .map(Cow::Owned)
}

/// The bytes with `%xx` undone; `None` if a percent sign is not followed by two hex digits.
pub(crate) fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (pair, after) = after.split_at_checked(2)?;
        let digit = |byte: u8| {
            char::from(byte)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        };
        bytes.push(digit(pair[0])? * 16 + digit(pair[1])?);
        rest = after;
    }
    Some(bytes)
}

/// `text` as a value in a link.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parameters_keep_their_order_and_repeat() {
        let query =
            Query::parse("tag=a&x&tag=b%2Bc&type=app/x+json", Plus::Itself).expect("a query");
        assert_eq!(query.all("tag").collect::<Vec<_>>(), ["a", "b+c"]);
        assert_eq!(query.get("x"), Some(""));
        assert_eq!(query.get("type"), Some("app/x+json"));
        let form = Query::parse("scope=a+b%2B", Plus::Space).expect("a form");
        assert_eq!(form.get("scope"), Some("a b+"));
        for bad in ["a=%", "a=%g0", "a=%ff"] {
            assert!(Query::parse(bad, Plus::Itself).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_decodes(text in ".*") {
            let encoded = percent_encoded(&text);
            let query = format!("v={encoded}");
            if query.len() <= QUERY_MAX_BYTES {
                let read = Query::parse(&query, Plus::Itself).expect("our own encoding");
                prop_assert_eq!(read.get("v"), Some(text.as_str()));
            }
        }

        #[test]
        fn nothing_panics(text in ".*") {
            let _ = Query::parse(&text, Plus::Space);
        }
    }
}
