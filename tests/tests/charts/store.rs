//! The client's store: offline after one pull, healed by itself, whole after a kill at every step.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use anyhow::{Context, Result, ensure};
use refloat_rig::{Tool, require, run};
use refloat_tests::site::{Account, Site, Wire};
use serde_json::Value;

use crate::helm::Bench;

/// The steps at which a process may die.
const POINTS: [&str; 4] = [
    "keep.blob_renamed",
    "keep.blob_written",
    "keep.name_renamed",
    "keep.name_written",
];

struct World {
    bench: Bench,
    site: Option<Site>,
    alice: Account,
    reference: String,
    server: String,
}

impl World {
    /// A chart in a registry, pulled by nobody.
    fn new() -> Result<Self> {
        let bench = Bench::new()?;
        let site = Site::start(Wire::Http)?;
        let alice = site.user("alice", &[("pull,push,update", "charts/**")])?;
        let authority = site.reach().authority.clone();
        let world = Self {
            bench,
            site: Some(site),
            alice,
            reference: format!("{authority}/charts/dinghy:0.1.0"),
            server: format!("http://{authority}"),
        };
        world.answer(&["package", "dinghy", &world.reference])?;
        Ok(world)
    }

    fn command(&self, arguments: &[&str]) -> Result<std::process::Command> {
        let mut command = self.bench.refloat(arguments)?;
        command.args(["--server", &self.server]);
        command
            .env("REFLOAT_STORE", self.bench.path("store"))
            .env("REFLOAT_USER", &self.alice.name)
            .env("REFLOAT_PASSWORD", &self.alice.secret);
        Ok(command)
    }

    fn answer(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = self.command(arguments)?;
        command.args(["-o", "json"]);
        Ok(serde_json::from_str(&run::stdout(&mut command)?)?)
    }

    fn render(&self) -> Result<String> {
        run::stdout(&mut self.command(&["template", "rel", &self.reference])?)
    }

    fn start(&self) -> Result<Child> {
        let mut command = self.command(&["template", "rel", &self.reference])?;
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Ok(command.spawn()?)
    }

    /// Nothing is kept any more.
    fn empty(&self) -> Result<()> {
        let store = self.bench.path("store");
        if store.exists() {
            fs::remove_dir_all(store)?;
        }
        Ok(())
    }

    fn blobs(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(self.bench.path("store/blobs/sha256"))?;
        let paths = entries.map(|entry| Ok(entry?.path()));
        let paths: Vec<PathBuf> = paths.collect::<Result<_>>()?;
        let is_whole = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default();
            !name.to_string_lossy().starts_with('.')
        };
        Ok(paths.into_iter().filter(is_whole).collect())
    }
}

#[test]
fn offline_after_one_pull_and_healed_by_itself() -> Result<()> {
    let mut world = World::new()?;
    let expected = world.render()?;
    let found = world.answer(&["search", "DINGH"])?;
    ensure!(found[0]["reference"] == world.reference.as_str(), "{found}");
    ensure!(world.answer(&["search", "galleon"])? == serde_json::json!([]));

    // Damage is seen and fetched again.
    let blobs = world.blobs()?;
    let [blob] = blobs.as_slice() else {
        anyhow::bail!("{blobs:?}");
    };
    let whole = fs::read(blob)?;
    fs::write(blob, &whole[..whole.len() / 2])?;
    ensure!(world.render()? == expected);
    ensure!(fs::read(blob)? == whole, "the blob was not healed");

    // A tag that moved is followed: there is nothing to refresh.
    let old = world.answer(&["pull", &world.reference, "-d", "first"])?;
    world
        .bench
        .write("dinghy/templates/more.yaml", "kind: More\n")?;
    let pushed = world.answer(&["package", "dinghy", &world.reference])?;
    let moved = world.render()?;
    ensure!(moved.contains("kind: More") && !expected.contains("kind: More"));

    // Without the registry: the tag is what it was last, a digest is what it always was.
    drop(world.site.take());
    ensure!(world.render()? == moved);
    let at = |digest: &Value| -> Result<String> {
        let digest = digest.as_str().context("no digest")?;
        let name = world.reference.trim_end_matches(":0.1.0");
        Ok(format!("{name}@{digest}"))
    };
    for (digest, text) in [(&old["digest"], &expected), (&pushed["digest"], &moved)] {
        let reference = at(digest)?;
        let ours = run::stdout(&mut world.command(&["template", "rel", &reference])?)?;
        ensure!(ours == *text, "{reference}");
    }
    let shown = run::stdout(&mut world.command(&["show", "chart", &world.reference])?)?;
    ensure!(shown.contains("name: dinghy"));
    // What is damaged now cannot be had, and is not passed off as whole.
    for blob in world.blobs()? {
        fs::write(&blob, b"damage")?;
    }
    let refused = run::captured(&mut world.command(&["template", "rel", &world.reference])?)?;
    ensure!(!refused.status.success() && refused.stdout.is_empty());
    Ok(())
}

#[test]
fn a_kill_at_every_step_leaves_a_store_that_works() -> Result<()> {
    let mut world = World::new()?;
    let expected = run::stdout(&mut world.bench.refloat(&["template", "rel", "dinghy"])?)?;
    for point in POINTS {
        world.empty()?;
        let mut command = world.command(&["template", "rel", &world.reference])?;
        command.env("REFLOAT_FAIL", format!("{point}=kill"));
        let ended = run::captured(&mut command)?;
        ensure!(
            ended.status.signal() == Some(9),
            "{point}: {}",
            ended.status
        );
        ensure!(world.render()? == expected, "{point}");
        ensure!(world.blobs()?.len() == 1, "{point}: {:?}", world.blobs()?);
        world.empty()?;
        // A disk that refuses is no reason to fail: the store only saves work.
        let mut command = world.command(&["template", "rel", &world.reference])?;
        command.env("REFLOAT_FAIL", format!("{point}=error"));
        ensure!(run::stdout(&mut command)? == expected, "{point}");
    }
    world.render()?;
    drop(world.site.take());
    ensure!(world.render()? == expected);
    Ok(())
}

#[test]
fn two_processes_at_once_both_get_the_chart() -> Result<()> {
    let world = World::new()?;
    let expected = run::stdout(&mut world.bench.refloat(&["template", "rel", "dinghy"])?)?;
    for _ in 0..5 {
        let children = [world.start()?, world.start()?, world.start()?];
        for child in children {
            let ended = child.wait_with_output()?;
            ensure!(ended.status.success());
            ensure!(String::from_utf8(ended.stdout)?.trim_end() == expected);
        }
        ensure!(world.blobs()?.len() == 1);
        fs::remove_dir_all(world.bench.path("store"))?;
    }
    Ok(())
}

#[test]
fn helm_and_we_verify_each_other() -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let world = World::new()?;
    let bench = &world.bench;
    let home = bench.path("gnupg");
    fs::create_dir(&home)?;
    fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    let gpg = |arguments: &[&str]| -> Result<()> {
        let mut gpg = std::process::Command::new("gpg");
        gpg.env("GNUPGHOME", &home).current_dir(bench.path("."));
        run::checked(
            gpg.args(["--batch", "--quiet", "--passphrase", ""])
                .args(arguments),
        )?;
        Ok(())
    };
    if let Err(error) = gpg(&[
        "--quick-generate-key",
        "Keeper <keeper@example.com>",
        "rsa2048",
        "sign",
        "never",
    ]) {
        ensure!(std::env::var_os("CI").is_none(), "{error:#}");
        writeln!(std::io::stderr(), "skipped: no gpg: {error:#}")?;
        return Ok(());
    }
    gpg(&["--output", "public.gpg", "--export"])?;
    gpg(&[
        "--output",
        "secret.gpg",
        "--pinentry-mode",
        "loopback",
        "--export-secret-keys",
    ])?;
    let sign = [
        "package",
        "dinghy",
        "--sign",
        "--key",
        "Keeper",
        "--keyring",
        "secret.gpg",
    ];
    run::checked(&mut bench.helm(&sign)?)?;
    let verify = ["verify", "dinghy-0.1.0.tgz", "--keyring", "public.gpg"];
    bench.alike(&verify)?;
    // What refloat signs is verified by both.
    let ours = [&sign[..], &["-d", "ours"]].concat();
    run::checked(&mut bench.refloat(&ours)?)?;
    bench.alike(&["verify", "ours/dinghy-0.1.0.tgz", "--keyring", "public.gpg"])?;

    // It travels with the chart, by both.
    let name = world.reference.replace(":0.1.0", "");
    let place = name.trim_end_matches("/dinghy").to_owned();
    world.answer(&["push", "dinghy-0.1.0.tgz", &format!("{place}/signed")])?;
    let signed = format!("{place}/signed/dinghy:0.1.0");
    let pulled = world.answer(&[
        "pull",
        &signed,
        "--verify",
        "--prov",
        "--keyring",
        "public.gpg",
        "-d",
        "out",
    ])?;
    ensure!(pulled["verified"] == true, "{pulled}");
    let proof = fs::read(bench.path("out/dinghy-0.1.0.tgz.prov"))?;
    ensure!(proof == fs::read(bench.path("dinghy-0.1.0.tgz.prov"))?);
    let authority = place.split('/').next().unwrap_or_default();
    bench.sign_helm_in(authority, &world.alice)?;
    let address = format!("oci://{place}/signed/dinghy");
    run::checked(&mut bench.helm(&[
        "pull",
        &address,
        "--version",
        "0.1.0",
        "--plain-http",
        "--verify",
        "--keyring",
        "public.gpg",
        "-d",
        "out",
    ])?)?;

    // What was changed afterwards is refused, and nothing is written.
    let mut bytes = fs::read(bench.path("dinghy-0.1.0.tgz"))?;
    bytes.push(0);
    fs::write(bench.path("dinghy-0.1.0.tgz"), bytes)?;
    for mut program in [bench.helm(&verify)?, bench.refloat(&verify)?] {
        let ended = run::captured(&mut program)?;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        ensure!(
            !ended.status.success() && said.contains("sha256 sum does not match"),
            "{said}"
        );
    }
    let unsigned = run::captured(&mut world.command(&[
        "pull",
        &world.reference,
        "--verify",
        "--keyring",
        "public.gpg",
        "-d",
        "none",
    ])?)?;
    ensure!(!unsigned.status.success() && !bench.path("none").exists());
    Ok(())
}
