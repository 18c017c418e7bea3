//! Real input: images that run, images of random bytes, charts made by helm.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

mod chart;
mod layer;
mod write;

pub use chart::{Chart, chart};
pub use layer::{Builder as LayerBuilder, Layer, digest_of};

use crate::Tool;
use crate::seed::Seed;

/// Everything has this age, so that the same input has the same digest everywhere.
const CREATED: &str = "2024-01-01T00:00:00Z";

/// What of busybox the image has a name for.
const APPLETS: [&str; 16] = [
    "ash", "cat", "chmod", "cp", "echo", "env", "false", "id", "ls", "mkdir", "sh", "sleep",
    "true", "uname", "wc", "wget",
];

/// An OCI image in memory: manifest, configuration and layers, all bytes fixed.
#[derive(Debug, Clone)]
pub struct Image {
    manifest: Vec<u8>,
    config: Vec<u8>,
    layers: Vec<Layer>,
}

impl Image {
    /// The machine's static busybox, with its applets, in one layer. It runs.
    pub fn busybox() -> Result<Self> {
        let path = Tool::Busybox.path()?;
        let program = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut files = layer::Builder::new();
        for folder in ["bin", "etc", "tmp"] {
            files.folder(folder)?;
        }
        files.file("bin/busybox", 0o755, &program)?;
        for applet in APPLETS {
            files.link(&format!("bin/{applet}"), "busybox")?;
        }
        files.file("etc/passwd", 0o644, b"root:x:0:0:root:/:/bin/sh\n")?;
        Self::new(
            vec![files.finish()?],
            &json!({ "Cmd": ["sh"], "Env": ["PATH=/bin"] }),
        )
    }

    /// One layer of random bytes per entry of `sizes_bytes`. Layers do not compress, so
    /// that they are about as large as they say; the same seed gives the same digests.
    pub fn random(seed: u64, sizes_bytes: &[usize]) -> Result<Self> {
        let mut seed = Seed::new(seed);
        let mut layers = Vec::new();
        for (number, size) in sizes_bytes.iter().enumerate() {
            let mut bytes = vec![0; *size];
            seed.fill(&mut bytes);
            let mut files = layer::Builder::new();
            files.file(&format!("random-{number}"), 0o644, &bytes)?;
            layers.push(files.finish()?);
        }
        Self::new(layers, &json!({}))
    }

    /// An image of `layers` for this machine's platform, with `config` as the `config` of
    /// its configuration.
    pub fn new(layers: Vec<Layer>, config: &Value) -> Result<Self> {
        let history: Vec<Value> = layers
            .iter()
            .map(|_| json!({ "created": CREATED, "created_by": "COPY rig / # made by the rig" }))
            .collect();
        let diff_ids: Vec<&str> = layers.iter().map(Layer::diff_id).collect();
        let config = serde_json::to_vec(&json!({
            "created": CREATED,
            "architecture": architecture(),
            "os": "linux",
            "config": config,
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
            "history": history,
        }))?;
        let manifest = serde_json::to_vec(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest_of(&config),
                "size": config.len(),
            },
            "layers": layers.iter().map(Layer::descriptor).collect::<Vec<_>>(),
        }))?;
        Ok(Self {
            manifest,
            config,
            layers,
        })
    }

    /// The digest of the manifest.
    pub fn digest(&self) -> String {
        digest_of(&self.manifest)
    }

    /// The bytes of the manifest.
    pub fn manifest(&self) -> &[u8] {
        &self.manifest
    }

    /// The bytes of the configuration.
    pub fn config(&self) -> &[u8] {
        &self.config
    }

    /// The layers, the lowest first.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Adds the image to the OCI layout in `folder` (made if missing) under `tag`, so that
    /// `oci:FOLDER:TAG` names it.
    pub fn write_layout(&self, folder: &Path, tag: &str) -> Result<()> {
        write::layout(self, folder, tag)
    }

    /// Writes a tar of such a layout: `oci-archive:PATH:TAG`.
    pub fn write_oci_archive(&self, path: &Path, tag: &str) -> Result<()> {
        write::oci_archive(self, path, tag)
    }

    /// Writes what `docker load` reads: `docker-archive:PATH`, with `name` such as `a/b:1`.
    pub fn write_docker_archive(&self, path: &Path, name: &str) -> Result<()> {
        write::docker_archive(self, path, name)
    }
}

/// This machine's architecture in OCI's words.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::{require, run};

    #[test]
    fn the_same_seed_makes_the_same_image() -> Result<()> {
        let first = Image::random(1, &[1000, 70_000])?;
        assert_eq!(first.digest(), Image::random(1, &[1000, 70_000])?.digest());
        assert_ne!(first.digest(), Image::random(2, &[1000, 70_000])?.digest());
        assert_eq!(first.layers().len(), 2);
        assert!(first.layers()[1].bytes().len() > 70_000);
        Ok(())
    }

    #[test]
    fn skopeo_reads_every_form_of_busybox() -> Result<()> {
        if !require(&[Tool::Skopeo, Tool::Busybox])? {
            return Ok(());
        }
        let folder = tempfile::tempdir()?;
        let image = Image::busybox()?;
        let at = |name: &str| folder.path().join(name);
        image.write_layout(&at("layout"), "1")?;
        Image::random(5, &[10])?.write_layout(&at("layout"), "2")?;
        image.write_oci_archive(&at("oci.tar"), "1")?;
        image.write_docker_archive(&at("docker.tar"), "rig/busybox:1")?;
        let folder = folder.path().display();
        for (reference, digest) in [
            (format!("oci:{folder}/layout:1"), Some(image.digest())),
            (
                format!("oci-archive:{folder}/oci.tar:1"),
                Some(image.digest()),
            ),
            // docker's archive has no manifest: skopeo makes one of its own.
            (format!("docker-archive:{folder}/docker.tar"), None),
        ] {
            let mut inspect = Command::new(Tool::Skopeo.path()?);
            inspect.args([
                "inspect",
                "--format",
                "{{.Digest}} {{.Architecture}}",
                &reference,
            ]);
            let said = run::stdout(&mut inspect)?;
            assert!(said.ends_with(architecture()), "{said}");
            if let Some(digest) = digest {
                assert!(said.starts_with(&digest), "{reference}: {said}");
            }
        }
        Ok(())
    }
}
