//! Lists: tags, repositories, referrers. Each in pages, by the last item of the page before.

use crate::face::{Asking, Face, set};
use crate::query::{Plus, Query, percent_encoded};
use axum::response::Response;
use http::header::{CONTENT_TYPE, HeaderName, LINK};
use http::{HeaderValue, StatusCode};
use refloat_core::Rejection;
use refloat_flow::{FlowError, Page};
use refloat_http::wire;
use refloat_oci::{Digest, RepositoryName};
use serde_json::json;
use std::fmt::{Display, Write as _};
use std::str::FromStr;

/// The most items of one page.
const ITEMS_MAX: usize = 1000;
/// The most descriptors of one page: each may carry annotations.
const REFERRERS_MAX: usize = 500;
const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

impl Face {
    /// `/v2/NAME/tags/list`
    pub(crate) async fn tags(
        &self,
        repository: &RepositoryName,
        asking: Asking,
    ) -> Result<Response, FlowError> {
        let query = Query::parse(&asking.query, Plus::Itself)?;
        let page = Page {
            after: last(&query)?,
            limit: limit(&query, ITEMS_MAX)?,
        };
        let limit = page.limit;
        let listed = self
            .registry
            .list_tags(&asking.caller, repository, page)
            .await?;
        let mut response = wire::json_answer(
            StatusCode::OK,
            &json!({"name": repository, "tags": listed.items}),
        );
        if let (true, Some(last)) = (listed.more, listed.items.last()) {
            self.set_next(
                &mut response,
                &format!("{repository}/tags/list"),
                limit,
                last,
            );
        }
        Ok(response)
    }

    /// `/v2/_catalog`
    pub(crate) async fn catalog(&self, asking: Asking) -> Result<Response, FlowError> {
        let query = Query::parse(&asking.query, Plus::Itself)?;
        let page = Page {
            after: last(&query)?,
            limit: limit(&query, ITEMS_MAX)?,
        };
        let limit = page.limit;
        let listed = self.registry.catalog(&asking.caller, page).await?;
        let mut response =
            wire::json_answer(StatusCode::OK, &json!({"repositories": listed.items}));
        if let (true, Some(last)) = (listed.more, listed.items.last()) {
            self.set_next(&mut response, "_catalog", limit, last);
        }
        Ok(response)
    }

    /// `/v2/NAME/referrers/DIGEST`: always an index, also of a digest that is not there.
    pub(crate) async fn referrers(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        asking: Asking,
    ) -> Result<Response, FlowError> {
        let query = Query::parse(&asking.query, Plus::Itself)?;
        let artifact_type = query
            .get("artifactType")
            .filter(|filter| !filter.is_empty())
            .map(str::to_owned);
        let limit = limit(&query, REFERRERS_MAX)?;
        let after = last(&query)?;
        let found = self
            .registry
            .referrers(
                &asking.caller,
                repository,
                digest,
                artifact_type.clone(),
                after,
                limit,
            )
            .await?;
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": found.descriptors});
        let mut response = wire::json_answer(StatusCode::OK, &index);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(INDEX));
        let mut query = format!("n={limit}");
        if let Some(filter) = &artifact_type {
            headers.insert(FILTERS_APPLIED, HeaderValue::from_static("artifactType"));
            let _ = write!(query, "&artifactType={}", percent_encoded(filter));
        }
        if let Some(next) = found.next {
            let _ = write!(query, "&last={next}");
            set(
                headers,
                LINK,
                self.links
                    .next_page(&format!("{repository}/referrers/{digest}"), &query),
            );
        }
        Ok(response)
    }

    fn set_next(&self, response: &mut Response, path: &str, limit: usize, last: &impl Display) {
        let query = format!("n={limit}&last={}", percent_encoded(&last.to_string()));
        set(
            response.headers_mut(),
            LINK,
            self.links.next_page(path, &query),
        );
    }
}

/// `n`: how many items are wanted, at most `limit_max`.
fn limit(query: &Query<'_>, limit_max: usize) -> Result<usize, Rejection> {
    let Some(text) = query.get("n").filter(|text| !text.is_empty()) else {
        return Ok(limit_max);
    };
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Rejection::Invalid("n is not a number of items".to_owned()));
    }
    // More digits than a number has are only more than the most.
    Ok(text
        .parse()
        .map_or(limit_max, |limit: usize| limit.min(limit_max)))
}

/// `last`: the item that the page comes after.
fn last<T: FromStr>(query: &Query<'_>) -> Result<Option<T>, Rejection> {
    let wrong = |_| Rejection::Invalid("last is not an item of this list".to_owned());
    query
        .get("last")
        .filter(|text| !text.is_empty())
        .map(str::parse)
        .transpose()
        .map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_bounded() {
        let of = |text: &str| limit(&Query::parse(text, Plus::Itself).expect("a query"), 1000);
        assert_eq!(of(""), Ok(1000));
        assert_eq!(of("n="), Ok(1000));
        assert_eq!(of("n=0"), Ok(0));
        assert_eq!(of("n=50"), Ok(50));
        assert_eq!(of("n=99999999999999999999999999"), Ok(1000));
        for bad in ["n=-1", "n=x", "n=1.5"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
