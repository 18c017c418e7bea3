//! The last part of `cargo xtask bench verdict`: a base in our own registry moves, and all images on it follow.
//!
//! The images are copies of one file each on a base of a few, every one in a repository of its own: the work is what a
//! patch costs beside its layers. They are pushed through the API. The clock runs from the push of the new base until the
//! server tells that the last patch is published. What it was sent meanwhile is read from its metrics.

use anyhow::{Context, Result, bail, ensure};
use refloat_rig::image::{Image, Layer, LayerBuilder};
use refloat_rig::run;
use refloat_rig::server::{ADMIN, Server, ServerOptions};
use refloat_tests::client::{Client, Mount};
use refloat_tests::command::Refloat;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const BASE: &str = "library/os";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Connections that push.
const PUSHERS: usize = 8;
/// How long the whole may take.
const PATIENCE: Duration = Duration::from_mins(30);
/// The rest between two looks.
const LOOK: Duration = Duration::from_millis(250);

/// A server with a base and images on it.
pub struct Estate {
    server: Server,
    refloat: Refloat,
    names: Vec<String>,
    old: Vec<Layer>,
    new: Vec<Layer>,
}

impl Estate {
    /// Starts a server and pushes `count` images.
    pub fn make(program: &Path, count: usize) -> Result<Self> {
        let server = Server::start_program(program, ServerOptions::default())?;
        let password = server.admin_password()?;
        let refloat = Refloat::new(program.to_owned(), server.url(), ADMIN, &password)?;
        let common = layer("usr/share/common", "what both bases have\n")?;
        let estate = Self {
            names: (0..count)
                .map(|number| format!("apps/a{number:05}"))
                .collect(),
            old: vec![common.clone(), layer("usr/share/os", "1\n")?],
            new: vec![common, layer("usr/share/os", "2\n")?],
            server,
            refloat,
        };
        let policy = "apiVersion: refloat/v1\nkind: RepositoryPolicy\nmatch: \"**\"\n\
            patch: { method: rebase, allow: proven }\n";
        std::fs::write(estate.refloat.home().join("policy.yaml"), policy)?;
        estate.refloat.stdout(&["apply", "-f", "policy.yaml"])?;
        estate.push_base(&estate.old)?;
        estate.push_all()?;
        Ok(estate)
    }

    fn client(&self) -> Result<Client> {
        let address = self.server.authority().parse()?;
        Ok(Client::new(address).signed_in(ADMIN, &self.server.admin_password()?))
    }

    fn push_base(&self, layers: &[Layer]) -> Result<()> {
        let image = image(layers)?;
        let mut client = self.client()?;
        for layer in layers {
            client.push_blob(BASE, layer.digest(), layer.bytes())?;
        }
        put(&mut client, BASE, &image)
    }

    fn push_all(&self) -> Result<()> {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let pushers: Vec<_> = (0..PUSHERS)
                .map(|_| scope.spawn(|| self.push_some(&next)))
                .collect();
            for pusher in pushers {
                pusher
                    .join()
                    .map_err(|_| anyhow::anyhow!("a pusher panicked"))??;
            }
            Ok(())
        })
    }

    fn push_some(&self, next: &AtomicUsize) -> Result<()> {
        let mut client = self.client()?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(name) = self.names.get(number) else {
                return Ok(());
            };
            let own = layer("app/number", &format!("{number}\n"))?;
            for layer in &self.old {
                let mounted = client.mount(name, layer.digest(), BASE)?;
                ensure!(
                    matches!(mounted, Mount::Done),
                    "{name}: a layer of the base was not mounted"
                );
            }
            client.push_blob(name, own.digest(), own.bytes())?;
            let layers: Vec<Layer> = self.old.iter().cloned().chain([own]).collect();
            put(&mut client, name, &image(&layers)?)?;
        }
    }

    /// Pushes the new base beside the old one, as tag 2.
    pub fn push_new_base(&self) -> Result<()> {
        let mut client = self.client()?;
        for layer in &self.new {
            client.push_blob(BASE, layer.digest(), layer.bytes())?;
        }
        put_as(&mut client, BASE, "2", &image(&self.new)?)
    }

    /// The base by one of its tags.
    pub fn base(&self, tag: &str) -> String {
        format!("{}/{BASE}:{tag}", self.server.authority())
    }

    /// All images.
    pub fn references(&self) -> impl Iterator<Item = String> {
        let host = self.server.authority();
        self.names
            .iter()
            .map(move |name| format!("{host}/{name}:1"))
    }

    /// Runs a verb that must succeed.
    pub fn refloat(&self, arguments: &[&str]) -> Result<()> {
        self.refloat.stdout(arguments).map(drop)
    }

    /// Signs crane in.
    pub fn sign_in(&self, crane: &Path, home: &Path) -> Result<()> {
        let password = self.server.admin_password()?;
        run::checked(
            Command::new(crane)
                .args(["auth", "login", self.server.authority()])
                .args(["-u", ADMIN, "-p", &password])
                .env("HOME", home)
                .env("DOCKER_CONFIG", home),
        )
        .map(drop)
    }

    /// Waits until the graph knows the base of all of them.
    pub fn settle(&self) -> Result<()> {
        self.until("the bases of all images", || {
            let text = self.refloat.stdout(&["images", "-o", "json"])?;
            let images: Value = serde_json::from_str(&text)?;
            let images = images.as_array().into_iter().flatten();
            Ok(images.filter(|image| image["base"].is_object()).count() >= self.names.len())
        })
    }

    fn until(&self, what: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if done()? {
                return Ok(());
            }
            ensure!(self.server.is_running(), "the server ended");
            std::thread::sleep(LOOK);
        }
        bail!(
            "{what} did not come; the server says:\n{}",
            self.server.log()
        )
    }

    /// Moves the base and waits for the last image.
    pub fn wave(&self) -> Result<Wave> {
        let pid = self.server.process()?.pid();
        // The mark of what was before goes (proc(5), clear_refs).
        std::fs::write(format!("/proc/{pid}/clear_refs"), "5").context("cannot write to /proc")?;
        let cpu = super::load::cpu_time(pid)?;
        let start = Instant::now();
        self.push_base(&self.new)?;
        let received = self.received_bytes()?;
        self.until("the patches of all images", || {
            Ok(self.published()? >= self.names.len())
        })?;
        let wave = Wave {
            took: start.elapsed(),
            peak_bytes: peak(pid)?,
            cpu: super::load::cpu_time(pid)?.saturating_sub(cpu),
            received_bytes: self.received_bytes()? - received,
        };
        self.check()?;
        Ok(wave)
    }

    /// Results are the new base's layers with the image's own on top, and can be pulled: of every hundredth.
    fn check(&self) -> Result<()> {
        let mut client = self.client()?;
        for (number, name) in self.names.iter().enumerate().step_by(100) {
            let served = client.manifest(name, "1")?;
            let served = served.with_context(|| format!("{name}:1 is gone"))?;
            let manifest: Value = serde_json::from_slice(&served.bytes)?;
            let own = layer("app/number", &format!("{number}\n"))?;
            let wanted = self.new.iter().chain([&own]).map(Layer::digest);
            let layers = manifest["layers"].as_array().context("no layers")?;
            let is_meant = layers
                .iter()
                .map(|layer| layer["digest"].as_str())
                .eq(wanted.map(Some));
            ensure!(
                is_meant,
                "{name}:1 does not stand on the new base: {manifest}"
            );
            client
                .pull(name, "1")?
                .with_context(|| format!("{name}:1 cannot be pulled"))?;
        }
        Ok(())
    }

    fn published(&self) -> Result<usize> {
        let text = self.refloat.stdout(&["cascade", "list", "-o", "json"])?;
        let cascades: Value = serde_json::from_str(&text)?;
        let list = cascades.as_array().or_else(|| cascades["items"].as_array());
        let counts = list.into_iter().flatten().map(|cascade| &cascade["counts"]);
        let mut published = 0;
        for counts in counts {
            for bad in ["held", "failed", "skipped"] {
                ensure!(
                    counts[bad].as_u64().unwrap_or_default() == 0,
                    "not all are patched: {counts}"
                );
            }
            published += counts["published"].as_u64().unwrap_or_default();
        }
        Ok(usize::try_from(published)?)
    }

    fn received_bytes(&self) -> Result<u64> {
        let text = reqwest::blocking::get(format!("{}/metrics", self.server.url()))?.text()?;
        let line = text
            .lines()
            .find(|line| line.starts_with("http_received_bytes_total"));
        let value = line.and_then(|line| line.rsplit(' ').next());
        Ok(value
            .context("no http_received_bytes in the metrics")?
            .parse()?)
    }
}

/// What a move of the base cost.
pub struct Wave {
    /// From the push of the base to the last image published.
    pub took: Duration,
    /// The most memory that the server had resident.
    pub peak_bytes: u64,
    /// Processor time of the server.
    pub cpu: Duration,
    /// Bytes of bodies that the server was sent after the base.
    pub received_bytes: u64,
}

fn peak(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: u64 = kilobytes.context("no peak in /proc")?.parse()?;
    Ok(kilobytes * 1024)
}

fn image(layers: &[Layer]) -> Result<Image> {
    Image::new(
        layers.to_vec(),
        &json!({ "Cmd": ["/app/number"], "Env": ["PATH=/bin"] }),
    )
}

fn put(client: &mut Client, repository: &str, image: &Image) -> Result<()> {
    put_as(client, repository, "1", image)
}

fn put_as(client: &mut Client, repository: &str, tag: &str, image: &Image) -> Result<()> {
    let config = refloat_rig::image::digest_of(image.config());
    client.push_blob(repository, &config, image.config())?;
    client.put_bytes(repository, tag, OCI_MANIFEST, image.manifest())?;
    Ok(())
}

/// A layer of one file.
fn layer(path: &str, text: &str) -> Result<Layer> {
    let mut files = LayerBuilder::new();
    if let Some((folder, _)) = path.rsplit_once('/') {
        files.folder(folder)?;
    }
    files.file(path, 0o644, text.as_bytes())?;
    files.finish()
}
