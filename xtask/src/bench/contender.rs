//! The servers that are compared, each with accounts on and a bearer token for the load.

use anyhow::{Context, Result, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
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
    let program = server::release_binary()?;
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
    // The peers read the certificate when they start; the folder may go after that.
    let folder = tempfile::tempdir()?;
    let identity = Authority::new(folder.path())?.issue("signer", &["signer"])?;
    let access = Access::Token {
        realm: "http://127.0.0.1:1/token".to_owned(),
        service: SERVICE.to_owned(),
        issuer: ISSUER.to_owned(),
        root_certificates: identity.certificate.clone(),
    };
    let signer = Signer::read(&identity.key)?;
    let peers = [
        (
            "distribution 3.1",
            Program::Distribution,
            &access,
            signer.thumbprint(),
        ),
        (
            "docker-registry 2.8",
            Program::DockerRegistry,
            &access,
            signer.libtrust_id(),
        ),
        (
            "distribution 3.1, no accounts",
            Program::Distribution,
            &Access::Open,
            String::new(),
        ),
    ];
    for (name, program, access, key_id) in peers {
        let registry = Registry::start(program, access)?;
        let token = signer.token(&key_id)?;
        let kind = Kind::Peer { registry, token };
        all.push(Contender { name, kind });
    }
    Ok(all)
}

/// The key of the peers' token service. A token names it by `kid`, so that they check one signature and no chain.
struct Signer(EcdsaKeyPair);

impl Signer {
    fn read(key: &Path) -> Result<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pem_body(key)?)?;
        Ok(Self(pair))
    }

    /// The uncompressed point: 0x04, x, y.
    fn point(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// How distribution 3 names a key: RFC 7638.
    fn thumbprint(&self) -> String {
        let (x, y) = self.point()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        URL_SAFE_NO_PAD.encode(digest(&SHA256, jwk.as_bytes()))
    }

    /// How distribution 2 names a key: 240 bits of SHA-256 over the DER, base32, in groups of four.
    fn libtrust_id(&self) -> String {
        // SubjectPublicKeyInfo of a P-256 key up to its point (RFC 5480).
        const HEAD: [u8; 26] = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
            0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        let hash = digest(&SHA256, &[&HEAD, self.point()].concat());
        let groups: Vec<_> = hash.as_ref()[..30].chunks(5).flat_map(base32).collect();
        groups.join(":")
    }

    /// A token as distribution's token specification has it.
    fn token(&self, key_id: &str) -> Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let header = serde_json::json!({ "typ": "JWT", "alg": "ES256", "kid": key_id });
        let claims = serde_json::json!({
            "iss": ISSUER, "sub": "bench", "aud": SERVICE, "jti": "bench",
            "exp": (now + Duration::from_hours(12)).as_secs(), "nbf": now.as_secs() - 60, "iat": now.as_secs() - 60,
            "access": [{ "type": "repository", "name": REPOSITORY, "actions": ["pull", "push"] }],
        });
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        let text = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self.0.sign(&SystemRandom::new(), text.as_bytes())?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Five bytes as two groups of four letters (RFC 4648).
fn base32(bytes: &[u8]) -> [String; 2] {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let number = bytes
        .iter()
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let letter = |at: u32| char::from(ALPHABET[usize::try_from(number >> at & 31).unwrap_or(0)]);
    [35_u32, 15].map(|first| (0..4).map(|step| letter(first - 5 * step)).collect())
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
