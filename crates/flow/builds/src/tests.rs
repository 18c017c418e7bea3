//! Runs that test an image which is there: asked for by a cascade for what it rebased, nothing is built, no tag moves.

use crate::begin::BeginError;
use crate::{Builds, operation, spec};
use refloat_core::{ProjectId, RunId};
use refloat_flow::FlowError;
use refloat_oci::{Digest, Reference};
use refloat_ports::{StartError, TestRequest};
use refloat_store_builds as rows;
use refloat_store_builds::{NewTests, Run};
use std::sync::Arc;

/// The longest that the tests of an image without a task may take, in seconds.
pub const TESTS_SECONDS_MAX: i64 = 30 * 60;

impl Builds {
    /// Asks for tests of an image, or finds the run of the same occasion. The run succeeds if all of them end with 0.
    ///
    /// # Errors
    /// [`refloat_core::Rejection::Invalid`] if there is no test.
    pub async fn request_tests(&self, new: NewTests) -> Result<RunId, FlowError> {
        let new = Arc::new(new);
        let made = self
            .store()
            .write(operation!(tx, [new], rows::request_tests(tx, &new).await));
        Ok(made.await?)
    }

    /// The longest that a run of a task may take, in seconds; the usual time if the task is gone.
    ///
    /// # Errors
    /// A [`FlowError`] of the store.
    pub async fn time_of(&self, project: &ProjectId, task: &str) -> Result<i64, FlowError> {
        let (project, task) = (project.clone(), task.to_owned());
        let found = self.store().read(operation!(
            tx,
            [project, task],
            rows::task(tx, &project, &task).await
        ));
        match found.await.map_err(FlowError::from) {
            Ok(row) => Ok(spec::task(&row.content)?.timeout.seconds()),
            Err(FlowError::Rejected(_)) => Ok(TESTS_SECONDS_MAX),
            Err(error) => Err(error),
        }
    }

    /// Hands the tests to the builder, with an account that may pull the image and nothing else. May be repeated.
    pub(crate) async fn begin_tests(&self, run: &Run, candidate: Digest) -> Result<(), BeginError> {
        let spec = spec::tests(&run.spec).map_err(FlowError::from)?;
        let image = Reference {
            digest: Some(candidate),
            ..self.destination(run)
        };
        let logins = self
            .logins(
                run,
                None,
                std::slice::from_ref(&image),
                spec.timeout_seconds,
            )
            .await?;
        let request = TestRequest {
            run: run.id.clone(),
            image,
            tests: spec.tests,
            logins,
            timeout_seconds: u64::try_from(spec.timeout_seconds).unwrap_or(0),
        };
        match self.inner.builder.start_tests(request).await {
            Ok(()) => Ok(()),
            Err(StartError::Refused(text)) => Err(BeginError::Failed("test", text)),
            Err(StartError::Failed(failure)) => Err(BeginError::World(failure.into())),
        }
    }
}
