//! Releases as people see them.

use crate::{Releases, operation};
use refloat_core::{Rejection, Timestamp};
use refloat_flow::{Caller, FlowError};
use refloat_oci::Digest;
use refloat_release::{Deployment, due};
use refloat_store::access::authorize_project;
use refloat_store::documents::{self, StoredKind};
use refloat_store_releases::overview::{self, Shown};
use refloat_store_releases::{ReleaseKey, changes};

/// The most entries of a history.
const HISTORY_MAX: i64 = 200;
/// The most releases of a list.
const RELEASES_MAX: usize = 500;

/// A release as it stands now.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseNow {
    /// Its name.
    pub name: String,
    /// Its project.
    pub project: String,
    /// What the newest change is: its id, chart and state; `None` before the first.
    pub change: Option<(String, String, &'static str)>,
    /// Why the newest change could not be made.
    pub error: Option<String>,
    /// What is waited for.
    pub waits: Vec<String>,
    /// The newest deployment in each environment.
    pub environments: Vec<EnvironmentNow>,
}

/// An environment as it stands now.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvironmentNow {
    /// Its name.
    pub name: String,
    /// What was or is being deployed last.
    pub newest: Option<HistoryEntry>,
}

/// One deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEntry {
    /// Its id.
    pub id: String,
    /// The environment.
    pub environment: String,
    /// The change.
    pub change: String,
    /// `waiting`, `started`, `deployed`, `failed`, `stopped` or `superseded`.
    pub state: &'static str,
    /// Helm's revision, or the folder's counter.
    pub revision: Option<u32>,
    /// The chart.
    pub chart: String,
    /// The images.
    pub images: Vec<Digest>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What went wrong, or what stopped it.
    pub error: Option<String>,
}

impl Releases {
    /// The releases of a project, by name.
    ///
    /// # Errors
    /// [`Rejection::NotFound`] or [`Rejection::Denied`] without leave.
    pub async fn list(&self, caller: &Caller, project: &str) -> Result<Vec<ReleaseNow>, FlowError> {
        let (principal, named) = (caller.principal.clone(), project.to_owned());
        let found = self.store().read(operation!(tx, [principal, named], {
            let leave = authorize_project(tx, &principal, &named).await?;
            let list = documents::list(tx, &leave, StoredKind::Release, None, RELEASES_MAX).await?;
            let key = |document: &documents::StoredDocument| ReleaseKey {
                project: leave.id().clone(),
                name: document.name.clone(),
            };
            Ok(list.iter().map(key).collect::<Vec<_>>())
        }));
        let mut releases = Vec::new();
        for key in found.await? {
            releases.extend(self.now(&key, project).await?);
        }
        Ok(releases)
    }

    /// One release.
    ///
    /// # Errors
    /// [`Rejection::NotFound`], also without leave.
    pub async fn get(
        &self,
        caller: &Caller,
        project: &str,
        name: &str,
    ) -> Result<ReleaseNow, FlowError> {
        let key = self.key(caller, project, name).await?;
        let found = self.now(&key, project).await?;
        found.ok_or_else(|| not_found(name).into())
    }

    /// The deployments of a release, the newest first; of one environment if it is named.
    ///
    /// # Errors
    /// [`Rejection::NotFound`], also without leave.
    pub async fn history(
        &self,
        caller: &Caller,
        project: &str,
        name: &str,
        environment: Option<&str>,
    ) -> Result<Vec<HistoryEntry>, FlowError> {
        let key = self.key(caller, project, name).await?;
        let environment = environment.map(str::to_owned);
        let found = self.store().read(operation!(tx, [key, environment], {
            overview::history(tx, &key, environment.as_deref(), HISTORY_MAX).await
        }));
        Ok(found.await?.iter().map(entry).collect())
    }

    async fn key(
        &self,
        caller: &Caller,
        project: &str,
        name: &str,
    ) -> Result<ReleaseKey, FlowError> {
        let (principal, project, name) = (
            caller.principal.clone(),
            project.to_owned(),
            name.to_owned(),
        );
        let found = self
            .store()
            .read(operation!(tx, [principal, project, name], {
                let leave = authorize_project(tx, &principal, &project).await?;
                documents::get(tx, &leave, StoredKind::Release, &name).await?;
                Ok(ReleaseKey {
                    project: leave.id().clone(),
                    name,
                })
            }));
        Ok(found.await?)
    }

    async fn now(&self, key: &ReleaseKey, project: &str) -> Result<Option<ReleaseNow>, FlowError> {
        let Some(seen) = self.look(key).await? else {
            return Ok(None);
        };
        let (key, environments) = (key.clone(), seen.document.environments.clone());
        let read = self.store().read(operation!(tx, [key, environments], {
            let mut now = Vec::new();
            for environment in &environments {
                let newest = overview::history(tx, &key, Some(&environment.name), 1).await?;
                now.push(EnvironmentNow {
                    name: environment.name.clone(),
                    newest: newest.first().map(entry),
                });
            }
            Ok((now, changes::newest(tx, &key, 1).await?.pop()))
        }));
        let (environments, newest) = read.await?;
        let (_, waits) = due(&seen.view, seen.now);
        Ok(Some(ReleaseNow {
            name: key.name,
            project: project.to_owned(),
            error: newest.as_ref().and_then(|change| change.error.clone()),
            change: newest.map(|change| {
                let state = match change.state {
                    refloat_release::ChangeState::Making => "making",
                    refloat_release::ChangeState::Made => "made",
                    refloat_release::ChangeState::Failed => "failed",
                };
                (change.id.to_string(), change.chart, state)
            }),
            waits,
            environments,
        }))
    }
}

fn entry(shown: &Shown) -> HistoryEntry {
    let row = &shown.deployment;
    let (revision, error) = match &row.state {
        Deployment::Deployed { revision, .. } => (Some(*revision), None),
        Deployment::Failed { error } => (None, Some(error.clone())),
        Deployment::Stopped { by } => (None, Some(format!("{by} failed"))),
        Deployment::Waiting | Deployment::Started | Deployment::Superseded => (None, None),
    };
    HistoryEntry {
        id: row.id.to_string(),
        environment: row.environment.clone(),
        change: row.change.to_string(),
        state: row.state.name(),
        revision,
        chart: shown.chart.clone(),
        images: row.images.clone(),
        started_at: row.started_at,
        ended_at: row.ended_at,
        error,
    }
}

fn not_found(name: &str) -> Rejection {
    Rejection::NotFound {
        kind: "release",
        name: name.to_owned(),
    }
}
