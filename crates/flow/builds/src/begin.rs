//! The beginning of a run: its commit, its Dockerfile, its bases pinned, and the builder started.

use crate::pins::PinError;
use crate::{Builds, operation, spec};
use refloat_core::Secret;
use refloat_dockerfile::{Edge, EdgeKind, edges};
use refloat_documents::TaskDocument;
use refloat_flow::FlowError;
use refloat_oci::{Digest, Reference};
use refloat_ports::{BuildRequest, BuildSource, GitError, GitRepository, StartError};
use refloat_store_builds as rows;
use refloat_store_builds::Run;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why a run does not begin.
pub(crate) enum BeginError {
    /// It fails for good, at this step.
    Failed(&'static str, String),
    /// The world: another look may find it better.
    World(FlowError),
}

impl From<FlowError> for BeginError {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Rejected(rejection) => Self::Failed("checkout", rejection.to_string()),
            FlowError::Failed(_) => Self::World(error),
        }
    }
}

impl From<PinError> for BeginError {
    fn from(error: PinError) -> Self {
        match error {
            PinError::Refused(text) => Self::Failed("checkout", text),
            PinError::Failed(error) => Self::World(error),
        }
    }
}

impl From<GitError> for BeginError {
    fn from(error: GitError) -> Self {
        match error {
            GitError::Failed(failure) => Self::World(failure.into()),
            other => Self::Failed("checkout", other.to_string()),
        }
    }
}

/// What a task's Dockerfile stands on at a commit.
pub(crate) struct Source {
    pub(crate) commit: String,
    pub(crate) edges: Vec<Edge>,
}

impl Builds {
    /// Prepares the run and hands it to the builder. May be repeated: commit and bases stay what they were first.
    pub(crate) async fn begin(&self, run: &Run) -> Result<(), BeginError> {
        if let Some(candidate) = run.candidate {
            return self.begin_tests(run, candidate).await;
        }
        let task = spec::task(&run.spec).map_err(FlowError::from)?;
        let credential = self.git_credential(run, &task).await?;
        let source = self
            .source(&task, run.commit.clone(), credential.clone())
            .await?;
        let unresolved = source.edges.iter().find_map(|edge| {
            let reason = edge.unresolved.as_ref()?;
            Some(format!("line {}: `{}`: {reason}", edge.line, edge.written))
        });
        if let Some(unresolved) = unresolved {
            return Err(BeginError::Failed(
                "checkout",
                format!("unsupported: the Dockerfile, {unresolved}"),
            ));
        }
        let pinned = self.pin(run, &source.edges).await?;
        let bases: Vec<(String, Digest)> = pinned
            .iter()
            .filter_map(|(name, reference)| Some((name.clone(), reference.digest?)))
            .collect();
        let (id, commit) = (run.id.clone(), source.commit.clone());
        let bases = Arc::new(bases);
        if run.state == refloat_core::run::RunState::Requested {
            let prepared = self.store().write(operation!(
                tx,
                [id, commit, bases],
                rows::prepare(tx, &id, &commit, &bases).await
            ));
            prepared.await.map_err(FlowError::from)?;
        }
        let request = self
            .build_request(run, &task, &source, pinned, credential)
            .await?;
        match self.inner.builder.start(request).await {
            Ok(()) => Ok(()),
            Err(StartError::Refused(text)) => Err(BeginError::Failed("build", text)),
            Err(StartError::Failed(failure)) => Err(BeginError::World(failure.into())),
        }
    }

    /// The task's Dockerfile at a commit, or at its branch's, and what it stands on.
    pub(crate) async fn source(
        &self,
        task: &TaskDocument,
        commit: Option<String>,
        credential: Option<(String, Secret<String>)>,
    ) -> Result<Source, BeginError> {
        let refused = |text: String| BeginError::Failed("checkout", text);
        let repository = GitRepository {
            url: task.source.git.clone(),
            credential,
        };
        let git = &self.inner.git;
        let commit = if let Some(commit) = commit {
            commit
        } else {
            let branch = &task.source.branch;
            let found = git.resolve(&repository, branch).await?;
            found.ok_or_else(|| {
                refused(format!(
                    "there is no branch `{branch}` in {}",
                    task.source.git
                ))
            })?
        };
        let path = spec::dockerfile_path(task);
        let files = git.read(&repository, &commit, &path).await?;
        let bytes = files
            .get(&path)
            .ok_or_else(|| refused(format!("`{path}` is no file in commit {commit}")))?;
        let text = String::from_utf8(bytes.clone())
            .map_err(|_| refused(format!("`{path}` is not text")))?;
        let options = spec::options(task).map_err(refused)?;
        let found = edges(&text, &options).map_err(|error| refused(format!("{path}, {error}")))?;
        Ok(Source {
            commit,
            edges: found.edges,
        })
    }

    /// Each name with its image, by digest: as it was asked for, as it was pinned before, or as it stands now.
    async fn pin(
        &self,
        run: &Run,
        edges: &[Edge],
    ) -> Result<BTreeMap<String, Reference>, BeginError> {
        let mut pinned = BTreeMap::new();
        for edge in edges.iter().filter(|edge| edge.kind != EdgeKind::Frontend) {
            let Some(reference) = &edge.reference else {
                continue;
            };
            let full = reference.to_string();
            let given = run
                .bases
                .iter()
                .find(|(name, _)| *name == edge.written || *name == full);
            let digest = match given {
                Some((_, digest)) => *digest,
                None => self.resolve(reference).await?,
            };
            let reference = Reference {
                digest: Some(digest),
                tag: None,
                ..reference.clone()
            };
            self.refuse_triggers(edge, &reference).await?;
            pinned.insert(edge.written.clone(), reference);
        }
        Ok(pinned)
    }

    async fn build_request(
        &self,
        run: &Run,
        task: &TaskDocument,
        source: &Source,
        bases: BTreeMap<String, Reference>,
        credential: Option<(String, Secret<String>)>,
    ) -> Result<BuildRequest, BeginError> {
        let destination = self.destination(run);
        let references: Vec<Reference> = bases.values().cloned().collect();
        let seconds = task.timeout.seconds();
        let logins = self
            .logins(run, Some(&destination), &references, seconds)
            .await?;
        let platform = spec::options(task)
            .map_err(|text| BeginError::Failed("checkout", text))?
            .platform;
        Ok(BuildRequest {
            run: run.id.clone(),
            source: BuildSource::Git {
                git: task.source.git.clone(),
                commit: source.commit.clone(),
                credential,
            },
            context: task.source.context.clone(),
            dockerfile: task.source.dockerfile.clone(),
            target: None,
            platform: platform.to_string(),
            arguments: task.build_args.clone(),
            annotations: annotations(source, &bases),
            bases,
            secrets: self.build_secrets(run, task).await?,
            destination,
            logins,
            timeout_seconds: u64::try_from(seconds).unwrap_or(0),
            tests: task.tests.clone(),
        })
    }

    /// Where the run's image goes: by digest alone, until its tests have passed.
    pub(crate) fn destination(&self, run: &Run) -> Reference {
        let registry = run.host.parse().unwrap_or_else(|_| self.inner.host.clone());
        Reference {
            registry,
            repository: run.repository.clone(),
            tag: None,
            digest: None,
        }
    }
}

/// What the image says about its source and its base (image-spec, "Pre-Defined Annotation Keys").
fn annotations(source: &Source, bases: &BTreeMap<String, Reference>) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::from([(
        "org.opencontainers.image.revision".to_owned(),
        source.commit.clone(),
    )]);
    let base = source
        .edges
        .iter()
        .rfind(|edge| edge.kind == EdgeKind::Runtime);
    let digest = base
        .and_then(|edge| bases.get(&edge.written))
        .and_then(|reference| reference.digest);
    if let (Some(reference), Some(digest)) = (base.and_then(|edge| edge.reference.as_ref()), digest)
    {
        let name = Reference {
            digest: None,
            ..reference.clone()
        };
        annotations.insert(
            "org.opencontainers.image.base.name".to_owned(),
            name.to_string(),
        );
        annotations.insert(
            "org.opencontainers.image.base.digest".to_owned(),
            digest.to_string(),
        );
    }
    annotations
}
