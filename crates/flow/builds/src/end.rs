//! The end of a run: its unique tag, its record, and what follows: stable tags, edges, and that nothing of it is left.

use crate::{Builds, operation, spec};
use refloat_core::event::RunOutcome;
use refloat_core::{Failure, Rejection, Timestamp};
use refloat_documents::{TagFields, TaskDocument};
use refloat_flow::{Because, Caller, FlowError};
use refloat_oci::{Digest, Location, Reference, TagName, TagOrDigest};
use refloat_ports::ImagesError;
use refloat_store_builds as rows;
use refloat_store_builds::Run;

impl Builds {
    /// The image is pushed and tested: it gets its unique tag, then the run its end.
    pub(crate) async fn succeeded(
        &self,
        run: &Run,
        digest: Digest,
        builder: String,
    ) -> Result<(), FlowError> {
        if let Some(candidate) = run.candidate {
            let spec = spec::tests(&run.spec)?;
            let outcome = RunOutcome::Passed {
                candidate,
                tests: u32::try_from(spec.tests.len()).unwrap_or(u32::MAX),
            };
            return self.finish(run, outcome, Some(builder)).await;
        }
        let task = spec::task(&run.spec)?;
        let tag = match unique_tag(run, &task) {
            Ok(tag) => tag,
            Err(error) => return self.failed(run, "push", error).await,
        };
        if let Err(error) = self.tag(run, digest, &tag).await {
            return match error {
                FlowError::Rejected(rejection) => {
                    self.failed(run, "push", rejection.to_string()).await
                }
                FlowError::Failed(_) => Err(error),
            };
        }
        let outcome = RunOutcome::Succeeded {
            digest,
            tag,
            tested: !task.tests.is_empty(),
        };
        self.finish(run, outcome, Some(builder)).await
    }

    pub(crate) async fn finish(
        &self,
        run: &Run,
        outcome: RunOutcome,
        builder: Option<String>,
    ) -> Result<(), FlowError> {
        let id = run.id.clone();
        let done = self.store().write(operation!(
            tx,
            [id, outcome, builder],
            rows::finish(tx, &id, &outcome, builder.as_deref()).await
        ));
        match done.await.map_err(FlowError::from) {
            // Another look was faster.
            Err(FlowError::Rejected(Rejection::Conflict(_))) => Ok(()),
            other => other,
        }
    }

    /// What follows the end. Every part may be repeated.
    pub(crate) async fn settle(&self, run: &Run) -> Result<(), FlowError> {
        let built = match run.candidate {
            None => run.digest,
            Some(_) => None,
        };
        if let (Some(digest), None) = (built, &run.cascade) {
            self.move_stable(run, digest).await?;
        }
        self.keep_log(run).await?;
        self.inner.builder.remove(&run.id).await?;
        self.forget_login(run).await?;
        if built.is_some() {
            self.derive_from(run, &spec::task(&run.spec)?).await?;
        }
        let id = run.id.clone();
        let settled = self
            .store()
            .write(operation!(tx, [id], rows::settle(tx, &id).await));
        Ok(settled.await?)
    }

    /// The stable tags of a run by hand.
    async fn move_stable(&self, run: &Run, digest: Digest) -> Result<(), FlowError> {
        for tag in &spec::task(&run.spec)?.stable {
            match self.tag(run, digest, tag).await {
                Ok(()) => {}
                Err(FlowError::Rejected(rejection)) => {
                    tracing::warn!(run = %run.id, %tag, %rejection, "a stable tag was not moved");
                    self.note(run, format!("the tag {tag} was not moved: {rejection}"))
                        .await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(crate) async fn note(&self, run: &Run, text: String) -> Result<(), FlowError> {
        let id = run.id.clone();
        let noted =
            self.store()
                .write(operation!(tx, [id, text], rows::note(tx, &id, &text).await));
        Ok(noted.await?)
    }

    /// Makes a tag name the run's image, because of the run's newest record.
    async fn tag(&self, run: &Run, digest: Digest, tag: &TagName) -> Result<(), FlowError> {
        let destination = self.destination(run);
        let target = TagOrDigest::Digest(digest);
        if self.is_own(&destination.registry) {
            let caller = Caller {
                because: Because {
                    causes: vec![run.record.clone()],
                    cascade: run.cascade.clone(),
                },
                ..Caller::system()
            };
            let repository = &destination.repository;
            let moved = self
                .inner
                .registry
                .tag(&caller, repository, &target, tag.clone());
            return moved.await.map(drop);
        }
        let reference = Reference {
            digest: Some(digest),
            ..destination
        };
        let place = self
            .inner
            .places
            .open(&Location::Registry(reference.clone()))
            .await
            .map_err(failed)?;
        let found = place
            .images
            .manifest(&place.repository, &target)
            .await
            .map_err(failed)?;
        let manifest = found.ok_or_else(|| Rejection::ManifestUnknown {
            repository: reference.repository.to_string(),
            reference: digest.to_string(),
        })?;
        let named = TagOrDigest::Tag(tag.clone());
        let put = place.images.put_manifest(
            &place.repository,
            &named,
            &manifest.media_type,
            manifest.bytes,
        );
        put.await.map(drop).map_err(failed)
    }
}

fn failed(error: ImagesError) -> FlowError {
    match error {
        ImagesError::Failed(failure) => failure.into(),
        other => Rejection::Invalid(other.to_string()).into(),
    }
}

fn unique_tag(run: &Run, task: &TaskDocument) -> Result<TagName, String> {
    let date = date(run.requested_at);
    let fields = TagFields {
        run: run.id.as_str(),
        commit: run.commit.as_deref().unwrap_or_default(),
        date: &date,
        branch: &task.source.branch,
        cause: &run.cause,
    };
    task.unique.tag(&fields).map_err(|error| error.to_string())
}

/// `20261121`
fn date(at: Timestamp) -> String {
    at.to_string()
        .chars()
        .take(10)
        .filter(|letter| *letter != '-')
        .collect()
}

impl Builds {
    /// The edges of a task's Dockerfile anew, with what they were built from.
    async fn derive_from(&self, run: &Run, task: &TaskDocument) -> Result<(), FlowError> {
        let derived = self.derive(
            &run.project,
            &run.task,
            task,
            run.commit.clone(),
            &run.bases,
        );
        match derived.await {
            // A git server that went away after the build holds up no run.
            Err(FlowError::Failed(failure @ Failure::Transient(_))) => {
                tracing::warn!(run = %run.id, %failure, "the edges of a task are not known anew");
                Ok(())
            }
            other => other,
        }
    }
}
