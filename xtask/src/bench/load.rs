//! The loads, and what is measured while they run.

#![expect(
    clippy::cast_precision_loss,
    reason = "figures are rounded when they are told"
)]

use crate::bench::contender::{Contender, REPOSITORY};
use anyhow::{Context, Result, bail, ensure};
use reqwest::blocking::{Body, Client, Response};
use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

const MIB: usize = 1024 * 1024;
const LARGE_BYTES: usize = 100 * MIB;
const LARGE_PUSHES: usize = 3;
const SMALL_PUSHES: usize = 150;
const SMALL_WORKERS: usize = 8;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// GET of one small manifest by its tag.
    ManifestGet,
    /// GET of a 100 MiB blob.
    BlobGet,
    /// Push of 100 MiB blobs nobody has.
    BlobPush,
    /// Push of whole small images (config, three 10 kB layers, manifest with a tag), eight at a time.
    ImagePush,
}

impl Measure {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 4] = [
        Self::ManifestGet,
        Self::BlobGet,
        Self::BlobPush,
        Self::ImagePush,
    ];

    /// Its row in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::ManifestGet => "manifest GET by tag",
            Self::BlobGet => "blob GET, 100 MiB",
            Self::BlobPush => "blob push, 100 MiB",
            Self::ImagePush => "image push, small",
        }
    }

    /// The unit of the rate.
    pub fn unit(self) -> &'static str {
        match self {
            Self::ManifestGet => "requests/s",
            Self::BlobGet | Self::BlobPush => "MiB/s",
            Self::ImagePush => "images/s",
        }
    }

    /// The unit of the processor time.
    pub fn cost_unit(self) -> &'static str {
        match self {
            Self::ManifestGet => "us CPU/request",
            Self::BlobGet | Self::BlobPush => "s CPU/GiB",
            Self::ImagePush => "ms CPU/image",
        }
    }
}

/// What one round saw.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// In the measure's unit.
    pub rate: f64,
    /// The 99th percentile in milliseconds.
    pub p99_ms: f64,
    /// Server processor time, in the measure's cost unit.
    pub cost: f64,
}

/// Runs one load once.
pub fn run(
    measure: Measure,
    contender: &Contender,
    seconds: u64,
    connections: usize,
) -> Result<Figures> {
    let client = Pusher::new(contender)?;
    match measure {
        Measure::ManifestGet => {
            client.small_image(1)?;
            let url = format!("{}/v2/{REPOSITORY}/manifests/small-1", contender.url());
            let seen = wrk(contender, &client.token, &url, seconds, connections)?;
            Ok(Figures {
                rate: seen.requests / seen.seconds,
                p99_ms: seen.p99_ms,
                cost: seen.cpu.as_secs_f64() * 1e6 / seen.requests,
            })
        }
        Measure::BlobGet => {
            let digest = client.blob(&noise(LARGE_BYTES, 7))?;
            let url = format!("{}/v2/{REPOSITORY}/blobs/{digest}", contender.url());
            let seen = wrk(contender, &client.token, &url, seconds, 4)?;
            let mib = seen.bytes / MIB as f64;
            Ok(Figures {
                rate: mib / seen.seconds,
                p99_ms: seen.p99_ms,
                cost: seen.cpu.as_secs_f64() * 1024.0 / mib,
            })
        }
        Measure::BlobPush => blob_push(contender, &client),
        Measure::ImagePush => image_push(contender),
    }
}

fn blob_push(contender: &Contender, client: &Pusher) -> Result<Figures> {
    let blobs: Vec<_> = (0..LARGE_PUSHES)
        .map(|_| noise(LARGE_BYTES, fresh_seed()))
        .collect();
    let digests: Vec<_> = blobs.iter().map(|blob| digest(blob)).collect();
    let (cpu, start) = (cpu_time(contender.pid())?, Instant::now());
    let mut slowest = Duration::ZERO;
    for (blob, digest) in blobs.into_iter().zip(&digests) {
        let begun = Instant::now();
        client.blob_with_digest(blob, digest)?;
        slowest = slowest.max(begun.elapsed());
    }
    let mib = (LARGE_PUSHES * LARGE_BYTES / MIB) as f64;
    Ok(Figures {
        rate: mib / start.elapsed().as_secs_f64(),
        p99_ms: slowest.as_secs_f64() * 1e3,
        cost: cpu_time(contender.pid())?.saturating_sub(cpu).as_secs_f64() * 1024.0 / mib,
    })
}

fn image_push(contender: &Contender) -> Result<Figures> {
    let (cpu, start) = (cpu_time(contender.pid())?, Instant::now());
    let workers: Vec<_> = std::thread::scope(|scope| {
        let spawned: Vec<_> = (0..SMALL_WORKERS)
            .map(|_| {
                scope.spawn(|| -> Result<Vec<Duration>> {
                    let client = Pusher::new(contender)?;
                    (0..SMALL_PUSHES / SMALL_WORKERS)
                        .map(|_| {
                            let begun = Instant::now();
                            client.small_image(fresh_seed())?;
                            Ok(begun.elapsed())
                        })
                        .collect()
                })
            })
            .collect();
        spawned
            .into_iter()
            .map(|worker| worker.join().expect("a worker does not panic"))
            .collect()
    });
    let elapsed = start.elapsed().as_secs_f64();
    let mut times = Vec::new();
    for worker in workers {
        times.extend(worker?);
    }
    times.sort();
    Ok(Figures {
        rate: times.len() as f64 / elapsed,
        p99_ms: times[times.len() * 99 / 100].as_secs_f64() * 1e3,
        cost: cpu_time(contender.pid())?.saturating_sub(cpu).as_secs_f64() * 1e3
            / times.len() as f64,
    })
}

/// Seconds that one core of this machine needs to hash one GiB: what a push cannot cost less than.
pub fn hashing_seconds_per_gib() -> f64 {
    let bytes = noise(LARGE_BYTES, 3);
    let mut times: Vec<_> = (0..5)
        .map(|_| {
            let begun = Instant::now();
            std::hint::black_box(digest(&bytes));
            begun.elapsed().as_secs_f64() * 1024.0 * MIB as f64 / LARGE_BYTES as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[2]
}

struct Seen {
    requests: f64,
    bytes: f64,
    seconds: f64,
    p99_ms: f64,
    cpu: Duration,
}

/// wrk reports through a script of ours, in numbers instead of prose.
fn wrk(
    contender: &Contender,
    token: &str,
    url: &str,
    seconds: u64,
    connections: usize,
) -> Result<Seen> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("report.lua");
    std::fs::write(
        &script,
        "done = function(s, l, r) io.write(string.format(\"FIGURES %d %d %d %d %d\\n\", s.requests, s.bytes, s.duration, \
         l:percentile(99), s.errors.status + s.errors.connect + s.errors.read + s.errors.write)) end\n",
    )?;
    let cpu = cpu_time(contender.pid())?;
    let mut command = Command::new(refloat_rig::Tool::Wrk.path()?);
    command
        .args([
            "-t1",
            &format!("-c{connections}"),
            &format!("-d{seconds}s"),
            "--timeout",
            "20s",
        ])
        .arg("-H")
        .arg(format!("Authorization: Bearer {token}"))
        .args(["-H", "Accept: application/vnd.oci.image.manifest.v1+json"])
        .arg("-s")
        .arg(&script)
        .arg(url);
    let output = refloat_rig::run::stdout(&mut command)?;
    let cpu = cpu_time(contender.pid())?.saturating_sub(cpu);
    let line = output
        .lines()
        .find_map(|line| line.strip_prefix("FIGURES "))
        .context("wrk told no figures")?;
    let numbers: Vec<f64> = line.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    let &[requests, bytes, micros, p99_micros, errors] = numbers.as_slice() else {
        bail!("wrk told {line}");
    };
    ensure!(errors == 0.0, "{errors} requests failed");
    Ok(Seen {
        requests,
        bytes,
        seconds: micros / 1e6,
        p99_ms: p99_micros / 1e3,
        cpu,
    })
}

/// User and system time of a process so far, all threads (proc(5): fields 14 and 15, in ticks of 10 ms).
pub(super) fn cpu_time(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat
        .rsplit_once(") ")
        .context("a stat line without a name")?;
    let ticks: u64 = fields
        .split(' ')
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap_or(0))
        .sum();
    Ok(Duration::from_millis(ticks * 10))
}

/// A client that pushes over one kept connection.
struct Pusher {
    client: Client,
    base: String,
    token: String,
}

impl Pusher {
    fn new(contender: &Contender) -> Result<Self> {
        Ok(Self {
            client: Client::builder().timeout(Duration::from_mins(2)).build()?,
            base: format!("{}/v2/{REPOSITORY}", contender.url()),
            token: contender.token()?,
        })
    }

    fn blob(&self, bytes: &[u8]) -> Result<String> {
        let digest = digest(bytes);
        self.blob_with_digest(bytes.to_vec(), &digest)?;
        Ok(digest)
    }

    fn blob_with_digest(&self, bytes: Vec<u8>, digest: &str) -> Result<()> {
        let begun = self
            .client
            .post(format!("{}/blobs/uploads/", self.base))
            .bearer_auth(&self.token)
            .send()?;
        let begun = expect(begun, 202)?;
        let location = begun.headers()["location"].to_str()?;
        let host = self.base.split("/v2/").next().unwrap_or_default();
        let mut target = if location.starts_with('/') {
            format!("{host}{location}")
        } else {
            location.to_owned()
        };
        target.push(if target.contains('?') { '&' } else { '?' });
        target.push_str("digest=");
        target.push_str(digest);
        let put = self.client.put(target).bearer_auth(&self.token);
        let put = put
            .header("content-type", "application/octet-stream")
            .body(Body::from(bytes));
        expect(put.send()?, 201)?;
        Ok(())
    }

    /// A whole image whose tag is `small-SEED`.
    fn small_image(&self, seed: u64) -> Result<()> {
        let config = format!("{{\"architecture\":\"amd64\",\"os\":\"linux\",\"seed\":\"{seed}\"}}")
            .into_bytes();
        let config_digest = self.blob(&config)?;
        let mut layers = Vec::new();
        for layer in 0..3 {
            let bytes = noise(10_000, seed.wrapping_add(layer));
            let digest = self.blob(&bytes)?;
            layers.push(serde_json::json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest, "size": bytes.len()
            }));
        }
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": media_type,
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": config.len() },
            "layers": layers,
        });
        let put = self
            .client
            .put(format!("{}/manifests/small-{seed}", self.base))
            .bearer_auth(&self.token);
        expect(
            put.header("content-type", media_type)
                .body(manifest.to_string())
                .send()?,
            201,
        )?;
        Ok(())
    }
}

fn expect(response: Response, status: u16) -> Result<Response> {
    ensure!(
        response.status().as_u16() == status,
        "{} answered {} instead of {status}",
        response.url().path().to_owned(),
        response.status()
    );
    Ok(response)
}

/// Bytes that do not compress, from a seed.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    refloat_rig::seed::Seed::new(seed).fill(&mut bytes);
    bytes
}

/// A seed no earlier push had.
fn fresh_seed() -> u64 {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system has randomness");
    u64::from_le_bytes(bytes)
}

fn digest(bytes: &[u8]) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    hash.as_ref()
        .iter()
        .fold("sha256:".to_owned(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
