//! Where a chart comes from and where its changes go: a repository of this registry, or git.

use crate::{Releases, StepError, charts, operation};
use refloat_core::{Failure, Secret};
use refloat_documents::{ReleaseDocument, ReleaseSource};
use refloat_flow::FlowError;
use refloat_oci::reference::TagOrDigest;
use refloat_ports::{GitError, GitRepository};
use refloat_store::{documents, secrets};
use refloat_store_releases::{ChangeRow, ReleaseKey};
use std::collections::BTreeMap;

/// A chart's files as they were read, and where they lie.
pub(crate) enum Files {
    /// A packaged chart.
    Archive(Vec<u8>),
    /// A folder of a commit: files by their path inside the chart's folder.
    Folder(BTreeMap<String, Vec<u8>>),
}

impl Releases {
    /// The chart as it is now: a digest, or a commit. Our own commit is no news: it counts as what it was made from.
    /// The inner error is what is missing.
    pub(crate) async fn chart_now(
        &self,
        key: &ReleaseKey,
        document: &ReleaseDocument,
        made: Option<&ChangeRow>,
    ) -> Result<Result<String, String>, FlowError> {
        if let (false, Some(made)) = (document.update.chart, made) {
            return Ok(Ok(made.base.clone()));
        }
        match &document.source {
            ReleaseSource::Chart {
                repository, tag, ..
            } => {
                let digest = charts::digest_of(self.registry(), repository, tag).await?;
                Ok(match digest {
                    Some(digest) => Ok(digest.to_string()),
                    None => Err(format!(
                        "the chart {repository}:{tag} is not there; push it"
                    )),
                })
            }
            ReleaseSource::Git { url, branch, .. } => {
                let repository = match self.git_repository(key, document).await {
                    Ok(repository) => repository,
                    Err(StepError::Final(message)) => return Ok(Err(message)),
                    Err(StepError::Again(error)) => return Err(error),
                };
                let head = self.world().git.resolve(&repository, branch).await;
                match head {
                    Ok(Some(head)) => Ok(Ok(match made {
                        Some(made) if made.commit.as_deref() == Some(&head) => made.base.clone(),
                        Some(_) | None => head,
                    })),
                    Ok(None) => Ok(Err(format!("{url} has no branch `{branch}`"))),
                    Err(GitError::Failed(failure)) => Err(failure.into()),
                    Err(error) => Ok(Err(error.to_string())),
                }
            }
        }
    }

    /// Reads the chart `base`.
    pub(crate) async fn read_chart(
        &self,
        key: &ReleaseKey,
        document: &ReleaseDocument,
        base: &str,
    ) -> Result<Files, StepError> {
        match &document.source {
            ReleaseSource::Chart { repository, .. } => {
                let digest = base
                    .parse()
                    .map_err(|_| StepError::Final(format!("`{base}` names no chart")))?;
                let target = TagOrDigest::Digest(digest);
                let archive = charts::read(self.registry(), repository, &target).await?;
                Ok(Files::Archive(archive))
            }
            ReleaseSource::Git { path, .. } => {
                let repository = self.git_repository(key, document).await?;
                let read = self.world().git.read(&repository, base, path).await;
                let prefix = prefix(path);
                let inside = |(name, bytes): (String, Vec<u8>)| {
                    Some((name.strip_prefix(&prefix)?.to_owned(), bytes))
                };
                let files = read.map_err(git_error)?;
                Ok(Files::Folder(
                    files.into_iter().filter_map(inside).collect(),
                ))
            }
        }
    }

    pub(crate) async fn git_repository(
        &self,
        key: &ReleaseKey,
        document: &ReleaseDocument,
    ) -> Result<GitRepository, StepError> {
        let ReleaseSource::Git {
            url, credential, ..
        } = &document.source
        else {
            return Err(StepError::Final(
                "the chart does not come from git".to_owned(),
            ));
        };
        let credential = match credential {
            None => None,
            Some(name) => Some(self.credential(key, name).await?),
        };
        Ok(GitRepository {
            url: url.clone(),
            credential: credential
                .map(|(user, secret)| (user.unwrap_or_else(|| "git".to_owned()), secret)),
        })
    }

    /// The user name and value of a credential of the release's project.
    pub(crate) async fn credential(
        &self,
        key: &ReleaseKey,
        name: &str,
    ) -> Result<(Option<String>, Secret<String>), StepError> {
        let (project, wanted) = (key.project.clone(), name.to_owned());
        let master = self.world().master.clone();
        let read = self
            .store()
            .read(operation!(tx, [project, wanted, master], {
                let row = documents::credential(tx, &project, &wanted).await?;
                let value = secrets::get(tx, &master, &row.secret).await?;
                Ok((row.username, value))
            }));
        let (username, value) = match read.await {
            Ok(found) => found,
            Err(refloat_store::StoreError::Rejected(rejection)) => {
                return Err(StepError::Final(format!("{rejection}; apply it")));
            }
            Err(error) => return Err(error.into()),
        };
        let text = String::from_utf8(value.expose().clone());
        let text = text.map_err(|_| StepError::Final(format!("credential `{name}` is no text")))?;
        Ok((username, Secret::new(text)))
    }
}

/// What stands before the paths of a folder's files.
pub(crate) fn prefix(path: &str) -> String {
    match path.trim_matches('/') {
        "" | "." => String::new(),
        path => format!("{path}/"),
    }
}

pub(crate) fn git_error(error: GitError) -> StepError {
    match error {
        GitError::Failed(failure) => failure.into(),
        // Somebody pushed: the branch is looked at again.
        moved @ GitError::Moved { .. } => {
            StepError::Again(Failure::Transient(moved.to_string()).into())
        }
        unknown @ GitError::Unknown(_) => StepError::Final(unknown.to_string()),
    }
}
