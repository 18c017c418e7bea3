//! A layer of 10 GiB goes in and out, and the server's memory does not notice.

use std::env;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use aws_lc_rs::digest::{Context as Hash, SHA256};
use base64::Engine as _;
use refloat_rig::seed::Seed;
use refloat_rig::tools::is_ci;
use refloat_tests::site::{Account, Site, Wire};

/// The layer whose cost the large one is compared with.
const SMALL_BYTES: u64 = 64 << 20;
const LARGE_BYTES: u64 = 10 << 30;
/// What must be free: the layer, once, and some room.
const FREE_BYTES: u64 = 12 << 30;
/// The highest resident size ever, whatever went through.
const RESIDENT_MAX_BYTES: u64 = 256 << 20;
/// What 160 times the bytes may add to it.
const GROWTH_MAX_BYTES: u64 = 32 << 20;
/// The bytes repeat after so many, each time with their number in front.
const BLOCK_BYTES: usize = 1 << 20;
/// A disk that flushes gigabytes may be silent for long.
const SILENCE_MAX: Duration = Duration::from_mins(5);

#[test]
fn ten_gibibytes_in_flat_memory() -> Result<()> {
    if let Some(why) = reason_to_skip()? {
        ensure!(!is_ci(), "{why} (with CI=true nothing is skipped)");
        writeln!(
            std::io::stderr(),
            "skipped: ten_gibibytes_in_flat_memory: {why}"
        )?;
        return Ok(());
    }
    let site = Site::start(Wire::Http)?;
    let account = site.user("alice", &[("pull,push", "alice/**")])?;
    round_trip(&site, &account, SMALL_BYTES)?;
    let small = site.largest_resident_bytes()?;
    round_trip(&site, &account, LARGE_BYTES)?;
    let large = site.largest_resident_bytes()?;
    ensure!(large < RESIDENT_MAX_BYTES, "it held {} MiB", large >> 20);
    ensure!(
        large.saturating_sub(small) < GROWTH_MAX_BYTES,
        "{} MiB became {} MiB",
        small >> 20,
        large >> 20
    );
    Ok(())
}

fn reason_to_skip() -> Result<Option<String>> {
    if !is_ci() && env::var_os("REFLOAT_FULL").is_none() {
        return Ok(Some("it takes a minute: set REFLOAT_FULL=1".to_owned()));
    }
    let folder = env::temp_dir();
    let room = rustix::fs::statvfs(&folder)?;
    let free = room.f_bavail * room.f_frsize;
    Ok((free < FREE_BYTES).then(|| {
        format!(
            "{} has {} GiB free, it needs 12",
            folder.display(),
            free >> 30
        )
    }))
}

/// Uploads `length` bytes in one PATCH, finishes, and reads them back; every byte is hashed on both ways.
fn round_trip(site: &Site, account: &Account, length: u64) -> Result<()> {
    let mut exchange = Exchange::open(site, account)?;
    let begun = exchange.ask("POST", "/v2/alice/boat/blobs/uploads/", 0, |_| Ok(()))?;
    let location = begun.header("location")?;
    let mut hash = Hash::new(&SHA256);
    let sent = exchange.ask("PATCH", &path(&location), length, |stream| {
        blocks(length, |block| {
            hash.update(block);
            Ok(stream.write_all(block)?)
        })
    })?;
    ensure!(sent.status == 202, "PATCH: {}", sent.status);
    let digest = hex(hash.finish().as_ref());
    let location = path(&sent.header("location")?);
    let joint = if location.contains('?') { '&' } else { '?' };
    let finished = exchange.ask(
        "PUT",
        &format!("{location}{joint}digest=sha256:{digest}"),
        0,
        |_| Ok(()),
    )?;
    ensure!(finished.status == 201, "PUT: {}", finished.status);

    let served = exchange.ask(
        "GET",
        &format!("/v2/alice/boat/blobs/sha256:{digest}"),
        0,
        |_| Ok(()),
    )?;
    ensure!(served.status == 200, "GET: {}", served.status);
    ensure!(
        served.length == length,
        "GET announces {} bytes",
        served.length
    );
    let read = exchange.read_hashed(length)?;
    ensure!(read == digest, "other bytes came back");
    Ok(())
}

/// Bytes that do not repeat within a block, made as fast as they are sent; never all at once.
fn blocks(size: u64, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut block = vec![0; BLOCK_BYTES];
    Seed::new(size).fill(&mut block);
    for number in 0..size / BLOCK_BYTES as u64 {
        block[..8].copy_from_slice(&number.to_le_bytes());
        each(&block)?;
    }
    Ok(())
}

/// One connection whose bodies are never in memory as a whole.
struct Exchange {
    stream: BufReader<TcpStream>,
    headers: String,
}

struct Head {
    status: u16,
    length: u64,
    lines: Vec<String>,
}

impl Head {
    fn header(&self, name: &str) -> Result<String> {
        let mut pairs = self.lines.iter().filter_map(|line| line.split_once(':'));
        let found = pairs.find(|(key, _)| key.eq_ignore_ascii_case(name));
        let (_, value) =
            found.with_context(|| format!("an answer {} without {name}", self.status))?;
        Ok(value.trim().to_owned())
    }
}

impl Exchange {
    fn open(site: &Site, account: &Account) -> Result<Self> {
        let authority = &site.reach().authority;
        let stream = TcpStream::connect(authority)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        let pair = format!("{}:{}", account.name, account.secret);
        let pair = base64::engine::general_purpose::STANDARD.encode(pair);
        let headers = format!("Host: {authority}\r\nAuthorization: Basic {pair}\r\n");
        Ok(Self {
            stream: BufReader::with_capacity(1 << 18, stream),
            headers,
        })
    }

    /// Sends a request with a body of `length` bytes and reads the head of the answer, and the body of all but GET.
    fn ask(
        &mut self,
        method: &str,
        target: &str,
        length: u64,
        body: impl FnOnce(&mut TcpStream) -> Result<()>,
    ) -> Result<Head> {
        let stream = self.stream.get_mut();
        write!(
            stream,
            "{method} {target} HTTP/1.1\r\n{}Content-Length: {length}\r\n\r\n",
            self.headers
        )?;
        body(stream).with_context(|| format!("{method} {target} was cut off"))?;
        let head = self.head()?;
        if method != "GET" {
            std::io::copy(
                &mut (&mut self.stream).take(head.length),
                &mut std::io::sink(),
            )?;
        }
        Ok(head)
    }

    fn head(&mut self) -> Result<Head> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            ensure!(
                self.stream.read_line(&mut line)? > 0,
                "the connection was closed"
            );
            match line.trim_end() {
                "" => break,
                text => lines.push(text.to_owned()),
            }
        }
        let status = lines
            .first()
            .and_then(|line| line.split(' ').nth(1))
            .and_then(|status| status.parse().ok());
        let mut head = Head {
            status: status.context("no status")?,
            length: 0,
            lines,
        };
        head.length = head
            .header("content-length")
            .ok()
            .and_then(|length| length.parse().ok())
            .unwrap_or(0);
        Ok(head)
    }

    fn read_hashed(&mut self, size: u64) -> Result<String> {
        let mut hash = Hash::new(&SHA256);
        let mut left = size;
        while left > 0 {
            let bytes = self.stream.fill_buf()?;
            if bytes.is_empty() {
                bail!("cut off with {left} bytes to come");
            }
            let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            hash.update(&bytes[..taken]);
            self.stream.consume(taken);
            left -= taken as u64;
        }
        Ok(hex(hash.finish().as_ref()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

fn path(location: &str) -> String {
    match location.split_once("://") {
        Some((_, rest)) => rest
            .find('/')
            .map_or("/", |slash| &rest[slash..])
            .to_owned(),
        None => location.to_owned(),
    }
}
