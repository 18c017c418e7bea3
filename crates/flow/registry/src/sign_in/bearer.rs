//! Bearer tokens: HS256 and nothing else, from one key, to one audience, for a few minutes.
//!
//! The header is compared before anything is trusted: exactly `alg`, `typ` and our `kid`. A token that brings a key,
//! an address of a key or an extension of its own is refused unread (attack class: keys chosen by the attacker).

use super::Credential;
use super::scope::{Access, Asked};
use super::secrets::random;
use super::{BEARER_SECONDS, IssuedToken};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use refloat_core::access::Scope;
use refloat_core::{Failure, Principal, PrincipalId, Secret};
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

/// The longest token that is read, in bytes.
const TOKEN_MAX_BYTES: usize = 16 * 1024;

/// The key that signs bearer tokens. It lies in the secrets table.
#[derive(Debug, Clone)]
pub struct SigningKey {
    /// Its name in the header of tokens.
    pub id: String,
    /// At least 32 random bytes.
    pub bytes: Secret<Vec<u8>>,
}

impl SigningKey {
    /// A new key.
    ///
    /// # Errors
    /// [`Failure::Terminal`] if the system gives no random bytes.
    pub fn random() -> Result<Self, Failure> {
        let id = URL_SAFE_NO_PAD.encode(random::<9>()?);
        Ok(Self {
            id,
            bytes: Secret::new(random::<32>()?.to_vec()),
        })
    }
}

/// The names in a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenNames {
    /// Who issues: the public URL.
    pub issuer: String,
    /// Who is addressed: the host of the public URL.
    pub service: String,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claims {
    iss: String,
    aud: String,
    /// The account's id; empty for anonymous.
    sub: String,
    iat: u64,
    nbf: u64,
    pub(super) exp: u64,
    jti: String,
    access: Vec<Access>,
    /// What the account showed; nothing for anonymous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) credential: Option<Credential>,
    /// The narrowing of the long-lived token that asked for this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) outer: Option<Vec<Scope>>,
}

impl Claims {
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.access.iter().filter_map(Asked::from_access).collect()
    }

    /// The account; `None` for anonymous. A subject that is no id was never issued, since the signature holds.
    pub(super) fn principal_id(&self) -> Option<PrincipalId> {
        self.sub.parse().ok()
    }
}

/// A token that opens nothing. It says no more: the reason would help an attacker only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotOurs;

pub(super) struct Bearers {
    header: Header,
    signs: EncodingKey,
    checks: DecodingKey,
    validation: Validation,
    names: TokenNames,
}

impl Bearers {
    pub(super) fn new(key: &SigningKey, names: TokenNames) -> Self {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(key.id.clone());
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.set_audience(&[&names.service]);
        validation.set_issuer(&[&names.issuer]);
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        Self {
            header,
            signs: EncodingKey::from_secret(key.bytes.expose()),
            checks: DecodingKey::from_secret(key.bytes.expose()),
            validation,
            names,
        }
    }

    pub(super) fn service(&self) -> &str {
        &self.names.service
    }

    pub(super) fn issue(
        &self,
        principal: &Principal,
        credential: Option<Credential>,
        asked: &[Asked],
    ) -> Result<IssuedToken, Failure> {
        let now = now_seconds();
        let claims = Claims {
            iss: self.names.issuer.clone(),
            aud: self.names.service.clone(),
            sub: principal
                .id
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
            iat: now,
            // A client's clock does not matter, but ours may step back a little.
            nbf: now.saturating_sub(30),
            exp: now + BEARER_SECONDS,
            jti: URL_SAFE_NO_PAD.encode(random::<12>()?),
            access: asked
                .iter()
                .take(super::scope::SCOPES_MAX)
                .map(Asked::access)
                .collect(),
            credential,
            outer: principal.scopes.clone(),
        };
        let signed = jsonwebtoken::encode(&self.header, &claims, &self.signs);
        let token = signed
            .map_err(|error| Failure::Terminal(format!("a token cannot be signed: {error}")))?;
        Ok(IssuedToken {
            token: Secret::new(token),
            expires_in_seconds: BEARER_SECONDS,
            issued_at_seconds: now,
        })
    }

    pub(super) fn open(&self, token: &str) -> Result<Claims, NotOurs> {
        if token.len() > TOKEN_MAX_BYTES {
            return Err(NotOurs);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| NotOurs)?;
        if header != self.header {
            return Err(NotOurs);
        }
        let data = jsonwebtoken::decode::<Claims>(token, &self.checks, &self.validation)
            .map_err(|_| NotOurs)?;
        let claims = data.claims;
        let named = claims.aud == self.names.service && claims.iss == self.names.issuer;
        let lasting = claims.exp.saturating_sub(claims.iat) <= BEARER_SECONDS;
        let known = claims.sub.is_empty() || claims.principal_id().is_some();
        if named && lasting && known {
            Ok(claims)
        } else {
            Err(NotOurs)
        }
    }
}

pub(super) fn now_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |passed| passed.as_secs())
}

#[cfg(test)]
mod tests;
