//! What a task stands on: derived from its Dockerfile when it is applied and after each run, written for the graph.

use crate::begin::BeginError;
use crate::{Builds, operation, spec};
use refloat_cascade::{BaseName, LineName, Rule};
use refloat_core::event::EdgeKind as GraphKind;
use refloat_core::{ProjectId, Secret};
use refloat_dockerfile::{Edge, EdgeKind};
use refloat_documents::TaskDocument;
use refloat_flow::FlowError;
use refloat_oci::Digest;
use refloat_store_builds as rows;
use refloat_store_builds::Derived;
use refloat_store_patches::graph::{TaskEdge, TaskLine, put_task_edges};
use serde_json::{Value, json};
use std::sync::Arc;

impl Builds {
    /// Looks a task's edges up at its branch: its document was applied.
    pub(crate) async fn derive_by_name(
        &self,
        project: &ProjectId,
        name: &str,
    ) -> Result<(), FlowError> {
        let (project, name) = (project.clone(), name.to_owned());
        let found = self.store().read(operation!(
            tx,
            [project, name],
            rows::task(tx, &project, &name).await
        ));
        let row = match found.await.map_err(FlowError::from) {
            // Deleted meanwhile.
            Err(FlowError::Rejected(_)) => return Ok(()),
            other => other?,
        };
        let task = spec::task(&row.content)?;
        self.derive(&project, &name, &task, None, &[]).await
    }

    /// Derives the edges at a commit, or at the branch's, and writes them; `built` is what the current image was built from. A git
    /// server that does not answer is written down as the problem, too, before it is told.
    pub(crate) async fn derive(
        &self,
        project: &ProjectId,
        name: &str,
        task: &TaskDocument,
        commit_wanted: Option<String>,
        built: &[(String, Digest)],
    ) -> Result<(), FlowError> {
        let credential = self.credential_of(project, task).await?;
        let (mut commit, mut edges, mut problem, mut world) = (None, Vec::new(), None, None);
        match self.source(task, commit_wanted, credential).await {
            Ok(source) => (commit, edges) = (Some(source.commit), source.edges),
            Err(BeginError::Failed(_, text)) => problem = Some(text),
            Err(BeginError::World(error)) => {
                problem = Some(error.to_string());
                world = Some(error);
            }
        }
        let unresolved = edges.iter().find_map(|edge| {
            let reason = edge.unresolved.as_ref()?;
            Some(format!("line {}: `{}`: {reason}", edge.line, edge.written))
        });
        let derived = Arc::new(Derived {
            commit,
            edges: Value::from(
                edges
                    .iter()
                    .map(|edge| shown(edge, built))
                    .collect::<Vec<_>>(),
            )
            .to_string(),
            problem: problem.clone().or(unresolved),
            at: None,
        });
        let line = Arc::new(self.line(project, name, task));
        let known: Vec<TaskEdge> = edges
            .iter()
            .filter_map(|edge| self.known(edge, built))
            .collect();
        let (known, project, name) = (Arc::new(known), project.clone(), name.to_owned());
        let is_known = problem.is_none();
        let written = self
            .store()
            .write(operation!(tx, [project, name, derived, line, known], {
                rows::derived(tx, &project, &name, &derived).await?;
                // What stood there before is still the best that is known.
                if is_known {
                    put_task_edges(tx, &line, &known).await?;
                }
                Ok(())
            }));
        written.await?;
        world.map_or(Ok(()), Err)
    }

    async fn credential_of(
        &self,
        project: &ProjectId,
        task: &TaskDocument,
    ) -> Result<Option<(String, Secret<String>)>, FlowError> {
        let Some(name) = task.source.credential.clone() else {
            return Ok(None);
        };
        let (master, project) = (self.inner.master.clone(), project.clone());
        let found = self.store().read(operation!(
            tx,
            [master, project, name],
            rows::named(tx, &master, &project, &name).await
        ));
        match found.await.map_err(FlowError::from) {
            Ok(opens) => Ok(Some((
                opens
                    .username
                    .unwrap_or_else(|| "x-access-token".to_owned()),
                opens.value,
            ))),
            // Without it the server will say what it wants.
            Err(FlowError::Rejected(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The line that a task makes: that of its first stable tag, or that of its runs.
    fn line(&self, project: &ProjectId, name: &str, task: &TaskDocument) -> TaskLine {
        let rule = match task.stable.first() {
            Some(tag) => Rule::Tag(tag.clone()),
            None => Rule::Runs(name.to_owned()),
        };
        let registry = task
            .image
            .registry
            .clone()
            .filter(|host| !self.is_own(host));
        TaskLine {
            project: project.clone(),
            task: name.to_owned(),
            line: LineName {
                registry,
                repository: task.image.repository.clone(),
                rule,
            },
            stable: task.stable.clone(),
            triggers: task
                .base_triggers
                .iter()
                .filter_map(|word| kind(word))
                .collect(),
        }
    }

    /// An edge as the graph has it; one that cannot move (a digest alone) or is not known is none.
    fn known(&self, edge: &Edge, built: &[(String, Digest)]) -> Option<TaskEdge> {
        let reference = edge.reference.as_ref()?;
        let registry = Some(reference.registry.clone()).filter(|host| !self.is_own(host));
        Some(TaskEdge {
            kind: kind(edge.kind.name())?,
            base: BaseName {
                registry,
                repository: reference.repository.clone(),
                tag: reference.tag.clone()?,
            },
            base_digest: digest_of(edge, built),
            written: edge.written.clone(),
            platform: edge.platform.clone(),
        })
    }
}

fn digest_of(edge: &Edge, built: &[(String, Digest)]) -> Option<Digest> {
    let full = edge.reference.as_ref().map(ToString::to_string);
    let found = built
        .iter()
        .find(|(name, _)| *name == edge.written || Some(name) == full.as_ref());
    found.map(|(_, digest)| *digest)
}

fn shown(edge: &Edge, built: &[(String, Digest)]) -> Value {
    json!({
        "kind": edge.kind.name(),
        "written": edge.written,
        "reference": edge.reference.as_ref().map(ToString::to_string),
        "platform": edge.platform,
        "line": edge.line,
        "digest": digest_of(edge, built),
        "unresolved": edge.unresolved,
    })
}

fn kind(word: &str) -> Option<GraphKind> {
    let all = [
        (EdgeKind::Runtime, GraphKind::Runtime),
        (EdgeKind::Build, GraphKind::Build),
        (EdgeKind::Frontend, GraphKind::Frontend),
        (EdgeKind::Onbuild, GraphKind::Onbuild),
        (EdgeKind::Context, GraphKind::Context),
    ];
    let found = all.into_iter().find(|(kind, _)| kind.name() == word);
    found.map(|(_, kind)| kind)
}
