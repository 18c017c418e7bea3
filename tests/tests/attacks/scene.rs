//! Two strangers on one server.

use anyhow::{Result, ensure};
use refloat_tests::client::Client;
use refloat_tests::http::Answer;
use refloat_tests::site::{Account, Site, Wire};

/// Everything one may do without being an administrator of anything.
pub const ALL: &str = "pull,push,update,delete";

/// A server with alice, who owns `alice/**`, and bob, who owns `bobby/**` (names of one length).
pub struct Scene {
    /// The server.
    pub site: Site,
    /// One of them.
    pub alice: Account,
    /// The other.
    pub bob: Account,
}

impl Scene {
    /// Sets it up over plain HTTP.
    pub fn new() -> Result<Self> {
        let site = Site::start(Wire::Http)?;
        let alice = site.user("alice", &[(ALL, "alice/**")])?;
        let bob = site.user("bobby", &[(ALL, "bobby/**")])?;
        Ok(Self { site, alice, bob })
    }

    /// Clients of alice and bob.
    pub fn clients(&self) -> Result<(Client, Client)> {
        Ok((self.site.client(&self.alice)?, self.site.client(&self.bob)?))
    }
}

/// An error unless the answer has this status.
pub fn status(answer: &Answer, expected: u16, what: &str) -> Result<()> {
    ensure!(
        answer.status == expected,
        "{what}: expected {expected}, got {} {}",
        answer.status,
        answer.text()
    );
    Ok(())
}

/// An error unless the answer refuses the caller (4xx).
pub fn refused(answer: &Answer, what: &str) -> Result<()> {
    ensure!(
        (400..500).contains(&answer.status),
        "{what}: not refused but {} {}",
        answer.status,
        answer.text()
    );
    Ok(())
}
