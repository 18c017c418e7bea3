//! Layers: deterministic tars, compressed once.

use std::io::Write;

use anyhow::Result;
use aws_lc_rs::digest::{SHA256, digest};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tar::{EntryType, Header};

/// The media type of the layers made here.
const MEDIA_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A gzip layer, with the tar inside.
#[derive(Debug, Clone)]
pub struct Layer {
    tar: Vec<u8>,
    bytes: Vec<u8>,
    diff_id: String,
    digest: String,
}

impl Layer {
    /// The digest of what is stored.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The digest of the tar.
    pub fn diff_id(&self) -> &str {
        &self.diff_id
    }

    /// What is stored: gzip.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The tar inside.
    pub fn tar(&self) -> &[u8] {
        &self.tar
    }

    /// Its descriptor.
    pub fn descriptor(&self) -> Value {
        json!({ "mediaType": MEDIA_TYPE, "digest": self.digest, "size": self.bytes.len() })
    }
}

/// Collects files into a layer; all owned by root, all of one age.
pub struct Builder(tar::Builder<Vec<u8>>);

impl Builder {
    /// An empty layer.
    pub fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    /// Adds a folder.
    pub fn folder(&mut self, path: &str) -> Result<()> {
        self.entry(&format!("{path}/"), EntryType::Directory, 0o755, b"")
    }

    /// Adds a file.
    pub fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<()> {
        self.entry(path, EntryType::Regular, mode, content)
    }

    /// Adds a symbolic link.
    pub fn link(&mut self, path: &str, target: &str) -> Result<()> {
        let mut header = header(EntryType::Symlink, 0o777, 0);
        Ok(self.0.append_link(&mut header, path, target)?)
    }

    /// Compresses what was collected.
    pub fn finish(self) -> Result<Layer> {
        let tar = self.0.into_inner()?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&tar)?;
        let bytes = encoder.finish()?;
        Ok(Layer {
            diff_id: digest_of(&tar),
            digest: digest_of(&bytes),
            tar,
            bytes,
        })
    }

    fn entry(&mut self, path: &str, kind: EntryType, mode: u32, content: &[u8]) -> Result<()> {
        let mut header = header(kind, mode, content.len() as u64);
        Ok(self.0.append_data(&mut header, path, content)?)
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_704_067_200);
    header
}

/// `sha256:` and the digest of `bytes` in hexadecimal.
pub fn digest_of(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("sha256:");
    for byte in digest(&SHA256, bytes).as_ref() {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::digest_of;

    #[test]
    fn the_digest_of_nothing_is_the_well_known_one() {
        assert_eq!(
            digest_of(b""),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
