//! Bases found by layers alone: images of two builders, without annotations and labels, their layers compressed anew.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use refloat_rig::docker::{Daemon, Options};
use refloat_rig::image::{Image, LayerBuilder, digest_of};
use refloat_rig::{Tool, require, run, wait};
use refloat_tests::client::Client;
use refloat_tests::site::{Account, Site, Wire};
use serde_json::{Value, json};

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const LONG: Duration = Duration::from_mins(3);
const BUILDERS: [&str; 2] = ["buildah", "docker"];
const POLICY: &str = "apiVersion: refloat/v1\nkind: RepositoryPolicy\nmatch: \"apps/**\"\npatch: { method: rebase, allow: proven }\n";

struct Scene {
    site: Site,
    admin: Account,
}

impl Scene {
    fn name(&self, path: &str) -> String {
        self.site.reach().reference(path)
    }

    fn push(&self, image: &Image) -> Result<()> {
        let mut client: Client = self.site.client(&self.admin)?;
        for layer in image.layers() {
            client.push_blob("team/os", layer.digest(), layer.bytes())?;
        }
        client.push_blob("team/os", &digest_of(image.config()), image.config())?;
        client.put_bytes("team/os", "1", OCI_MANIFEST, image.manifest())?;
        Ok(())
    }

    fn by_buildah(&self, context: &Path, folder: &Path, name: &str) -> Result<()> {
        let credentials = format!("{}:{}", self.admin.name, self.admin.secret);
        let buildah = |arguments: &[&str]| -> Result<()> {
            let mut command = Command::new(Tool::Buildah.path()?);
            command.args(["--storage-driver", "vfs"]);
            for (flag, name) in [("--root", "root"), ("--runroot", "run")] {
                command.arg(flag).arg(folder.join(name));
            }
            command.args(arguments).env("HOME", folder);
            run::checked(command.env_remove("XDG_RUNTIME_DIR")).map(drop)
        };
        let context = context.display().to_string();
        let access = ["--tls-verify=false", "--creds", &credentials];
        let form = [
            "--format",
            "docker",
            "--identity-label=false",
            "--isolation",
            "chroot",
        ];
        buildah(&[&["build"], &access[..], &form, &["--tag", name, &context]].concat())?;
        buildah(&[&["push"], &access[..], &[name]].concat())
    }

    fn by_docker(&self, context: &Path, name: &str) -> Result<()> {
        let daemon = Daemon::start(&Options::default())?;
        let host = &self.site.reach().authority;
        daemon.login(host, &self.admin.name, &self.admin.secret)?;
        daemon.run(&[
            "build",
            "--network",
            "host",
            "--tag",
            name,
            &context.display().to_string(),
        ])?;
        daemon.run(&["push", name]).map(drop)
    }

    /// The same image with every layer compressed in another way.
    fn compressed_anew(&self, from: &str, to: &str) -> Result<()> {
        let mut manifest = self.document(&format!("/v2/{from}/manifests/1"))?;
        let mut client: Client = self.site.client(&self.admin)?;
        let digest = |descriptor: &Value| descriptor["digest"].as_str().map(str::to_owned);
        let config = digest(&manifest["config"]).context("a digest")?;
        let bytes = client.blob(from, &config)?.context("a configuration")?;
        client.push_blob(to, &config, &bytes)?;
        for layer in manifest["layers"].as_array_mut().context("layers")? {
            let old = digest(layer).context("a digest")?;
            let packed = client.blob(from, &old)?.context("a layer")?;
            let mut tar = Vec::new();
            GzDecoder::new(&packed[..]).read_to_end(&mut tar)?;
            let mut anew = GzEncoder::new(Vec::new(), Compression::best());
            anew.write_all(&tar)?;
            let anew = anew.finish()?;
            ensure!(anew != packed, "the layer was compressed like this before");
            client.push_blob(to, &digest_of(&anew), &anew)?;
            layer["digest"] = json!(digest_of(&anew));
            layer["size"] = json!(anew.len());
        }
        let kind = manifest["mediaType"].as_str().context("a type")?.to_owned();
        client.put_bytes(to, "1", &kind, manifest.to_string().as_bytes())?;
        Ok(())
    }

    fn document(&self, path: &str) -> Result<Value> {
        let mut client = self.site.client(&self.admin)?;
        let accept = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json";
        let answer = refloat_tests::probe::ask_with(
            &mut client,
            "GET",
            path,
            &[("Accept", accept)],
            refloat_tests::http::Body::Empty,
        )?;
        ensure!(
            answer.status == 200,
            "{path}: {} {}",
            answer.status,
            answer.text()
        );
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// It says nothing about its base, and its lowest layer is the base's in another compression.
    fn tells_nothing(&self, repository: &str, base: &Image) -> Result<()> {
        let manifest = self.document(&format!("/v2/{repository}/manifests/1"))?;
        ensure!(manifest["annotations"].is_null(), "{manifest}");
        let digest = manifest["config"]["digest"].as_str().context("a digest")?;
        let config = self.document(&format!("/v2/{repository}/blobs/{digest}"))?;
        let labels = &config["config"]["Labels"];
        ensure!(labels.is_null() || labels == &json!({}), "{config}");
        ensure!(
            config["rootfs"]["diff_ids"][0] == base.layers()[0].diff_id(),
            "{config}"
        );
        ensure!(
            manifest["layers"][0]["digest"] != base.layers()[0].digest(),
            "{manifest}"
        );
        Ok(())
    }

    fn images(&self) -> Result<Vec<Value>> {
        let images = self.site.administer_json(&["images"])?;
        images.as_array().cloned().context("no list")
    }
}

#[test]
fn images_of_two_builders_that_say_nothing() -> Result<()> {
    let tools = [Tool::Busybox, Tool::Buildah, Tool::Docker];
    if !require(&tools)? {
        return Ok(());
    }
    let site = Site::start(Wire::Http)?;
    let admin = site.admin()?;
    let scene = Scene { site, admin };
    scene.site.apply(POLICY)?;
    let base = Image::busybox()?;
    scene.push(&base)?;

    let folder = tempfile::tempdir()?;
    let context = folder.path().join("context");
    fs::create_dir(&context)?;
    fs::write(context.join("page.html"), "<p>afloat</p>\n")?;
    let text = format!(
        "FROM {}\nCOPY page.html /srv/page.html\n",
        scene.name("team/os:1")
    );
    fs::write(context.join("Dockerfile"), text)?;
    let built = |builder: &str| scene.name(&format!("built/{builder}:1"));
    scene.by_buildah(&context, folder.path(), &built("buildah"))?;
    scene.by_docker(&context, &built("docker"))?;
    for builder in BUILDERS {
        let repository = format!("apps/{builder}");
        scene.compressed_anew(&format!("built/{builder}"), &repository)?;
        scene.tells_nothing(&repository, &base)?;
    }

    let os = scene.name("team/os:1");
    wait::until("the bases of both images", LONG, || {
        let images = scene.images()?;
        let found = |builder: &&str| {
            images.iter().any(|image| {
                image["reference"] == scene.name(&format!("apps/{builder}:1")).as_str()
                    && image["base"]["reference"] == os.as_str()
                    && image["base"]["found_by"] == "layers"
            })
        };
        Ok(BUILDERS.iter().all(found).then_some(()))
    })?;

    let mut patch = LayerBuilder::new();
    patch.file("etc/patched", 0o644, b"yes\n")?;
    let layers = vec![base.layers()[0].clone(), patch.finish()?];
    scene.push(&Image::new(
        layers,
        &json!({ "Cmd": ["sh"], "Env": ["PATH=/bin"] }),
    )?)?;
    wait::until("both images rebased", LONG, || {
        let images = scene.images()?;
        let is_patched = |builder: &&str| {
            let at = scene.name(&format!("apps/{builder}:1"));
            images
                .iter()
                .any(|image| image["reference"] == at.as_str() && image["outdated"] == false)
        };
        let events = scene
            .site
            .administer_json(&["events", "--type", "patch.published"])?;
        let events = events["items"].as_array().cloned().unwrap_or_default();
        let published = |builder: &&str| {
            events.iter().any(|event| {
                event["data"]["repository"] == format!("apps/{builder}").as_str()
                    && event["data"]["method"] == "rebase"
            })
        };
        Ok(BUILDERS
            .iter()
            .all(|builder| is_patched(builder) && published(builder))
            .then_some(()))
    })
}
