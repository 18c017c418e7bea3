//! Real charts, with values that their authors or nobody ever meant: `lint` says what the real helm says.

use std::fs;
use std::io::Read as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use refloat_rig::{Tool, require};

use crate::helm::Bench;

/// Both programs at a time, so many times.
const THREADS: usize = 2;
/// Sets of values of a chart that are tried, beside its own.
const SETS_MAX: usize = 1;

#[test]
fn real_charts_are_linted_alike() -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/charts/corpus.tar.zst");
    if !archive.is_file() {
        writeln!(
            std::io::stderr(),
            "skipped: there are no charts at {}",
            archive.display()
        )?;
        return Ok(());
    }
    let bench = Bench::new()?;
    unpack(&archive, &bench.path("corpus"))?;
    let cases = cases(&bench.path("corpus"))?;
    ensure!(cases.len() >= 56, "the corpus has {} cases", cases.len());
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let words: Vec<&str> = case.iter().map(String::as_str).collect();
                    if let Err(error) = bench.alike(&words) {
                        wrong.lock().expect("no thread panics").push(error);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner()?;
    ensure!(
        wrong.is_empty(),
        "{} of {} differ, the first: {:#}",
        wrong.len(),
        cases.len(),
        wrong[0]
    );
    Ok(())
}

/// What is typed: each chart as it is, strictly, and with a set of values.
fn cases(corpus: &Path) -> Result<Vec<Vec<String>>> {
    let mut cases = Vec::new();
    for name in names(&corpus.join("charts"))? {
        let lint = ["lint".to_owned(), format!("corpus/charts/{name}")];
        cases.push([lint.as_slice(), &["--strict".to_owned()]].concat());
        let sets = names(&corpus.join("values").join(&name)).unwrap_or_default();
        for set in sets.iter().take(SETS_MAX) {
            let values = ["-f".to_owned(), format!("corpus/values/{name}/{set}")];
            cases.push([lint.as_slice(), &values].concat());
        }
    }
    Ok(cases)
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn unpack(archive: &Path, folder: &PathBuf) -> Result<()> {
    let mut tar = Vec::new();
    let file = fs::File::open(archive)?;
    ruzstd::decoding::StreamingDecoder::new(file)
        .context("the archive is zstd")?
        .read_to_end(&mut tar)?;
    Ok(tar::Archive::new(tar.as_slice()).unpack(folder)?)
}
