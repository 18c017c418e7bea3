//! Real layers: tar bytes as builders write them, and ELF files.

use std::sync::Arc;

use refloat_layer::LayerIndex;
use refloat_verdict::{BaseDelta, GraphFacts, ImageFacts, PlatformName, Tier, Verdict, judge_with};
use serde_json::{Value, json};

/// One member of a layer, in order.
#[derive(Clone)]
enum Member {
    File(String, Vec<u8>, u32, (u64, u64)),
    Folder(String, u32, (u64, u64)),
    Link(String, String),
    Hard(String, String),
    Xattr(String, Vec<u8>),
}

/// A layer in the making.
#[derive(Clone, Default)]
pub struct Layer {
    members: Vec<Member>,
}

impl Layer {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.owned(path, content, 0o644, (0, 0))
    }

    pub fn program(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.owned(path, content, 0o755, (0, 0))
    }

    pub fn owned(
        mut self,
        path: &str,
        content: impl AsRef<[u8]>,
        mode: u32,
        owner: (u64, u64),
    ) -> Self {
        self.members.push(Member::File(
            path.into(),
            content.as_ref().to_vec(),
            mode,
            owner,
        ));
        self
    }

    pub fn folder(self, path: &str) -> Self {
        self.folder_as(path, 0o755, (0, 0))
    }

    pub fn folder_as(mut self, path: &str, mode: u32, owner: (u64, u64)) -> Self {
        self.members.push(Member::Folder(path.into(), mode, owner));
        self
    }

    pub fn link(mut self, path: &str, target: &str) -> Self {
        self.members.push(Member::Link(path.into(), target.into()));
        self
    }

    pub fn hard(mut self, path: &str, target: &str) -> Self {
        self.members.push(Member::Hard(path.into(), target.into()));
        self
    }

    /// The next member has `security.capability`.
    pub fn capability(mut self, value: &[u8]) -> Self {
        self.members.push(Member::Xattr(
            "SCHILY.xattr.security.capability".into(),
            value.to_vec(),
        ));
        self
    }

    pub fn gone(self, path: &str) -> Self {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let at = if folder.is_empty() {
            format!(".wh.{name}")
        } else {
            format!("{folder}/.wh.{name}")
        };
        self.file(&at, "")
    }

    pub fn opaque(self, folder: &str) -> Self {
        self.folder(folder)
            .file(&format!("{folder}/.wh..wh..opq"), "")
    }

    /// Leaves out, or replaces by nothing, all members at a path.
    pub fn without(mut self, path: &str) -> Self {
        let is_at = |member: &Member| match member {
            Member::File(at, ..)
            | Member::Folder(at, ..)
            | Member::Link(at, _)
            | Member::Hard(at, _) => at == path,
            Member::Xattr(..) => false,
        };
        let before = self.members.len();
        self.members.retain(|member| !is_at(member));
        assert_ne!(before, self.members.len(), "{path} is in the layer");
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for member in &self.members {
            let mut header = tar::Header::new_gnu();
            header.set_mtime(1_700_000_000);
            let mut put = |header: &mut tar::Header, path: &str, content: &[u8]| {
                header.set_size(content.len() as u64);
                builder
                    .append_data(header, path, content)
                    .expect("a member");
            };
            match member {
                Member::File(path, content, mode, owner) => {
                    header.set_mode(*mode);
                    header.set_uid(owner.0);
                    header.set_gid(owner.1);
                    put(&mut header, path, content);
                }
                Member::Folder(path, mode, owner) => {
                    header.set_entry_type(tar::EntryType::Directory);
                    header.set_mode(*mode);
                    header.set_uid(owner.0);
                    header.set_gid(owner.1);
                    put(&mut header, &format!("{path}/"), &[]);
                }
                Member::Link(path, target) => {
                    header.set_entry_type(tar::EntryType::Symlink);
                    header.set_mode(0o777);
                    header.set_size(0);
                    builder
                        .append_link(&mut header, path, target)
                        .expect("a link");
                }
                Member::Hard(path, target) => {
                    header.set_entry_type(tar::EntryType::Link);
                    header.set_mode(0o755);
                    header.set_size(0);
                    builder
                        .append_link(&mut header, path, target)
                        .expect("a hard link");
                }
                Member::Xattr(key, value) => builder
                    .append_pax_extensions([(key.as_str(), value.as_slice())])
                    .expect("records"),
            }
        }
        builder.into_inner().expect("an archive")
    }

    fn index(&self) -> Arc<LayerIndex> {
        let bytes = self.bytes();
        let index = refloat_layer::index(bytes.as_slice(), "").expect("a layer");
        let packed = LayerIndex::from_bytes(&index.to_bytes()).expect("the packed form");
        assert_eq!(packed, index, "packing loses nothing");
        Arc::new(packed)
    }
}

/// An image: layers, and what its config says.
#[derive(Clone)]
pub struct Image {
    layers: Vec<Arc<LayerIndex>>,
    history: Vec<Value>,
    pub config: Value,
    pub platform: (&'static str, &'static str),
}

impl Image {
    pub fn of(layer: &Layer) -> Self {
        let mut image = Self {
            layers: Vec::new(),
            history: Vec::new(),
            config: json!({"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}),
            platform: ("linux", "amd64"),
        };
        image.put(layer, "ADD rootfs / # buildkit");
        image
    }

    fn put(&mut self, layer: &Layer, created_by: &str) {
        self.layers.push(layer.index());
        self.history.push(json!({"created_by": created_by}));
    }

    /// On top of this image, as `COPY` does it.
    pub fn copy(&self, layer: &Layer) -> Self {
        self.with(layer, "COPY app / # buildkit")
    }

    /// On top of this image, as `RUN` does it.
    pub fn run(&self, layer: &Layer) -> Self {
        self.with(layer, "RUN /bin/sh -c make # buildkit")
    }

    pub fn with(&self, layer: &Layer, created_by: &str) -> Self {
        let mut image = self.clone();
        image.put(layer, created_by);
        image
    }

    /// Sets a field of the config.
    pub fn set(&self, field: &str, value: Value) -> Self {
        let mut image = self.clone();
        image.config[field] = value;
        image
            .history
            .push(json!({"created_by": format!("{} {}", instruction(field), image.config[field]), "empty_layer": true}));
        image
    }

    pub fn facts(&self) -> ImageFacts {
        let diff_ids: Vec<_> = self.layers.iter().map(|layer| layer.diff_id).collect();
        ImageFacts {
            config: json!({
                "os": self.platform.0, "architecture": self.platform.1, "config": self.config,
                "rootfs": {"type": "layers", "diff_ids": diff_ids}, "history": self.history,
            }),
            layers: self.layers.clone(),
            diff_ids,
            ..ImageFacts::default()
        }
    }
}

fn instruction(field: &str) -> String {
    match field {
        "Cmd" => "CMD".into(),
        "Entrypoint" => "ENTRYPOINT".into(),
        "Labels" => "LABEL".into(),
        other => other.to_uppercase(),
    }
}

/// The verdict on `app` from `old` to `new`.
pub fn judged(old: &Image, new: &Image, app: &Image) -> Verdict {
    let delta = BaseDelta::new(&old.facts(), &new.facts());
    let graph = GraphFacts::default();
    let judge = || {
        judge_with(
            &delta,
            &app.facts(),
            &PlatformName("linux/amd64".into()),
            &graph,
        )
    };
    let verdict = judge();
    assert_eq!(verdict, judge(), "the same inputs give the same verdict");
    verdict
}

/// Refused, with this code at this path, and its evidence.
#[track_caller]
pub fn refused(verdict: &Verdict, code: &str, path: &str) {
    let reason = verdict.reasons.iter().find(|reason| {
        reason.code.word() == code && reason.path == path && reason.tier >= Tier::Unsafe
    });
    let reason = reason.unwrap_or_else(|| panic!("no {code} at {path}: {verdict:#?}"));
    assert!(verdict.tier >= Tier::Unsafe, "{verdict:#?}");
    assert!(!reason.detail.is_empty());
}

/// Passes: proven or for a test, and exactly which.
#[track_caller]
pub fn passes(verdict: &Verdict, tier: Tier) {
    assert_eq!(verdict.tier, tier, "{verdict:#?}");
}

/// A 64-bit little-endian x86-64 file with a dynamic section and nothing to run.
pub struct Elf<'a> {
    pub interpreter: Option<&'a str>,
    pub soname: Option<&'a str>,
    pub needed: &'a [&'a str],
    pub runpath: Option<&'a str>,
    /// Makes contents differ.
    pub salt: &'a str,
}

impl Elf<'_> {
    pub fn bytes(&self) -> Vec<u8> {
        let mut strings = vec![0_u8];
        let mut string = |text: &str| {
            let at = strings.len() as u64;
            strings.extend_from_slice(text.as_bytes());
            strings.push(0);
            at
        };
        let mut dynamic: Vec<(u64, u64)> =
            self.needed.iter().map(|name| (1, string(name))).collect();
        dynamic.extend(self.soname.map(|name| (14, string(name))));
        dynamic.extend(self.runpath.map(|path| (29, string(path))));
        string(self.salt);
        let interpreter = self
            .interpreter
            .map(|path| format!("{path}\0"))
            .unwrap_or_default();
        let headers = 64 + 3 * 56;
        let (at_interpreter, at_strings) = (headers, headers + interpreter.len() as u64);
        let at_dynamic = at_strings + strings.len() as u64;
        dynamic.extend([(5, at_strings), (10, strings.len() as u64), (0, 0)]);
        let size = at_dynamic + 16 * dynamic.len() as u64;

        let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        let mut put =
            |value: u64, width: usize| file.extend_from_slice(&value.to_le_bytes()[..width]);
        for (value, width) in [
            (3, 2),
            (62, 2),
            (1, 4),
            (0, 8),
            (64, 8),
            (0, 8),
            (0, 4),
            (64, 2),
            (56, 2),
            (3, 2),
            (0, 2),
            (0, 2),
            (0, 2),
        ] {
            put(value, width);
        }
        let has_interpreter = u64::from(self.interpreter.is_some());
        for (kind, offset, length) in [
            (1, 0, size),
            (
                3 * has_interpreter,
                at_interpreter,
                interpreter.len() as u64,
            ),
            (2, at_dynamic, 16 * dynamic.len() as u64),
        ] {
            for (value, width) in [
                (kind, 4),
                (5, 4),
                (offset, 8),
                (offset, 8),
                (offset, 8),
                (length, 8),
                (length, 8),
                (8, 8),
            ] {
                put(value, width);
            }
        }
        file.extend_from_slice(interpreter.as_bytes());
        file.extend_from_slice(&strings);
        for (tag, value) in dynamic {
            file.extend_from_slice(&tag.to_le_bytes());
            file.extend_from_slice(&value.to_le_bytes());
        }
        file
    }
}

/// The loader of the machine in these tests.
pub const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// A program that needs libraries.
pub fn program(needed: &[&str], salt: &str) -> Vec<u8> {
    let interpreter = Some(LOADER);
    Elf {
        interpreter,
        soname: None,
        needed,
        runpath: None,
        salt,
    }
    .bytes()
}

/// A library.
pub fn library(soname: &str, needed: &[&str], salt: &str) -> Vec<u8> {
    Elf {
        interpreter: None,
        soname: Some(soname),
        needed,
        runpath: None,
        salt,
    }
    .bytes()
}

/// A static program: no dynamic section at all.
pub fn static_program(salt: &str) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    for (value, width) in [
        (2_u64, 2),
        (62, 2),
        (1, 4),
        (0, 8),
        (64, 8),
        (0, 8),
        (0, 4),
        (64, 2),
        (56, 2),
        (0, 2),
        (0, 2),
        (0, 2),
        (0, 2),
    ] {
        file.extend_from_slice(&value.to_le_bytes()[..width]);
    }
    file.extend_from_slice(b"GET /healthz\0");
    file.extend_from_slice(salt.as_bytes());
    file
}

/// A small Debian: merged usr, dash, a C library, OpenSSL, users, one service, dpkg.
pub fn debian() -> Layer {
    Layer::new()
        .folder("etc")
        .folder("usr")
        .folder("usr/bin")
        .folder("usr/lib")
        .folder("usr/lib/x86_64-linux-gnu")
        .folder_as("tmp", 0o1777, (0, 0))
        .folder_as("var/www", 0o755, (33, 33))
        .link("bin", "usr/bin")
        .link("lib", "usr/lib")
        .link("lib64", "usr/lib64")
        .file("usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
        .link("etc/os-release", "../usr/lib/os-release")
        .file(
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www:/var/www:/usr/sbin/nologin\n",
        )
        .file("etc/group", "root:x:0:\nwww-data:x:33:\n")
        .file("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n")
        .file(
            "etc/ld.so.conf.d/x86_64-linux-gnu.conf",
            "/usr/local/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu\n",
        )
        .program(
            "usr/lib64/ld-linux-x86-64.so.2",
            library("ld-linux-x86-64.so.2", &[], "loader"),
        )
        .program("usr/bin/dash", program(&["libc.so.6"], "dash"))
        .program("usr/bin/bash", program(&["libc.so.6"], "bash"))
        .link("usr/bin/sh", "dash")
        .program("usr/bin/env", program(&["libc.so.6"], "env"))
        .program(
            "usr/bin/curl",
            program(&["libssl.so.3", "libc.so.6"], "curl"),
        )
        .owned(
            "usr/bin/ping",
            program(&["libc.so.6"], "ping"),
            0o4755,
            (0, 0),
        )
        .file(
            "usr/lib/x86_64-linux-gnu/libc.so.6",
            library("libc.so.6", &["ld-linux-x86-64.so.2"], "c"),
        )
        .file(
            "usr/lib/x86_64-linux-gnu/libssl.so.3",
            library("libssl.so.3", &["libc.so.6"], "3.0.11"),
        )
        .file(
            "usr/lib/x86_64-linux-gnu/libz.so.1.2.13",
            library("libz.so.1", &["libc.so.6"], "1.2.13"),
        )
        .link("usr/lib/x86_64-linux-gnu/libz.so.1", "libz.so.1.2.13")
        .file("etc/nginx/nginx.conf", "include conf.d/*.conf;\n")
        .file("etc/nginx/conf.d/default.conf", "server { listen 80; }\n")
        .file("usr/share/ca-certificates/good.crt", "good")
        .file("usr/share/ca-certificates/bad.crt", "bad")
        .file("etc/ssl/certs/ca-certificates.crt", "good bad")
        .file("usr/share/doc/openssl/changelog", "3.0.11")
        .file("usr/share/tool/data.txt", "data")
        .file("var/lib/dpkg/status", status("3.0.11-1"))
        .file(
            "var/lib/dpkg/info/nginx.list",
            "/etc/nginx/conf.d/default.conf\n/etc/nginx/conf.d/00-default.conf\n",
        )
}

pub fn status(openssl: &str) -> String {
    format!(
        "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n\n\
         Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nVersion: {openssl}\n"
    )
}

/// The same Debian after the security update of OpenSSL.
pub fn patched() -> Layer {
    debian()
        .without("usr/lib/x86_64-linux-gnu/libssl.so.3")
        .file(
            "usr/lib/x86_64-linux-gnu/libssl.so.3",
            library("libssl.so.3", &["libc.so.6"], "3.0.17"),
        )
        .without("var/lib/dpkg/status")
        .file("var/lib/dpkg/status", status("3.0.17-1"))
        .without("usr/share/doc/openssl/changelog")
        .file("usr/share/doc/openssl/changelog", "3.0.17")
}
