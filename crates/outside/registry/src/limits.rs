//! What a registry says about how much it still allows.

use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::Duration;

/// The longest `Retry-After` that is believed.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

/// What the last answer of a registry said about its limits: Docker Hub's `RateLimit-*`, and `Retry-After` of a 429.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests allowed per window.
    pub limit: Option<u64>,
    /// Requests left in this window.
    pub remaining: Option<u64>,
    /// The window in seconds.
    pub window_seconds: Option<u64>,
    /// How long to wait before the next request; `None` if the registry does not ask for it.
    pub retry_after: Option<Duration>,
}

impl RateLimit {
    /// Reads the headers; `None` if they say nothing of limits.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (limit, window_seconds) = text("ratelimit-limit").map_or((None, None), counted);
        let (remaining, _) = text("ratelimit-remaining").map_or((None, None), counted);
        let retry_after = text(RETRY_AFTER.as_str())
            .and_then(|text| text.trim().parse().ok())
            .map(|seconds| Duration::from_secs(seconds).min(RETRY_AFTER_MAX));
        let read = Self {
            limit,
            remaining,
            window_seconds,
            retry_after,
        };
        (read != Self::default()).then_some(read)
    }
}

/// `100;w=21600`: a number and its window.
fn counted(text: &str) -> (Option<u64>, Option<u64>) {
    let mut parts = text.split(';').map(str::trim);
    let count = parts.next().and_then(|count| count.parse().ok());
    let window = parts.find_map(|part| part.strip_prefix("w=")?.parse().ok());
    (count, window)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_docker_hub_are_read() {
        let mut headers = HeaderMap::new();
        assert_eq!(RateLimit::read(&headers), None);
        headers.insert("ratelimit-limit", "100;w=21600".parse().expect("a value"));
        headers.insert("ratelimit-remaining", "7;w=21600".parse().expect("a value"));
        headers.insert(RETRY_AFTER, "30".parse().expect("a value"));
        let expected = RateLimit {
            limit: Some(100),
            remaining: Some(7),
            window_seconds: Some(21_600),
            retry_after: Some(Duration::from_secs(30)),
        };
        assert_eq!(RateLimit::read(&headers), Some(expected));
    }
}
