//! A packaged chart: a gzip of a tar whose entries lie below one folder (helm, pkg/chart/loader/archive).
//!
//! The size of a file and of the whole are Helm's limits. The number of files, the ratio of unpacked to packed bytes and
//! links are ours: no chart that helm packages comes near them.

use super::{ChartError, ChartFile};
use flate2::read::MultiGzDecoder;
use std::io::Read as _;

/// The most bytes of all files together.
pub const CHART_MAX_BYTES: u64 = 100 * 1024 * 1024;
/// The most bytes of one file.
pub const FILE_MAX_BYTES: u64 = 5 * 1024 * 1024;
/// The most files.
pub const FILES_MAX: usize = 20_000;
/// The most unpacked bytes per packed byte, once more than [`RATIO_FREE_BYTES`] are unpacked.
pub const RATIO_MAX: u64 = 250;
/// Up to here any ratio is fine: a small chart of zeros is no bomb.
pub const RATIO_FREE_BYTES: u64 = 10 * 1024 * 1024;

/// Unpacks an archive into files named relative to the chart, in the order of the archive.
///
/// # Errors
/// [`ChartError::Archive`] says which entry or limit.
pub fn unpack(bytes: &[u8]) -> Result<Vec<ChartFile>, ChartError> {
    if !bytes.starts_with(&[0x1f, 0x8b, 0x08]) {
        return Err(wrong(
            "this is no gzip archive; give a chart's .tgz or its folder",
        ));
    }
    let limit = CHART_MAX_BYTES + FILES_MAX as u64 * 1536;
    let mut archive = tar::Archive::new(MultiGzDecoder::new(bytes).take(limit));
    let (mut files, mut total) = (Vec::new(), 0_u64);
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        let written = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if written.ends_with('/') {
            continue;
        }
        if !(kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()) {
            return Err(wrong(&format!(
                "`{written}` is a link or a device; a chart holds plain files"
            )));
        }
        let name = inner_name(&written)?;
        let size = entry.size();
        if size > FILE_MAX_BYTES {
            return Err(wrong(&format!(
                "`{written}` is larger than {FILE_MAX_BYTES} bytes"
            )));
        }
        total += size;
        let bomb = total > RATIO_FREE_BYTES && total / RATIO_MAX > bytes.len() as u64;
        if total > CHART_MAX_BYTES || files.len() >= FILES_MAX || bomb {
            return Err(wrong(&format!(
                "the chart is larger than {CHART_MAX_BYTES} bytes, {FILES_MAX} files or {RATIO_MAX} times its archive"
            )));
        }
        let mut data = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        entry.read_to_end(&mut data).map_err(unreadable)?;
        if data.len() as u64 != size {
            return Err(wrong(&format!(
                "`{written}` ends early; the archive is damaged"
            )));
        }
        files.push(ChartFile::new(name, data));
    }
    if files.is_empty() {
        return Err(wrong("the archive holds no files"));
    }
    Ok(files)
}

/// The name below the chart's folder; the first segment is that folder, whatever it is called.
fn inner_name(written: &str) -> Result<String, ChartError> {
    let path = if written.contains('\\') {
        written.replace('\\', "/")
    } else {
        written.to_owned()
    };
    let Some((folder, rest)) = path.split_once('/') else {
        return Err(match path.as_str() {
            "Chart.yaml" => wrong("Chart.yaml is not in a folder; archive the chart's folder"),
            _ => wrong(&format!("`{written}` is not in the chart's folder")),
        });
    };
    if rest.starts_with('/') {
        return Err(wrong(&format!("`{written}` is an absolute path")));
    }
    if folder == "Chart.yaml" {
        return Err(wrong(
            "Chart.yaml is not in a folder; archive the chart's folder",
        ));
    }
    let name = clean(rest);
    if name == "." || name == ".." || name.starts_with("../") || name.starts_with("..") {
        return Err(wrong(&format!("`{written}` points outside the chart")));
    }
    let drive = name.as_bytes();
    if drive.len() > 2 && drive[0].is_ascii_alphabetic() && &drive[1..3] == b":/" {
        return Err(wrong(&format!("`{written}` names a drive")));
    }
    Ok(name)
}

/// Go's `path.Clean` of a relative path.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}

fn wrong(reason: &str) -> ChartError {
    ChartError::Archive(reason.to_owned())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what map_err hands over"
)]
fn unreadable(error: std::io::Error) -> ChartError {
    ChartError::Archive(format!("the archive cannot be read: {error}"))
}
