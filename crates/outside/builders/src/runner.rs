//! The runner: a process of its own that takes one run from its folder to its end.
//!
//! It is started by `Buildah::start` as `refloat runner FOLDER`, where it can in a mount and process namespace of its own, so
//! that nothing of a build outlives it. It reads its folder and reaches the network; it is told of no data folder.

mod build;
mod checkout;
mod push;
mod test;

use crate::folder::{RunFolder, StoredBuild, StoredLogin, StoredRequest, StoredStatus, StoredWork};
use crate::process;
use refloat_core::Secret;
use refloat_oci::{Digest, Reference, RegistryHost};
use refloat_ports::Images;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a run whose runner died is begun again.
const ATTEMPTS_MAX: u32 = 3;
/// The longest output of a run in bytes.
const LOG_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// How long a server that does not answer is waited for, and how long between two questions at first and at most.
const PATIENCE: Duration = Duration::from_mins(2);
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_secs(8);
/// How often somebody is listened to while a server is waited for.
const LISTEN: Duration = Duration::from_millis(100);
/// The most characters of an error.
const ERROR_MAX: usize = 500;

/// Opens a registry with what it is to be shown; the binary knows how.
pub type Push =
    dyn Fn(&RegistryHost, Option<(String, Secret<String>)>) -> Result<Arc<dyn Images>, String>;

/// Takes the run in `folder` to its end. Does nothing if another process is at it, or it has ended.
///
/// # Errors
/// One of the folder itself; whatever else goes wrong is the run's end and stands in its status.
pub fn run(folder: &Path, push: &Push) -> io::Result<()> {
    // Fails where the process leads a session already, which is as good.
    let _ = rustix::process::setsid();
    let folder = RunFolder::new(folder.to_owned());
    let Some(_held) = folder.hold()? else {
        return Ok(());
    };
    match folder.status() {
        None | Some(StoredStatus::Running { .. }) => {}
        Some(
            StoredStatus::Succeeded { .. }
            | StoredStatus::Failed { .. }
            | StoredStatus::Cancelled { .. },
        ) => {
            return Ok(());
        }
    }
    let end = attempt(&folder, push)?;
    folder.set_status(&end)?;
    folder.forget_secrets();
    remove_work(&folder);
    Ok(())
}

/// Removes what only the runner needs.
pub(crate) fn remove_work(folder: &RunFolder) {
    let work = folder.at("work");
    for mount in mounts_below(&work) {
        let _ = Command::new("umount").arg("-l").arg(mount).status();
    }
    let _ = fs::remove_dir_all(work);
}

/// Mount points below a folder, the deepest first: a builder that was killed leaves some where it had no namespace of its own.
fn mounts_below(folder: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let point = |line: &str| line.split(' ').nth(4).map(PathBuf::from);
    let mut found: Vec<_> = text
        .lines()
        .filter_map(point)
        .filter(|point| point.starts_with(folder))
        .collect();
    found.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
    found
}

fn attempt(folder: &RunFolder, push: &Push) -> io::Result<StoredStatus> {
    let attempts: u32 = fs::read_to_string(folder.at("attempts"))
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0);
    if attempts >= ATTEMPTS_MAX {
        let step = match folder.request()?.work {
            StoredWork::Build(_) => "build",
            StoredWork::Test { .. } => "test",
        };
        return Ok(StoredStatus::Failed {
            step: step.to_owned(),
            error: format!("the runner died {attempts} times"),
        });
    }
    crate::folder::write(
        &folder.at("attempts"),
        (attempts + 1).to_string().as_bytes(),
    )?;
    remove_work(folder);
    fs::create_dir_all(folder.at("work/home"))?;
    fs::create_dir_all(folder.at("work/tmp"))?;
    let request = folder.request()?;
    let log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.at("log"))?;
    let limit = Duration::from_secs(request.timeout_seconds);
    let mut runner = Runner {
        folder: folder.clone(),
        logins: folder.logins(),
        until: Instant::now() + limit,
        limit,
        log,
        step: match request.work {
            StoredWork::Build(_) => "checkout",
            StoredWork::Test { .. } => "test",
        },
        request,
        docker_format: false,
    };
    if attempts > 0 {
        runner.say("the runner died; the run begins again");
    }
    let (step, ended) = match runner.steps(push) {
        Ok(end) => return Ok(end),
        Err(ended) => (runner.step.to_owned(), ended),
    };
    Ok(match ended {
        Ended::Failed(error) | Ended::Later(error) => {
            runner.say(&format!("{step} failed: {error}"));
            StoredStatus::Failed {
                step,
                error: error.chars().take(ERROR_MAX).collect(),
            }
        }
        Ended::Cancelled(reason) => {
            runner.say(&format!("cancelled: {reason}"));
            StoredStatus::Cancelled { reason }
        }
    })
}

/// Why a run does not go on.
enum Ended {
    Failed(String),
    /// A server does not answer now and may later.
    Later(String),
    Cancelled(String),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

struct Runner {
    folder: RunFolder,
    request: StoredRequest,
    logins: Vec<StoredLogin>,
    until: Instant,
    limit: Duration,
    log: File,
    step: &'static str,
    /// Whether the image is written in docker's format, which has what OCI's has not.
    docker_format: bool,
}

impl Runner {
    fn steps(&mut self, push: &Push) -> Result<StoredStatus, Ended> {
        match self.request.work.clone() {
            StoredWork::Build(build) => self.build_steps(&build, push),
            StoredWork::Test { candidate } => self.test_steps(candidate),
        }
    }

    /// The tests of an image that is there.
    fn test_steps(&mut self, candidate: Digest) -> Result<StoredStatus, Ended> {
        self.enter("test")?;
        let destination = self.destination()?;
        let builder = self.builder(std::slice::from_ref(&destination.registry))?;
        self.test(&builder, &destination, candidate)?;
        self.say(&format!(
            "passed: {}/{}@{candidate}",
            destination.registry, destination.repository
        ));
        Ok(StoredStatus::Succeeded {
            digest: candidate,
            builder: builder.to_string(),
        })
    }

    fn build_steps(&mut self, build: &StoredBuild, push: &Push) -> Result<StoredStatus, Ended> {
        self.enter("checkout")?;
        let source = self.checkout(build)?;
        self.enter("build")?;
        let destination = self.destination()?;
        let mut hosts = vec![destination.registry.clone()];
        for base in build.bases.values() {
            let base =
                Reference::parse(base, None).map_err(|error| Ended::Failed(error.to_string()))?;
            hosts.push(base.registry);
        }
        let builder = self.builder(&hosts)?;
        self.patiently(|runner| runner.build(build, &source, &builder))?;
        let digest = self.export()?;
        self.enter("push")?;
        self.patiently(|runner| runner.push(build, push, &destination, digest))?;
        if !self.request.tests.is_empty() {
            self.enter("test")?;
            self.test(&builder, &destination, digest)?;
        }
        if destination.tag.is_some() {
            self.patiently(|runner| runner.tag(push, &destination, digest))?;
        }
        self.say(&format!(
            "done: {}/{}@{digest}",
            destination.registry, destination.repository
        ));
        Ok(StoredStatus::Succeeded {
            digest,
            builder: builder.to_string(),
        })
    }

    /// Does `work` again while a server does not answer: it may be the one that started this run, on its way up again.
    /// Patience begins with the first failure: what failed may itself have taken long.
    fn patiently(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<(), Ended>,
    ) -> Result<(), Ended> {
        let mut patience = None;
        let mut pause = AGAIN;
        loop {
            match work(self) {
                Err(Ended::Later(error))
                    if Instant::now()
                        < *patience.get_or_insert_with(|| Instant::now() + PATIENCE) =>
                {
                    self.say(&format!("{error}; again in {} s", pause.as_secs()));
                    let until = Instant::now() + pause;
                    while Instant::now() < until {
                        if let Some(why) = self.stop() {
                            return Err(why);
                        }
                        std::thread::sleep(LISTEN);
                    }
                    pause = (pause * 2).min(AGAIN_MAX);
                }
                done => return done,
            }
        }
    }

    /// A new step; nothing begins once the run is called off.
    fn enter(&mut self, step: &'static str) -> Result<(), Ended> {
        self.step = step;
        self.folder.set_status(&StoredStatus::Running {
            step: step.to_owned(),
        })?;
        match self.folder.cancelled() {
            Some(reason) => Err(Ended::Cancelled(reason)),
            None => Ok(()),
        }
    }

    fn say(&mut self, text: &str) {
        // A log that cannot be written is no reason to give up a build.
        let _ = writeln!(self.log, "refloat: {text}");
    }

    fn work(&self, name: &str) -> PathBuf {
        self.folder.at("work").join(name)
    }

    fn destination(&self) -> Result<Reference, Ended> {
        let text = &self.request.destination;
        Reference::parse(text, None).map_err(|error| Ended::Failed(error.to_string()))
    }

    /// Runs a program with its output in the log; whether it succeeded.
    fn succeeds(&mut self, mut command: Command) -> Result<Option<i32>, Ended> {
        let name = command.get_program().to_string_lossy().into_owned();
        let missing = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => {
                Ended::Failed(format!("the program `{name}` is not installed"))
            }
            _ => Ended::Failed(format!("{name}: {error}")),
        };
        let mut child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(self.log.try_clone()?)
            .stderr(self.log.try_clone()?)
            .spawn()
            .map_err(missing)?;
        let mut why = None;
        let mut watch = || {
            why = self.stop();
            why.as_ref().map(|_| String::new())
        };
        let status = process::wait(&mut child, &mut watch)?;
        match (status, why) {
            (Ok(status), _) if status.success() => Ok(None),
            (Ok(status), _) => Ok(Some(status.code().unwrap_or(-1))),
            (Err(_), Some(why)) => Err(why),
            (Err(error), None) => Err(Ended::Failed(error)),
        }
    }

    /// Why the run must not go on.
    fn stop(&self) -> Option<Ended> {
        if let Some(reason) = self.folder.cancelled() {
            return Some(Ended::Cancelled(reason));
        }
        if Instant::now() > self.until {
            let seconds = self.limit.as_secs();
            return Some(Ended::Cancelled(format!("it took longer than {seconds} s")));
        }
        let length = self.log.metadata().map_or(0, |metadata| metadata.len());
        (length > LOG_MAX_BYTES)
            .then(|| Ended::Failed(format!("its output is longer than {LOG_MAX_BYTES} bytes")))
    }

    /// Runs a program that must succeed; the error is what it said last.
    fn must(&mut self, command: Command) -> Result<(), Ended> {
        let from = self.log.metadata().map_or(0, |metadata| metadata.len());
        match self.succeeds(command)? {
            None => Ok(()),
            Some(code) => Err(Ended::Failed(self.last_words(from, code))),
        }
    }

    /// The log after `from`.
    fn said_since(&self, from: u64) -> String {
        let bytes = fs::read(self.folder.at("log")).unwrap_or_default();
        let start = usize::try_from(from).unwrap_or(0).min(bytes.len());
        String::from_utf8_lossy(&bytes[start..]).into_owned()
    }

    /// The last line of the log that says what is wrong, after `from`.
    fn last_words(&self, from: u64, code: i32) -> String {
        let text = self.said_since(from);
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        let telling = lines.iter().rev().find(|line| {
            line.starts_with("Error: ")
                || line.starts_with("fatal: ")
                || line.starts_with("error: ")
        });
        match telling.or(lines.last()) {
            Some(line) => line.strip_prefix("Error: ").unwrap_or(line).to_owned(),
            None => format!("it ended with {code} and said nothing"),
        }
    }

    fn login(&self, registry: &RegistryHost) -> Option<&StoredLogin> {
        self.logins
            .iter()
            .find(|login| login.registry == registry.as_str())
    }
}

/// A digest that a program wrote into a file.
fn digest_in(path: &Path) -> Result<Digest, Ended> {
    let text = fs::read_to_string(path)?;
    text.trim()
        .parse()
        .map_err(|error| Ended::Failed(format!("the builder wrote no digest: {error}")))
}
