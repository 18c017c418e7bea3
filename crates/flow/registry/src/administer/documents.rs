//! Documents: applied together in one transaction, all or none.

use super::{Administration, AskedPage, DEFAULT_PROJECT, Paged};
use crate::asked::operation;
use crate::{Caller, FlowError};
use refloat_cascade::policy::{Allowed, PatchMethod, PatchPolicy};
use refloat_core::access::Actions;
use refloat_core::{Pattern, Principal, Rejection, Secret};
use refloat_documents::{
    CredentialDocument, Document, DocumentBody, DocumentKind, EnvironmentTarget, PatchDocument,
    PolicyDocument, ProjectDocument, ReleaseDocument, TagRule, TaskDocument, UpstreamDocument,
};
use refloat_store::access::{AuthorizedProject, authorize_project};
use refloat_store::documents::{
    self, Applied, NewCredential, NewPolicy, NewProject, NewTask, NewUpstream, StoredDocument,
    StoredKind,
};
use refloat_store::secrets::MasterKey;
use refloat_store::{StoreError, Tx};
use std::sync::Arc;

/// What applying one document did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentApplied {
    /// Its kind.
    pub kind: DocumentKind,
    /// Its name.
    pub name: String,
    /// The project it lies in; a Project lies in itself.
    pub project: String,
    /// Whether anything changed.
    pub changed: bool,
    /// Its version now.
    pub version: i64,
}

/// A document that was refused, and which one of those that were sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct ApplyError {
    /// Its place among those that were sent, from 0; `None` if the world failed.
    pub document: Option<usize>,
    /// Why.
    pub error: FlowError,
}

impl Administration {
    /// Applies documents in the order of their kinds; if one is refused, none is applied.
    ///
    /// # Errors
    /// [`ApplyError`] names the document.
    pub async fn apply(
        &self,
        caller: &Caller,
        sent: Vec<Document>,
        project: Option<String>,
    ) -> Result<Vec<DocumentApplied>, ApplyError> {
        let project = project.unwrap_or_else(|| DEFAULT_PROJECT.to_owned());
        let (principal, master, documents) = (
            caller.principal.clone(),
            self.inner.master.clone(),
            Arc::new(sent),
        );
        let refused = Arc::new(std::sync::Mutex::new(None));
        let place = refused.clone();
        let done = self.store().write(operation!(
            tx,
            [principal, master, documents, project, place],
            {
                let mut order: Vec<usize> = (0..documents.len()).collect();
                // Projects first: what follows may lie in them.
                order.sort_by_key(|index| documents[*index].kind());
                let mut results = vec![None; documents.len()];
                for index in order {
                    let applied =
                        apply_one(tx, &principal, &master, &documents[index], &project).await;
                    if applied.is_err() {
                        *place
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(index);
                    }
                    results[index] = Some(applied?);
                }
                Ok(results.into_iter().flatten().collect())
            }
        ));
        done.await.map_err(|error| {
            let error = FlowError::from(error);
            let document = refused
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .take();
            ApplyError {
                document: document.filter(|_| matches!(error, FlowError::Rejected(_))),
                error,
            }
        })
    }

    /// Documents of a kind in a project, as they are kept: without secrets.
    ///
    /// # Errors
    /// [`Rejection::NotFound`] or [`Rejection::Denied`] without leave, and for a name that is absent.
    pub async fn documents(
        &self,
        caller: &Caller,
        kind: DocumentKind,
        name: Option<String>,
        project: Option<String>,
        page: &AskedPage,
    ) -> Result<Paged<StoredDocument>, FlowError> {
        let (kind, principal) = (stored_kind(kind), caller.principal.clone());
        let project = match (kind, &name, project) {
            // A Project lies in itself.
            (StoredKind::Project, Some(name), _) => Some(name.clone()),
            (StoredKind::Project, None, None) => None,
            (_, _, project) => Some(project.unwrap_or_else(|| DEFAULT_PROJECT.to_owned())),
        };
        let Some(project) = project else {
            return self.projects(caller, page).await;
        };
        let list = format!("documents|{}|{project}", kind.name());
        let (limit, after) = (page.limit(), self.opened(&list, page)?);
        let found = self
            .store()
            .read(operation!(tx, [principal, project, name, after], {
                let leave = authorize_project(tx, &principal, &project).await?;
                match name {
                    Some(name) => Ok(vec![documents::get(tx, &leave, kind, &name).await?]),
                    None => documents::list(tx, &leave, kind, after.as_deref(), limit + 1).await,
                }
            }));
        self.paged(&list, found.await?, limit, |document| document.name.clone())
    }

    /// The Project documents of every project that the caller administers.
    async fn projects(
        &self,
        caller: &Caller,
        page: &AskedPage,
    ) -> Result<Paged<StoredDocument>, FlowError> {
        let list = "documents|Project";
        let (principal, limit, after) = (
            caller.principal.clone(),
            page.limit(),
            self.opened(list, page)?,
        );
        let found = self.store().read(operation!(tx, [principal, after], {
            let mut found = Vec::new();
            for row in
                refloat_store::projects::list(tx, &principal, after.as_deref(), limit + 1).await?
            {
                let Ok(leave) = authorize_project(tx, &principal, &row.name).await else {
                    continue;
                };
                found.push(
                    match documents::get(tx, &leave, StoredKind::Project, &row.name).await {
                        Ok(document) => document,
                        Err(StoreError::Rejected(Rejection::NotFound { .. })) => undocumented(&row),
                        Err(error) => return Err(error),
                    },
                );
            }
            Ok(found)
        }));
        self.paged(list, found.await?, limit, |document| document.name.clone())
    }

    /// Deletes a document and its effects.
    ///
    /// # Errors
    /// [`Rejection::NotFound`], [`Rejection::InUse`] for a project that still has something, [`Rejection::Denied`] without leave.
    pub async fn delete_document(
        &self,
        caller: &Caller,
        kind: DocumentKind,
        name: String,
        project: Option<String>,
    ) -> Result<(), FlowError> {
        let (principal, project) = (
            caller.principal.clone(),
            project.unwrap_or_else(|| DEFAULT_PROJECT.to_owned()),
        );
        let gone = self
            .store()
            .write(operation!(tx, [principal, name, project], {
                if kind == DocumentKind::Project {
                    return documents::delete_project(tx, &principal, &name).await;
                }
                let leave = authorize_project(tx, &principal, &project).await?;
                if kind == DocumentKind::Credential {
                    return documents::delete_credential(tx, &leave, &name).await;
                }
                if kind == DocumentKind::Release {
                    return documents::delete_release(tx, &leave, &name).await;
                }
                if kind == DocumentKind::Task {
                    return documents::delete_task(tx, &leave, &name).await;
                }
                if kind == DocumentKind::Upstream {
                    return documents::delete_upstream(tx, &leave, &name).await;
                }
                documents::delete_policy(tx, &leave, &pattern(&name)?).await
            }));
        Ok(gone.await?)
    }
}

/// The project `default` exists before anybody wrote a document about it.
fn undocumented(row: &refloat_store::projects::ProjectRow) -> StoredDocument {
    let content = serde_json::json!({ "apiVersion": "refloat/v1", "kind": "Project", "name": row.name, "prefixes": [], "members": {} });
    StoredDocument {
        name: row.name.clone(),
        content: content.to_string(),
        version: 0,
        updated_at: row.created_at,
    }
}

async fn apply_one(
    tx: &mut dyn Tx,
    by: &Principal,
    master: &MasterKey,
    document: &Document,
    project: &str,
) -> Result<DocumentApplied, StoreError> {
    let project = match &document.body {
        DocumentBody::Project(own) => own.name.as_str(),
        _ => document.project.as_deref().unwrap_or(project),
    };
    let content = document.to_json().to_string();
    let applied = match &document.body {
        DocumentBody::Project(new) => {
            documents::apply_project(tx, by, &new_project(new, content)?).await?
        }
        DocumentBody::Credential(new) => {
            let leave = authorize_project(tx, by, project).await?;
            documents::apply_credential(tx, &leave, master, &new_credential(new, content)).await?
        }
        DocumentBody::RepositoryPolicy(new) => {
            let leave = authorize_project(tx, by, project).await?;
            documents::apply_policy(tx, &leave, &new_policy(new, content)?).await?
        }
        DocumentBody::Release(new) => {
            let leave = authorize_project(tx, by, project).await?;
            folders_are_permitted(by, new)?;
            secrets_have_a_key(tx, &leave, new).await?;
            documents::apply_release(tx, &leave, &new.name, &content).await?
        }
        DocumentBody::Task(new) => {
            let leave = authorize_project(tx, by, project).await?;
            documents::apply_task(tx, &leave, &new_task(new, content)).await?
        }
        DocumentBody::Upstream(new) => {
            let leave = authorize_project(tx, by, project).await?;
            documents::apply_upstream(tx, &leave, &new_upstream(new, content)).await?
        }
    };
    let Applied { changed, version } = applied;
    Ok(DocumentApplied {
        kind: document.kind(),
        name: document.name().to_owned(),
        project: project.to_owned(),
        changed,
        version,
    })
}

/// A path of the server's machine is the server's administrators' to name; below the data folder it is anybody's.
fn folders_are_permitted(by: &Principal, release: &ReleaseDocument) -> Result<(), Rejection> {
    for environment in &release.environments {
        let EnvironmentTarget::Folder { path } = &environment.target else {
            continue;
        };
        let leaves = path.starts_with('/') || path.split('/').any(|part| part == "..");
        if leaves && !by.administrator {
            return Err(Rejection::Denied(format!(
                "only administrators of the server release to `{path}`; name a folder inside the data folder"
            )));
        }
    }
    Ok(())
}

/// A release that could open none of its secrets would fail at its first change, and stay so.
async fn secrets_have_a_key(
    tx: &mut dyn Tx,
    leave: &AuthorizedProject,
    release: &ReleaseDocument,
) -> Result<(), StoreError> {
    let sealed = release
        .environments
        .iter()
        .find(|environment| !environment.secrets.is_empty());
    let Some(environment) = sealed else {
        return Ok(());
    };
    let keys = documents::credentials_with(tx, leave.id(), "age_key").await?;
    if keys.is_empty() {
        return Err(Rejection::Invalid(format!(
            "environment {} has secrets, and its project has no Credential with an `age_key`; apply that first",
            environment.name
        ))
        .into());
    }
    Ok(())
}

fn new_project(document: &ProjectDocument, content: String) -> Result<NewProject, Rejection> {
    let member = |member: &refloat_documents::Member| {
        let actions: Actions = member
            .role
            .actions()
            .parse()
            .map_err(|error| Rejection::Invalid(format!("{error}")))?;
        Ok((member.subject.clone(), actions))
    };
    let members = document
        .members
        .iter()
        .map(member)
        .collect::<Result<_, Rejection>>()?;
    Ok(NewProject {
        name: document.name.clone(),
        prefixes: document.prefixes.clone(),
        members,
        content,
    })
}

fn new_credential(document: &CredentialDocument, content: String) -> NewCredential {
    NewCredential {
        name: document.name.clone(),
        target: document.target.clone(),
        username: document.username.clone(),
        value: Some(Secret::new(document.secret.expose().as_bytes().to_vec())),
        content,
    }
}

fn new_policy(document: &PolicyDocument, content: String) -> Result<NewPolicy, Rejection> {
    let rules = document.immutable_tags.as_ref();
    Ok(NewPolicy {
        pattern: pattern(&document.pattern)?,
        immutable_tags: rules.map(|rules| {
            rules
                .iter()
                .map(TagRule::as_str)
                .map(str::to_owned)
                .collect()
        }),
        anonymous_pull: document.anonymous_pull,
        patch: document.patch.as_ref().map(patch_policy),
        content,
    })
}

fn patch_policy(patch: &PatchDocument) -> PatchPolicy {
    PatchPolicy {
        method: match patch.method {
            "off" => PatchMethod::Off,
            "rebuild" => PatchMethod::Rebuild,
            "rebase" => PatchMethod::Rebase,
            _ => PatchMethod::Auto,
        },
        allow: match patch.allow {
            "test" => Allowed::Test,
            _ => Allowed::Proven,
        },
        lines: patch.lines.clone(),
        tests: patch.tests.clone(),
    }
}

fn new_upstream(document: &UpstreamDocument, content: String) -> NewUpstream {
    NewUpstream {
        name: document.name.clone(),
        registry: document.registry.clone(),
        credential: document.credential.clone(),
        watch: document.watch.iter().map(ToString::to_string).collect(),
        every_seconds: document.every.seconds(),
        content,
    }
}

fn new_task(document: &TaskDocument, content: String) -> NewTask {
    NewTask {
        name: document.name.clone(),
        host: document.image.registry.clone(),
        repository: document.image.repository.clone(),
        content,
    }
}

fn pattern(text: &str) -> Result<Pattern, Rejection> {
    text.parse()
        .map_err(|error| Rejection::Invalid(format!("`match`: {error}")))
}

fn stored_kind(kind: DocumentKind) -> StoredKind {
    match kind {
        DocumentKind::Project => StoredKind::Project,
        DocumentKind::Credential => StoredKind::Credential,
        DocumentKind::RepositoryPolicy => StoredKind::RepositoryPolicy,
        DocumentKind::Release => StoredKind::Release,
        DocumentKind::Upstream => StoredKind::Upstream,
        DocumentKind::Task => StoredKind::Task,
    }
}
