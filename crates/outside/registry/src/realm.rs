//! Where a registry may send its clients for a token: a realm elsewhere would be told the password.

use refloat_oci::realm::trusts;
use reqwest::Url;

/// Why nothing is sent to a realm at all; `None` if it may be asked anonymously: it is encrypted, or plain HTTP on
/// loopback towards a registry that is itself on loopback.
pub(crate) fn unsafe_to_ask(registry: &Url, realm: &Url) -> Option<String> {
    match realm.scheme() {
        "https" => None,
        "http" if is_loopback(realm) && is_loopback(registry) => None,
        scheme => Some(format!(
            "its token realm {} is reached over {scheme}",
            name(realm)
        )),
    }
}

/// Why a password is not sent to a realm; `None` if it may be.
///
/// The realm must lie on the registry's own host, or below the domain that the registry's host lies in
/// (`registry.gitlab.com` and `gitlab.com`, `registry-1.docker.io` and `auth.docker.io`), and never be less encrypted.
pub(crate) fn objection(registry: &Url, realm: &Url) -> Option<String> {
    if let Some(reason) = unsafe_to_ask(registry, realm) {
        return Some(reason);
    }
    if registry.scheme() == "https" && realm.scheme() != "https" {
        return Some(format!(
            "it wants the password in the clear at {}",
            name(realm)
        ));
    }
    let trusted = match (registry.host_str(), realm.host_str()) {
        (Some(own), Some(other)) => trusts(own, other),
        _ => false,
    };
    (!trusted).then(|| format!("it wants the password to be sent to {}", name(realm)))
}

/// Whether a URL's host is loopback.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost"
        || bare.ends_with(".localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn name(url: &Url) -> &str {
    url.host_str().unwrap_or("a realm without a host")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_elsewhere_is_objected_to() {
        for (registry, realm, fine) in [
            ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token", true),
            (
                "http://127.0.0.1:5000",
                "http://127.0.0.2:5000/token",
                false,
            ),
            ("http://127.0.0.1:5000", "http://10.0.0.1/token", false),
            (
                "http://localhost:5000",
                "http://evil.localhost/token",
                false,
            ),
            (
                "https://registry-1.docker.io",
                "https://auth.docker.io/token",
                true,
            ),
            (
                "https://registry.example.com",
                "http://auth.example.com/token",
                false,
            ),
            ("https://registry.example.com", "file:///etc/passwd", false),
        ] {
            let url = |text: &str| Url::parse(text).expect("a URL");
            let said = objection(&url(registry), &url(realm));
            assert_eq!(said.is_none(), fine, "{registry} {realm}: {said:?}");
        }
    }
}
