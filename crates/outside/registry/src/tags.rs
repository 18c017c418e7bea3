//! Tags, page after page.

use crate::answer::capped;
use crate::remote::Remote;
use crate::session::{Ask, Scope};
use refloat_oci::{RepositoryName, TagName};
use refloat_ports::ImagesError;
use reqwest::header::LINK;
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

/// The most bytes of one page.
const PAGE_MAX_BYTES: usize = 16 * 1024 * 1024;
/// The most tags asked for at once.
const PAGE_TAGS_MAX: usize = 1_000;
/// The most pages of one list.
const PAGES_MAX: usize = 10_000;

impl Remote {
    pub(crate) async fn list_tags(
        &self,
        repository: &RepositoryName,
        after: Option<&TagName>,
        limit: usize,
    ) -> Result<Vec<TagName>, ImagesError> {
        let scope = Scope::pull(repository.as_str());
        let count = limit.clamp(1, PAGE_TAGS_MAX);
        let mut path = format!("{repository}/tags/list?n={count}");
        if let Some(after) = after {
            path.push_str("&last=");
            path.push_str(after.as_str());
        }
        let mut all: Vec<TagName> = Vec::new();
        for _ in 0..PAGES_MAX {
            let response = self
                .session
                .send(Ask::new(Method::GET, &path, &scope))
                .await?;
            if response.status() != StatusCode::OK {
                let what = format!("the tags of {}/{repository}", self.host());
                return Err(self.session.refusal(&what, response).await);
            }
            let next = next_page(&response);
            let body = capped(response, PAGE_MAX_BYTES).await;
            let body = body
                .map_err(|error| self.session.broken(&error))?
                .ok_or_else(|| self.session.odd("lists more tags at once than can be read"))?;
            let page: Value = serde_json::from_slice(&body).map_err(|_| {
                self.session
                    .odd("answers a list of tags with something else")
            })?;
            let names = page["tags"].as_array().into_iter().flatten();
            // Old registries know neither `n` nor `last`, and not all sort.
            let names = names.filter_map(|name| name.as_str()?.parse::<TagName>().ok());
            all.extend(names.filter(|name| after.is_none_or(|after| name > after)));
            match next {
                Some(next) if all.len() < limit => path = next,
                _ => break,
            }
        }
        all.sort();
        all.dedup();
        all.truncate(limit);
        Ok(all)
    }
}

/// The path of the next page below `/v2/`: `Link: </v2/..?..>; rel="next"`. Only path and query count: a page lies on
/// the registry it came from.
fn next_page(response: &Response) -> Option<String> {
    let text = response.headers().get(LINK)?.to_str().ok()?;
    if !text.contains("rel=\"next\"") && !text.contains("rel=next") {
        return None;
    }
    let target = text.split('<').nth(1)?.split('>').next()?;
    let url = response.url().join(target).ok()?;
    let path = url.path().strip_prefix("/v2/")?;
    Some(match url.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    })
}
