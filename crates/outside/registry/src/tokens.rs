//! Bearer tokens: fetched from the realm a registry names, kept for as long as they say.

use crate::answer::{capped, refusal, unreachable};
use crate::credentials::Credential;
use crate::realm;
use refloat_core::{Failure, Secret};
use refloat_ports::ImagesError;
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most bytes of a realm's answer.
const ANSWER_MAX_BYTES: usize = 256 * 1024;
/// The specification's lifetime of a token that does not say.
const LIFETIME_DEFAULT: Duration = Duration::from_mins(1);
/// A token that ends this soon is fetched anew: a request may take its time.
const MARGIN: Duration = Duration::from_secs(15);

/// A realm that was named in a challenge.
#[derive(Debug, Clone)]
pub(crate) struct Realm {
    pub(crate) url: Url,
    pub(crate) service: String,
}

struct Kept {
    token: Secret<String>,
    until: Instant,
}

/// Tokens by scope. The scopes of one token are sorted and joined by blanks.
#[derive(Default)]
pub(crate) struct Tokens {
    kept: Mutex<BTreeMap<String, Kept>>,
}

impl Tokens {
    /// A token that is good for a while yet.
    pub(crate) fn get(&self, scope: &str) -> Option<Secret<String>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(scope)?;
        (found.until > Instant::now() + MARGIN).then(|| found.token.clone())
    }

    /// Forgets a token that was not taken.
    pub(crate) fn forget(&self, scope: &str) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(scope);
    }

    fn keep(&self, scope: &str, token: Secret<String>, lifetime: Duration) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        kept.retain(|_, old| old.until > now);
        let until = now + lifetime;
        kept.insert(scope.to_owned(), Kept { token, until });
    }

    /// Fetches a token for `scope`. A credential is shown to a realm of the registry's own domain only.
    pub(crate) async fn fetch(
        &self,
        http: &reqwest::Client,
        registry: &Url,
        realm: &Realm,
        credential: Option<&Credential>,
        scope: &str,
    ) -> Result<Secret<String>, ImagesError> {
        let host = registry.host_str().unwrap_or_default();
        let reason = match credential {
            Some(_) => realm::objection(registry, &realm.url),
            None => realm::unsafe_to_ask(registry, &realm.url),
        };
        if let Some(reason) = reason {
            let text = format!("{host} is not trusted with a token request: {reason}");
            return Err(ImagesError::Failed(Failure::Terminal(text)));
        }
        let request = match credential {
            Some(Credential::Token(token)) => exchange(http, realm, token, scope),
            Some(Credential::Password { username, password }) => ask(http, realm, scope)
                .query(&[("account", username.as_str())])
                .basic_auth(username, Some(password.expose())),
            None => ask(http, realm, scope),
        };
        let place = realm.url.host_str().unwrap_or_default();
        let response = request
            .send()
            .await
            .map_err(|error| unreachable(place, &error))?;
        let (token, lifetime) = read(host, place, response).await?;
        self.keep(scope, token.clone(), lifetime);
        Ok(token)
    }
}

fn ask(http: &reqwest::Client, realm: &Realm, scope: &str) -> RequestBuilder {
    let mut query = vec![("client_id", "refloat")];
    if !realm.service.is_empty() {
        query.push(("service", realm.service.as_str()));
    }
    query.extend(
        scope
            .split(' ')
            .filter(|one| !one.is_empty())
            .map(|one| ("scope", one)),
    );
    http.get(realm.url.clone()).query(&query)
}

/// An identity token is a refresh token (distribution, "OAuth2 token authentication").
fn exchange(
    http: &reqwest::Client,
    realm: &Realm,
    token: &Secret<String>,
    scope: &str,
) -> RequestBuilder {
    let mut form = Url::parse("http://form/").expect("a constant URL");
    form.query_pairs_mut()
        .append_pair("grant_type", "refresh_token")
        .append_pair("client_id", "refloat")
        .append_pair("service", &realm.service)
        .append_pair("scope", scope)
        .append_pair("refresh_token", token.expose());
    http.post(realm.url.clone())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.query().unwrap_or_default().to_owned())
}

async fn read(
    host: &str,
    place: &str,
    response: Response,
) -> Result<(Secret<String>, Duration), ImagesError> {
    let status = response.status();
    if matches!(
        status,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST
    ) {
        let text = format!("{place} gives no token for {host}");
        return Err(ImagesError::NotPermitted(text));
    }
    if !status.is_success() {
        return Err(refusal(place, "a token", response).await);
    }
    let bytes = capped(response, ANSWER_MAX_BYTES)
        .await
        .map_err(|error| unreachable(place, &error))?;
    let json: Value = bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let text = |key: &str| json[key].as_str().filter(|text| !text.is_empty());
    let token = text("token").or_else(|| text("access_token"));
    let Some(token) = token else {
        let text = format!("{place} answers a token request for {host} with no token");
        return Err(ImagesError::Failed(Failure::Terminal(text)));
    };
    let lifetime = json["expires_in"]
        .as_u64()
        .map_or(LIFETIME_DEFAULT, Duration::from_secs)
        .clamp(LIFETIME_DEFAULT, Duration::from_hours(1));
    Ok((Secret::new(token.to_owned()), lifetime))
}
