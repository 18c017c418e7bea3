//! `cargo xtask try`: the first thing that somebody who found this project types.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use refloat_rig::image::Image;
use refloat_rig::run;
use refloat_rig::server::{self, ADMIN, Server, ServerOptions};
use refloat_rig::tools::{self, Tool};

/// Where in the registry the image goes.
const REPOSITORY: &str = "try/busybox:1";

pub(crate) fn run() -> Result<ExitCode> {
    tools::ensure(&[Tool::Skopeo, Tool::Busybox])?;
    println!("Building refloat (the first time takes minutes) ..");
    let started = Instant::now();
    // The development profile: optimised enough, and the tests use the same build.
    let program = server::binary()?;
    println!(
        "The program, after {:.1} s: {}\n",
        started.elapsed().as_secs_f32(),
        program.display()
    );

    let folder = tempfile::Builder::new().prefix("refloat-try-").tempdir()?;
    let data = folder.path().join("data");
    println!(
        "$ refloat serve --data {} --listen 127.0.0.1:0",
        data.display()
    );
    let mut server = Server::start_program(
        &program,
        ServerOptions {
            data: Some(data),
            ..ServerOptions::default()
        },
    )?;
    println!("listening on {}", server.url());
    println!("(ready after {} ms)\n", server.ready_after().as_millis());
    let same = push_and_pull(&server, folder.path());
    let stopped = server.stop();
    println!("\nThe server has stopped; its data folder is removed.");
    same.and(stopped)?;
    Ok(ExitCode::SUCCESS)
}

fn push_and_pull(server: &Server, folder: &Path) -> Result<()> {
    let skopeo = Skopeo {
        credentials: folder.join("auth.json"),
    };
    let password = server.data().join("admin-password");
    skopeo.login(server.authority(), &password)?;

    let image = Image::busybox()?;
    image.write_layout(&folder.join("made"), "1")?;
    let (made, back) = (folder.join("made"), folder.join("back"));
    let remote = format!("docker://{}/{REPOSITORY}", server.authority());
    println!("\nAn image of this machine's busybox, {}:", image.digest());
    skopeo.run(&["copy", "--dest-tls-verify=false", &layout(&made), &remote])?;
    skopeo.run(&[
        "inspect",
        "--tls-verify=false",
        "--format",
        "{{.Digest}}",
        &remote,
    ])?;
    skopeo.run(&["copy", "--src-tls-verify=false", &remote, &layout(&back)])?;
    let digest = skopeo.run(&["inspect", "--format", "{{.Digest}}", &layout(&back)])?;
    if digest != image.digest() {
        bail!("what came back is {digest}, not {}", image.digest());
    }
    println!("\nPushed and pulled back, byte for byte: {digest}");
    Ok(())
}

fn layout(folder: &Path) -> String {
    format!("oci:{}:1", folder.display())
}

/// skopeo with credentials of its own; every call is printed as a person would type it.
struct Skopeo {
    credentials: PathBuf,
}

impl Skopeo {
    fn login(&self, registry: &str, password: &Path) -> Result<()> {
        let mut command = self.command(&["login", "--tls-verify=false", "--username", ADMIN])?;
        command.args(["--password-stdin", registry]);
        println!("$ {} < {}", run::shown(&command), password.display());
        let secret =
            fs::read(password).with_context(|| format!("cannot read {}", password.display()))?;
        run::checked_with_input(&mut command, &secret)?;
        Ok(())
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.command(arguments)?;
        println!("$ {}", run::shown(&command));
        let said = run::stdout(&mut command)?;
        for line in said.lines() {
            println!("{line}");
        }
        Ok(said)
    }

    /// Every subcommand that we use takes the file with the credentials.
    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let (verb, rest) = arguments.split_first().context("skopeo without a verb")?;
        let mut command = Command::new(Tool::Skopeo.path()?);
        command
            .arg(verb)
            .arg("--authfile")
            .arg(&self.credentials)
            .args(rest);
        if !self.credentials.exists() {
            File::create_new(&self.credentials)
                .and_then(|_| fs::write(&self.credentials, "{}"))
                .with_context(|| format!("cannot write {}", self.credentials.display()))?;
        }
        Ok(command)
    }
}
