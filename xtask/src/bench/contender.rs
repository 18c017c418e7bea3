//! The servers that are compared, each with accounts on and a bearer token for the load.

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use refloat_rig::foreign::{Access, Program, Registry};
use refloat_rig::process::Running;
use refloat_rig::server::{self, Server, ServerOptions};
use refloat_rig::tls::Authority;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The repository that all loads use.
pub const REPOSITORY: &str = "bench/app";
const SERVICE: &str = "bench";
const ISSUER: &str = "bench";

/// One server under load.
pub struct Contender {
    name: &'static str,
    kind: Kind,
}

enum Kind {
    Refloat {
        server: Box<Server>,
        password: String,
    },
    Peer {
        registry: Registry,
        token: String,
    },
}

impl Contender {
    /// What the table calls it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        match &self.kind {
            Kind::Refloat { server, .. } => server.url().to_owned(),
            Kind::Peer { registry, .. } => format!("http://{}", registry.address()),
        }
    }

    /// The process whose processor time counts.
    pub fn pid(&self) -> u32 {
        match &self.kind {
            Kind::Refloat { server, .. } => server.process().map_or(0, Running::pid),
            Kind::Peer { registry, .. } => registry.pid(),
        }
    }

    /// A bearer token that may pull and push [`REPOSITORY`]; ours is fetched as every client does, theirs was minted.
    pub fn token(&self) -> Result<String> {
        match &self.kind {
            Kind::Peer { token, .. } => Ok(token.clone()),
            Kind::Refloat { password, .. } => {
                let url = format!(
                    "{}/token?scope=repository:{REPOSITORY}:pull,push",
                    self.url()
                );
                let answer = reqwest::blocking::Client::new()
                    .get(url)
                    .basic_auth("admin", Some(password))
                    .send()?;
                ensure!(
                    answer.status().is_success(),
                    "the token service answered {}",
                    answer.status()
                );
                let body: serde_json::Value = answer.json()?;
                let token = body["token"].as_str().context("no token in the answer")?;
                Ok(token.to_owned())
            }
        }
    }
}

/// Starts Refloat's release build and, unless `alone`, its peers.
pub fn start_all(alone: bool) -> Result<Vec<Contender>> {
    let program = server::build(&["--release"])?;
    let server = Server::start_program(
        &program,
        ServerOptions {
            environment: vec![("REFLOAT_LOG".to_owned(), "warn".to_owned())],
            ..ServerOptions::default()
        },
    )?;
    let password = server.admin_password()?;
    let mut all = vec![Contender {
        name: "refloat",
        kind: Kind::Refloat {
            server: Box::new(server),
            password,
        },
    }];
    if alone {
        return Ok(all);
    }
    // The authority must outlive nothing: the peers read its certificate when they start.
    let folder = tempfile::tempdir()?;
    let authority = Authority::new(folder.path())?;
    let identity = authority.issue("signer", &["signer"])?;
    let access = Access::Token {
        realm: "http://127.0.0.1:1/token".to_owned(),
        service: SERVICE.to_owned(),
        issuer: ISSUER.to_owned(),
        root_certificates: authority.certificate().to_owned(),
    };
    let token = minted(&identity.certificate, &identity.key)?;
    for (name, program) in [
        ("distribution 3.1", Program::Distribution),
        ("docker-registry 2.8", Program::DockerRegistry),
    ] {
        let registry = Registry::start(program, &access)?;
        all.push(Contender {
            name,
            kind: Kind::Peer {
                registry,
                token: token.clone(),
            },
        });
    }
    Ok(all)
}

/// A token as distribution's token specification has it, signed by the key whose certificate stands in `x5c`.
fn minted(certificate: &Path, key: &Path) -> Result<String> {
    let der = STANDARD.encode(pem_body(certificate)?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let header = serde_json::json!({ "typ": "JWT", "alg": "ES256", "x5c": [der] });
    let claims = serde_json::json!({
        "iss": ISSUER, "sub": "bench", "aud": SERVICE, "jti": "bench",
        "exp": (now + Duration::from_hours(12)).as_secs(), "nbf": now.as_secs() - 60, "iat": now.as_secs() - 60,
        "access": [{ "type": "repository", "name": REPOSITORY, "actions": ["pull", "push"] }],
    });
    let text = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let algorithm = &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let pair = aws_lc_rs::signature::EcdsaKeyPair::from_pkcs8(algorithm, &pem_body(key)?)?;
    let signature = pair.sign(&aws_lc_rs::rand::SystemRandom::new(), text.as_bytes())?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The bytes between the lines of a PEM file with one section.
fn pem_body(path: &Path) -> Result<Vec<u8>> {
    let text = std::fs::read_to_string(path)?;
    let body: String = text
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    STANDARD
        .decode(body)
        .with_context(|| format!("{} is not PEM", path.display()))
}
