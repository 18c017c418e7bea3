//! The folder of one run: what is asked, what must not be seen, how it stands.

use refloat_core::{Failure, Secret};
use refloat_oci::{Digest, Reference};
use refloat_ports::{BuildRequest, BuildSource, BuildStatus, RegistryLogin, TestRequest};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A run's folder.
#[derive(Debug, Clone)]
pub(crate) struct RunFolder {
    pub(crate) path: PathBuf,
}

/// The request as it lies in the folder: without a secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredRequest {
    /// What is done before the tests.
    pub(crate) work: StoredWork,
    /// Where the image goes, or lies.
    pub(crate) destination: String,
    pub(crate) timeout_seconds: u64,
    pub(crate) tests: Vec<Vec<String>>,
}

/// Where the image comes from that is tested.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum StoredWork {
    /// It is built and pushed.
    Build(StoredBuild),
    /// It is there.
    Test { candidate: Digest },
}

/// A build as it lies in the folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredBuild {
    pub(crate) source: StoredSource,
    pub(crate) context: String,
    pub(crate) dockerfile: String,
    pub(crate) target: Option<String>,
    pub(crate) platform: String,
    pub(crate) arguments: BTreeMap<String, String>,
    /// By the name as written, `registry/path@digest`.
    pub(crate) bases: BTreeMap<String, String>,
    /// The ids alone; the values lie in files.
    pub(crate) secrets: Vec<String>,
    pub(crate) annotations: BTreeMap<String, String>,
}

/// Where the source lies.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum StoredSource {
    /// A commit.
    Git { git: String, commit: String },
    /// A folder.
    Folder { folder: String },
}

/// What a run is given that must not be seen.
pub(crate) struct Secrets<'a> {
    /// In the order of their ids.
    values: Vec<&'a Secret<String>>,
    git: Option<&'a (String, Secret<String>)>,
    logins: &'a [RegistryLogin],
}

impl<'a> Secrets<'a> {
    pub(crate) fn of_build(request: &'a BuildRequest) -> Self {
        Self {
            values: request.secrets.values().collect(),
            git: match &request.source {
                BuildSource::Git { credential, .. } => credential.as_ref(),
                BuildSource::Folder { .. } => None,
            },
            logins: &request.logins,
        }
    }

    pub(crate) fn of_tests(request: &'a TestRequest) -> Self {
        Self {
            values: Vec::new(),
            git: None,
            logins: &request.logins,
        }
    }
}

impl StoredRequest {
    pub(crate) fn of_build(request: &BuildRequest) -> Self {
        let source = match &request.source {
            BuildSource::Git { git, commit, .. } => StoredSource::Git {
                git: git.clone(),
                commit: commit.clone(),
            },
            BuildSource::Folder { folder } => StoredSource::Folder {
                folder: folder.clone(),
            },
        };
        let shown =
            |(name, reference): (&String, &Reference)| (name.clone(), reference.to_string());
        Self {
            work: StoredWork::Build(StoredBuild {
                source,
                context: request.context.clone(),
                dockerfile: request.dockerfile.clone(),
                target: request.target.clone(),
                platform: request.platform.clone(),
                arguments: request.arguments.clone(),
                bases: request.bases.iter().map(shown).collect(),
                secrets: request.secrets.keys().cloned().collect(),
                annotations: request.annotations.clone(),
            }),
            destination: request.destination.to_string(),
            timeout_seconds: request.timeout_seconds,
            tests: request.tests.clone(),
        }
    }

    /// `None` for an image that is not named by its digest.
    pub(crate) fn of_tests(request: &TestRequest) -> Option<Self> {
        let place = Reference {
            tag: None,
            digest: None,
            ..request.image.clone()
        };
        Some(Self {
            work: StoredWork::Test {
                candidate: request.image.digest?,
            },
            destination: place.to_string(),
            timeout_seconds: request.timeout_seconds,
            tests: request.tests.clone(),
        })
    }
}

/// A user and what it shows.
#[derive(Clone, Deserialize)]
pub(crate) struct StoredLogin {
    pub(crate) registry: String,
    pub(crate) username: String,
    pub(crate) password: Secret<String>,
}

/// How the run stands, as its runner wrote it last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub(crate) enum StoredStatus {
    Running { step: String },
    Succeeded { digest: Digest, builder: String },
    Failed { step: String, error: String },
    Cancelled { reason: String },
}

impl From<StoredStatus> for BuildStatus {
    fn from(status: StoredStatus) -> Self {
        match status {
            StoredStatus::Running { step } => Self::Running { step },
            StoredStatus::Succeeded { digest, builder } => Self::Succeeded { digest, builder },
            StoredStatus::Failed { step, error } => Self::Failed { step, error },
            StoredStatus::Cancelled { reason } => Self::Cancelled { reason },
        }
    }
}

/// The lock of a folder, held by its runner while it lives.
pub(crate) struct Held(#[expect(dead_code, reason = "closing the file frees the lock")] File);

/// A failure that names a path.
pub(crate) fn failure(path: &Path, error: &io::Error) -> Failure {
    let text = format!("{}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Failure::Full(text),
        io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound => Failure::Terminal(text),
        _ => Failure::Transient(text),
    }
}

/// Writes a whole file by rename, on disk before it is seen, readable by its owner alone.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

impl RunFolder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn exists(&self) -> bool {
        self.at("request.json").exists()
    }

    /// Makes the folder with its request, whole or not at all; one that is there already stays as it is.
    pub(crate) fn make(&self, request: &StoredRequest, secrets: &Secrets<'_>) -> io::Result<()> {
        if self.exists() {
            return Ok(());
        }
        let above = self.path.parent().unwrap_or(Path::new("/"));
        let made = tempfile::Builder::new().prefix(".new-").tempdir_in(above)?;
        let new = RunFolder::new(made.path().to_owned());
        new.show(secrets)?;
        write(
            &new.at("request.json"),
            &serde_json::to_vec_pretty(request)?,
        )?;
        // Fails if somebody else's folder is there meanwhile, which is as good.
        match fs::rename(made.path(), &self.path) {
            Ok(()) => {
                let _ = made.keep();
                File::open(above)?.sync_all()
            }
            Err(_) if self.exists() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Writes what must not be seen, anew: what the run was given before may open nothing any more.
    pub(crate) fn show(&self, secrets: &Secrets<'_>) -> io::Result<()> {
        fs::create_dir_all(self.at("secrets"))?;
        for (number, value) in secrets.values.iter().enumerate() {
            let path = self.at("secrets").join(number.to_string());
            write(&path, value.expose().as_bytes())?;
        }
        if let Some((username, password)) = secrets.git {
            let json = serde_json::json!({ "registry": "", "username": username, "password": password.expose() });
            write(&self.at("git.json"), json.to_string().as_bytes())?;
        }
        let login = |login: &RegistryLogin| serde_json::json!({ "registry": login.registry, "username": login.username, "password": login.password.expose() });
        let logins: Vec<_> = secrets.logins.iter().map(login).collect();
        write(
            &self.at("logins.json"),
            serde_json::Value::from(logins).to_string().as_bytes(),
        )?;
        Ok(())
    }

    pub(crate) fn request(&self) -> io::Result<StoredRequest> {
        Ok(serde_json::from_slice(&fs::read(self.at("request.json"))?)?)
    }

    /// What the registries are shown; none after the end.
    pub(crate) fn logins(&self) -> Vec<StoredLogin> {
        let bytes = fs::read(self.at("logins.json")).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// What the git server is shown.
    pub(crate) fn git_credential(&self) -> Option<(String, Secret<String>)> {
        let bytes = fs::read(self.at("git.json")).ok()?;
        let login: StoredLogin = serde_json::from_slice(&bytes).ok()?;
        Some((login.username, login.password))
    }

    /// Removes what must not outlive the run.
    pub(crate) fn forget_secrets(&self) {
        for name in ["git.json", "logins.json", "auth.json"] {
            let _ = fs::remove_file(self.at(name));
        }
        let _ = fs::remove_dir_all(self.at("secrets"));
    }

    pub(crate) fn status(&self) -> Option<StoredStatus> {
        serde_json::from_slice(&fs::read(self.at("status.json")).ok()?).ok()
    }

    pub(crate) fn set_status(&self, status: &StoredStatus) -> io::Result<()> {
        write(&self.at("status.json"), &serde_json::to_vec(status)?)
    }

    /// Takes the lock; `None` if somebody holds it.
    pub(crate) fn hold(&self) -> io::Result<Option<Held>> {
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.at("lock"))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Held(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Why somebody called it off.
    pub(crate) fn cancelled(&self) -> Option<String> {
        fs::read_to_string(self.at("cancel")).ok()
    }
}
