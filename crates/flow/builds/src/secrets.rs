//! What a run's builder signs in with: a token of a robot of the task's project, narrowed to the repositories of the run and
//! gone after it; and the project's own credentials for everybody else's servers.

use crate::{Builds, operation};
use refloat_core::access::{Actions, Scope};
use refloat_core::{Action, Pattern, Principal, Rejection, Secret};
use refloat_documents::TaskDocument;
use refloat_flow::FlowError;
use refloat_flow::sign_in::new_long_token;
use refloat_oci::{Reference, RegistryHost, RepositoryName};
use refloat_ports::RegistryLogin;
use refloat_store::access::authorize_project;
use refloat_store::accounts::{self, NewToken, TokenPurpose};
use refloat_store::grants::{self, Subject};
use refloat_store::{StoreError, Tx, projects};
use refloat_store_builds as rows;
use refloat_store_builds::{Opens, Run};
use std::collections::{BTreeMap, BTreeSet};

/// What robots' tokens begin with.
const TOKEN_PREFIX: &str = "rfb_";
/// How much longer than the run a token lives, in seconds: its end may be seen late.
const TOKEN_MORE_SECONDS: i64 = 3600;

impl Builds {
    /// What opens the task's git server.
    pub(crate) async fn git_credential(
        &self,
        run: &Run,
        task: &TaskDocument,
    ) -> Result<Option<(String, Secret<String>)>, FlowError> {
        let Some(name) = &task.source.credential else {
            return Ok(None);
        };
        let opens = self.credential(run, name).await?;
        // Forges take a token as the password of anybody.
        Ok(Some((
            opens
                .username
                .unwrap_or_else(|| "x-access-token".to_owned()),
            opens.value,
        )))
    }

    async fn credential(&self, run: &Run, name: &str) -> Result<Opens, FlowError> {
        let (master, project, name) = (
            self.inner.master.clone(),
            run.project.clone(),
            name.to_owned(),
        );
        let found = self.store().read(operation!(
            tx,
            [master, project, name],
            rows::named(tx, &master, &project, &name).await
        ));
        Ok(found.await?)
    }

    /// The values of the task's secrets by their ids.
    pub(crate) async fn build_secrets(
        &self,
        run: &Run,
        task: &TaskDocument,
    ) -> Result<BTreeMap<String, Secret<String>>, FlowError> {
        let mut values = BTreeMap::new();
        for (id, name) in &task.secrets {
            values.insert(id.clone(), self.credential(run, name).await?.value);
        }
        Ok(values)
    }

    /// Accounts of every registry of the run: `pulled` is read, `pushed` is written to, too. One that nobody wrote a credential for is
    /// asked as nobody.
    pub(crate) async fn logins(
        &self,
        run: &Run,
        pushed: Option<&Reference>,
        pulled: &[Reference],
        timeout_seconds: i64,
    ) -> Result<Vec<RegistryLogin>, FlowError> {
        let hosts: BTreeSet<&RegistryHost> = pulled
            .iter()
            .chain(pushed)
            .map(|reference| &reference.registry)
            .collect();
        let mut logins = Vec::new();
        let mut own: Option<RegistryLogin> = None;
        for host in hosts {
            if self.is_own(host) {
                // One token under each of its names.
                let login = match &own {
                    Some(login) => login.clone(),
                    None => self.own_login(run, pushed, pulled, timeout_seconds).await?,
                };
                own = Some(login.clone());
                logins.push(RegistryLogin {
                    registry: host.to_string(),
                    ..login
                });
                continue;
            }
            let (master, project, name) = (
                self.inner.master.clone(),
                run.project.clone(),
                host.to_string(),
            );
            let found = self.store().read(operation!(
                tx,
                [master, project, name],
                rows::for_host(tx, &master, &project, &name).await
            ));
            if let Some(opens) = found.await? {
                logins.push(RegistryLogin {
                    registry: host.to_string(),
                    username: opens.username.unwrap_or_else(|| "token".to_owned()),
                    password: opens.value,
                });
            }
        }
        Ok(logins)
    }

    /// A token for our own registry: push to the run's repository if it builds, pull of what it reads, nothing else.
    async fn own_login(
        &self,
        run: &Run,
        pushed: Option<&Reference>,
        pulled: &[Reference],
        timeout_seconds: i64,
    ) -> Result<RegistryLogin, FlowError> {
        let mut scopes: BTreeMap<RepositoryName, Actions> = BTreeMap::new();
        for base in pulled.iter().filter(|base| self.is_own(&base.registry)) {
            scopes.insert(
                base.repository.clone(),
                [Action::Pull].into_iter().collect(),
            );
        }
        if let Some(destination) = pushed.filter(|place| self.is_own(&place.registry)) {
            let push = [Action::Pull, Action::Push].into_iter().collect();
            scopes.insert(destination.repository.clone(), push);
        }
        let scope = |(repository, actions): (RepositoryName, Actions)| {
            let pattern: Pattern = repository
                .as_str()
                .parse()
                .map_err(|error| Rejection::Invalid(format!("{error}")))?;
            Ok(Scope { pattern, actions })
        };
        let scopes: Vec<Scope> = scopes
            .into_iter()
            .map(scope)
            .collect::<Result<_, Rejection>>()?;
        let (token, hash) = new_long_token(TOKEN_PREFIX)?;
        let run = run.clone();
        let hash = std::sync::Arc::new(hash);
        let made = self.store().write(operation!(tx, [run, scopes, hash], {
            let (robot, name) = robot(tx, &run).await?;
            let expires_at = tx.now().plus_seconds(timeout_seconds + TOKEN_MORE_SECONDS);
            let label = run.id.to_string();
            let new = NewToken {
                purpose: TokenPurpose::Robot,
                hash: &hash[..],
                label: &label,
                scopes: Some(&scopes),
                expires_at: Some(expires_at),
            };
            accounts::create_token(tx, &Principal::system(), &robot, &new).await?;
            Ok(name)
        }));
        Ok(RegistryLogin {
            registry: self.inner.host.to_string(),
            username: made.await?,
            password: token,
        })
    }

    /// Takes the run's tokens back: one for each time that it was begun.
    pub(crate) async fn forget_login(&self, run: &Run) -> Result<(), FlowError> {
        let run = run.clone();
        let done = self
            .store()
            .write(operation!(tx, [run], forget_tokens(tx, &run).await));
        Ok(done.await?)
    }
}

/// The robot that builds for the run's project, made and granted what its project has when it is first needed.
async fn robot(
    tx: &mut dyn Tx,
    run: &Run,
) -> Result<(refloat_core::PrincipalId, String), StoreError> {
    let project = projects::by_id(tx, &run.project).await?;
    let name = robot_name(&project.name);
    if let Some(account) = accounts::by_name(tx, &name).await? {
        if account.project != run.project {
            return Err(Rejection::Conflict(format!(
                "the account `{name}` is not the builder of project `{}`; rename it",
                project.name
            ))
            .into());
        }
        return Ok((account.id, name));
    }
    let leave = authorize_project(tx, &Principal::system(), &project.name).await?;
    // Its first token opens nothing: nobody knows it, and each run has its own.
    let (_, hash) = new_long_token(TOKEN_PREFIX)?;
    let (account, first) = accounts::create_robot(tx, &leave, &name, None, &hash).await?;
    accounts::revoke_token(tx, &Principal::system(), &first).await?;
    let everywhere: Pattern = "**"
        .parse()
        .map_err(|error| Rejection::Invalid(format!("{error}")))?;
    let actions = [Action::Pull, Action::Push].into_iter().collect();
    let subject = Subject::Account(account.id.clone());
    grants::grant(tx, &leave, &subject, actions, &everywhere).await?;
    Ok((account.id, name))
}

async fn forget_tokens(tx: &mut dyn Tx, run: &Run) -> Result<(), StoreError> {
    let project = projects::by_id(tx, &run.project).await?;
    let Some(account) = accounts::by_name(tx, &robot_name(&project.name)).await? else {
        return Ok(());
    };
    let system = Principal::system();
    for token in accounts::list_tokens(tx, &system, &account.id).await? {
        if token.label == run.id.as_str() {
            accounts::revoke_token(tx, &system, &token.id).await?;
        }
    }
    Ok(())
}

fn robot_name(project: &str) -> String {
    format!("builder-{project}")
}
