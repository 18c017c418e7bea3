//! A server with accounts on it, as an operator would have set it up: by the command line of `refloat` itself.
//!
//! The tests of real clients, of the command line and of attacks all begin here. [`Site`] owns the server;
//! [`Reach`] is what a client has to know about it and outlives nothing.

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use refloat_rig::netns::{self, Namespace, command_in};
use refloat_rig::run;
use refloat_rig::server::{self, ADMIN, Server, ServerOptions};
use refloat_rig::tls::Authority;
use serde_json::Value;
use tempfile::TempDir;

use crate::client::Client;
use crate::probe::ask;

/// The port inside a namespace, where nobody else listens.
const NAMESPACE_PORT: u16 = 5443;

/// How clients reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Plain HTTP on 127.0.0.1.
    Http,
    /// TLS on 127.0.0.1.
    Tls,
    /// TLS on an address that no client trusts blindly, in a network namespace. Needs root.
    NamespaceTls,
}

/// Somebody who can sign in.
#[derive(Debug, Clone)]
pub struct Account {
    /// The name.
    pub name: String,
    /// The password or token.
    pub secret: String,
}

/// What a client has to know about the server.
#[derive(Debug, Clone)]
pub struct Reach {
    /// `HOST:PORT`, as it stands at the front of a reference.
    pub authority: String,
    /// The authority's certificate; none over plain HTTP.
    pub certificate: Option<PathBuf>,
    netns: Option<Namespace>,
}

impl Reach {
    /// `program` where it can reach the server.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        command_in(self.netns.as_ref(), program)
    }

    /// The namespace of the server, if it has one.
    pub fn netns(&self) -> Option<&Namespace> {
        self.netns.as_ref()
    }

    /// The full name of something in this registry.
    pub fn reference(&self, path: &str) -> String {
        format!("{}/{path}", self.authority)
    }

    /// The folder that holds the authority's certificate as `ca.crt` and nothing else.
    pub fn certificates(&self) -> Option<&Path> {
        self.certificate.as_deref().and_then(Path::parent)
    }

    /// True without TLS.
    pub fn is_plain(&self) -> bool {
        self.certificate.is_none()
    }
}

/// A running server and the administrator's way to it.
#[derive(Debug)]
pub struct Site {
    server: Server,
    reach: Reach,
    folder: TempDir,
}

impl Site {
    /// Starts one with a fresh data folder.
    pub fn start(wire: Wire) -> Result<Self> {
        Self::start_with(wire, ServerOptions::default())
    }

    /// As [`Site::start`], with more to say about the server.
    pub fn start_with(wire: Wire, mut options: ServerOptions) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("refloat-site-").tempdir()?;
        let mut certificate = None;
        if wire != Wire::Http {
            let trusted = folder.path().join("trusted");
            fs::create_dir(&trusted)?;
            let identities = folder.path().join("identities");
            fs::create_dir(&identities)?;
            let authority = Authority::new(&identities)?;
            let names = ["127.0.0.1", "localhost", &netns::ADDRESS.to_string()];
            options.tls = Some(authority.issue("server", &names)?);
            // Programs take every key in the folder for a client's identity: it holds the certificate alone.
            let copied = trusted.join("ca.crt");
            fs::copy(authority.certificate(), &copied)?;
            certificate = Some(copied);
        }
        if wire == Wire::NamespaceTls {
            options.netns = Some(Namespace::new()?);
            options.listen = Some(format!("{}:{NAMESPACE_PORT}", netns::ADDRESS));
        }
        let netns = options.netns.clone();
        let server = Server::start(options)?;
        let reach = Reach {
            authority: server.authority().to_owned(),
            certificate,
            netns,
        };
        Ok(Self {
            server,
            reach,
            folder,
        })
    }

    /// What clients have to know.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// The server itself.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The server itself, to stop and start it.
    pub fn server_mut(&mut self) -> &mut Server {
        &mut self.server
    }

    /// A folder that goes with the site.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The administrator of the first start.
    pub fn admin(&self) -> Result<Account> {
        Ok(Account {
            name: ADMIN.to_owned(),
            secret: self.server.admin_password()?,
        })
    }

    /// A client of our own, without TLS, that nobody has signed in.
    pub fn anonymous(&self) -> Result<Client> {
        ensure!(self.reach.is_plain(), "our own client speaks no TLS");
        let address: SocketAddr = self
            .reach
            .authority
            .parse()
            .context("the server names no address")?;
        Ok(Client::new(address))
    }

    /// A client of our own, signed in by Basic.
    pub fn client(&self, account: &Account) -> Result<Client> {
        Ok(self.anonymous()?.signed_in(&account.name, &account.secret))
    }

    /// `refloat` as `account` would run it against this server, with a home of its own.
    pub fn refloat(&self, account: &Account) -> Result<Command> {
        let mut command = self.stranger()?;
        command
            .env("REFLOAT_USER", &account.name)
            .env("REFLOAT_PASSWORD", &account.secret);
        Ok(command)
    }

    /// `refloat` as somebody who has not signed in.
    pub fn stranger(&self) -> Result<Command> {
        let home = self.folder.path().join("home");
        fs::create_dir_all(&home)?;
        let mut command = self.reach.command(server::binary()?);
        command
            .env("REFLOAT_SERVER", self.server.url())
            .env("HOME", home)
            .env_remove("REFLOAT_USER")
            .env_remove("REFLOAT_PASSWORD")
            .env_remove("REFLOAT_FAIL")
            .env_remove("DOCKER_CONFIG")
            .env_remove("XDG_RUNTIME_DIR")
            .env_remove("NO_COLOR")
            .current_dir(self.folder.path());
        if let Some(certificate) = &self.reach.certificate {
            command.env("SSL_CERT_FILE", certificate);
        }
        Ok(command)
    }

    /// Runs `refloat ARGUMENTS` as the administrator; its standard output.
    pub fn administer(&self, arguments: &[&str]) -> Result<String> {
        run::stdout(self.refloat(&self.admin()?)?.args(arguments))
    }

    /// As [`Site::administer`], with the output read as JSON.
    pub fn administer_json(&self, arguments: &[&str]) -> Result<Value> {
        let said = self.administer(&[arguments, &["--output", "json"]].concat())?;
        serde_json::from_str(&said)
            .with_context(|| format!("refloat {} said no JSON: {said}", arguments.join(" ")))
    }

    /// As [`Site::administer`], with something on standard input.
    pub fn administer_with(&self, arguments: &[&str], input: &str) -> Result<Output> {
        run::checked_with_input(
            self.refloat(&self.admin()?)?.args(arguments),
            input.as_bytes(),
        )
    }

    /// A new user with these grants, each `ACTIONS` on a `PATTERN`.
    pub fn user(&self, name: &str, grants: &[(&str, &str)]) -> Result<Account> {
        let secret = format!("the-password-of-{name}-x7Qz");
        self.administer_with(
            &["user", "create", name, "--password-stdin"],
            &format!("{secret}\n"),
        )?;
        self.grant(name, grants)?;
        Ok(Account {
            name: name.to_owned(),
            secret,
        })
    }

    /// A new robot with these grants; its token is its secret.
    pub fn robot(&self, name: &str, grants: &[(&str, &str)]) -> Result<Account> {
        let made = self.administer_json(&["robot", "create", name])?;
        let secret = made["token"]
            .as_str()
            .with_context(|| format!("no token in {made}"))?
            .to_owned();
        self.grant(name, grants)?;
        Ok(Account {
            name: name.to_owned(),
            secret,
        })
    }

    /// Grants to a subject.
    pub fn grant(&self, subject: &str, grants: &[(&str, &str)]) -> Result<()> {
        for (actions, pattern) in grants {
            self.administer(&["grant", subject, actions, pattern])?;
        }
        Ok(())
    }

    /// Applies documents as the administrator.
    pub fn apply(&self, documents: &str) -> Result<Value> {
        let path = self.folder.path().join("documents.yaml");
        fs::write(&path, documents)?;
        self.administer_json(&["apply", "-f", &path.display().to_string()])
    }

    /// A bearer token of the token service, for `account` or nobody.
    pub fn bearer(&self, account: Option<&Account>, scope: &str) -> Result<String> {
        let mut client =
            account.map_or_else(|| self.anonymous(), |account| self.client(account))?;
        let challenge = ask(&mut self.anonymous()?, "GET", "/v2/")?;
        let challenge = challenge
            .header("www-authenticate")
            .context("no challenge")?;
        let service = challenge
            .split("service=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let service = service.with_context(|| format!("no service in {challenge}"))?;
        let answer = ask(
            &mut client,
            "GET",
            &format!("/token?service={service}&scope={scope}"),
        )?;
        ensure!(
            answer.status == 200,
            "/token: {} {}",
            answer.status,
            answer.text()
        );
        let issued: Value = serde_json::from_slice(&answer.body)?;
        Ok(issued["token"]
            .as_str()
            .with_context(|| format!("no token in {issued}"))?
            .to_owned())
    }

    /// The high-water mark of the server's resident size: no peak between two looks is missed.
    pub fn largest_resident_bytes(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.process()?.pid()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .context("no VmHWM")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024)
    }
}
