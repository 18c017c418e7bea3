//! What is known about a request beside its bytes.

use http::HeaderMap;
use http::header::USER_AGENT;
use refloat_core::Principal;
use refloat_flow::Caller;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The longest user agent that is kept, in bytes.
const USER_AGENT_MAX_BYTES: usize = 200;
/// The longest request id that is taken from a client, in bytes.
const REQUEST_ID_MAX_BYTES: usize = 64;

/// One request's place: where it came from and how logs name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The id of the request: the client's `X-Request-Id` if it is plain, otherwise one of ours.
    pub request_id: String,
    /// The address at the other end of the connection.
    pub address: IpAddr,
    /// The `User-Agent`, shortened.
    pub user_agent: Option<String>,
}

impl Context {
    /// The context of a request with these headers from `address`.
    pub fn new(headers: &HeaderMap, address: IpAddr) -> Self {
        Self {
            request_id: request_id(headers),
            address,
            user_agent: headers
                .get(USER_AGENT)
                .and_then(|value| value.to_str().ok())
                .map(|text| shorten(text, USER_AGENT_MAX_BYTES).to_owned()),
        }
    }

    /// Who asks, for a use case.
    pub fn caller(self, principal: Principal) -> Caller {
        Caller {
            because: refloat_flow::Because::default(),
            principal,
            address: Some(self.address.to_string()),
            user_agent: self.user_agent,
            request_id: self.request_id,
        }
    }
}

/// What a face tells the entry about the request it answered, as an extension of the response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Noted {
    /// The route's pattern, for metrics; never the path itself, which has no bound.
    pub route: &'static str,
    /// Who was signed in, for the access log.
    pub user: Option<String>,
}

fn shorten(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn request_id(headers: &HeaderMap) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    headers
        .get("x-request-id")
        .and_then(|value| value.to_str().ok())
        .filter(|text| (1..=REQUEST_ID_MAX_BYTES).contains(&text.len()) && text.bytes().all(plain))
        .map_or_else(fresh_request_id, str::to_owned)
}

/// An id that no other request of this process has, and hardly one of another process.
fn fresh_request_id() -> String {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // RandomState is seeded by the system once per process: enough to tell processes apart in a log.
    let process = PROCESS.get_or_init(|| {
        use std::hash::{BuildHasher as _, Hasher as _};
        std::hash::RandomState::new().build_hasher().finish()
    });
    let mut id = String::with_capacity(26);
    let _ = write!(
        id,
        "{:08x}-{:x}",
        process >> 32,
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_of_clients_are_kept_if_plain() {
        let address = IpAddr::from([127, 0, 0, 1]);
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", "abc-123".parse().expect("a value"));
        assert_eq!(Context::new(&headers, address).request_id, "abc-123");
        for bad in ["", "a b", "a\"b", &"x".repeat(65)] {
            headers.insert("x-request-id", bad.parse().expect("a value"));
            assert_ne!(Context::new(&headers, address).request_id, bad);
        }
        assert_ne!(fresh_request_id(), fresh_request_id());
    }

    #[test]
    fn long_user_agents_are_cut_at_a_character() {
        let text = "ü".repeat(150);
        assert_eq!(shorten(&text, 201).len(), 200);
        assert_eq!(shorten("short", 200), "short");
    }
}
