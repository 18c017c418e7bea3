//! The port [`Builder`] by run folders and runner processes.

use crate::checkout::clean;
use crate::folder::{RunFolder, Secrets, StoredRequest, StoredStatus, failure, write};
use crate::runner::remove_work;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;
use refloat_core::{Failure, RunId};
use refloat_ports::{BuildRequest, BuildStatus, Builder, ByteStream, StartError, TestRequest};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// How long a runner may take to show that it lives.
const BEGIN_MAX: Duration = Duration::from_secs(10);
/// How long a runner may take to leave after its end.
const LEAVE_MAX: Duration = Duration::from_secs(10);
/// The most of a log that one call hands on, in bytes.
const LOG_PART_MAX_BYTES: u64 = 256 * 1024;

/// What the builder is told of its machine.
#[derive(Debug, Clone)]
pub struct BuildahOptions {
    /// Where the folders of runs lie; nothing else does.
    pub folder: PathBuf,
    /// The program that runs a folder, with its first arguments: `refloat runner`.
    pub runner: Vec<OsString>,
    /// The account that runners run as; `None` is the server's own.
    pub user: Option<String>,
}

/// Builds by the program `buildah`.
#[derive(Clone)]
pub struct Buildah {
    inner: Arc<Inner>,
}

struct Inner {
    options: BuildahOptions,
    /// Whether the machine lets a runner have namespaces of its own.
    namespaces: OnceLock<bool>,
}

impl Buildah {
    /// A builder on this machine.
    pub fn new(options: BuildahOptions) -> Self {
        Self {
            inner: Arc::new(Inner {
                options,
                namespaces: OnceLock::new(),
            }),
        }
    }

    /// Whether the program is there.
    pub fn is_installed() -> bool {
        let mut command = Command::new("buildah");
        command
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// Runs work that blocks where it may.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || work(&inner))
            .await
            .map_err(|_| Failure::Transient("the builder's work was broken off".to_owned()))
    }
}

impl Inner {
    fn folder(&self, run: &RunId) -> RunFolder {
        RunFolder::new(self.options.folder.join(run.as_str()))
    }

    fn start(
        &self,
        run: &RunId,
        request: &StoredRequest,
        secrets: &Secrets<'_>,
    ) -> Result<(), StartError> {
        let folder = self.folder(run);
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.options.folder);
        made.and_then(|()| folder.make(request, secrets))
            .map_err(|error| failure(&folder.path, &error))?;
        if self.observe(run)? != BuildStatus::Absent {
            return Ok(());
        }
        folder
            .show(secrets)
            .map_err(|error| failure(&folder.path, &error))?;
        self.spawn(&folder)
            .map_err(|error| failure(&folder.path, &error))?;
        let until = Instant::now() + BEGIN_MAX;
        while Instant::now() < until {
            if self.observe(run)? != BuildStatus::Absent {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(Failure::Transient("the runner does not begin".to_owned()).into())
    }

    fn spawn(&self, folder: &RunFolder) -> io::Result<()> {
        if let Some(user) = &self.options.user {
            let status = Command::new("chown")
                .args(["-R", "--", user])
                .arg(&folder.path)
                .status()?;
            if !status.success() {
                return Err(io::Error::other(format!(
                    "the folder cannot be given to `{user}`"
                )));
            }
        }
        let mut words: Vec<OsString> = Vec::new();
        if *self.namespaces.get_or_init(has_namespaces) {
            words.extend(NAMESPACES.map(OsString::from));
        }
        if let Some(user) = &self.options.user {
            words.extend(
                [
                    "setpriv",
                    "--reuid",
                    user,
                    "--regid",
                    user,
                    "--init-groups",
                    "--",
                ]
                .map(OsString::from),
            );
        }
        words.extend(self.options.runner.iter().cloned());
        words.push(folder.path.clone().into());
        let mut words = words.into_iter();
        let program = words
            .next()
            .ok_or_else(|| io::Error::other("no runner is configured"))?;
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.at("log"))?;
        let mut command = Command::new(program);
        command.args(words);
        clean(&mut command);
        for name in ["STORAGE_DRIVER", "STORAGE_OPTS", "BUILDAH_RUNTIME"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let mut child = command
            .current_dir("/")
            // Whoever ends the server's group does not mean its runners.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        // Somebody must take note of its end while this process lives; afterwards it is nobody's child.
        std::thread::Builder::new()
            .name("runner".to_owned())
            .spawn(move || child.wait())?;
        Ok(())
    }

    fn observe(&self, run: &RunId) -> Result<BuildStatus, Failure> {
        let folder = self.folder(run);
        if !folder.exists() {
            return Ok(BuildStatus::Absent);
        }
        let status = folder.status();
        match status {
            Some(
                end @ (StoredStatus::Succeeded { .. }
                | StoredStatus::Failed { .. }
                | StoredStatus::Cancelled { .. }),
            ) => {
                return Ok(end.into());
            }
            None | Some(StoredStatus::Running { .. }) => {}
        }
        let free = folder
            .hold()
            .map_err(|error| failure(&folder.path, &error))?;
        if free.is_none() {
            return Ok(status.map_or(
                BuildStatus::Running {
                    step: "checkout".to_owned(),
                },
                Into::into,
            ));
        }
        // It may have ended between the two looks.
        match folder.status() {
            Some(
                end @ (StoredStatus::Succeeded { .. }
                | StoredStatus::Failed { .. }
                | StoredStatus::Cancelled { .. }),
            ) => Ok(end.into()),
            None | Some(StoredStatus::Running { .. }) => match folder.cancelled() {
                Some(reason) => Ok(BuildStatus::Cancelled { reason }),
                None => Ok(BuildStatus::Absent),
            },
        }
    }

    fn cancel(&self, run: &RunId, reason: &str) -> io::Result<()> {
        let folder = self.folder(run);
        if folder.exists() && folder.cancelled().is_none() {
            write(&folder.at("cancel"), reason.as_bytes())?;
        }
        Ok(())
    }

    fn log(&self, run: &RunId, from: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut file = match fs::File::open(self.folder(run).at("log")) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(bytes),
            Err(error) => return Err(error),
        };
        file.seek(io::SeekFrom::Start(from))?;
        file.take(LOG_PART_MAX_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn remove(&self, run: &RunId) -> Result<(), Failure> {
        let folder = self.folder(run);
        if !folder.path.exists() {
            return Ok(());
        }
        let failed = |error: io::Error| failure(&folder.path, &error);
        // A runner that has written its end is about to leave.
        let until = Instant::now() + LEAVE_MAX;
        let _held = loop {
            if let Some(held) = folder.hold().map_err(failed)? {
                break held;
            }
            let has_ended = !matches!(folder.status(), None | Some(StoredStatus::Running { .. }));
            if !has_ended || Instant::now() > until {
                return Err(Failure::Transient(format!("{run} still runs")));
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        folder.forget_secrets();
        remove_work(&folder);
        fs::remove_dir_all(&folder.path).map_err(failed)
    }
}

/// Namespaces for mounts and processes: when the runner ends, so does everything that it started.
const NAMESPACES: [&str; 7] = [
    "unshare",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--",
];

fn has_namespaces() -> bool {
    let mut command = Command::new(NAMESPACES[0]);
    command
        .args(&NAMESPACES[1..])
        .arg("true")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

impl Builder for Buildah {
    fn name(&self) -> &'static str {
        "buildah"
    }

    fn start(&self, request: BuildRequest) -> BoxFuture<'_, Result<(), StartError>> {
        let work = move |inner: &Inner| {
            let stored = StoredRequest::of_build(&request);
            inner.start(&request.run, &stored, &Secrets::of_build(&request))
        };
        Box::pin(async move { self.blocking(work).await? })
    }

    fn start_tests(&self, request: TestRequest) -> BoxFuture<'_, Result<(), StartError>> {
        let work = move |inner: &Inner| {
            let stored = StoredRequest::of_tests(&request).ok_or_else(|| {
                StartError::Refused(format!("{} is not named by its digest", request.image))
            })?;
            inner.start(&request.run, &stored, &Secrets::of_tests(&request))
        };
        Box::pin(async move { self.blocking(work).await? })
    }

    fn observe<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<BuildStatus, Failure>> {
        let run = run.clone();
        Box::pin(async move { self.blocking(move |inner| inner.observe(&run)).await? })
    }

    fn cancel<'a>(&'a self, run: &'a RunId, reason: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
        let (run, reason) = (run.clone(), reason.to_owned());
        Box::pin(async move {
            let done = self
                .blocking(move |inner| inner.cancel(&run, &reason))
                .await?;
            done.map_err(|error| failure(Path::new("cancel"), &error))
        })
    }

    fn log<'a>(&'a self, run: &'a RunId, from: u64) -> BoxFuture<'a, Result<ByteStream, Failure>> {
        let run = run.clone();
        Box::pin(async move {
            let read = self.blocking(move |inner| inner.log(&run, from)).await?;
            let bytes = read.map_err(|error| failure(Path::new("log"), &error))?;
            let stream: ByteStream = Box::pin(stream::iter([Ok(Bytes::from(bytes))]));
            Ok(stream)
        })
    }

    fn remove<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), Failure>> {
        let run = run.clone();
        Box::pin(async move { self.blocking(move |inner| inner.remove(&run)).await? })
    }
}
