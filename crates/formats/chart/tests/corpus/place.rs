//! Where the corpus is.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let entries = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = entries
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The unpacked corpus.
pub fn corpus() -> Option<PathBuf> {
    static ONCE: OnceLock<Option<PathBuf>> = OnceLock::new();
    ONCE.get_or_init(unpacked).clone()
}

/// It is unpacked once per archive, into the target folder.
fn unpacked() -> Option<PathBuf> {
    let archive =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/charts/corpus.tar.zst");
    let Ok(metadata) = fs::metadata(&archive) else {
        println!("skipped: there are no charts at {}", archive.display());
        return None;
    };
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = root.join(format!("corpus-{}", metadata.len()));
    if !folder.exists() {
        let unpacking = root.join(format!("corpus-{}-{}", metadata.len(), std::process::id()));
        let file = fs::File::open(&archive).expect("the archive can be opened");
        let mut tar = Vec::new();
        let mut decoder =
            ruzstd::decoding::StreamingDecoder::new(file).expect("the archive is zstd");
        decoder
            .read_to_end(&mut tar)
            .expect("the archive can be unpacked");
        tar::Archive::new(tar.as_slice())
            .unpack(&unpacking)
            .expect("the archive is a tar");
        let _ = fs::rename(&unpacking, &folder);
    }
    Some(folder)
}
