//! `cargo xtask bench verdict`: how fast layers are indexed, and how long a verdict takes on layers that are.
//!
//! The base is this machine's own programs and libraries; the new base is the same with every fortieth file changed. The
//! dependents are copies of programs, libraries and texts, of four sizes. No network, no disk but for reading.

use anyhow::{Context, Result};
use refloat_layer::LayerIndex;
use refloat_oci::Digest;
use refloat_verdict::{BaseDelta, GraphFacts, ImageFacts, PlatformName, judge_with};
use serde_json::json;
use std::collections::BTreeMap;
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
    /// Also write the tables, as markdown, to this file.
    #[arg(long)]
    report: Option<PathBuf>,
}

/// Where the files come from.
const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/lib/x86_64-linux-gnu", "/usr/share/perl"];
/// Files of a dependent, by turns.
const FILES: [usize; 4] = [1, 5, 30, 120];

/// Runs it and prints its table.
pub fn run(options: &Options) -> Result<()> {
    let files = files(options.base * 1024 * 1024)?;
    let old_layer = layer(&files, |_| false)?;
    let new_layer = layer(&files, |number| number % 40 == 7)?;
    let hashing = timed(|| Ok(Digest::sha256(&old_layer)))?;
    let indexing = timed(|| Ok(refloat_layer::index(old_layer.as_slice(), "")?))?;
    let new_index = refloat_layer::index(new_layer.as_slice(), "")?;
    let packed = indexing.1.to_bytes();
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
    let rate = |time: Duration| f64::from(mebibytes) / time.as_secs_f64();
    let text = format!(
        "| what | figure |\n|---|---|\n\
         | base | {} files, {} MiB; {} paths differ |\n\
         | SHA-256 alone | {:.0} MiB/s |\n\
         | indexing a layer (its DiffID and each file hashed) | {:.0} MiB/s, {:.2} of hashing |\n\
         | packed index | {} KiB, read in {:.1} ms |\n\
         | what the two bases say alone, once per pair | {:.0} ms |\n\
         | verdict, {} dependents | p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms |\n\
         | of them | {} |\n",
        files.len(),
        old_layer.len() / 1_048_576,
        delta.1.changed_paths(),
        rate(hashing.0),
        rate(indexing.0),
        hashing.0.as_secs_f64() / indexing.0.as_secs_f64(),
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
    );
    println!("{text}");
    if let Some(path) = &options.report {
        std::fs::write(path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
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
