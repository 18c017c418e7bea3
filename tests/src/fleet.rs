//! The smallest world in which a base update travels: an upstream, images on its base, a chart, a folder for each environment.
//!
//! ```text
//! UPSTREAM/library/os:1 ◄── team/runtime:1 ◄── apps/a:1
//!                                         ◄── apps/b:1     chart shop ─► staging ─► production
//! ```
//! All images are copies of files over a busybox, so that a patch is a rebase and its digest follows from its inputs.
//! The world is made once and copied; each copy is moved once, and may be killed on the way.

mod foreign;

pub use foreign::{ForeignWorld, NextBase};

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use refloat_rig::image::{Image, Layer, LayerBuilder};
use refloat_rig::run;
use refloat_rig::server::{ADMIN, Server, ServerOptions};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Client;
use crate::command::Refloat;

/// Where images and their lines are, the lowest first.
pub const LINES: [&str; 3] = ["team/runtime", "apps/a", "apps/b"];
/// How long a wave may take to reach production, kills apart.
const WAVE_MAX: Duration = Duration::from_secs(90);
/// The rest between two looks.
const LOOK: Duration = Duration::from_millis(100);
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The folder of the home server, and of the upstream, in a world.
const HOME: &str = "home";
const UPSTREAM: &str = "upstream";

/// A world that stands still: two data folders, and the ports that its documents name.
#[derive(Debug)]
pub struct Still {
    folder: TempDir,
    ports: [u16; 2],
    program: PathBuf,
    database: Option<String>,
}

/// A world that moves.
#[derive(Debug)]
pub struct Fleet {
    folder: TempDir,
    upstream: Upstream,
    home: Server,
    program: PathBuf,
}

/// The registry that the base comes from.
#[derive(Debug)]
enum Upstream {
    /// Another server of ours, which has the base alone.
    Ours(Box<Server>),
    /// A registry of somebody else, which holds all images.
    Foreign(foreign::Held),
}

impl Upstream {
    fn client(&self) -> Result<Client> {
        match self {
            Self::Ours(server) => client(server),
            Self::Foreign(held) => Ok(held.client()),
        }
    }

    fn password(&self) -> Result<String> {
        match self {
            Self::Ours(server) => server.admin_password(),
            Self::Foreign(_) => Ok(foreign::PASSWORD.to_owned()),
        }
    }
}

/// What a wave left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The digest of each line's tag, in the order of [`LINES`].
    pub digests: Vec<String>,
    /// How often each line was patched.
    pub patches: Vec<usize>,
    /// The chart versions that were published.
    pub charts: Vec<String>,
    /// What each environment's folder names as the image of `a`.
    pub deployed: Vec<String>,
}

/// How long a push took to travel.
#[derive(Debug, Clone, Copy)]
pub struct Wave {
    /// Until the first dependent was published.
    pub published: Duration,
    /// Until the first release began.
    pub started: Duration,
}

/// The layers of everything, which depend on nothing but these lines.
struct Layers {
    os: Layer,
    patch: Layer,
    runtime: Layer,
    apps: [Layer; 2],
}

impl Layers {
    fn new() -> Result<Self> {
        let busybox = Image::busybox()?;
        Ok(Self {
            os: busybox.layers()[0].clone(),
            patch: layer("usr/share/patched", "yes\n")?,
            runtime: layer("opt/runtime", "the team's runtime\n")?,
            apps: [layer("app/a", "a\n")?, layer("app/b", "b\n")?],
        })
    }

    fn image(layers: &[&Layer]) -> Result<Image> {
        let layers = layers.iter().map(|layer| (*layer).clone()).collect();
        Image::new(layers, &json!({ "Cmd": ["sh"], "Env": ["PATH=/bin"] }))
    }
}

impl Still {
    /// Makes the world up to the first release, and stops it.
    pub fn prepare(program: &Path) -> Result<Self> {
        let still = Self::new(program, None)?;
        let mut fleet = still.settle()?;
        fleet.home.stop()?;
        if let Upstream::Ours(upstream) = &mut fleet.upstream {
            upstream.stop()?;
        }
        for name in [HOME, UPSTREAM, "out"] {
            copy(
                &fleet.folder.path().join(name),
                &still.folder.path().join(name),
            )?;
        }
        Ok(still)
    }

    fn new(program: &Path, database: Option<String>) -> Result<Self> {
        Ok(Self {
            folder: tempfile::tempdir()?,
            ports: [free_port()?, free_port()?],
            program: program.to_owned(),
            database,
        })
    }

    /// Makes the world and leaves it running.
    fn settle(&self) -> Result<Fleet> {
        let mut fleet = self.open_in(tempfile::tempdir()?, &[])?;
        fleet.settle(&self.documents(), &self.release())?;
        Ok(fleet)
    }

    /// A copy of the world, running; the home server with these variables.
    pub fn wake(&self, environment: &[(&str, &str)]) -> Result<Fleet> {
        let folder = tempfile::tempdir()?;
        for name in [HOME, UPSTREAM, "out"] {
            copy(&self.folder.path().join(name), &folder.path().join(name))?;
        }
        self.open_in(folder, environment)
    }

    fn open_in(&self, folder: TempDir, environment: &[(&str, &str)]) -> Result<Fleet> {
        let options = |name: &str, port: u16| ServerOptions {
            data: Some(folder.path().join(name)),
            listen: Some(format!("127.0.0.1:{port}")),
            ..ServerOptions::default()
        };
        let upstream = Server::start_program(&self.program, options(UPSTREAM, self.ports[0]))?;
        // The folders of the release are written from where the server stands: they are named in full, below a link.
        let out = Path::new(OUT_LINK).join(self.ports[1].to_string());
        point_link(&out, &folder.path().join("out"))?;
        let home = Server::start_program(
            &self.program,
            ServerOptions {
                database: self.database.clone(),
                environment: environment
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
                ..options(HOME, self.ports[1])
            },
        )?;
        Ok(Fleet {
            folder,
            upstream: Upstream::Ours(Box::new(upstream)),
            home,
            program: self.program.clone(),
        })
    }

    fn documents(&self) -> String {
        let upstream = self.ports[0];
        format!(
            "apiVersion: refloat/v1\nkind: Upstream\nname: os\nregistry: 127.0.0.1:{upstream}\ncredential: os\n\
             watch: [\"library/os:1\"]\nevery: 1s\n---\n\
             apiVersion: refloat/v1\nkind: Credential\nname: os\nfor: 127.0.0.1:{upstream}\nusername: {ADMIN}\n\
             password: {{ file: upstream-password }}\n---\n\
             apiVersion: refloat/v1\nkind: RepositoryPolicy\nmatch: \"**\"\npatch: {{ method: rebase, allow: proven }}\n"
        )
    }

    fn release(&self) -> String {
        let out = format!("{OUT_LINK}/{}", self.ports[1]);
        format!(
            "apiVersion: refloat/v1\nkind: Release\nname: shop\nchart: charts/shop:1.0.0\npublish: charts/shop\n\
             images:\n  a.image: {{ repository: apps/a, tags: \"tag:1\" }}\n  b.image: {{ repository: apps/b, tags: \"tag:1\" }}\n\
             values: [values.yaml]\nenvironments:\n  - name: staging\n    target: {{ folder: \"{out}/staging\" }}\n  \
             - name: production\n    after: staging\n    target: {{ folder: \"{out}/production\" }}\nupdate: [image]\n"
        )
    }
}

/// Links to the folders that releases are written to: a world is copied, its documents name one path.
const OUT_LINK: &str = "/tmp/refloat-fleet-out";

fn point_link(link: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    fs::create_dir_all(OUT_LINK)?;
    let _absent = fs::remove_file(link);
    std::os::unix::fs::symlink(folder, link)
        .with_context(|| format!("cannot link {}", link.display()))
}

impl Fleet {
    /// A world of its own with its rows in this database, running, after its first release.
    pub fn on_database(program: &Path, database: String) -> Result<Self> {
        Still::new(program, Some(database))?.settle()
    }

    /// Fills the registries, applies documents, and waits for the first release.
    fn settle(&mut self, documents: &str, release: &str) -> Result<()> {
        let layers = Layers::new()?;
        self.push_base(&[&layers.os])?;
        let mut images = self.images()?;
        let runtime = [&layers.os, &layers.runtime];
        push(&mut images, LINES[0], &Layers::image(&runtime)?)?;
        for (line, app) in LINES[1..].iter().zip(&layers.apps) {
            let image = Layers::image(&[runtime[0], runtime[1], app])?;
            push(&mut images, line, &image)?;
        }
        self.apply(documents)?;
        self.push_chart()?;
        self.apply(release)?;
        self.wait("the first release", |fleet| {
            let production = fleet.deployed("production");
            Ok(production.is_ok_and(|text| text.contains("apps/a:1")))
        })?;
        self.wait("the bases of all images", |fleet| {
            let images = fleet.refloat()?.stdout(&["images", "-o", "json"])?;
            let images: Value = serde_json::from_str(&images)?;
            let based = images.as_array().into_iter().flatten();
            Ok(based.filter(|image| image["base"].is_object()).count() >= LINES.len())
        })
    }

    /// A client of the registry that holds the images.
    fn images(&self) -> Result<Client> {
        match &self.upstream {
            Upstream::Ours(_) => client(&self.home),
            Upstream::Foreign(held) => Ok(held.client()),
        }
    }

    /// The registry that holds the images, as it stands at the front of references.
    pub fn image_host(&self) -> String {
        match &self.upstream {
            Upstream::Ours(_) => self.home.authority().to_owned(),
            Upstream::Foreign(held) => held.authority(),
        }
    }

    /// Moves the base upstream, and tells nobody.
    pub fn move_base(&mut self) -> Result<()> {
        let layers = Layers::new()?;
        self.push_base(&[&layers.os, &layers.patch])
    }

    fn push_base(&mut self, layers: &[&Layer]) -> Result<()> {
        push(
            &mut self.upstream.client()?,
            "library/os",
            &Layers::image(layers)?,
        )
    }

    /// Pushes the team's runtime anew, and waits until production runs what came of it.
    pub fn push_runtime(&mut self, round: u32) -> Result<Wave> {
        let before = self.events("tag.moved")?.len();
        let layers = Layers::new()?;
        let changed = layer("opt/runtime", &format!("the team's runtime, {round}\n"))?;
        let image = Layers::image(&[&layers.os, &changed])?;
        push(&mut self.images()?, LINES[0], &image)?;
        let tag = format!("apps/a:1-p{round}");
        self.wait("the patched images in production", |fleet| {
            Ok(fleet.deployed("production")?.contains(&tag))
        })?;
        let moved = self.events("tag.moved")?;
        let pushed = moved.get(before).context("the push moved no tag")?.clone();
        let first_after = |kind: &str| -> Result<Duration> {
            let since = instant(&pushed)?;
            let events = self.events(kind)?;
            let instants = events.iter().map(instant).collect::<Result<Vec<_>>>()?;
            let first = instants.into_iter().filter(|at| *at > since).min();
            let micros = first.with_context(|| format!("no {kind} followed"))? - since;
            Ok(Duration::from_micros(micros.unsigned_abs()))
        };
        Ok(Wave {
            published: first_after("patch.published")?,
            started: first_after("release.started")?,
        })
    }

    /// A client of the home server, signed in as its administrator.
    pub fn home_client(&self) -> Result<Client> {
        client(&self.home)
    }

    /// The home server.
    pub fn home(&mut self) -> &mut Server {
        &mut self.home
    }

    /// Starts the home server again with these variables.
    pub fn rearm(&mut self, environment: &[(&str, &str)]) -> Result<()> {
        self.home.stop()?;
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.home
            .set_environment(environment.iter().map(own).collect());
        self.home.restart()
    }

    /// Starts the home server again, without the variables it had.
    pub fn restart(&mut self) -> Result<()> {
        self.home.set_environment(Vec::new());
        self.home.restart()
    }

    /// Records of these types (`patch.*`), oldest first.
    pub fn records(&self, kind: &str) -> Result<Vec<Value>> {
        self.events(kind)
    }

    /// Waits for a level of this world.
    pub fn wait_until(
        &mut self,
        what: &str,
        done: impl FnMut(&mut Self) -> Result<bool>,
    ) -> Result<()> {
        self.wait(what, done)
    }

    /// Waits until production runs the patched images and the log has come to rest.
    pub fn wait_for_production(&mut self) -> Result<()> {
        self.wait("the patched images in production", |fleet| {
            Ok(fleet
                .deployed("production")
                .is_ok_and(|text| text.contains("apps/a:1-p1") && text.contains("apps/b:1-p1"))
                && fleet.events("release.deployed")?.len() >= 4)
        })
    }

    /// What there is now.
    pub fn outcome(&mut self) -> Result<Outcome> {
        let published = self.events("patch.published")?;
        let of_line = |line: &&str| {
            let ours = |event: &&Value| event["data"]["repository"] == **line;
            published.iter().filter(ours).count()
        };
        let patches = LINES.iter().map(of_line).collect();
        let (mut home, mut images) = (client(&self.home)?, self.images()?);
        let mut digests = Vec::new();
        for line in LINES {
            let digest = images.pull(line, "1")?;
            digests.push(digest.with_context(|| format!("{line}:1 cannot be pulled whole"))?);
        }
        let charts = home.tags("charts/shop")?.unwrap_or_default();
        let deployed = ["staging", "production"].map(|environment| self.deployed(environment));
        let images = deployed.into_iter().collect::<Result<Vec<_>>>()?;
        let image = |text: &String| {
            let line = text.lines().find(|line| line.contains("apps/a:"));
            let line = line.unwrap_or_default();
            line.rsplit_once(':')
                .map_or_else(String::new, |(_, tag)| tag.trim_matches('"').to_owned())
        };
        Ok(Outcome {
            digests,
            patches,
            charts,
            deployed: images.iter().map(image).collect(),
        })
    }

    /// The whole log verifies.
    pub fn verify(&self) -> Result<()> {
        self.refloat()?.stdout(&["audit", "verify"]).map(drop)
    }

    /// The command line, as the administrator of the home server.
    pub fn refloat(&self) -> Result<Refloat> {
        let password = self.home.admin_password()?;
        Refloat::new(self.program.clone(), self.home.url(), ADMIN, &password)
    }

    fn events(&self, kind: &str) -> Result<Vec<Value>> {
        let text = self
            .refloat()?
            .stdout(&["events", "--type", kind, "-o", "json"])?;
        let page: Value = serde_json::from_str(&text)?;
        Ok(page["items"].as_array().cloned().unwrap_or_default())
    }

    /// All manifests of an environment's folder, as one text.
    fn deployed(&self, environment: &str) -> Result<String> {
        let folder = self.folder.path().join("out").join(environment);
        let mut text = String::new();
        read_all(&folder, &mut text)?;
        Ok(text)
    }

    fn apply(&self, documents: &str) -> Result<()> {
        let refloat = self.refloat()?;
        fs::write(
            refloat.home().join("upstream-password"),
            self.upstream.password()?,
        )?;
        fs::write(refloat.home().join("documents.yaml"), documents)?;
        refloat.stdout(&["apply", "-f", "documents.yaml"]).map(drop)
    }

    fn push_chart(&self) -> Result<()> {
        let refloat = self.refloat()?;
        let host = self.home.authority();
        let chart = refloat.home().join("shop");
        fs::create_dir_all(chart.join("templates"))?;
        fs::write(
            chart.join("Chart.yaml"),
            "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
        )?;
        let images = self.image_host();
        let value = |name: &str| {
            format!("{name}:\n  image:\n    repository: {images}/apps/{name}\n    tag: \"1\"\n")
        };
        fs::write(chart.join("values.yaml"), value("a") + &value("b"))?;
        fs::write(chart.join("templates/images.yaml"), IMAGES)?;
        let reference = format!("{host}/charts/shop:1.0.0");
        refloat.stdout(&["package", "shop", &reference]).map(drop)
    }

    fn wait(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> Result<bool>) -> Result<()> {
        let deadline = Instant::now() + WAVE_MAX;
        while Instant::now() < deadline {
            if done(self)? {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
        let held = self
            .refloat()?
            .captured(&["events", "--type", "patch.*", "-o", "json"])?;
        bail!(
            "{what} did not come; patches:\n{}\nthe server says:\n{}",
            String::from_utf8_lossy(&held.stdout),
            run::tail(self.home.log().as_bytes())
        )
    }
}

const IMAGES: &str = "{{- range $name := list \"a\" \"b\" }}
{{- $image := (index $.Values $name).image }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $.Release.Name }}-{{ $name }}
data:
  image: \"{{ $image.repository }}:{{ $image.tag }}\"
{{- end }}
";

/// A layer of one file.
fn layer(path: &str, text: &str) -> Result<Layer> {
    let mut files = LayerBuilder::new();
    if let Some((folder, _)) = path.rsplit_once('/') {
        files.folder(folder)?;
    }
    files.file(path, 0o644, text.as_bytes())?;
    files.finish()
}

/// Microseconds since 1970 of an event.
fn instant(event: &Value) -> Result<i64> {
    let text = event["at"].as_str().unwrap_or_default();
    let at: jiff::Timestamp = text
        .parse()
        .with_context(|| format!("`{text}` is no instant"))?;
    Ok(at.as_microsecond())
}

fn client(server: &Server) -> Result<Client> {
    let address = server.authority().parse()?;
    Ok(Client::new(address).signed_in(ADMIN, server.admin_password()?.trim()))
}

fn push(client: &mut Client, repository: &str, image: &Image) -> Result<()> {
    push_as(client, repository, "1", image)
}

fn push_as(client: &mut Client, repository: &str, tag: &str, image: &Image) -> Result<()> {
    for layer in image.layers() {
        client.push_blob(repository, layer.digest(), layer.bytes())?;
    }
    let config = refloat_rig::image::digest_of(image.config());
    client.push_blob(repository, &config, image.config())?;
    client.put_bytes(repository, tag, OCI_MANIFEST, image.manifest())?;
    Ok(())
}

/// A port that nobody listens on now, below those that the system gives away by itself.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    run::checked(Command::new("cp").arg("-a").arg(from).arg(to))?;
    ensure!(to.exists(), "{} was not copied", from.display());
    Ok(())
}

fn read_all(folder: &Path, text: &mut String) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read_all(&path, text)?;
        } else {
            text.push_str(&fs::read_to_string(&path).unwrap_or_default());
        }
    }
    Ok(())
}
