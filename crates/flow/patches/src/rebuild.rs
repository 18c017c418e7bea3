//! Rebuilding a node by its task: asked for once per inputs, waited for by the record of its end.

use crate::inputs::Turned;
use crate::publish::Ready;
use crate::{Patches, operation};
use refloat_builds::{NewRun, Run};
use refloat_cascade::{NodeEvent, NodeState};
use refloat_core::event::{CascadeEvent, Method, PackageChange, Proof};
use refloat_core::{RecordId, RunId};
use refloat_flow::{Because, FlowError};
use refloat_images::{CompareOptions, Depth, compare, unobserved};
use refloat_oci::{Digest, TagOrDigest};
use refloat_store::StoreError;
use refloat_store_patches::cascades::CascadeRow;
use refloat_store_patches::graph;
use refloat_store_patches::nodes::{self, Learned, Node};

impl Patches {
    /// Asks for the run of a judged node; asking again finds the same run.
    pub(crate) async fn rebuild(&self, turned: &Turned) -> Result<(), FlowError> {
        let cause = turned.node.record.iter().cloned().collect();
        self.rebuild_because(turned, cause).await
    }

    /// The same because of these records.
    pub(crate) async fn rebuild_because(
        &self,
        turned: &Turned,
        cause: Vec<RecordId>,
    ) -> Result<(), FlowError> {
        let node = &turned.node;
        let Some(task) = node.detail.task.clone() else {
            return self.hold(turned, "no task builds it".to_owned()).await;
        };
        let (project, name) = (task.project.clone(), task.name.clone());
        let edges = self.store().read(operation!(
            tx,
            [project, name],
            graph::task_edges(tx, &project, &name).await
        ));
        let mut bases: Vec<(String, Digest)> = Vec::new();
        for edge in edges.await? {
            let moved = turned
                .moved
                .iter()
                .find(|base| base.names.contains(&edge.base));
            if let Some(base) = moved {
                bases.push((edge.written.clone(), base.to));
            }
        }
        bases.sort();
        bases.dedup();
        let attempt = node.outcome["attempt"].as_i64().unwrap_or(0);
        let new = NewRun {
            project: task.project.clone(),
            task: task.name.clone(),
            once: Some(format!("{}/{attempt}", turned.key("rebuild-1"))),
            commit: self.commit_of(node).await?,
            bases,
            cause: "base".to_owned(),
            actor: "system".to_owned(),
            causes: cause.clone(),
            cascade: Some(turned.cascade.id.clone()),
        };
        let run = self.parts().builds.request(new).await?;
        refloat_fail::point("cascade.requested").map_err(StoreError::from)?;
        let told = CascadeEvent::PatchBuilding {
            cascade: turned.cascade.id.clone(),
            registry: node.line.registry.clone(),
            repository: node.line.repository.clone(),
            line: node.line.rule.to_string(),
            run: run.clone(),
        };
        let (cascade, node, by) = (
            turned.cascade.id.clone(),
            node.clone(),
            self.by(turned, cause),
        );
        let learned = Learned {
            run: Some(run.clone()),
            method: Some(Method::Rebuild),
            ..Learned::default()
        };
        let build = NodeEvent::Build { run };
        let done = self.store().write(operation!(
            tx,
            [cascade, node, build, learned, by, told],
            nodes::step(tx, &cascade, &node, &build, &learned, (&by, told)).await
        ));
        done.await?;
        refloat_fail::point("cascade.building").map_err(StoreError::from)?;
        Ok(())
    }

    /// The commit that the image was built from, if one of our runs built it: the team's code shall not change by a patch.
    async fn commit_of(&self, node: &Node) -> Result<Option<String>, FlowError> {
        let Some(task) = &node.detail.task else {
            return Ok(None);
        };
        let (project, task) = (task.project.clone(), task.name.clone());
        let (line, image) = (node.line.clone(), node.image);
        let found = self.store().read(operation!(
            tx,
            [project, task, line],
            graph::commit_of(tx, &project, &task, &line, &image).await
        ));
        Ok(found.await?)
    }

    /// Looks at the run of a node; whether the node went on.
    pub(crate) async fn look_at_run(&self, turned: &Turned, id: &RunId) -> Result<bool, FlowError> {
        let run = self.parts().builds.get(id).await?;
        if !run.state.has_ended() {
            return Ok(false);
        }
        let (Some(digest), Some(tag)) = (run.digest, run.tag.clone()) else {
            let error = run
                .error
                .clone()
                .unwrap_or_else(|| "it gave no image".to_owned());
            let error = format!("run {id}: {error}; see `refloat logs {id}`");
            self.remember_attempt(turned).await?;
            self.fail_by(turned, error, run.record.clone()).await?;
            return Ok(true);
        };
        let proof = self.proof(turned, &run).await?;
        let ready = Ready {
            digest,
            tag,
            method: Method::Rebuild,
            packages: self.packages(turned, digest).await,
            proof,
            tested: has_tests(&run),
            cause: vec![run.record.clone()],
        };
        self.publish(turned, ready, "rebuild-1").await?;
        Ok(true)
    }

    /// The next retry shall make a new run.
    pub(crate) async fn remember_attempt(&self, turned: &Turned) -> Result<(), FlowError> {
        let (cascade, node) = (turned.cascade.id.clone(), turned.node.clone());
        let mut outcome = node.outcome.clone();
        if !outcome.is_object() {
            outcome = serde_json::json!({});
        }
        outcome["attempt"] = (outcome["attempt"].as_i64().unwrap_or(0) + 1).into();
        let done = self
            .store()
            .write(operation!(tx, [cascade, node, outcome], {
                let learned = Learned {
                    outcome: Some(outcome),
                    ..Learned::default()
                };
                nodes::save(tx, &cascade, &node, &node.state, &learned).await
            }));
        Ok(done.await?)
    }

    async fn proof(&self, turned: &Turned, run: &Run) -> Result<Proof, FlowError> {
        let before = self.commit_of(&turned.node).await?;
        Ok(match (before, &run.commit) {
            (Some(before), Some(now)) if before == *now => Proof::SameCommit { commit: before },
            (Some(before), Some(now)) => Proof::None {
                reason: format!("the commit moved from {before} to {now}"),
            },
            (None, _) => Proof::None {
                reason:
                    "the commit of the image before is not known: no run of this server made it"
                        .to_owned(),
            },
            (Some(_), None) => Proof::None {
                reason: "the run has no commit".to_owned(),
            },
        })
    }

    /// What moved between the images, as far as their package databases can be read: telling is no reason to fail.
    async fn packages(&self, turned: &Turned, to: Digest) -> Vec<PackageChange> {
        let line = &turned.node.line;
        let at = |digest| {
            self.place(
                line.registry.as_ref(),
                &line.repository,
                TagOrDigest::Digest(digest),
                Because::default(),
            )
        };
        let (Ok(old), Ok(new)) = (at(turned.node.image).await, at(to).await) else {
            return Vec::new();
        };
        let options = CompareOptions {
            depth: Depth::Meaning,
            platform: None,
        };
        let cache = self.parts().cache.as_ref();
        match compare(&old, &new, &options, cache, &unobserved()).await {
            Ok(found) => serde_json::from_value(found["packages"].clone()).unwrap_or_default(),
            Err(error) => {
                tracing::warn!(line = %line, %error, "the packages of a patch are not known");
                Vec::new()
            }
        }
    }

    /// A cascade that has ended leaves no builder working for it.
    pub(crate) async fn call_off(
        &self,
        cascade: &CascadeRow,
        nodes: &[Node],
    ) -> Result<(), FlowError> {
        for node in nodes {
            let Some(run) = &node.run else { continue };
            if matches!(node.state, NodeState::Published { .. }) {
                continue;
            }
            let found = self.parts().builds.get(run).await;
            if found.is_ok_and(|run| !run.state.has_ended()) {
                let reason = format!("cascade {} is {}", cascade.id, cascade.state.name());
                if let Err(error) = self.parts().builds.call_off(run, reason).await {
                    tracing::debug!(%run, %error, "a run was not called off");
                }
            }
        }
        Ok(())
    }
}

/// Whether the task as it ran has tests; a run that ended with an image passed them.
fn has_tests(run: &Run) -> bool {
    let spec: serde_json::Value = serde_json::from_str(&run.spec).unwrap_or_default();
    spec["tests"]
        .as_array()
        .is_some_and(|tests| !tests.is_empty())
}
