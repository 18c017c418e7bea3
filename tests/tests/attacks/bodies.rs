use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Result, ensure};
use refloat_tests::client::Client;
use refloat_tests::content::{Blob, MANIFEST};
use refloat_tests::http::Body;
use refloat_tests::probe::{ask, ask_with, push_image};
use refloat_tests::site::Site;

use crate::scene::{Scene, status};

/// What all of the attacks together may cost, in bytes of the largest resident size.
const GROWTH_MAX_BYTES: u64 = 96 << 20;

/// A blob that would be noticed if it were held.
const UNREAD_BYTES: usize = 256 << 20;

/// No request makes the server hold more than a bounded number of bytes (distribution CVE-2017-11468, CVE-2023-2253).
#[test]
fn class_10_unbounded_memory() -> Result<()> {
    let scene = Scene::new()?;
    let (mut alice, _) = scene.clients()?;
    push_image(&mut alice, "alice/boat", "1", 1)?;
    let before = scene.site.largest_resident_bytes()?;

    manifests(&mut alice)?;
    lists(&mut alice)?;
    headers(&scene.site)?;
    endless(
        &scene.site,
        "PUT",
        "/v2/alice/boat/manifests/endless",
        &basic(&scene),
    )?;
    endless(&scene.site, "POST", "/token", "")?;
    endless(&scene.site, "POST", "/api/v1/apply", &basic(&scene))?;
    announced(&scene.site, &basic(&scene))?;

    unread(&scene, &mut alice)?;
    let grown = scene.site.largest_resident_bytes()?.saturating_sub(before);
    ensure!(
        grown < GROWTH_MAX_BYTES,
        "the server grew by {} MiB",
        grown >> 20
    );
    ensure!(
        alice.pull("alice/boat", "1")?.is_some(),
        "it does not serve any more"
    );
    Ok(())
}

fn manifests(alice: &mut Client) -> Result<()> {
    let kind = [("Content-Type", MANIFEST)];
    let put = |alice: &mut Client, bytes: &[u8]| {
        ask_with(
            alice,
            "PUT",
            "/v2/alice/boat/manifests/2",
            &kind,
            Body::Whole(bytes),
        )
    };
    let large = vec![b' '; 5 << 20];
    status(&put(alice, &large)?, 413, "a manifest of 5 MiB")?;
    let deep = "[".repeat(1_000_000);
    status(
        &put(alice, deep.as_bytes())?,
        400,
        "a manifest of a million brackets",
    )?;
    let deep = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{MANIFEST}\",\"layers\":{}{}}}",
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    status(&put(alice, deep.as_bytes())?, 400, "layers within layers")?;
    let deep = format!(
        "{{\"schemaVersion\":2,\"x\":{}1{}}}",
        "{\"a\":".repeat(100_000),
        "}".repeat(100_000)
    );
    status(&put(alice, deep.as_bytes())?, 400, "objects within objects")
}

fn lists(alice: &mut Client) -> Result<()> {
    for list in ["/v2/_catalog", "/v2/alice/boat/tags/list"] {
        for n in [
            "999999999",
            "18446744073709551615",
            "99999999999999999999999",
        ] {
            let answer = ask(alice, "GET", &format!("{list}?n={n}"))?;
            ensure!(
                matches!(answer.status, 200 | 400),
                "{list}?n={n}: {}",
                answer.status
            );
        }
        for n in ["-1", "1.5", "abc", "0x10", "%00"] {
            status(
                &ask(alice, "GET", &format!("{list}?n={n}"))?,
                400,
                &format!("{list}?n={n}"),
            )?;
        }
    }
    let many = "tag=a&".repeat(2000);
    let answer = ask(
        alice,
        "PUT",
        &format!("/v2/alice/boat/manifests/sha256:{}?{many}", "0".repeat(64)),
    )?;
    ensure!(
        (400..500).contains(&answer.status),
        "two thousand tags: {}",
        answer.status
    );
    Ok(())
}

/// Answers are read only as far as the status: the server may close what it will not read.
fn headers(site: &Site) -> Result<()> {
    let large = "x".repeat(4 << 20);
    let many: String = (0..20_000)
        .map(|number| format!("X-{number}: y\r\n"))
        .collect();
    for (what, text) in [
        ("one header of 4 MiB", format!("X-Large: {large}\r\n")),
        ("20,000 headers", many),
        (
            "credentials of 4 MiB",
            format!("Authorization: Basic {large}\r\n"),
        ),
        ("a cookie of 4 MiB", format!("Cookie: {large}\r\n")),
    ] {
        let mut stream = connect(site)?;
        let request = format!("GET /v2/ HTTP/1.1\r\nHost: x\r\n{text}\r\n");
        let _cut_short = stream.write_all(request.as_bytes());
        refused_or_closed(&mut stream, what)?;
    }
    let mut stream = connect(site)?;
    let _cut_short =
        stream.write_all(format!("GET /v2/{large} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
    refused_or_closed(&mut stream, "a path of 4 MiB")
}

/// A body in chunks without an end: it has to be cut off, and we stop at 64 MiB if it is not.
fn endless(site: &Site, method: &str, path: &str, authorization: &str) -> Result<()> {
    let mut stream = connect(site)?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    let piece = [
        b"10000\r\n".to_vec(),
        vec![b' '; 0x1_0000],
        b"\r\n".to_vec(),
    ]
    .concat();
    let taken = (0..1024)
        .take_while(|_| stream.write_all(&piece).is_ok())
        .count();
    ensure!(
        taken < 1024,
        "{method} {path} took 64 MiB of an endless body"
    );
    Ok(())
}

/// A length of a terabyte is refused when it is announced, or costs nothing until bytes come.
fn announced(site: &Site, authorization: &str) -> Result<()> {
    for (path, length) in [
        ("/v2/alice/boat/manifests/3", "1000000000000"),
        ("/token", "1000000000000"),
        ("/v2/", "99999999999999999999999"),
    ] {
        let mut stream = connect(site)?;
        let method = if path.contains("manifests") {
            "PUT"
        } else {
            "POST"
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: {MANIFEST}\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        refused_or_closed(&mut stream, &format!("{method} {path} of {length} bytes"))?;
    }
    Ok(())
}

/// A client that asks for a large blob and takes nothing: what it does not take stays on the disk.
fn unread(scene: &Scene, alice: &mut Client) -> Result<()> {
    let blob = Blob::of(vec![0; UNREAD_BYTES]);
    alice.push_blob("alice/boat", &blob.digest, &blob.bytes)?;
    let mut stream = connect(&scene.site)?;
    let head = format!(
        "GET /v2/alice/boat/blobs/{} HTTP/1.1\r\nHost: x\r\n{}\r\n",
        blob.digest,
        basic(scene)
    );
    stream.write_all(head.as_bytes())?;
    stream.read_exact(&mut [0; 12])?;
    // It has stopped when it reads no more from the disk over many looks.
    let io = format!("/proc/{}/io", scene.site.server().process()?.pid());
    let (mut before, mut same) = (String::new(), 0);
    refloat_rig::wait::until("the server to stop", Duration::from_secs(30), || {
        let now = std::fs::read_to_string(&io)?
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        same = if now == before { same + 1 } else { 0 };
        before = now;
        Ok((same > 50).then_some(()))
    })
}

fn connect(site: &Site) -> Result<TcpStream> {
    let stream = TcpStream::connect(&site.reach().authority)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.set_write_timeout(Some(Duration::from_secs(20)))?;
    Ok(stream)
}

fn refused_or_closed(stream: &mut TcpStream, what: &str) -> Result<()> {
    let mut head = [0; 12];
    let Ok(()) = stream.read_exact(&mut head) else {
        // Closed, or reset while we were still writing. A server that waits for more would time out instead.
        let mut rest = [0];
        let silent = stream
            .read(&mut rest)
            .is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        ensure!(!silent, "{what}: neither refused nor closed");
        return Ok(());
    };
    let head = String::from_utf8_lossy(&head).into_owned();
    ensure!(head.starts_with("HTTP/1.1 4"), "{what}: {head}");
    Ok(())
}

fn basic(scene: &Scene) -> String {
    use base64::Engine as _;
    let pair = format!("{}:{}", scene.alice.name, scene.alice.secret);
    format!(
        "Authorization: Basic {}\r\n",
        base64::engine::general_purpose::STANDARD.encode(pair)
    )
}
