//! Who sent a request, by its `Authorization` header. Every face asks here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use refloat_core::{Principal, Rejection, Secret};
use refloat_flow::sign_in::SignedIn;
use refloat_flow::{FlowError, SignIn};
use std::net::IpAddr;

/// The longest `Authorization` header that is read, in bytes.
pub const AUTHORIZATION_MAX_BYTES: usize = 16 * 1024;

/// What a request says about its sender.
#[derive(Debug)]
pub enum Credentials<'r> {
    /// Nothing.
    None,
    /// A name and a password or token (RFC 7617).
    Basic(String, Secret<String>),
    /// A token (RFC 6750).
    Bearer(&'r str),
}

/// Reads the credentials of a request.
///
/// # Errors
/// [`Rejection::Unauthenticated`] for a header that is there and cannot be read: it is never taken for anonymous.
pub fn credentials(headers: &HeaderMap) -> Result<Credentials<'_>, Rejection> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(Credentials::None);
    };
    let text = value.to_str().map_err(|_| Rejection::Unauthenticated)?;
    if values.next().is_some() || text.len() > AUTHORIZATION_MAX_BYTES {
        return Err(Rejection::Unauthenticated);
    }
    let (scheme, rest) = text.split_once(' ').ok_or(Rejection::Unauthenticated)?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Credentials::Bearer(rest));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(Rejection::Unauthenticated);
    }
    let decoded = STANDARD
        .decode(rest)
        .map_err(|_| Rejection::Unauthenticated)?;
    let decoded = String::from_utf8(decoded).map_err(|_| Rejection::Unauthenticated)?;
    let (name, password) = decoded.split_once(':').ok_or(Rejection::Unauthenticated)?;
    Ok(Credentials::Basic(
        name.to_owned(),
        Secret::new(password.to_owned()),
    ))
}

/// Who sent a request and how they signed in; anonymous if it has no credentials.
///
/// # Errors
/// [`Rejection::Unauthenticated`] for wrong credentials, [`Rejection::TooMany`] after too many wrong ones.
pub async fn signed_in(
    sign_in: &SignIn,
    headers: &HeaderMap,
    address: IpAddr,
) -> Result<SignedIn, FlowError> {
    match credentials(headers)? {
        Credentials::None => Ok(SignedIn::anonymous()),
        Credentials::Basic(name, password) => sign_in.basic(&name, &password, address).await,
        Credentials::Bearer(token) => sign_in.bearer(token).await,
    }
}

/// The principal of a request; anonymous if it has no credentials.
///
/// # Errors
/// As [`signed_in`].
pub async fn principal(
    sign_in: &SignIn,
    headers: &HeaderMap,
    address: IpAddr,
) -> Result<Principal, FlowError> {
    Ok(Principal::clone(
        &signed_in(sign_in, headers, address).await?.principal,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<String, Rejection> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().expect("a value"));
        credentials(&headers).map(|found| match found {
            Credentials::None => "none".to_owned(),
            Credentials::Basic(name, password) => format!("{name}|{}", password.expose()),
            Credentials::Bearer(token) => token.to_owned(),
        })
    }

    #[test]
    fn headers_are_read_or_refused() {
        assert_eq!(read("Basic YWxpY2U6YTpi"), Ok("alice|a:b".to_owned()));
        assert_eq!(read("basic YWxpY2U6"), Ok("alice|".to_owned()));
        assert_eq!(read("BEARER abc"), Ok("abc".to_owned()));
        for bad in [
            "Basic",
            "Basic !!!",
            "Basic YWxpY2U=",
            "Digest x",
            "Bearer",
            "Basic /////w==",
        ] {
            assert_eq!(read(bad), Err(Rejection::Unauthenticated), "{bad}");
        }
        let mut headers = HeaderMap::new();
        assert!(matches!(credentials(&headers), Ok(Credentials::None)));
        headers.append(AUTHORIZATION, "Bearer a".parse().expect("a value"));
        headers.append(AUTHORIZATION, "Bearer b".parse().expect("a value"));
        assert!(credentials(&headers).is_err());
    }
}
