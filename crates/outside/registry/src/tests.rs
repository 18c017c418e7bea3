//! The suite against registries that others wrote, and the rules of credentials against small servers of the tests.

use crate::{Credential, CredentialSource, Remote, Remotes, anonymous};
use anyhow::Result;
use bytes::Bytes;
use refloat_core::{Failure, Secret};
use refloat_oci::{Digest, RegistryHost, RepositoryName, TagOrDigest, media_type};
use refloat_ports::{Images, ImagesError, images_suite, suite};
use refloat_rig::foreign::{Access, Program, Registry};
use refloat_rig::{Tool, require};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn name(text: &str) -> RepositoryName {
    text.parse().expect("a name")
}

fn remote(address: SocketAddr, credentials: CredentialSource) -> Arc<Remote> {
    let host: RegistryHost = address.to_string().parse().expect("a host");
    Remotes::new(credentials).expect("a client").of(&host)
}

fn password() -> CredentialSource {
    Arc::new(|_| {
        Ok(Some(Credential::Password {
            username: "jo".to_owned(),
            password: Secret::new("se:cret".to_owned()),
        }))
    })
}

async fn suite_against(program: Program, tool: Tool) -> Result<()> {
    if !require(&[tool, Tool::Htpasswd])? {
        return Ok(());
    }
    let access = Access::Password {
        user: "jo".to_owned(),
        password: "se:cret".to_owned(),
    };
    let registry = Registry::start(program, &access)?;
    let signed_in = remote(registry.address(), password());
    images_suite::run(&*signed_in, &name("apps/web"), &name("apps/api")).await;

    let stranger = remote(registry.address(), anonymous());
    let target: TagOrDigest = "moving".parse()?;
    let refused = stranger.resolve(&name("apps/web"), &target).await;
    assert!(
        matches!(refused, Err(ImagesError::NotPermitted(_))),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test]
async fn docker_registry_keeps_the_contract() -> Result<()> {
    suite_against(Program::DockerRegistry, Tool::DockerRegistry).await
}

#[tokio::test]
async fn distribution_keeps_the_contract() -> Result<()> {
    suite_against(Program::Distribution, Tool::Distribution).await
}

#[tokio::test]
async fn referrers_are_found_without_their_api() -> Result<()> {
    if !require(&[Tool::DockerRegistry])? {
        return Ok(());
    }
    let registry = Registry::start(Program::DockerRegistry, &Access::Open)?;
    let remote = remote(registry.address(), anonymous());
    let repository = name("apps/web");
    let empty = Bytes::from_static(b"{}");
    let digest = Digest::sha256(&empty);
    remote
        .put_blob(&repository, &digest, 2, suite::body(&empty, 2))
        .await?;
    let blob = json!({ "mediaType": media_type::OCI_EMPTY, "digest": digest, "size": 2 });
    let subject = Digest::sha256(b"a manifest that is not there");
    let mut kinds = Vec::new();
    for kind in [
        "application/vnd.one",
        "application/vnd.two",
        "application/vnd.one",
    ] {
        let note = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": kind,
            "config": blob, "layers": [blob], "annotations": { "a": kind },
            "subject": { "mediaType": media_type::OCI_MANIFEST, "digest": subject, "size": 7 } });
        let note = Bytes::from(note.to_string());
        let target = TagOrDigest::Digest(Digest::sha256(&note));
        remote
            .put_manifest(&repository, &target, media_type::OCI_MANIFEST, note)
            .await?;
        kinds.push(kind);
    }
    let found = remote.referrers(&repository, &subject).await?;
    let seen: Vec<&str> = found
        .iter()
        .filter_map(|entry| entry["artifactType"].as_str())
        .collect();
    assert_eq!(seen, kinds[..2], "each once, with its type");
    assert_eq!(found[0]["annotations"]["a"], "application/vnd.one");
    Ok(())
}

/// A server that answers every request by `answer(request line and headers)` and remembers what it was asked.
struct Scripted {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    fn start(answer: impl Fn(&str, SocketAddr) -> String + Send + 'static) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
                let mut request = Vec::new();
                let mut byte = [0; 1];
                while !request.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                    request.push(byte[0]);
                }
                let request = String::from_utf8_lossy(&request).to_lowercase();
                let said = answer(&request, address);
                heard.lock().expect("no panic before").push(request);
                let _ = stream.write_all(said.as_bytes());
            }
        });
        Ok(Self { address, asked })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic before").clone()
    }
}

fn reply(status: &str, headers: &[String], body: &str) -> String {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_password_is_not_sent_to_a_realm_elsewhere() -> Result<()> {
    let thief = Scripted::start(|_, _| reply("200 OK", &[], "{\"token\":\"x\"}"))?;
    let port = thief.address.port();
    let registry = Scripted::start(move |_, _| {
        // Another address of this machine, which is another host all the same.
        let realm = format!(
            "WWW-Authenticate: Bearer realm=\"http://localhost:{port}/token\",service=\"s\""
        );
        reply("401 Unauthorized", &[realm], "")
    })?;
    let remote = remote(registry.address, password());
    let answer = remote.resolve(&name("a"), &"1".parse()?).await;
    assert!(
        matches!(&answer, Err(ImagesError::Failed(Failure::Terminal(text))) if text.contains("localhost")),
        "{answer:?}"
    );
    assert!(thief.asked().is_empty(), "nothing was sent");
    Ok(())
}

#[tokio::test]
async fn a_redirect_to_another_host_loses_the_credentials() -> Result<()> {
    let elsewhere = Scripted::start(|_, _| reply("200 OK", &[], "keel"))?;
    let port = elsewhere.address.port();
    let registry = Scripted::start(move |request, _| {
        if request.starts_with("get /v2/ ") {
            return reply("200 OK", &[], "");
        }
        if !request.contains("authorization: basic") {
            return reply(
                "401 Unauthorized",
                &["WWW-Authenticate: Basic realm=\"x\"".to_owned()],
                "",
            );
        }
        let to = format!("Location: http://localhost:{port}/bytes");
        reply("307 Temporary Redirect", &[to], "")
    })?;
    let remote = remote(registry.address, password());
    let blob = remote
        .blob(&name("a"), &Digest::sha256(b"keel"))
        .await?
        .expect("a blob");
    let (bytes, error) = suite::drain(blob.stream).await;
    assert!(error.is_none() && bytes == b"keel", "{error:?}");
    let asked = elsewhere.asked();
    assert_eq!(asked.len(), 1);
    assert!(!asked[0].contains("authorization"), "{}", asked[0]);
    Ok(())
}

#[tokio::test]
async fn limits_and_outages_are_transient_and_name_the_host() -> Result<()> {
    let busy = Scripted::start(|request, _| {
        if request.starts_with("get /v2/ ") {
            return reply("200 OK", &[], "");
        }
        let headers = ["Retry-After: 30", "RateLimit-Remaining: 0;w=21600"].map(str::to_owned);
        reply("429 Too Many Requests", &headers, "")
    })?;
    let remote_busy = remote(busy.address, anonymous());
    let answer = remote_busy.resolve(&name("a"), &"1".parse()?).await;
    let Err(ImagesError::Failed(Failure::Transient(text))) = &answer else {
        panic!("{answer:?}");
    };
    assert!(
        text.contains(&busy.address.to_string()) && text.contains("30"),
        "{text}"
    );
    let limit = remote_busy.rate_limit().expect("limits were told");
    assert_eq!(
        (limit.remaining, limit.retry_after),
        (Some(0), Some(Duration::from_secs(30)))
    );

    let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let answer = remote(nobody, anonymous())
        .resolve(&name("a"), &"1".parse()?)
        .await;
    let Err(ImagesError::Failed(Failure::Transient(text))) = &answer else {
        panic!("{answer:?}");
    };
    assert!(text.contains(&nobody.to_string()), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_lying_registry_is_found_out() -> Result<()> {
    let liar = Scripted::start(|request, _| {
        let kind = format!("Content-Type: {}", media_type::OCI_MANIFEST);
        if request.starts_with("get /v2/a/blobs/") {
            return reply("200 OK", &[], "other bytes");
        }
        reply("200 OK", &[kind], "{\"schemaVersion\":2}")
    })?;
    let remote = remote(liar.address, anonymous());
    let digest = Digest::sha256(b"what was asked for");
    let manifest = remote
        .manifest(&name("a"), &TagOrDigest::Digest(digest))
        .await;
    assert!(
        matches!(manifest, Err(ImagesError::Damaged(_))),
        "{manifest:?}"
    );
    let blob = remote.blob(&name("a"), &digest).await?.expect("an answer");
    let (_, error) = suite::drain(blob.stream).await;
    assert_eq!(
        error.map(|error| error.kind()),
        Some(std::io::ErrorKind::InvalidData)
    );
    Ok(())
}
