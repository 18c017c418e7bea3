//! Where a registry may send its clients for a token: a realm elsewhere would be told the password.

use refloat_oci::realm::trusts;
use reqwest::Url;

/// Why a password is not sent to a realm; `None` if it may be.
///
/// The realm must lie on the registry's own host, or below the domain that the registry's host lies in
/// (`registry.gitlab.com` and `gitlab.com`, `docker.io` and `auth.docker.io`), and never be less encrypted.
pub(super) fn objection(registry: &str, realm: &str) -> Option<String> {
    let (Ok(registry), Ok(realm)) = (Url::parse(registry), Url::parse(realm)) else {
        return Some(format!("the realm {realm} is not an address"));
    };
    let (Some(own), Some(other)) = (registry.host_str(), realm.host_str()) else {
        return Some("the realm names no host".to_owned());
    };
    if !matches!(realm.scheme(), "http" | "https")
        || (registry.scheme() == "https" && realm.scheme() != "https")
    {
        return Some(format!(
            "it asks for the password over {} at {other}",
            realm.scheme()
        ));
    }
    (!trusts(own, other)).then(|| format!("it asks for the password to be sent to {other}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_elsewhere_is_objected_to() {
        let cases = [
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000/token", true),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token", true),
            (
                "http://127.0.0.1:5000",
                "http://127.0.0.2:5000/token",
                false,
            ),
            ("http://127.0.0.1:5000", "http://x@127.0.0.2/token", false),
            (
                "http://localhost:5000",
                "http://evil.localhost/token",
                false,
            ),
            (
                "https://registry.example.com",
                "https://auth.example.com/token",
                true,
            ),
            (
                "https://registry.example.com",
                "http://auth.example.com/token",
                false,
            ),
            ("https://registry.example.com", "file:///etc/passwd", false),
            ("https://registry.example.com", "/token", false),
        ];
        for (registry, realm, fine) in cases {
            assert_eq!(
                objection(registry, realm).is_none(),
                fine,
                "{registry} {realm}"
            );
        }
    }
}
