//! `cargo xtask bench verdict`: how fast layers are indexed, how long a verdict takes on layers that are, how long
//! thousands of images take to follow their base in a server, and the same work beside `crane rebase`.
//!
//! The base is this machine's own programs and libraries; the new base is the same with every fortieth file changed. The
//! dependents are copies of programs, libraries and texts, of four sizes. The server is the release build, on loopback.

use super::dependents::Estate;
use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use refloat_layer::LayerIndex;
use refloat_oci::{Algorithm, Digest, Hasher};
use refloat_verdict::{BaseDelta, GraphFacts, ImageFacts, PlatformName, judge_with};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Verdicts; each dependent is another image.
    #[arg(long, default_value_t = 1000)]
    dependents: usize,
    /// MiB of this machine's files that make the base.
    #[arg(long, default_value_t = 150)]
    base: usize,
    /// Images on a base that moves in a server of ours; 0 leaves them out.
    #[arg(long, default_value_t = 10_000)]
    images: usize,
    /// Images that `crane rebase` takes beside ours; 0 leaves it out.
    #[arg(long, default_value_t = 200)]
    beside: usize,
    /// Also write the tables, as markdown, to this file.
    #[arg(long)]
    report: Option<PathBuf>,
}

/// Where the files come from.
const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/lib/x86_64-linux-gnu", "/usr/share/perl"];
/// Files of a dependent, by turns.
const FILES: [usize; 4] = [1, 5, 30, 120];

/// Runs all parts and prints their table.
pub fn run(options: &Options) -> Result<()> {
    let mut text = String::from("| what | figure |\n|---|---|\n");
    if options.dependents > 0 {
        text += &of_verdicts(options)?;
    }
    let program = if options.images + options.beside == 0 {
        PathBuf::new()
    } else {
        refloat_rig::server::release_binary()?
    };
    if options.images > 0 {
        text += &of_images(&program, options.images)?;
    }
    if options.beside > 0 {
        text += &super::beside::crane(&program, options.beside)?;
    }
    println!("{text}");
    if let Some(path) = &options.report {
        std::fs::write(path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn of_images(program: &Path, count: usize) -> Result<String> {
    let estate = Estate::make(program, count)?;
    estate.settle()?;
    println!("{count} images are pushed and their bases known; the base moves");
    let wave = estate.wave()?;
    Ok(format!(
        "| base moved, {count} copy-only images rebased and published | {:.1} s |\n\
         | the server meanwhile | {:.1} s of processor time, at most {} MiB resident |\n\
         | bytes that it was sent after the base, layers among them | {}, 0 |\n",
        wave.took.as_secs_f64(),
        wave.cpu.as_secs_f64(),
        wave.peak_bytes / 1_048_576,
        wave.received_bytes,
    ))
}

fn of_verdicts(options: &Options) -> Result<String> {
    let files = files(options.base * 1024 * 1024)?;
    let old_layer = layer(&files, |_| false)?;
    let new_layer = layer(&files, |number| number % 40 == 7)?;
    let packed_layer = gzip(&old_layer)?;
    let mut speed = Speed::default();
    // In turns, the best of each: the machine has other work.
    for _ in 0..5 {
        let (old, packed) = (old_layer.as_slice(), packed_layer.as_slice());
        speed.round(0, || {
            let _ = Digest::sha256(old);
        });
        speed.round(1, || drop(refloat_images::index(old, "")));
        speed.round(2, || drop(refloat_layer::index(old, "")));
        speed.round(3, || {
            drop(io::copy(&mut GzDecoder::new(packed), &mut Sink::default()));
        });
        speed.round(4, || drop(refloat_images::index(packed, "")));
    }
    let index = refloat_images::index(old_layer.as_slice(), "")?;
    anyhow::ensure!(
        index.diff_id == Digest::sha256(&old_layer),
        "another DiffID"
    );
    let new_index = refloat_images::index(new_layer.as_slice(), "")?;
    let packed = index.to_bytes();
    let unpacking = timed(|| Ok(LayerIndex::from_bytes(&packed)?))?;
    let old = image(vec![Arc::new(unpacking.1)], &[]);
    let new = image(vec![Arc::new(new_index)], &[]);
    let delta = timed(|| Ok(BaseDelta::new(&old, &new)))?;

    let mut tiers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut took = Vec::new();
    let (graph, platform) = (GraphFacts::default(), PlatformName("linux/amd64".into()));
    for number in 0..options.dependents {
        let app = dependent(&old, &files, number)?;
        let start = Instant::now();
        let verdict = judge_with(&delta.1, &app, &platform, &graph);
        took.push(start.elapsed());
        *tiers.entry(verdict.tier.word()).or_default() += 1;
    }
    took.sort();
    let at = |percent: usize| took.get((took.len() * percent).div_ceil(100).max(1) - 1);
    let (median, p99) = (
        at(50).context("no dependents")?,
        at(99).context("no dependents")?,
    );
    let mebibytes = u32::try_from(old_layer.len() / 1_048_576).context("a base of that size")?;
    Ok(format!(
        "| base | {} files, {} MiB; {} paths differ |\n{}\
         | packed index | {} KiB, read in {:.1} ms |\n\
         | what the two bases say alone, once per pair | {:.0} ms |\n\
         | verdict, {} dependents | p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms |\n\
         | of them | {} |\n",
        files.len(),
        old_layer.len() / 1_048_576,
        delta.1.changed_paths(),
        speed.lines(mebibytes),
        packed.len() / 1024,
        milliseconds(unpacking.0),
        milliseconds(delta.0),
        took.len(),
        milliseconds(*median),
        milliseconds(*p99),
        milliseconds(took.last().copied().unwrap_or_default()),
        tiers
            .iter()
            .map(|(tier, count)| format!("{count} {tier}"))
            .collect::<Vec<_>>()
            .join(", "),
    ))
}

/// What this thread has used of the processor: others use the machine, too (proc(5), `schedstat`, in nanoseconds).
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let used = text.split(' ').next().and_then(|used| used.parse().ok());
    Duration::from_nanos(used.unwrap_or_default())
}

/// Processor time of the thread that reads, the best of all rounds. Where another thread hashes, the slower one decides.
#[derive(Default)]
struct Speed([Option<Duration>; 5]);

impl Speed {
    fn round(&mut self, what: usize, work: impl FnOnce()) {
        let start = processor_time();
        work();
        let took = processor_time().saturating_sub(start);
        let best = &mut self.0[what];
        *best = Some(best.map_or(took, |best| best.min(took)));
    }

    fn lines(&self, mebibytes: u32) -> String {
        let seconds = self.0.map(|best| best.unwrap_or_default().as_secs_f64());
        let mut seconds = seconds;
        seconds[1] = seconds[1].max(seconds[0]);
        seconds[4] = seconds[4].max(seconds[0]);
        let rate = |what: usize| f64::from(mebibytes) / seconds[what];
        format!(
            "| SHA-256 alone | {:.0} MiB/s |\n\
             | indexing a layer, the DiffID on another core | {:.0} MiB/s, {:.2} of hashing |\n\
             | the same on one core | {:.0} MiB/s, {:.2} of hashing |\n\
             | inflating and hashing a gzip layer | {:.0} MiB/s |\n\
             | indexing it | {:.0} MiB/s, {:.2} of that |\n",
            rate(0),
            rate(1),
            seconds[0] / seconds[1],
            rate(2),
            seconds[0] / seconds[2],
            rate(3),
            rate(4),
            seconds[3] / seconds[4],
        )
    }
}

/// Hashes what is written to it.
struct Sink(Hasher);

impl Default for Sink {
    fn default() -> Self {
        Self(Hasher::new(Algorithm::Sha256))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes)?;
    Ok(writer.finish()?)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn timed<T>(work: impl Fn() -> Result<T>) -> Result<(Duration, T)> {
    // The best of three: the machine has other work.
    let mut best = Duration::MAX;
    let mut last = None;
    for _ in 0..3 {
        let start = Instant::now();
        last = Some(work()?);
        best = best.min(start.elapsed());
    }
    Ok((best, last.context("worked three times")?))
}

struct Source {
    path: String,
    content: Vec<u8>,
}

fn files(bytes_max: usize) -> Result<Vec<Source>> {
    let mut found = Vec::new();
    let mut bytes = 0;
    for folder in FOLDERS {
        take(Path::new(folder), bytes_max, &mut bytes, &mut found)?;
    }
    Ok(found)
}

fn take(folder: &Path, bytes_max: usize, bytes: &mut usize, found: &mut Vec<Source>) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(());
    };
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    paths.sort();
    for path in paths {
        let about = std::fs::symlink_metadata(&path)?;
        if about.is_dir() {
            take(&path, bytes_max, bytes, found)?;
        } else if about.is_file() && about.len() < 20_000_000 && *bytes < bytes_max {
            let content = std::fs::read(&path)?;
            *bytes += content.len();
            let path = path.to_string_lossy().trim_start_matches('/').to_owned();
            found.push(Source { path, content });
        }
    }
    Ok(())
}

fn layer(files: &[Source], is_changed: impl Fn(usize) -> bool) -> Result<Vec<u8>> {
    let mut layer = tar::Builder::new(Vec::new());
    for (number, file) in files.iter().enumerate() {
        let mut content = file.content.clone();
        if is_changed(number) {
            content.extend(b"changed");
        }
        append(&mut layer, &file.path, &content)?;
    }
    Ok(layer.into_inner()?)
}

fn append(layer: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8]) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(content.len() as u64);
    layer.append_data(&mut header, path, content)?;
    Ok(())
}

/// An image of copies, on the old base.
fn dependent(base: &ImageFacts, files: &[Source], number: usize) -> Result<ImageFacts> {
    let mut layer = tar::Builder::new(Vec::new());
    for turn in 0..FILES[number % FILES.len()] {
        let file = &files[(number * 31 + turn * 17) % files.len()];
        append(&mut layer, &format!("app/{}", file.path), &file.content)?;
    }
    append(&mut layer, "app/number", number.to_string().as_bytes())?;
    let own = refloat_layer::index(layer.into_inner()?.as_slice(), "")?;
    let mut layers = base.layers.clone();
    layers.push(Arc::new(own));
    Ok(image(layers, &["COPY app /app"]))
}

fn image(layers: Vec<Arc<LayerIndex>>, history: &[&str]) -> ImageFacts {
    let diff_ids: Vec<Digest> = layers.iter().map(|layer| layer.diff_id).collect();
    let history: Vec<_> = ["ADD rootfs /"]
        .iter()
        .chain(history)
        .map(|line| json!({"created_by": line}))
        .collect();
    ImageFacts {
        config: json!({"os": "linux", "architecture": "amd64", "history": history,
            "config": {"Env": ["PATH=/usr/bin"], "Cmd": ["/usr/bin/env"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids}}),
        layers,
        diff_ids,
        ..ImageFacts::default()
    }
}
