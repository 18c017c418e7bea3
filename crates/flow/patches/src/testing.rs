//! Tests of what was rebased: asked for once per candidate, waited for by the record of their end.
//!
//! ```text
//! judged (rebase) ─► candidate by its digest ─► testing ─► passed ─► published
//!                                                  └─► failed ─► its task builds it, or the patch fails
//! ```
//! Nothing names the candidate before its tests passed: tags stay where they are.

use crate::inputs::Turned;
use crate::publish::{REBASE, Ready};
use crate::{Patches, operation};
use refloat_builds::{NewTests, Run, TESTS_SECONDS_MAX, TestSpec};
use refloat_cascade::policy::may_build;
use refloat_cascade::{CascadeState, NodeEvent};
use refloat_core::event::{CascadeEvent, Method};
use refloat_core::run::RunState;
use refloat_core::{Failure, ProjectId, RunId};
use refloat_flow::FlowError;
use refloat_images::Platform;
use refloat_store::StoreError;
use refloat_store_patches::nodes::{self, Detail, Learned};
use serde_json::json;

/// Where a node keeps what its tests decide about.
pub(crate) const CANDIDATE: &str = "candidate";

/// The tests of an image: its task's, otherwise its policy's.
pub(crate) fn tests(detail: &Detail) -> &[Vec<String>] {
    match (&detail.task, &detail.policy) {
        (Some(task), _) if !task.tests.is_empty() => &task.tests,
        (_, Some(policy)) => &policy.tests,
        (_, None) => &[],
    }
}

/// Whether the builder's machine, which is this one, runs images of a platform.
pub(crate) fn runs_here(platform: &Platform) -> bool {
    let here = json!({ "os": std::env::consts::OS, "architecture": architecture() });
    Platform::of(&here).is_some_and(|here| here.fits(platform))
}

/// This machine's architecture as images name it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}

impl Patches {
    /// Asks for the tests of a rebased image; asking again finds the same run.
    pub(crate) async fn ask_for_tests(
        &self,
        turned: &Turned,
        ready: &Ready,
        tests: &[Vec<String>],
    ) -> Result<(), FlowError> {
        let node = &turned.node;
        let (project, timeout_seconds) = self.whose(turned).await?;
        let attempt = node.outcome["attempt"].as_i64().unwrap_or(0);
        let new = NewTests {
            project,
            task: node.detail.task.as_ref().map(|task| task.name.clone()),
            registry: node.line.registry.clone(),
            repository: node.line.repository.clone(),
            candidate: ready.digest,
            spec: TestSpec {
                tests: tests.to_vec(),
                timeout_seconds,
            },
            once: format!(
                "tests/{}/{}/{attempt}/{}",
                turned.cascade.id, node.number, ready.digest
            ),
            causes: ready.cause.clone(),
            cascade: Some(turned.cascade.id.clone()),
        };
        let run = self.parts().builds.request_tests(new).await?;
        refloat_fail::point("cascade.tests_requested").map_err(StoreError::from)?;
        let told = CascadeEvent::PatchTesting {
            cascade: turned.cascade.id.clone(),
            registry: node.line.registry.clone(),
            repository: node.line.repository.clone(),
            line: node.line.rule.to_string(),
            candidate: ready.digest,
            run: run.clone(),
        };
        let mut outcome = node.outcome.clone();
        if !outcome.is_object() {
            outcome = json!({});
        }
        outcome[CANDIDATE] = json!({
            "digest": ready.digest,
            "packages": ready.packages,
            "proof": ready.proof,
        });
        outcome["tests"] = json!({ "run": run });
        let learned = Learned {
            run: Some(run.clone()),
            outcome: Some(outcome),
            ..Learned::default()
        };
        let (cascade, node, by) = (
            turned.cascade.id.clone(),
            node.clone(),
            self.by(turned, ready.cause.clone()),
        );
        let test = NodeEvent::Test { run };
        let done = self.store().write(operation!(
            tx,
            [cascade, node, test, learned, by, told],
            nodes::step(tx, &cascade, &node, &test, &learned, (&by, told)).await
        ));
        done.await?;
        refloat_fail::point("cascade.testing").map_err(StoreError::from)?;
        Ok(())
    }

    /// The project that the tests run for, and the longest that they may take, in seconds.
    async fn whose(&self, turned: &Turned) -> Result<(ProjectId, i64), FlowError> {
        let line = &turned.node.line;
        if let Some(task) = &turned.node.detail.task {
            let limit = self.parts().builds.time_of(&task.project, &task.name);
            return Ok((task.project.clone(), limit.await?));
        }
        let own = match line.registry {
            None => self.project_of(&line.repository).await?,
            Some(_) => None,
        };
        let project = own.unwrap_or_else(|| turned.cascade.project.clone());
        Ok((project, TESTS_SECONDS_MAX))
    }

    /// Looks at the tests of a node; whether the node went on.
    pub(crate) async fn look_at_tests(
        &self,
        turned: &Turned,
        id: &RunId,
    ) -> Result<bool, FlowError> {
        let run = self.parts().builds.get(id).await?;
        if !run.state.has_ended() {
            return Ok(false);
        }
        if run.state == RunState::Succeeded {
            let ready = passed(turned, &run)?;
            self.publish(turned, ready, REBASE).await?;
            return Ok(true);
        }
        let said = run.error.clone().unwrap_or_else(|| "nothing".to_owned());
        let detail = &turned.node.detail;
        let may_build = may_build(detail.policy.as_ref());
        // The next rung of the ladder. What was called off is not: somebody does not want it.
        if detail.task.is_some() && may_build && run.state == RunState::Failed {
            if turned.cascade.state != CascadeState::Running {
                return Ok(false);
            }
            tracing::info!(line = %turned.node.line, run = %id, "the tests of a rebased image failed; its task builds it");
            self.rebuild_because(turned, vec![run.record.clone()])
                .await?;
            return Ok(true);
        }
        let error = format!(
            "its tests on the rebased image did not pass, run {id}: {said}; see `refloat logs {id}`"
        );
        self.remember_attempt(turned).await?;
        self.fail_by(turned, error, run.record.clone()).await?;
        Ok(true)
    }
}

/// What is published because of a run of tests: what the node kept when they were asked for.
fn passed(turned: &Turned, run: &Run) -> Result<Ready, FlowError> {
    let node = &turned.node;
    let kept = &node.outcome[CANDIDATE];
    let damaged = || Failure::Damaged(format!("the candidate of {}", node.line));
    let digest = run.candidate.filter(|digest| {
        let kept = kept["digest"].as_str().unwrap_or_default();
        kept == digest.to_string()
    });
    Ok(Ready {
        digest: digest.ok_or_else(damaged)?,
        tag: node.patch_tag.clone(),
        method: Method::Rebase,
        packages: serde_json::from_value(kept["packages"].clone()).map_err(|_| damaged())?,
        proof: serde_json::from_value(kept["proof"].clone()).map_err(|_| damaged())?,
        tested: true,
        cause: vec![run.record.clone()],
    })
}
