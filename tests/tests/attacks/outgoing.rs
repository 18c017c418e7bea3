//! What the server and the command line send to others: nothing they were tricked into.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, ensure};
use refloat_rig::run;
use refloat_tests::content::{Blob, MANIFEST};
use refloat_tests::probe::ask;
use serde_json::json;

use crate::scene::Scene;

/// Between two looks at whether the test is over.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A peer that answers every request with the same bytes and remembers what it was sent.
struct Peer {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    fn start(ip: Ipv4Addr, answer: impl Fn(&str) -> String + Send + 'static) -> Result<Self> {
        let listener = TcpListener::bind((IpAddr::V4(ip), 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let over = Arc::new(AtomicBool::new(false));
        let (remembers, ends) = (heard.clone(), over.clone());
        let thread = std::thread::spawn(move || {
            while !ends.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        let request = serve(stream, &answer);
                        remembers
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(request);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        std::thread::sleep(LOOK_EVERY);
                    }
                    Err(_) => return,
                }
            }
        });
        Ok(Self {
            address,
            heard,
            over,
            thread: Some(thread),
        })
    }

    /// Ends it; everything it was sent.
    fn finish(mut self) -> Vec<String> {
        self.end();
        std::mem::take(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn end(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads the head of one request and answers it; the head. Nothing at all is a connection that said nothing.
fn serve(mut stream: TcpStream, answer: &impl Fn(&str) -> String) -> String {
    let _blocking = stream.set_nonblocking(false);
    let _bounded = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let _sent = stream.write_all(answer(&head).as_bytes());
    head
}

fn answer(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n")
}

/// A registry that sends clients elsewhere for their token does not get them to tell their password there
/// (distribution CVE-2026-33540).
#[test]
fn class_08_credentials_to_a_foreign_realm() -> Result<()> {
    let scene = Scene::new()?;
    let collector = Peer::start(Ipv4Addr::new(127, 0, 0, 2), |_| answer("200 OK", ""))?;
    let realm = format!("http://{}/token", collector.address);
    let challenge = format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"registry\"\r\n");
    let hostile = Peer::start(Ipv4Addr::LOCALHOST, move |_| {
        answer("401 Unauthorized", &challenge)
    })?;
    let secret = "the-password-nobody-else-may-see";
    let mut login = scene.site.stranger()?;
    login.args([
        "login",
        &hostile.address.to_string(),
        "-u",
        "alice",
        "-p",
        secret,
    ]);
    let output = run::captured(&mut login)?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    ensure!(!output.status.success(), "the login succeeded: {said}");
    ensure!(!said.contains(secret), "the password was printed: {said}");
    ensure!(
        said.contains("127.0.0.2"),
        "it does not say where it was to go: {said}"
    );
    ensure!(
        !hostile.finish().is_empty(),
        "the registry itself was not asked: {said}"
    );
    let heard = collector.finish();
    ensure!(heard.is_empty(), "the foreign realm was sent: {heard:?}");
    Ok(())
}

/// Nor does a redirect make them follow with their credentials.
#[test]
fn class_08_credentials_after_a_redirect() -> Result<()> {
    let scene = Scene::new()?;
    let collector = Peer::start(Ipv4Addr::new(127, 0, 0, 2), |_| {
        answer(
            "401 Unauthorized",
            "WWW-Authenticate: Basic realm=\"x\"\r\n",
        )
    })?;
    let elsewhere = format!("Location: http://{}/v2/\r\n", collector.address);
    let hostile = Peer::start(Ipv4Addr::LOCALHOST, move |_| {
        answer("307 Temporary Redirect", &elsewhere)
    })?;
    let mut login = scene.site.stranger()?;
    login.args([
        "login",
        &hostile.address.to_string(),
        "-u",
        "alice",
        "-p",
        "the-password-nobody-else-may-see",
    ]);
    let output = run::captured(&mut login)?;
    ensure!(!output.status.success(), "the login succeeded");
    drop(hostile);
    let heard = collector.finish().join("\n").to_lowercase();
    ensure!(
        !heard.contains("authorization"),
        "the other host was sent: {heard}"
    );
    Ok(())
}

/// Nothing that a user pushes makes the server fetch an address (Harbor CVE-2020-13788; foreign layers: containerd
/// CVE-2020-15157).
#[test]
fn class_09_addresses_in_content_are_never_fetched() -> Result<()> {
    let scene = Scene::new()?;
    let (mut alice, _) = scene.clients()?;
    let trap = Peer::start(Ipv4Addr::LOCALHOST, |_| answer("200 OK", ""))?;
    let url = format!("http://{}/layer", trap.address);
    let config = Blob::of(*b"{}");
    alice.push_blob("alice/boat", &config.digest, &config.bytes)?;
    let foreign = Blob::of(*b"a layer that lies elsewhere");
    let mut layer =
        foreign.descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
    layer["urls"] = json!([url]);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.descriptor("application/vnd.oci.image.config.v1+json"),
        "layers": [layer],
        "annotations": { "org.opencontainers.image.source": url, "org.opencontainers.image.base.name": trap.address.to_string() },
    });
    let pushed = alice.put_bytes("alice/boat", "1", MANIFEST, manifest.to_string().as_bytes())?;
    let digest = pushed
        .header("docker-content-digest")
        .unwrap_or_default()
        .to_owned();
    ensure!(alice.manifest("alice/boat", "1")?.is_some());
    for path in [
        format!("blobs/{}", foreign.digest),
        format!("referrers/{digest}"),
        format!("manifests/1?ns={}", trap.address),
    ] {
        ask(&mut alice, "GET", &format!("/v2/alice/boat/{path}"))?;
    }
    let mount = format!(
        "/v2/alice/boat/blobs/uploads/?mount={}&from={}",
        foreign.digest, trap.address
    );
    ask(&mut alice, "POST", &mount)?;
    for verb in ["gc", "scrub"] {
        scene.site.administer(&[verb])?;
    }
    let heard = trap.finish();
    ensure!(heard.is_empty(), "the server was made to ask: {heard:?}");
    Ok(())
}
