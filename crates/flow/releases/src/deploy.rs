//! A change on its way into one environment: started, looked at until it has ended, written down.

use crate::look::Seen;
use crate::record::from_text;
use crate::secrets::unquoted;
use crate::{Releases, StepError, operation};
use refloat_core::{Failure, RecordId, Timestamp};
use refloat_flow::FlowError;
use refloat_ports::{DeployStatus, Deployment as PortDeployment, Namespace, Wait};
use refloat_release::{Deployment, DeploymentEvent, stopped_by};
use refloat_store_releases::{DeploymentRow, ReleaseKey, deployments};
use std::time::Duration;

/// How long a rollout may take (helm's default).
const TIMEOUT_SECONDS: u64 = 300;
/// A target that cannot be reached for this long is given up.
const GIVE_UP_SECONDS: i64 = 3600;
const LOOK_FIRST: Duration = Duration::from_millis(50);
const LOOK_LONGEST: Duration = Duration::from_secs(1);

pub(crate) fn injected(error: refloat_fail::Injected) -> StepError {
    StepError::Again(FlowError::Failed(Failure::Transient(error.to_string())))
}

impl Releases {
    pub(crate) async fn deploy(
        &self,
        key: &ReleaseKey,
        seen: &Seen,
        place: usize,
    ) -> Result<(), StepError> {
        let (Some(row), Some(change)) = (seen.deployments.get(place), &seen.newest) else {
            return Ok(());
        };
        let cascade = change.cascade.clone();
        if row.state == Deployment::Waiting {
            let causes = causes(seen, row);
            let (key, id) = (key.clone(), row.id.clone());
            let started = self
                .store()
                .write(operation!(tx, [key, id, causes, cascade], {
                    deployments::start(tx, &key, &id, causes, cascade).await
                }));
            started.await?;
        }
        let event = match self.carry_out(key, seen, row).await {
            Ok(event) => event,
            Err(StepError::Final(error)) => DeploymentEvent::Failed { error },
            Err(StepError::Again(error)) if is_given_up(row, seen.now) => DeploymentEvent::Failed {
                error: format!("given up after an hour: {error}"),
            },
            Err(error @ StepError::Again(_)) => return Err(error),
        };
        let followers = match &event {
            DeploymentEvent::Failed { .. } => stopped_by(&seen.view.environments, &row.environment),
            _ => Vec::new(),
        };
        let (key, id) = (key.clone(), row.id.clone());
        let ended = self
            .store()
            .write(operation!(tx, [key, id, event, followers, cascade], {
                deployments::end(tx, &key, &id, &event, &followers, cascade).await
            }));
        Ok(ended.await?)
    }

    async fn carry_out(
        &self,
        key: &ReleaseKey,
        seen: &Seen,
        row: &DeploymentRow,
    ) -> Result<DeploymentEvent, StepError> {
        let environment = seen
            .document
            .environments
            .iter()
            .find(|environment| environment.name == row.environment);
        let environment = environment.ok_or_else(|| {
            let name = &row.environment;
            StepError::Final(format!(
                "the environment {name} is no longer in the document"
            ))
        })?;
        let id = row.id.clone();
        let read = self.store().read(operation!(tx, [id], {
            deployments::rendered(tx, &id).await
        }));
        let damaged = || StepError::Final("what was rendered is damaged".to_owned());
        let kept = self.opened(key, &row.environment, read.await?.ok_or_else(damaged)?)?;
        let mut rendered = from_text(kept.expose()).ok_or_else(damaged)?;
        rendered.description = description(seen);
        let deployment = PortDeployment {
            id: row.id.clone(),
            target: self.target(key, &environment.target).await?,
            rendered,
            wait: Wait::Rollout,
            timeout_seconds: TIMEOUT_SECONDS,
            namespace: Namespace::MustExist,
        };
        let rolled_out = self.roll_out(&deployment, seen.now).await;
        // What a cluster answers may quote what it was sent.
        match rolled_out {
            Ok(DeploymentEvent::Failed { error }) => Ok(DeploymentEvent::Failed {
                error: unquoted(error, kept.expose()),
            }),
            Err(StepError::Final(error)) => Err(StepError::Final(unquoted(error, kept.expose()))),
            other => other,
        }
    }

    /// Starts a deployment, and looks at it until it has ended.
    async fn roll_out(
        &self,
        deployment: &PortDeployment,
        now: Timestamp,
    ) -> Result<DeploymentEvent, StepError> {
        self.start_deployment(deployment).await?;
        let mut rest = LOOK_FIRST;
        loop {
            match self.observe(deployment).await? {
                DeployStatus::Deployed { revision } => {
                    return Ok(DeploymentEvent::Deployed { revision, at: now });
                }
                DeployStatus::Failed { error, .. } => return Ok(DeploymentEvent::Failed { error }),
                DeployStatus::Running { waiting_for } => {
                    let release = &deployment.rendered.name;
                    tracing::debug!(release, ?waiting_for, "a rollout goes on");
                }
                DeployStatus::Absent => {
                    let message = "what was deployed is gone from its target".to_owned();
                    return Err(StepError::Final(message));
                }
            }
            tokio::time::sleep(rest).await;
            rest = (rest * 2).min(LOOK_LONGEST);
        }
    }
}

fn is_given_up(row: &DeploymentRow, now: Timestamp) -> bool {
    row.started_at
        .is_some_and(|started| now.seconds_since(started) > GIVE_UP_SECONDS)
}

/// The change, and the environment that had to run it first.
fn causes(seen: &Seen, row: &DeploymentRow) -> Vec<RecordId> {
    let change = seen
        .newest
        .as_ref()
        .and_then(|change| change.record.clone());
    let after = seen
        .document
        .environments
        .iter()
        .find(|environment| environment.name == row.environment)
        .and_then(|environment| environment.after.as_ref());
    let before = seen
        .deployments
        .iter()
        .find(|other| Some(&other.environment) == after);
    let before = before.and_then(|before| before.ended_record.clone());
    change.into_iter().chain(before).collect()
}

/// What the release's record says about itself.
fn description(seen: &Seen) -> String {
    let Some(change) = &seen.newest else {
        return String::new();
    };
    let moved: Vec<String> = change
        .moved()
        .iter()
        .map(|image| format!("{} {}", image.path, image.tag))
        .collect();
    if moved.is_empty() {
        format!("refloat {}", change.id)
    } else {
        let mut text = format!("refloat {}: {}", change.id, moved.join(", "));
        text.truncate(text.floor_char_boundary(500));
        text
    }
}
