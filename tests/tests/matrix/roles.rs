//! Who asks, and what the rules give them.

use anyhow::Result;
use refloat_core::access::{Action, Actions};
use refloat_tests::client::Client;
use refloat_tests::site::{Account, Site, Wire};

/// The project that most roles have rights in.
pub const OWN: &str = "owned";
/// Another project, of a name as long.
pub const FOREIGN: &str = "alien";

/// Somebody who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Nobody signed in.
    Anonymous,
    /// Signed in, and nothing else.
    Stranger,
    /// May pull in the own project.
    Puller,
    /// May add to it.
    Pusher,
    /// May move and delete in it.
    Maintainer,
    /// A robot that may pull in it.
    PullRobot,
    /// Administers the own project, as its member.
    ProjectAdmin,
    /// Administers the other project, as its member.
    ForeignAdmin,
    /// Administers the server.
    Administrator,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Anonymous,
        Self::Stranger,
        Self::Puller,
        Self::Pusher,
        Self::Maintainer,
        Self::PullRobot,
        Self::ProjectAdmin,
        Self::ForeignAdmin,
        Self::Administrator,
    ];

    /// What it may do in repositories of `project`.
    pub fn may(self, project: &str) -> Actions {
        let words = match (self, project) {
            (Self::Administrator, _)
            | (Self::ProjectAdmin, OWN)
            | (Self::ForeignAdmin, FOREIGN) => return Actions::EVERY,
            (Self::Puller | Self::PullRobot, OWN) => &[Action::Pull][..],
            (Self::Pusher, OWN) => &[Action::Pull, Action::Push],
            (Self::Maintainer, OWN) => {
                &[Action::Pull, Action::Push, Action::Update, Action::Delete]
            }
            _ => &[],
        };
        words.iter().copied().collect()
    }
}

/// The server with all roles on it.
pub struct Cast {
    /// The server.
    pub site: Site,
    accounts: Vec<(Role, Account)>,
}

impl Cast {
    /// Sets it up.
    pub fn new() -> Result<Self> {
        let site = Site::start(Wire::Http)?;
        let mut accounts = vec![
            (Role::Stranger, site.user("stranger", &[])?),
            (Role::Puller, site.user("puller", &[("pull", "owned/**")])?),
            (
                Role::Pusher,
                site.user("pusher", &[("pull,push", "owned/**")])?,
            ),
            (
                Role::Maintainer,
                site.user("maintainer", &[("pull,push,update,delete", "owned/**")])?,
            ),
            (
                Role::PullRobot,
                site.robot("pull-robot", &[("pull", "owned/**")])?,
            ),
            (Role::ProjectAdmin, site.user("project-admin", &[])?),
            (Role::ForeignAdmin, site.user("foreign-admin", &[])?),
        ];
        accounts.push((Role::Administrator, site.admin()?));
        for (project, admin) in [(OWN, "project-admin"), (FOREIGN, "foreign-admin")] {
            site.apply(&format!(
                "apiVersion: refloat/v1\nkind: Project\nname: {project}\nprefixes: [{project}]\nmembers: {{ {admin}: admin }}\n"
            ))?;
        }
        Ok(Self { site, accounts })
    }

    /// The role's account; none for nobody.
    pub fn account(&self, role: Role) -> Option<&Account> {
        self.accounts
            .iter()
            .find(|(own, _)| *own == role)
            .map(|(_, account)| account)
    }

    /// A client of the role, signed in by Basic.
    pub fn client(&self, role: Role) -> Result<Client> {
        match self.account(role) {
            Some(account) => self.site.client(account),
            None => self.site.anonymous(),
        }
    }

    /// A bearer token of the role, for everything in `repository`.
    pub fn token(&self, role: Role, repository: &str) -> Result<String> {
        let scope = format!("repository:{repository}:pull,push,delete");
        self.site.bearer(self.account(role), &scope)
    }
}
