//! Where a registry may send its clients for a token: a realm elsewhere would be told the password.

use std::net::IpAddr;

/// Whether a registry at the host `registry` may send a password to a realm at the host `realm`: the same host, or
/// one in the domain that the registry's host lies in (`registry.gitlab.com` and `gitlab.com`, `registry-1.docker.io`
/// and `auth.docker.io`). Hosts are as URLs have them, without port; addresses lie in no domain.
pub fn trusts(registry: &str, realm: &str) -> bool {
    let is_address = |host: &str| host.starts_with('[') || host.parse::<IpAddr>().is_ok();
    if registry == realm {
        return true;
    }
    if is_address(registry) || is_address(realm) {
        return false;
    }
    let domain = registry
        .split_once('.')
        .map(|(_, parent)| parent)
        .filter(|parent| parent.contains('.'))
        .unwrap_or(registry);
    domain.contains('.') && (realm == domain || realm.ends_with(&format!(".{domain}")))
}

#[cfg(test)]
mod tests {
    use super::trusts;

    #[test]
    fn a_realm_elsewhere_is_not_trusted() {
        for (registry, realm, fine) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("[::1]", "[::2]", false),
            ("localhost", "evil.localhost", false),
            ("docker.io", "auth.docker.io", true),
            ("registry-1.docker.io", "auth.docker.io", true),
            ("docker.io", "auth.notdocker.io", false),
            ("registry.gitlab.com", "gitlab.com", true),
            ("registry.example.com", "auth.example.com", true),
            ("registry.example.com", "example.com.evil.net", false),
            ("registry.example.com", "com", false),
        ] {
            assert_eq!(trusts(registry, realm), fine, "{registry} {realm}");
        }
    }
}
