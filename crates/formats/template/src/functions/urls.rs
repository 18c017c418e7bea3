//! `urlParse` and `urlJoin` (Go's `net/url`).

use super::strings::str_at;
use super::{Function, Type, fixed};
use crate::exec::{Failure, Machine, Outcome};
use crate::format::{append, kind_name, quote};
use crate::value::{Map, Value};

pub(super) const TABLE: &[Function] = &[
    fixed("urlParse", &[Type::String], parse),
    fixed("urlJoin", &[Type::Map], join),
];

/// What may stand in a part of an address unescaped, besides letters and digits.
const UNRESERVED: &str = "-_.~";
const PATH: &str = "-_.~$&+,/:;=@";
const FRAGMENT: &str = "-_.~$&+,/:;=?@!'()*";
const USER: &str = "-_.~$&+,;=";

/// Go's `QueryEscape`.
pub(super) fn query_escape(text: &str) -> String {
    escape(text, UNRESERVED).replace("%20", "+")
}

fn escape(text: &str, kept: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(char::from(byte)) && byte.is_ascii() {
            out.push(char::from(byte));
        } else {
            append(&mut out, format_args!("%{byte:02X}"));
        }
    }
    out
}

fn unescape(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let code = rest.get(at + 1..at + 3);
        let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) else {
            let shown: String = rest[at..].chars().take(3).collect();
            return Err(format!("invalid URL escape {}", quote(&shown)));
        };
        bytes.push(byte);
        rest = &rest[at + 3..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(crate::raw::text(bytes))
}

/// The parts of an address under sprig's names.
fn parse(_: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let text = str_at(args, 0);
    let parts = split(text).map_err(|reason| {
        // Only an escape in the fragment is told with it.
        let before = text.split('#').next().unwrap_or_default();
        let shown = quote(if split(before).is_err() { before } else { text });
        Failure::Message(format!("unable to parse url: parse {shown}: {reason}"))
    })?;
    let entries = parts
        .into_iter()
        .map(|(name, part)| (name, Value::text(part)));
    Ok(Value::Map(entries.collect::<Map>()))
}

fn scheme_end(text: &str) -> Result<Option<usize>, String> {
    for (at, letter) in text.char_indices() {
        match letter {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at == 0 => return Err("missing protocol scheme".to_owned()),
            ':' => return Ok(Some(at)),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

fn split(text: &str) -> Result<Vec<(&'static str, String)>, String> {
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    if rest.contains(|c: char| c < ' ' || c == '\u{7f}') {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    let (scheme, rest) = match scheme_end(rest)? {
        Some(end) => (rest[..end].to_lowercase(), &rest[end + 1..]),
        None => (String::new(), rest),
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (mut opaque, mut host, mut user, mut path) = ("", "", String::new(), rest);
    if !scheme.is_empty() && !rest.starts_with('/') && !rest.is_empty() {
        (opaque, path) = (rest, "");
    } else if scheme.is_empty() && !rest.starts_with('/') {
        let first = rest.split('/').next().unwrap_or_default();
        if first.contains(':') {
            return Err("first path segment in URL cannot contain colon".to_owned());
        }
    }
    let has_authority = (!scheme.is_empty() || !rest.starts_with("///")) && rest.starts_with("//");
    if has_authority {
        let end = rest[2..].find('/').map_or(rest.len(), |slash| slash + 2);
        let authority = &rest[2..end];
        path = &rest[end..];
        host = authority;
        if let Some((before, after)) = authority.rsplit_once('@') {
            host = after;
            user = match before.split_once(':') {
                Some((name, password)) => format!(
                    "{}:{}",
                    escape(&unescape(name)?, USER),
                    escape(&unescape(password)?, USER)
                ),
                None => escape(&unescape(before)?, USER),
            };
        }
        check_host(host)?;
        check_port(host)?;
    }
    Ok(vec![
        ("scheme", scheme),
        ("host", unescape(host)?),
        ("hostname", hostname(&unescape(host)?).to_owned()),
        ("path", unescape(path)?),
        ("query", query.to_owned()),
        ("opaque", opaque.to_owned()),
        ("fragment", unescape(fragment)?),
        ("userinfo", user),
    ])
}

/// What Go does not let stand in a host.
fn check_host(host: &str) -> Result<(), String> {
    let allowed = |c: char| {
        !c.is_ascii() || c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:[]<>\"%".contains(c)
    };
    match host.find(|c: char| !allowed(c)) {
        None => Ok(()),
        Some(at) => Err(format!(
            "invalid character {} in host name",
            quote(&host[at..=at])
        )),
    }
}

fn check_port(host: &str) -> Result<(), String> {
    let after = host.rfind(']').map_or(0, |end| end + 1);
    let Some(colon) = host[after..].find(':') else {
        return Ok(());
    };
    let port = &host[after + colon..];
    if port[1..].bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(format!("invalid port {} after host", quote(port)))
}

fn hostname(host: &str) -> &str {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.split(']').next().unwrap_or(inner);
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

/// An address from its parts (Go's `URL.String`).
fn join(_: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let part = |name: &str| match args[0].as_map().and_then(|map| map.get(name)) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.to_string()),
        Some(other) => Err(Failure::Message(format!(
            "unable to parse {name} key, must be of type string, but {} found",
            kind_name(&other)
        ))),
    };
    let (scheme, host, path) = (part("scheme")?, part("host")?, part("path")?);
    let (query, opaque, fragment) = (part("query")?, part("opaque")?, part("fragment")?);
    let user = part("userinfo")?;
    let mut out = String::new();
    if !scheme.is_empty() {
        append(&mut out, format_args!("{scheme}:"));
    }
    if opaque.is_empty() {
        if !scheme.is_empty() || !host.is_empty() || !user.is_empty() {
            if !host.is_empty() || !path.is_empty() || !user.is_empty() {
                out.push_str("//");
            }
            if !user.is_empty() {
                append(&mut out, format_args!("{user}@"));
            }
            out.push_str(&host);
        }
        if !path.is_empty() && !path.starts_with('/') && !host.is_empty() {
            out.push('/');
        }
        if out.is_empty()
            && path
                .split('/')
                .next()
                .is_some_and(|first| first.contains(':'))
        {
            out.push_str("./");
        }
        out.push_str(&escape(&path, PATH));
    } else {
        out.push_str(&opaque);
    }
    if !query.is_empty() {
        append(&mut out, format_args!("?{query}"));
    }
    if !fragment.is_empty() {
        append(&mut out, format_args!("#{}", escape(&fragment, FRAGMENT)));
    }
    Ok(Value::text(out))
}
