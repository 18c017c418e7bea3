//! The lists of the distribution API: tags, repositories, referrers, each read to its last page.

use serde_json::Value;

use super::{Client, Fault, location_of_next};

/// More pages than any test makes: a list that never ends is a failure, not a hang.
const PAGES_MAX: usize = 10_000;

impl Client {
    /// All tags of a repository, in the order of the server; none if the repository is not known.
    pub fn tags(&mut self, repository: &str) -> Result<Option<Vec<String>>, Fault> {
        let target = format!("/v2/{repository}/tags/list?n=100");
        let pages = self.pages(&target, &[200, 404])?;
        Ok(pages.map(|pages| strings(&pages, "tags")))
    }

    /// All repositories that the account may pull.
    pub fn catalog(&mut self) -> Result<Vec<String>, Fault> {
        let pages = self.pages("/v2/_catalog?n=100", &[200])?;
        Ok(strings(&pages.unwrap_or_default(), "repositories"))
    }

    /// The digests of all manifests that refer to `digest`.
    pub fn referrers(&mut self, repository: &str, digest: &str) -> Result<Vec<String>, Fault> {
        let pages = self.pages(&format!("/v2/{repository}/referrers/{digest}"), &[200])?;
        let descriptors = pages.unwrap_or_default();
        let descriptors = descriptors
            .iter()
            .filter_map(|page| page["manifests"].as_array())
            .flatten();
        Ok(descriptors
            .filter_map(|descriptor| Some(descriptor["digest"].as_str()?.to_owned()))
            .collect())
    }

    fn pages(&mut self, target: &str, expected: &[u16]) -> Result<Option<Vec<Value>>, Fault> {
        let mut target = target.to_owned();
        let mut pages = Vec::new();
        for _ in 0..PAGES_MAX {
            let answer = self.expect("GET", &target, expected)?;
            if answer.status == 404 {
                return Ok(None);
            }
            let page = serde_json::from_slice(&answer.body);
            pages.push(
                page.map_err(|error| Fault::Wrong(format!("GET {target} is no JSON: {error}")))?,
            );
            match location_of_next(&answer) {
                Some(next) => target = next,
                None => return Ok(Some(pages)),
            }
        }
        Err(Fault::Wrong(format!("GET {target}: the list does not end")))
    }
}

fn strings(pages: &[Value], field: &str) -> Vec<String> {
    let items = pages
        .iter()
        .filter_map(|page| page[field].as_array())
        .flatten();
    items
        .filter_map(|item| Some(item.as_str()?.to_owned()))
        .collect()
}
