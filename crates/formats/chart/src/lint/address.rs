//! Addresses as helm's linter takes them (asaskevich/govalidator, `IsEmail`, `IsURL`, `IsRequestURL`).

/// The longest address of a page.
const URL_MAX_CHARACTERS: usize = 2083;

/// An address for mail: `local@domain.top`.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let high = |letter: char| letter as u32 >= 0xa0;
    let atom = |part: &str| {
        let fits = |letter: char| {
            letter.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(letter) || high(letter)
        };
        !part.is_empty() && part.chars().all(fits)
    };
    let quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
    let label = |part: &str| {
        let edge = |letter: char| letter.is_alphanumeric() || high(letter);
        let fits = |letter: char| edge(letter) || "-._~".contains(letter);
        part.starts_with(edge) && part.ends_with(edge) && part.chars().all(fits)
    };
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let labels: Vec<&str> = domain.split('.').collect();
    let top = labels.last().copied().unwrap_or_default();
    let top_fits = top.starts_with(|first: char| first.is_alphabetic() || high(first));
    (quoted || local.split('.').all(atom))
        && labels.len() > 1
        && labels.iter().all(|part| label(part))
        && top_fits
}

/// The address of a page, with or without its scheme.
pub(super) fn is_url(text: &str) -> bool {
    let length = text.chars().count();
    if length >= URL_MAX_CHARACTERS || text.len() <= 3 || text.starts_with('.') {
        return false;
    }
    if text.chars().any(char::is_whitespace) {
        return false;
    }
    let rest = match text.split_once("://") {
        Some((scheme, rest)) => {
            let known = ["ftp", "tcp", "udp", "ws", "wss", "http", "https"];
            if !known.contains(&scheme) {
                return false;
            }
            rest
        }
        None => text,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = &rest[..end];
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    if host.starts_with('[') {
        return host.contains(']');
    }
    let (host, port) = host
        .split_once(':')
        .map_or((host, None), |(host, port)| (host, Some(port)));
    let port_fits = port.is_none_or(|port| {
        (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    let label = |part: &str| {
        let fits = |letter: char| letter.is_alphanumeric() || "-_".contains(letter);
        !part.is_empty() && part.chars().all(fits) && !part.starts_with('-')
    };
    let host_fits = host.strip_suffix('.').unwrap_or(host).split('.').all(label);
    let dotted = text.contains("://") || text.contains('.') || port.is_some();
    port_fits && host_fits && dotted
}

/// An absolute address with a scheme.
pub(super) fn is_request_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    if !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) || !scheme.chars().all(fits) {
        return false;
    }
    if text.chars().any(char::is_control) {
        return false;
    }
    let Some(rest) = rest.strip_prefix("//") else {
        return true;
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let host = &rest[..end];
    let port = host.rsplit_once(':').filter(|_| !host.ends_with(']'));
    let port_fits = port.is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    port_fits && !host.contains([' ', '"', '<', '>', '\\', '^', '`', '{', '|', '}'])
}
