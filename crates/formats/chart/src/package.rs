//! A chart as Helm packages it (helm, pkg/chart/v2/util/save.go): a tar in a gzip, `Chart.yaml` written anew, all else as
//! it was. The same chart gives the same bytes: no clock is asked and every file has the same time.

use crate::chart::Chart;
use crate::load::{ChartError, ChartFile};
use flate2::{Compression, GzBuilder};
use std::io::Write as _;

/// The marks that Helm puts into the head of the gzip.
const COMMENT: &str = "Helm";
const EXTRA: &[u8] = b"rr\x28\x00aHR0cHM6Ly95b3V0dS5iZS96OVV6MWljandyTQo=";
/// The time of every file: 1980-01-01T00:00:00Z, which every archiver can hold.
const MODIFIED_SECONDS: u64 = 315_532_800;

/// The bytes of `NAME-VERSION.tgz`.
///
/// # Errors
/// [`ChartError`] if its values or schema cannot be read, or a name cannot stand in an archive.
pub fn package(chart: &Chart) -> Result<Vec<u8>, ChartError> {
    chart.values()?;
    let mut gzip = GzBuilder::new()
        .comment(COMMENT)
        .extra(EXTRA)
        .operating_system(255)
        .write(Vec::new(), Compression::default());
    let mut archive = tar::Builder::new(Vec::new());
    add(&mut archive, chart, "")?;
    let bytes = archive.into_inner().map_err(unwritable)?;
    gzip.write_all(&bytes).map_err(unwritable)?;
    gzip.finish().map_err(unwritable)
}

/// The name of the archive's file.
pub fn file_name(chart: &Chart) -> String {
    format!("{}-{}.tgz", chart.name(), chart.metadata.version)
}

fn add(archive: &mut tar::Builder<Vec<u8>>, chart: &Chart, prefix: &str) -> Result<(), ChartError> {
    let folder = format!("{prefix}{}", chart.name());
    let old = chart.metadata.api_version == "v1";
    let mut metadata = chart.metadata.clone();
    if old {
        // They stand in requirements.yaml, which is one of the files.
        metadata.dependencies.clear();
    }
    let mut files = vec![ChartFile::new("Chart.yaml", metadata.to_yaml())];
    if let (false, Some(lock)) = (old, &chart.lock) {
        files.push(ChartFile::new("Chart.lock", lock.to_yaml()));
    }
    if let Some(values) = &chart.values_file {
        files.push(ChartFile::new("values.yaml", values));
    }
    if let Some(schema) = &chart.schema {
        if let Err(error) = serde_json::from_slice::<serde_json::Value>(schema) {
            return Err(ChartError::Yaml {
                file: "values.schema.json".to_owned(),
                reason: format!("invalid JSON: {error}"),
            });
        }
        files.push(ChartFile::new("values.schema.json", schema));
    }
    let rest = chart.templates.iter().chain(&chart.files);
    for file in files.iter().chain(rest) {
        append(archive, &format!("{folder}/{}", file.name), &file.data)?;
    }
    for below in &chart.dependencies {
        add(archive, below, &format!("{folder}/charts/"))?;
    }
    Ok(())
}

fn append(archive: &mut tar::Builder<Vec<u8>>, name: &str, data: &[u8]) -> Result<(), ChartError> {
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_mtime(MODIFIED_SECONDS);
    header.set_size(data.len() as u64);
    header.set_entry_type(tar::EntryType::Regular);
    archive
        .append_data(&mut header, name, data)
        .map_err(unwritable)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what map_err hands over"
)]
fn unwritable(error: std::io::Error) -> ChartError {
    ChartError::Archive(format!("the archive cannot be written: {error}"))
}
