//! What people ask of the loop: plans without acting, patches, cascades stopped or gone on with, sweeps at once.

use crate::planning::{plan_json, row};
use crate::{Patches, operation};
use refloat_cascade::BaseName;
use refloat_cascade::name::is_own;
use refloat_core::{CascadeId, JobId, PlanId, Principal, Rejection};
use refloat_flow::administer::DEFAULT_PROJECT;
use refloat_flow::{Caller, FlowError};
use refloat_oci::{Digest, Reference};
use refloat_store::StoreError;
use refloat_store::access::{actor, authorize_project, authorize_server};
use refloat_store::projects::default_project;
use refloat_store_patches::cascades::{self, CascadeRow, NewCascade};
use refloat_store_patches::plans::{self, PlanRow};
use refloat_store_patches::{By, bases, upstreams};
use serde_json::Value;
use std::sync::Arc;

pub use refloat_store_patches::cascades::Asked as CascadeAsked;

/// How often a person's patch is planned again because lines moved meanwhile.
const ATTEMPTS: u32 = 8;

fn project_or_default(project: Option<String>) -> String {
    project.unwrap_or_else(|| DEFAULT_PROJECT.to_owned())
}

impl Patches {
    /// Who asks: plans and cascades reach every project, so they are for administrators of the server.
    async fn by_of(&self, caller: &Caller) -> Result<By, FlowError> {
        let principal = caller.principal.clone();
        let by = self.store().read(operation!(tx, [principal], {
            authorize_server(tx, &principal).await?;
            Ok(By {
                actor: actor(&principal),
                ..By::system(default_project())
            })
        }));
        Ok(by.await?)
    }

    /// The plan for a base as it stands, or as if it named `REF@DIGEST`; frozen, and nothing is done.
    ///
    /// # Errors
    /// [`Rejection::Invalid`] for a reference without a tag, [`Rejection::NotFound`] for one that nobody watches.
    pub async fn plan(&self, caller: &Caller, base: &str) -> Result<Value, FlowError> {
        let by = self.by_of(caller).await?;
        let (name, digest) = self.base_named(base)?;
        let (from, to) = self.ends(&name, digest, base).await?;
        if digest.is_some() {
            self.read(name.registry.as_ref(), &name.repository, to, &by)
                .await?;
        }
        let planned = self.compute(&name, from, to).await?;
        let (id, _) = self.new_ids().await?;
        let new = Arc::new(self.new_plan(&id, &name, &planned, from));
        let kept = self
            .store()
            .write(operation!(tx, [new, by], plans::put(tx, &new, &by).await));
        kept.await?;
        Ok(plan_json(&id, &planned.plan))
    }

    fn base_named(&self, text: &str) -> Result<(BaseName, Option<Digest>), FlowError> {
        let reference = Reference::parse(text, Some(self.host()))
            .map_err(|error| Rejection::NameInvalid(error.to_string()))?;
        let tag = reference.tag.ok_or_else(|| {
            Rejection::Invalid(format!(
                "`{text}` has no tag; write the base as it is watched, REF:TAG or REF:TAG@DIGEST"
            ))
        })?;
        let registry = Some(reference.registry).filter(|host| !is_own(host, self.host()));
        let name = BaseName {
            registry,
            repository: reference.repository,
            tag,
        };
        Ok((name, reference.digest))
    }

    /// What the base named and is to name.
    async fn ends(
        &self,
        name: &BaseName,
        digest: Option<Digest>,
        written: &str,
    ) -> Result<(Option<Digest>, Digest), FlowError> {
        let base = name.clone();
        let found = self.store().read(operation!(tx, [base], {
            let row = bases::get(tx, &base).await?;
            let known = bases::digests(tx, &base).await?;
            Ok((row, known))
        }));
        let (row, known) = found.await?;
        let unknown = || Rejection::NotFound {
            kind: "watched base",
            name: written.to_owned(),
        };
        let row = row.ok_or_else(unknown)?;
        let now = row.digest.ok_or_else(unknown)?;
        let to = digest.unwrap_or(now);
        let before = known
            .iter()
            .rev()
            .find(|(digest, _)| *digest != to)
            .map(|(digest, _)| *digest);
        let from = if to == now { before } else { Some(now) };
        Ok((from, to))
    }

    /// Carries a plan out, or plans every base that has moved and is stood on, and carries that out.
    ///
    /// # Errors
    /// [`Rejection::Conflict`] for a plan whose lines have moved since.
    pub async fn patch(
        &self,
        caller: &Caller,
        plan: Option<PlanId>,
    ) -> Result<Vec<CascadeId>, FlowError> {
        let by = self.by_of(caller).await?;
        if let Some(id) = plan {
            let row = self
                .store()
                .read(operation!(tx, [id], plans::get(tx, &id).await));
            return Ok(vec![self.carry_out(row.await?, &by).await?]);
        }
        let outdated = self
            .store()
            .read(|tx| Box::pin(bases::moved_ever(tx)))
            .await?;
        let mut started = Vec::new();
        for (name, now) in outdated {
            for attempt in 1.. {
                let (from, _) = self.ends(&name, None, &name.written(self.host())).await?;
                let planned = self.compute(&name, from, now).await?;
                if planned.nodes.is_empty() {
                    break;
                }
                match self.start_for(&name, &planned, &by).await {
                    Err(FlowError::Rejected(Rejection::Conflict(_))) if attempt < ATTEMPTS => {}
                    other => {
                        started.push(other?);
                        break;
                    }
                }
            }
        }
        Ok(started)
    }

    async fn start_for(
        &self,
        name: &BaseName,
        planned: &crate::planning::Planned,
        by: &By,
    ) -> Result<CascadeId, FlowError> {
        let (id, cascade) = self.new_ids().await?;
        let new = Arc::new(self.new_plan(&id, name, planned, planned.plan.base.old));
        let nodes = Arc::new(planned.nodes.clone());
        let (by, written, wanted) = (by.clone(), name.written(self.host()), cascade.clone());
        let done = self
            .store()
            .write(operation!(tx, [new, nodes, by, wanted, written], {
                let record = plans::put(tx, &new, &by).await?;
                let new = NewCascade {
                    id: wanted,
                    plan: row(&new, &by, record, tx.now()),
                    written,
                    nodes: nodes.to_vec(),
                };
                cascades::start(tx, &new, &by).await.map(drop)
            }));
        done.await?;
        Ok(cascade)
    }

    /// Starts what a stored plan says, if what it says is still so.
    async fn carry_out(&self, plan: PlanRow, by: &By) -> Result<CascadeId, FlowError> {
        let planned = self.compute(&plan.base, Some(plan.from), plan.to).await?;
        let now = plan_json(&plan.id, &planned.plan).to_string();
        let said: Value = serde_json::from_str(&plan.content).unwrap_or_default();
        let says: Value = serde_json::from_str(&now).unwrap_or_default();
        if said["nodes"] != says["nodes"] {
            return Err(Rejection::Conflict(format!(
                "plan {} is not what would be done now; make a new one with `refloat plan --base {}`",
                plan.id,
                plan.base.written(self.host())
            ))
            .into());
        }
        let (_, cascade) = self.new_ids().await?;
        let new = Arc::new(NewCascade {
            id: cascade.clone(),
            written: plan.base.written(self.host()),
            plan,
            nodes: planned.nodes,
        });
        let by = by.clone();
        let done = self.store().write(operation!(
            tx,
            [new, by],
            cascades::start(tx, &new, &by).await
        ));
        done.await?;
        Ok(cascade)
    }

    /// Stops, goes on with, ends or retries a cascade.
    ///
    /// # Errors
    /// [`Rejection::NotFound`], [`Rejection::Conflict`] for a state that does not have this.
    pub async fn ask_cascade(
        &self,
        caller: &Caller,
        id: &CascadeId,
        asked: CascadeAsked,
    ) -> Result<CascadeRow, FlowError> {
        let by = self.by_of(caller).await?;
        let id = id.clone();
        let done = self.store().write(operation!(
            tx,
            [id, by],
            cascades::ask(tx, &id, asked, &by).await
        ));
        let row = done.await?;
        if asked == CascadeAsked::Cancel
            && let Some((cascade, nodes)) = self.load(&row.id).await?
        {
            self.call_off(&cascade, &nodes).await?;
        }
        Ok(row)
    }

    /// Has an upstream swept at once; the job.
    ///
    /// # Errors
    /// [`Rejection::NotFound`].
    pub async fn sweep_now(
        &self,
        caller: &Caller,
        project: Option<String>,
        name: &str,
    ) -> Result<JobId, FlowError> {
        let (principal, project, name) = (
            caller.principal.clone(),
            project_or_default(project),
            name.to_owned(),
        );
        let made = self
            .store()
            .write(operation!(tx, [principal, project, name], {
                let leave = authorize_project(tx, &principal, &project).await?;
                upstreams::enqueue_now(tx, leave.id(), &name).await
            }));
        Ok(made.await?)
    }
}

/// Leave for a project, in a transaction.
pub(crate) async fn project_of(
    tx: &mut dyn refloat_store::Tx,
    principal: &Principal,
    project: Option<&str>,
) -> Result<refloat_core::ProjectId, StoreError> {
    let leave = authorize_project(tx, principal, project.unwrap_or(DEFAULT_PROJECT)).await?;
    Ok(leave.id().clone())
}
