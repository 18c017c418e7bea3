//! The server under test.

use std::env;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::netns::{Namespace, command_in};
use crate::process::Running;
use crate::run;
use crate::tls::Identity;

const START_DEADLINE: Duration = Duration::from_mins(1);
const STOP_GRACE: Duration = Duration::from_secs(30);

/// What the server prints when it is ready, before its URL.
const READY: &str = "listening on ";

/// The account of the first start.
pub const ADMIN: &str = "admin";

/// How to start it. The default is a data folder of its own, SQLite, local files, plain
/// HTTP on a free port of 127.0.0.1.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// The data folder; without one, a fresh one that goes with the server.
    pub data: Option<PathBuf>,
    /// URL of a PostgreSQL database instead of SQLite in the data folder.
    pub database: Option<String>,
    /// A folder for blobs, which several servers may share.
    pub blobs_folder: Option<PathBuf>,
    /// How long what nothing uses is kept, such as `1s`; the server's own default if not given.
    pub gc_grace: Option<String>,
    /// Speaks TLS with this certificate.
    pub tls: Option<Identity>,
    /// The host that links and tokens name.
    pub public_url: Option<String>,
    /// Environment variables, such as `REFLOAT_FAIL`.
    pub environment: Vec<(String, String)>,
    /// Runs in this network namespace.
    pub netns: Option<Namespace>,
    /// The address to listen on; `127.0.0.1:0` if not given.
    pub listen: Option<String>,
}

/// A running (or killed) server. Killed when dropped.
#[derive(Debug)]
pub struct Server {
    running: Option<Running>,
    program: PathBuf,
    options: ServerOptions,
    data: PathBuf,
    folder: TempDir,
    url: String,
    ready_after: Duration,
}

impl Server {
    /// Starts one and waits until it says that it is ready.
    pub fn start(options: ServerOptions) -> Result<Self> {
        Self::start_program(&binary()?, options)
    }

    /// As [`Server::start`], with the program to start: the release build of a benchmark.
    pub fn start_program(program: &Path, options: ServerOptions) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("rig-server-").tempdir()?;
        let data = options
            .data
            .clone()
            .unwrap_or_else(|| folder.path().join("data"));
        let mut server = Self {
            running: None,
            program: program.to_owned(),
            options,
            data,
            folder,
            url: String::new(),
            ready_after: Duration::ZERO,
        };
        server.run()?;
        Ok(server)
    }

    /// The URL it answers at, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `HOST:PORT`, as it stands at the front of a reference.
    pub fn authority(&self) -> &str {
        self.url
            .split_once("://")
            .map_or(&self.url, |(_, authority)| authority)
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The password that the first start made up for [`ADMIN`].
    pub fn admin_password(&self) -> Result<String> {
        let path = self.data.join("admin-password");
        let password =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(password.trim_end().to_owned())
    }

    /// Its process; an error after it was killed or stopped.
    pub fn process(&self) -> Result<&Running> {
        self.running.as_ref().context("the server is not running")
    }

    /// True until it ended, by itself or by us.
    pub fn is_running(&self) -> bool {
        self.running.as_ref().is_some_and(Running::is_running)
    }

    /// How long the last start took until it was ready.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// The environment of the next start: `REFLOAT_FAIL` is set between two of them.
    pub fn set_environment(&mut self, environment: Vec<(String, String)>) {
        self.options.environment = environment;
    }

    /// SIGKILL.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.running
            .take()
            .context("the server is not running")?
            .kill()
    }

    /// SIGTERM, and an error if it does not end in time or not with success.
    pub fn stop(&mut self) -> Result<()> {
        let mut running = self.running.take().context("the server is not running")?;
        let status = running.terminate(STOP_GRACE)?;
        if !status.success() {
            bail!(
                "the server stopped with {status}; it said:\n{}",
                running.log_tail()
            );
        }
        Ok(())
    }

    /// Waits until it ends by itself, as it does at a fail point.
    pub fn wait_for_exit(&mut self, deadline: Duration) -> Result<ExitStatus> {
        self.running
            .take()
            .context("the server is not running")?
            .wait_for_exit(deadline)
    }

    /// Starts it again after [`Server::kill`], [`Server::stop`] or its own end, on the same
    /// data folder and the same port.
    pub fn restart(&mut self) -> Result<()> {
        if self.is_running() {
            self.kill()?;
        }
        self.options.listen = Some(self.authority().to_owned());
        self.run()
    }

    /// Everything that all its starts have said.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn run(&mut self) -> Result<()> {
        let started = Instant::now();
        let said_before = self.log().len();
        let mut command = self.command()?;
        let running = Running::start("refloat serve", &mut command, &self.log_path())?;
        let url = running.wait_until("the line `listening on URL`", START_DEADLINE, || {
            let log = self.log();
            let fresh = log.get(said_before..).unwrap_or_default();
            // A line without its end may be half written.
            let lines = fresh
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'));
            let mut urls = lines.filter_map(|line| line.strip_prefix(READY));
            Ok(urls
                .next()
                .map(|url| url.trim().trim_end_matches('/').to_owned()))
        })?;
        self.running = Some(running);
        self.url = url;
        self.ready_after = started.elapsed();
        Ok(())
    }

    fn command(&self) -> Result<Command> {
        let config = self.folder.path().join("refloat.yaml");
        let text = serde_json::to_string_pretty(&self.configuration())?;
        fs::write(&config, text + "\n")?;
        let mut command = command_in(self.options.netns.as_ref(), &self.program);
        command
            .arg("serve")
            .arg("--config")
            .arg(config)
            .arg("--data")
            .arg(&self.data)
            .arg("--listen")
            .arg(self.options.listen.as_deref().unwrap_or("127.0.0.1:0"))
            .current_dir(self.folder.path())
            // Nothing of the person who runs the tests may leak into what is tested.
            .env_remove("REFLOAT_FAIL")
            .env_remove("REFLOAT_SERVER")
            .env_remove("REFLOAT_USER")
            .env_remove("REFLOAT_PASSWORD");
        command.envs(self.options.environment.iter().cloned());
        Ok(command)
    }

    /// JSON, which is YAML: paths need no quoting rules of our own.
    fn configuration(&self) -> Value {
        let options = &self.options;
        let mut configuration = json!({});
        if let Some(database) = &options.database {
            configuration["database"] = json!(database);
        }
        if let Some(folder) = &options.blobs_folder {
            configuration["blobs"] = json!({ "folder": folder });
        }
        if let Some(grace) = &options.gc_grace {
            configuration["gc"] = json!({ "grace": grace });
        }
        if let Some(tls) = &options.tls {
            configuration["tls"] = json!({ "certificate": tls.certificate, "key": tls.key });
        }
        if let Some(url) = &options.public_url {
            configuration["public_url"] = json!(url);
        }
        configuration
    }
}

/// The program under test: `$REFLOAT_BIN`, or what cargo builds of this checkout, once per
/// process. The development profile is optimised and has the fail points compiled in.
pub fn binary() -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    if let Some(path) = env::var_os("REFLOAT_BIN") {
        return Ok(PathBuf::from(path));
    }
    let built = BUILT.get_or_init(|| build(&[]).map_err(|error| format!("{error:#}")));
    built.clone().map_err(|error| anyhow!(error))
}

/// As [`binary`], in the release profile: what benchmarks and long runs take. It takes minutes to build, and says so.
///
/// # Errors
/// If it does not compile.
pub fn release_binary() -> Result<PathBuf> {
    if env::var_os("REFLOAT_BIN").is_none() {
        let _closed = writeln!(
            std::io::stderr(),
            "the release build takes minutes if it is not there yet"
        );
        return build(&["--release"]);
    }
    binary()
}

/// Builds the program with cargo (`arguments` such as `--release` added) and returns where
/// cargo put it.
fn build(arguments: &[&str]) -> Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args([
            "build",
            "--quiet",
            "--package",
            "refloat",
            "--bin",
            "refloat",
        ])
        .arg("--message-format=json")
        .args(arguments)
        .current_dir(checkout()?);
    let output = run::captured(&mut command)?;
    if !output.status.success() {
        bail!("{}", build_failure(&output.stdout, &output.stderr));
    }
    messages(&output.stdout)
        .filter(|message| message["target"]["name"] == "refloat")
        .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
        .context("cargo built refloat and named no executable")
}

/// The folder of the workspace: of the package that cargo runs or tests, otherwise the one around the working folder.
/// Only then the folder this crate was built in: checkouts that share a target folder share its binaries, too.
pub fn checkout() -> Result<PathBuf> {
    [
        env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from),
        env::current_dir().ok(),
        Some(PathBuf::from(env!("CARGO_MANIFEST_DIR"))),
    ]
    .into_iter()
    .flatten()
    .find_map(|start| workspace_around(&start))
    .context("run this from within a checkout of the project: no workspace is around this folder")
}

fn workspace_around(start: &Path) -> Option<PathBuf> {
    let is_workspace = |folder: &Path| {
        let manifest = fs::read_to_string(folder.join("Cargo.toml"));
        manifest.is_ok_and(|text| text.lines().any(|line| line.trim() == "[workspace]"))
            && folder.join("rig").is_dir()
    };
    let found = start.ancestors().find(|folder| is_workspace(folder));
    found.map(Path::to_owned)
}

/// What the compiler said, for people.
fn build_failure(stdout: &[u8], stderr: &[u8]) -> String {
    let rendered: String = messages(stdout)
        .filter_map(|message| message["message"]["rendered"].as_str().map(str::to_owned))
        .collect();
    let said = [rendered.as_bytes(), stderr].concat();
    format!("cargo build -p refloat failed:\n{}", run::tail(&said))
}

fn messages(stdout: &[u8]) -> impl Iterator<Item = Value> + '_ {
    stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
}

#[cfg(test)]
mod tests;
