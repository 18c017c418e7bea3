//! The making of a change: rendered for every environment first, then stored, then written down as made.

use crate::begin::blocking;
use crate::change::{Edited, edit};
use crate::look::Seen;
use crate::oracle::ServerOracle;
use crate::secrets::{self, SecretFiles};
use crate::source::{git_error, prefix};
use crate::{Releases, StepError, charts, operation};
use refloat_chart::render::ReleaseAction;
use refloat_chart::{Capabilities, Chart, KubeVersion, RenderOptions, artifact, package};
use refloat_documents::{Environment, EnvironmentTarget, ReleaseDocument, ReleaseSource};
use refloat_flow::Because;
use refloat_ports::{NewCommit, Rendered, Target};
use refloat_store_releases::changes::Made;
use refloat_store_releases::{ChangeRow, NewDeployment, ReleaseKey, changes, deployments};

/// Where folders release to, as far as templates can tell.
const NAMESPACE: &str = "default";

impl Releases {
    pub(crate) async fn make(&self, key: &ReleaseKey, seen: &Seen) -> Result<(), StepError> {
        let Some(row) = &seen.newest else {
            return Ok(());
        };
        match self.make_all(key, seen, row).await {
            Err(StepError::Final(error)) => {
                let failed = self.store().write(operation!(tx, [key, row, error], {
                    changes::failed(tx, &key, &row, &error).await
                }));
                Ok(failed.await?)
            }
            other => other,
        }
    }

    async fn make_all(
        &self,
        key: &ReleaseKey,
        seen: &Seen,
        row: &ChangeRow,
    ) -> Result<(), StepError> {
        let document = &seen.document;
        let at = self.place(key, document, &row.base).await?;
        let files = self.read_chart(key, document, &at).await?;
        let (images, host) = (row.images.clone(), self.world().host.clone());
        let version = row.version.clone();
        let edited = blocking(move || edit(&files, &images, &host, Some(&version))).await?;
        let edited = edited.map_err(StepError::Final)?;
        let mut rendered = Vec::with_capacity(document.environments.len());
        for environment in &document.environments {
            let done = self.render(key, seen, &edited.chart, environment).await;
            let (done, secret) = done.map_err(|error| match error {
                StepError::Final(message) => {
                    StepError::Final(format!("environment {}: {message}", environment.name))
                }
                again @ StepError::Again(_) => again,
            })?;
            let (kept, digest) = self.kept(key, &environment.name, &done, &secret)?;
            rendered.push(NewDeployment {
                environment: environment.name.clone(),
                manifest_digest: digest,
                rendered: kept,
                images: row.images.iter().map(|image| image.to).collect(),
            });
        }
        let made = self.keep(key, document, row, &at, edited).await?;
        let written = self
            .store()
            .write(operation!(tx, [key, row, made, rendered], {
                changes::made(tx, &key, &row, &made, &rendered).await
            }));
        Ok(written.await?)
    }

    /// Where the chart is read: its digest, or the head of its branch, which may have moved on since.
    pub(crate) async fn place(
        &self,
        key: &ReleaseKey,
        document: &ReleaseDocument,
        base: &str,
    ) -> Result<String, StepError> {
        let ReleaseSource::Git { branch, url, .. } = &document.source else {
            return Ok(base.to_owned());
        };
        let repository = self.git_repository(key, document).await?;
        let head = self.world().git.resolve(&repository, branch).await;
        head.map_err(git_error)?
            .ok_or_else(|| StepError::Final(format!("{url} has no branch `{branch}`")))
    }

    async fn render(
        &self,
        key: &ReleaseKey,
        seen: &Seen,
        chart: &Chart,
        environment: &Environment,
    ) -> Result<(Rendered, SecretFiles), StepError> {
        let target = self.target(key, &environment.target).await?;
        let able = self.capabilities(&target).await?;
        let (release, name) = (key.clone(), environment.name.clone());
        let before = self.store().read(operation!(tx, [release, name], {
            deployments::deployed_before(tx, &release, &name).await
        }));
        let before = before.await?;
        let mut options = RenderOptions::new(key.name.clone(), namespace(&environment.target));
        options.revision = before + 1;
        if before > 0 {
            options.action = ReleaseAction::Upgrade;
        }
        if let Some(able) = able {
            let version: KubeVersion = able
                .version
                .parse()
                .map_err(|error| StepError::Final(format!("{error}")))?;
            options.capabilities = Capabilities {
                kube_version: version,
                api_versions: able.api_versions,
            };
        }
        let names = seen.document.values.iter().chain(&environment.values);
        let files = values_files(chart, names)?;
        let sealed = values_files(chart, environment.secrets.iter())?;
        let secret = self.secret_files(key, &sealed).await?;
        let (chart, oracle) = (chart.clone(), ServerOracle::at(seen.now));
        let done = blocking(move || {
            secrets::render(&chart, &files, &secret, &options, &oracle).map(|done| (done, secret))
        });
        done.await?.map_err(StepError::Final)
    }

    /// Stores the chart: as a new version, as a commit, or nowhere if nothing changed.
    async fn keep(
        &self,
        key: &ReleaseKey,
        document: &ReleaseDocument,
        row: &ChangeRow,
        at: &str,
        edited: Edited,
    ) -> Result<Made, StepError> {
        let host = &self.world().host;
        match &document.source {
            ReleaseSource::Chart {
                repository, tag, ..
            } if !edited.changed => Ok(Made {
                chart: format!("{host}/{repository}:{tag}"),
                chart_digest: row.base.parse().ok(),
                commit: None,
            }),
            ReleaseSource::Chart { publish, .. } => {
                let chart = edited.chart;
                let packed =
                    blocking(move || package(&chart).and_then(|archive| artifact(archive, None)));
                let packed = packed.await?;
                let packed = packed.map_err(|error| StepError::Final(error.to_string()))?;
                let because = Because {
                    causes: row.causes.clone(),
                    cascade: row.cascade.clone(),
                };
                charts::publish(self.registry(), publish, &packed, because).await?;
                Ok(Made {
                    chart: format!("{host}/{publish}:{}", packed.tag),
                    chart_digest: Some(packed.digest),
                    commit: None,
                })
            }
            ReleaseSource::Git {
                url, branch, path, ..
            } => {
                let commit = if edited.changed {
                    let prefix = prefix(path);
                    let files = edited.files.into_iter();
                    let commit = NewCommit {
                        branch: branch.clone(),
                        parent: at.to_owned(),
                        message: message(key, row),
                        files: files
                            .map(|(name, bytes)| (format!("{prefix}{name}"), bytes))
                            .collect(),
                    };
                    let repository = self.git_repository(key, document).await?;
                    let made = self.world().git.commit(&repository, &commit).await;
                    made.map_err(git_error)?
                } else {
                    at.to_owned()
                };
                Ok(Made {
                    chart: format!("{url} {path}"),
                    chart_digest: None,
                    commit: Some(commit),
                })
            }
        }
    }

    /// Where an environment is, with what opens it.
    pub(crate) async fn target(
        &self,
        key: &ReleaseKey,
        target: &EnvironmentTarget,
    ) -> Result<Target, StepError> {
        match target {
            EnvironmentTarget::Folder { path } => Ok(Target::Folder { path: path.clone() }),
            EnvironmentTarget::Kubernetes {
                credential,
                context,
                ..
            } => {
                let (_, kubeconfig) = self.credential(key, credential).await?;
                Ok(Target::Kubernetes {
                    kubeconfig,
                    context: context.clone(),
                })
            }
        }
    }
}

fn namespace(target: &EnvironmentTarget) -> &str {
    match target {
        EnvironmentTarget::Folder { .. } => NAMESPACE,
        EnvironmentTarget::Kubernetes { namespace, .. } => namespace,
    }
}

fn values_files<'a>(
    chart: &Chart,
    names: impl Iterator<Item = &'a String>,
) -> Result<Vec<(String, String)>, StepError> {
    let files: Result<_, String> = names.map(|name| values_file(chart, name)).collect();
    files.map_err(StepError::Final)
}

fn values_file(chart: &Chart, name: &str) -> Result<(String, String), String> {
    if name == "values.yaml" {
        let bytes = chart.values_file.as_deref().unwrap_or_default();
        return Ok((name.to_owned(), String::from_utf8_lossy(bytes).into_owned()));
    }
    let found = chart.files.iter().find(|file| file.name == name);
    let found = found.ok_or_else(|| format!("the chart has no file `{name}`"))?;
    Ok((name.to_owned(), found.text().into_owned()))
}

/// What the commit says: the images that it moves, and the change it belongs to.
fn message(key: &ReleaseKey, row: &ChangeRow) -> String {
    let moved = row.moved();
    let head = match moved.as_slice() {
        [image] => format!("Move {} to {}", image.path, image.tag),
        images => format!("Move {} images of {}", images.len(), key.name),
    };
    let lines = moved
        .iter()
        .map(|image| format!("{}: {} {}\n", image.path, image.line, image.to));
    format!(
        "{head}\n\n{}Change: {}\n",
        lines.collect::<String>(),
        row.id
    )
}
