//! `WWW-Authenticate`: how a registry wants to be asked (RFC 9110 section 11.6.1, the distribution project's token flow).

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// What a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A name and a password with every request.
    Basic,
    /// A token that the realm hands out.
    Bearer {
        realm: String,
        service: String,
        scope: String,
    },
}

impl Challenge {
    /// The challenge of an answer; a token is preferred to a password.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter();
        let all = values
            .filter_map(|value| value.to_str().ok())
            .filter_map(parse);
        all.reduce(|first, second| match first {
            Self::Bearer { .. } => first,
            Self::Basic => second,
        })
    }
}

fn parse(value: &str) -> Option<Challenge> {
    let (scheme, rest) = value.trim().split_once(' ').unwrap_or((value, ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let parameters = parameters(rest);
    let text = |name: &str| {
        let found = parameters
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    Some(Challenge::Bearer {
        realm: text("realm")?,
        service: text("service").unwrap_or_default(),
        scope: text("scope").unwrap_or_default(),
    })
}

/// `name="value",name=value`; quoted values may hold commas.
fn parameters(mut rest: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',', '\t']).to_owned();
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        found.push((name, value.trim().to_owned()));
        rest = left;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let bearer = |realm: &str, service: &str, scope: &str| {
            Some(Challenge::Bearer {
                realm: realm.to_owned(),
                service: service.to_owned(),
                scope: scope.to_owned(),
            })
        };
        for (text, expected) in [
            ("Basic realm=\"x\"", Some(Challenge::Basic)),
            (
                "Bearer realm=\"https://a/t\",service=\"b\",scope=\"repository:x:pull,push\"",
                bearer("https://a/t", "b", "repository:x:pull,push"),
            ),
            (
                "bearer realm=https://a/t , service=b",
                bearer("https://a/t", "b", ""),
            ),
            ("Bearer service=\"b\"", None),
            ("Negotiate", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
