//! A folder as a place to release to: the embedded default, which needs no cluster.
//!
//! ```text
//! PATH/NAME/                 the files of the revision that is deployed, by their templates' paths
//! PATH/.NAME.releases.json   the revisions, the newest last: number, id, when, digest of the manifest
//! ```
//! A revision takes the place of the one before it at once: it is written aside, made durable, and the two folders are
//! exchanged. A reader sees one or the other, never a mix. What was done is done again without harm.

mod history;
mod replace;

use futures_util::future::BoxFuture;
use history::{History, Revision};
use refloat_core::Failure;
use refloat_oci::Digest;
use refloat_ports::{Capabilities, DeployStatus, Deployer, Deployment, Target};
use std::path::{Component, Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Deploys to folders.
pub struct FolderDeployer {
    base: PathBuf,
}

impl FolderDeployer {
    /// A deployer whose relative paths begin at `base`.
    pub fn new(base: PathBuf) -> Self {
        Self { base }
    }

    fn place(&self, deployment: &Deployment) -> Result<PathBuf, Failure> {
        let Target::Folder { path } = &deployment.target else {
            return Err(Failure::Terminal("this target is no folder".to_owned()));
        };
        let name = &deployment.rendered.name;
        let is_one = Path::new(name).components().count() == 1 && !name.starts_with('.');
        if !is_one {
            return Err(Failure::Terminal(format!(
                "`{name}` is no name of a folder"
            )));
        }
        Ok(self.base.join(path))
    }
}

impl Deployer for FolderDeployer {
    fn capabilities<'a>(
        &'a self,
        _target: &'a Target,
    ) -> BoxFuture<'a, Result<Option<Capabilities>, Failure>> {
        // A folder is no cluster: what Helm assumes without one is assumed.
        Box::pin(std::future::ready(Ok(None)))
    }

    fn start(&self, deployment: Deployment) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let place = self.place(&deployment)?;
            blocking(move || deploy(&place, &deployment)).await
        })
    }

    fn observe<'a>(
        &'a self,
        deployment: &'a Deployment,
    ) -> BoxFuture<'a, Result<DeployStatus, Failure>> {
        Box::pin(async move {
            let place = self.place(deployment)?;
            let (name, id) = (deployment.rendered.name.clone(), deployment.id.to_string());
            blocking(move || {
                let history = History::read(&place, &name)?;
                Ok(match history.find(&id) {
                    Some(revision) => DeployStatus::Deployed { revision },
                    None => DeployStatus::Absent,
                })
            })
            .await
        })
    }

    /// Nothing is waited for here.
    fn cancel<'a>(&'a self, _deployment: &'a Deployment) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Failure::Transient("a deployment to a folder panicked".to_owned()))?
}

fn deploy(place: &Path, deployment: &Deployment) -> Result<(), Failure> {
    let rendered = &deployment.rendered;
    let mut history = History::read(place, &rendered.name)?;
    if history.find(deployment.id.as_str()).is_some() {
        return Ok(());
    }
    let mut files = rendered.files.clone();
    if !rendered.crds.trim().is_empty() {
        files.push(("crds.yaml".to_owned(), rendered.crds.clone()));
    }
    for (path, _) in &files {
        let is_inner = |part: Component<'_>| matches!(part, Component::Normal(_));
        if !Path::new(path).components().all(is_inner) {
            let message = format!("the template `{path}` would lie outside of the folder");
            return Err(Failure::Terminal(message));
        }
    }
    replace::replace(place, &rendered.name, deployment.id.as_str(), &files)?;
    refloat_fail::point("release.applied")
        .map_err(|error| Failure::Transient(error.to_string()))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    history.push(Revision {
        id: deployment.id.to_string(),
        at_seconds: now.map_or(0, |now| now.as_secs()),
        manifest_digest: Digest::sha256(rendered.manifest.as_bytes()).to_string(),
    });
    history.write(place, &rendered.name)?;
    refloat_fail::point("release.recorded").map_err(|error| Failure::Transient(error.to_string()))
}

/// An error of the file system by its consequence, with the path it is about.
fn failure(path: &Path, error: &std::io::Error) -> Failure {
    let message = format!("{}: {error}", path.display());
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            Failure::Full(message)
        }
        std::io::ErrorKind::PermissionDenied
        | std::io::ErrorKind::NotADirectory
        | std::io::ErrorKind::ReadOnlyFilesystem => Failure::Terminal(message),
        _ => Failure::Transient(message),
    }
}

#[cfg(test)]
mod tests;
