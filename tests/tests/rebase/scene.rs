//! Images made of a few files, with the history that builders write, and `refloat` run on them.

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use refloat_rig::image::{architecture, digest_of};
use refloat_rig::{Tool, run, server};
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// How a layer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Fast,
    Best,
}

/// A layer: its tar, and what made it.
#[derive(Clone)]
pub struct Layer {
    pub tar: Vec<u8>,
    pub packing: Packing,
    pub made_by: String,
}

/// Collects the files of a layer.
pub struct Files {
    tar: tar::Builder<Vec<u8>>,
    made_by: String,
}

impl Files {
    pub fn by(made_by: &str) -> Self {
        Self {
            tar: tar::Builder::new(Vec::new()),
            made_by: made_by.to_owned(),
        }
    }

    pub fn folder(self, path: &str) -> Self {
        self.entry(path, tar::EntryType::Directory, 0o755, b"")
    }

    pub fn file(self, path: &str, content: &str) -> Self {
        self.entry(path, tar::EntryType::Regular, 0o644, content.as_bytes())
    }

    pub fn program(self, path: &str, content: &[u8]) -> Self {
        self.entry(path, tar::EntryType::Regular, 0o755, content)
    }

    pub fn link(mut self, path: &str, target: &str) -> Self {
        let mut header = header(tar::EntryType::Symlink, 0o777, 0);
        self.tar
            .append_link(&mut header, path, target)
            .expect("a link");
        self
    }

    fn entry(mut self, path: &str, kind: tar::EntryType, mode: u32, content: &[u8]) -> Self {
        let mut header = header(kind, mode, content.len() as u64);
        self.tar
            .append_data(&mut header, path, content)
            .expect("an entry");
        self
    }

    pub fn layer(self) -> Layer {
        Layer {
            tar: self.tar.into_inner().expect("a tar"),
            packing: Packing::Fast,
            made_by: self.made_by,
        }
    }
}

fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_704_067_200);
    header
}

/// An image to be written.
#[derive(Clone)]
pub struct Image {
    pub layers: Vec<Layer>,
    pub config: Value,
    pub created: String,
    pub architecture: String,
    pub annotations: Value,
    pub history: bool,
}

impl Image {
    pub fn new(layers: Vec<Layer>, config: Value) -> Self {
        Self {
            layers,
            config,
            created: "2024-01-01T00:00:00Z".to_owned(),
            architecture: architecture().to_owned(),
            annotations: Value::Null,
            history: true,
        }
    }

    /// The same with further layers and another configuration, as a build from it makes it.
    pub fn with(&self, layers: Vec<Layer>, config: Value) -> Self {
        let mut child = self.clone();
        child.layers.extend(layers);
        child.config = config;
        child
    }

    pub fn on(&self, architecture: &str) -> Self {
        Self {
            architecture: architecture.to_owned(),
            ..self.clone()
        }
    }

    /// Writes blobs and manifest into a layout; the manifest's descriptor.
    pub fn write(&self, layout: &Path) -> Result<Value> {
        let mut descriptors = Vec::new();
        let mut diff_ids = Vec::new();
        let mut history = Vec::new();
        for layer in &self.layers {
            let (kind, bytes) = packed(layer)?;
            diff_ids.push(digest_of(&layer.tar));
            descriptors.push(blob(layout, &bytes, kind)?);
            history.push(json!({ "created": self.created, "created_by": layer.made_by }));
        }
        let mut config = json!({
            "created": self.created, "architecture": self.architecture, "os": "linux", "config": self.config,
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        if self.history {
            config["history"] = json!(history);
        }
        let config = blob(
            layout,
            config.to_string().as_bytes(),
            "application/vnd.oci.image.config.v1+json",
        )?;
        let mut manifest = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": descriptors });
        if !self.annotations.is_null() {
            manifest["annotations"] = self.annotations.clone();
        }
        blob(
            layout,
            manifest.to_string().as_bytes(),
            "application/vnd.oci.image.manifest.v1+json",
        )
    }
}

fn packed(layer: &Layer) -> Result<(&'static str, Vec<u8>)> {
    let level = match layer.packing {
        Packing::Plain => return Ok(("application/vnd.oci.image.layer.v1.tar", layer.tar.clone())),
        Packing::Fast => Compression::fast(),
        Packing::Best => Compression::best(),
    };
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(&layer.tar)?;
    Ok((
        "application/vnd.oci.image.layer.v1.tar+gzip",
        encoder.finish()?,
    ))
}

/// Writes a blob; its descriptor.
pub fn blob(layout: &Path, bytes: &[u8], kind: &str) -> Result<Value> {
    let digest = digest_of(bytes);
    let path = blob_path(layout, &digest);
    fs::create_dir_all(path.parent().context("a folder")?)?;
    fs::write(path, bytes)?;
    Ok(json!({ "mediaType": kind, "digest": digest, "size": bytes.len() }))
}

pub fn blob_path(layout: &Path, digest: &str) -> PathBuf {
    layout.join("blobs").join(digest.replace(':', "/"))
}

/// A folder with a layout in it, and the program to try.
pub struct Scene {
    pub folder: TempDir,
}

impl Scene {
    pub fn new() -> Result<Self> {
        Ok(Self {
            folder: tempfile::tempdir()?,
        })
    }

    pub fn layout(&self) -> PathBuf {
        self.folder.path().join("layout")
    }

    pub fn reference(&self, tag: &str) -> String {
        format!("oci:{}:{tag}", self.layout().display())
    }

    /// Names a descriptor in the layout's index.
    pub fn name(&self, descriptor: &Value, tag: &str) -> Result<()> {
        let path = self.layout().join("index.json");
        let mut index: Value = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(_) => json!({ "schemaVersion": 2, "manifests": [] }),
        };
        let mut entry = descriptor.clone();
        entry["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
        index["manifests"]
            .as_array_mut()
            .context("a list")?
            .push(entry);
        fs::write(
            self.layout().join("oci-layout"),
            "{\"imageLayoutVersion\":\"1.0.0\"}",
        )?;
        Ok(fs::write(path, index.to_string())?)
    }

    pub fn put(&self, image: &Image, tag: &str) -> Result<String> {
        let descriptor = image.write(&self.layout())?;
        self.name(&descriptor, tag)?;
        Ok(descriptor["digest"]
            .as_str()
            .context("a digest")?
            .to_owned())
    }

    /// `refloat` with a home of its own and no server.
    pub fn refloat(&self) -> Result<Command> {
        let home = self.folder.path().join("home");
        fs::create_dir_all(&home)?;
        let mut command = Command::new(server::binary()?);
        command
            .env("HOME", home)
            .env("NO_COLOR", "1")
            .current_dir(self.folder.path());
        for name in [
            "REFLOAT_SERVER",
            "REFLOAT_USER",
            "REFLOAT_PASSWORD",
            "REFLOAT_FAIL",
            "DOCKER_CONFIG",
            "XDG_CACHE_HOME",
            "SOURCE_DATE_EPOCH",
        ] {
            command.env_remove(name);
        }
        Ok(command)
    }

    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        run::captured(self.refloat()?.args(arguments))
    }

    /// Runs a verb whose exit code must be `code`; its JSON.
    pub fn json(&self, arguments: &[&str], code: i32) -> Result<Value> {
        let output = self.run(&[arguments, &["-o", "json"]].concat())?;
        told(&output, arguments, code)
    }

    /// Reads a manifest of the layout by what `refloat` printed as result.
    pub fn manifest(&self, result: &Value) -> Result<Value> {
        let digest = result["digest"]
            .as_str()
            .with_context(|| format!("no digest in {result:#}"))?;
        self.read(digest)
    }

    pub fn read(&self, digest: &str) -> Result<Value> {
        let bytes = fs::read(blob_path(&self.layout(), digest))?;
        ensure!(digest_of(&bytes) == digest, "{digest} has other bytes");
        Ok(serde_json::from_slice(&bytes)?)
    }
}

/// The JSON of an output that ended with `code`.
pub fn told(output: &Output, arguments: &[&str], code: i32) -> Result<Value> {
    let (out, error) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    ensure!(
        output.status.code() == Some(code),
        "refloat {}: {} instead of {code}\n{out}\n{error}",
        arguments.join(" "),
        output.status
    );
    let text = if out.trim().is_empty() { error } else { out };
    serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"))
}

fn status(packages: &[(&str, &str)]) -> String {
    let paragraph = |(name, version): &(&str, &str)| {
        format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n"
        )
    };
    packages.iter().map(paragraph).collect()
}

/// A base with busybox, dpkg's database and a library of `version`.
pub fn base(version: &str) -> Result<Image> {
    let program = fs::read(Tool::Busybox.path()?)?;
    let system = Files::by("ADD rootfs.tar / # buildkit")
        .folder("bin")
        .program("bin/busybox", &program)
        .link("bin/sh", "busybox")
        .folder("etc")
        .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
        .file("etc/passwd", "root:x:0:0:root:/:/bin/sh\n")
        .file("etc/group", "root:x:0:\n")
        .folder("usr")
        .folder("usr/share")
        .folder("usr/share/keel")
        .file("usr/share/keel/table", &format!("table of {version}\n"))
        .folder("var")
        .folder("var/lib")
        .folder("var/lib/dpkg")
        .file(
            "var/lib/dpkg/status",
            &status(&[("busybox", "1.35"), ("keel", version)]),
        )
        .layer();
    let config = json!({ "Env": ["PATH=/bin", format!("KEEL={version}")], "Cmd": ["sh"] });
    let mut image = Image::new(vec![system], config);
    image.created = format!("2024-01-0{}T00:00:00Z", version.len().min(9));
    Ok(image)
}

/// A child that copies one static program and a page.
pub fn app(base: &Image) -> Result<Image> {
    let program = fs::read(Tool::Busybox.path()?)?;
    let copied = Files::by("COPY server /app/server # buildkit")
        .folder("app")
        .program("app/server", &program)
        .file("app/page.html", "<p>afloat</p>\n")
        .layer();
    let mut config = base.config.clone();
    config["Entrypoint"] = json!(["/app/server", "httpd", "-f"]);
    config["Cmd"] = Value::Null;
    config["Labels"] = json!({ "team": "web" });
    let mut child = base.with(vec![copied], config);
    "2024-03-01T00:00:00Z".clone_into(&mut child.created);
    Ok(child)
}

/// Bases `old` and `new`, and `web` on the old one, in a layout.
pub fn moved() -> Result<Scene> {
    let scene = Scene::new()?;
    let old = base("1.0")?;
    scene.put(&old, "old")?;
    scene.put(&base("1.0.1")?, "new")?;
    scene.put(&app(&old)?, "web")?;
    Ok(scene)
}
