//! A cluster and the releases in it; the deployer over clusters.

use crate::client::{ApiError, Client};
use crate::kubeconfig::{Access, Files};
use crate::record::{Record, secret_name};
use crate::{deploy, observe};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use refloat_core::Failure;
use refloat_ports::{Capabilities, DeployStatus, Deployer, Deployment, Target};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

/// Clusters whose kinds are remembered.
const CLUSTERS_MAX: usize = 16;
/// The most records read at once.
const PAGE: usize = 100;

/// A cluster that is spoken to. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    pub(crate) client: Arc<Client>,
    /// The namespace of the kubeconfig's context.
    pub namespace: String,
}

impl Cluster {
    /// The cluster of a kubeconfig; nothing is asked yet.
    ///
    /// # Errors
    /// [`Failure::Terminal`] by the name of what is missing or not supported.
    pub fn open(kubeconfig: &str, context: Option<&str>, files: &Files) -> Result<Self, Failure> {
        let access = Access::read(kubeconfig, context, files)?;
        Ok(Self {
            client: Arc::new(Client::new(&access)?),
            namespace: access.namespace.unwrap_or_else(|| "default".to_owned()),
        })
    }

    /// `v1.34.4`: what templates see as the cluster's version, and the API versions it has, with their kinds.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn capabilities(&self) -> Result<Capabilities, ApiError> {
        let version = self.client.get_path("/version").await?.unwrap_or_default();
        let version = version["gitVersion"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let mut versions = vec!["v1".to_owned()];
        let groups = self.client.get_path("/apis").await?.unwrap_or_default();
        for group in groups["groups"].as_array().into_iter().flatten() {
            let all = group["versions"].as_array().into_iter().flatten();
            let all = all.filter_map(|version| version["groupVersion"].as_str());
            versions.extend(all.map(str::to_owned));
        }
        for version in versions.clone() {
            let kinds = self.client.kinds(&version).await?;
            versions.extend(kinds.iter().map(|kind| format!("{version}/{kind}")));
        }
        Ok(Capabilities {
            version,
            api_versions: versions,
        })
    }

    /// The records of one release, the oldest first.
    ///
    /// # Errors
    /// [`ApiError`], also for a record that cannot be read.
    pub async fn history(&self, namespace: &str, name: &str) -> Result<Vec<Record>, ApiError> {
        let path = format!("/api/v1/namespaces/{namespace}/secrets");
        self.records(&path, &format!("owner=helm,name={name}"))
            .await
    }

    /// The newest record of every release of a namespace, or of all, by namespace and name.
    ///
    /// # Errors
    /// [`ApiError`], also for a record that cannot be read.
    pub async fn list(&self, namespace: Option<&str>) -> Result<Vec<Record>, ApiError> {
        let path = match namespace {
            Some(namespace) => format!("/api/v1/namespaces/{namespace}/secrets"),
            None => "/api/v1/secrets".to_owned(),
        };
        let mut records = self.records(&path, "owner=helm").await?;
        let key = |record: &Record| (record.namespace().to_owned(), record.name().to_owned());
        records.sort_by_key(|record| (key(record), std::cmp::Reverse(record.revision())));
        records.dedup_by_key(|record| key(record));
        Ok(records)
    }

    /// The digests of the images that the containers of a pod run; `None` if there is no such pod.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn pod_images(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Vec<String>>, ApiError> {
        let path = format!(
            "/api/v1/namespaces/{}/pods/{}",
            encoded(namespace),
            encoded(name)
        );
        let Some(pod) = self.client.get_path(&path).await? else {
            return Ok(None);
        };
        let containers = pod["status"]["containerStatuses"].as_array();
        let images = containers.into_iter().flatten();
        // `host/path@sha256:..`, with a scheme in front where an old runtime wrote it.
        let digests = images.filter_map(|status| status["imageID"].as_str()?.rsplit_once('@'));
        Ok(Some(digests.map(|(_, digest)| digest.to_owned()).collect()))
    }

    async fn records(&self, path: &str, selector: &str) -> Result<Vec<Record>, ApiError> {
        let mut records = Vec::new();
        let mut next = String::new();
        loop {
            let selector = encoded(selector);
            let query = format!("{path}?labelSelector={selector}&limit={PAGE}&continue={next}");
            let page = self.client.get_path(&query).await?.unwrap_or_default();
            for secret in page["items"].as_array().into_iter().flatten() {
                if secret["type"] == "helm.sh/release.v1" {
                    records.push(Record::read(secret).map_err(Failure::Damaged)?);
                }
            }
            match page["metadata"]["continue"].as_str() {
                Some(token) if !token.is_empty() => next = encoded(token),
                Some(_) | None => break,
            }
        }
        records.sort_by_key(Record::revision);
        Ok(records)
    }

    pub(crate) async fn write_new(&self, record: &Record) -> Result<(), ApiError> {
        let secret = record.to_secret(None).map_err(Failure::Terminal)?;
        let path = format!("/api/v1/namespaces/{}/secrets", record.namespace());
        self.client.create(&path, &secret).await.map(drop)
    }

    pub(crate) async fn write_changed(&self, record: &Record) -> Result<(), ApiError> {
        let secret = record
            .to_secret(Some(Timestamp::now()))
            .map_err(Failure::Terminal)?;
        let mut labels = secret["metadata"]["labels"].clone();
        labels["createdAt"] = Value::Null;
        let patch = json!({ "metadata": { "labels": labels }, "data": secret["data"] });
        self.client
            .merge(&record_path(record), &patch)
            .await
            .map(drop)
    }

    pub(crate) async fn forget(&self, record: &Record) -> Result<(), ApiError> {
        self.client.delete(&record_path(record)).await
    }
}

fn record_path(record: &Record) -> String {
    format!(
        "/api/v1/namespaces/{}/secrets/{}",
        record.namespace(),
        secret_name(record.name(), record.revision())
    )
}

/// Percent-encoded for a query.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _infallible = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

/// Deploys to clusters.
pub struct KubernetesDeployer {
    files: Files,
    known: Mutex<Vec<(String, Option<String>, Cluster)>>,
}

impl KubernetesDeployer {
    /// A deployer whose kubeconfigs may name files, or not.
    pub fn new(files: Files) -> Self {
        Self {
            files,
            known: Mutex::default(),
        }
    }

    fn cluster(&self, target: &Target) -> Result<Cluster, Failure> {
        let Target::Kubernetes {
            kubeconfig,
            context,
        } = target
        else {
            return Err(Failure::Terminal("this target is no cluster".to_owned()));
        };
        let text = kubeconfig.expose();
        let mut known = self
            .known
            .lock()
            .map_err(|_| Failure::Transient("a deployment panicked".to_owned()))?;
        let found = known
            .iter()
            .find(|(config, name, _)| config == text && name == context);
        if let Some((_, _, cluster)) = found {
            return Ok(cluster.clone());
        }
        let cluster = Cluster::open(text, context.as_deref(), &self.files)?;
        if known.len() >= CLUSTERS_MAX {
            known.remove(0);
        }
        known.push((text.clone(), context.clone(), cluster.clone()));
        Ok(cluster)
    }
}

impl Deployer for KubernetesDeployer {
    fn capabilities<'a>(
        &'a self,
        target: &'a Target,
    ) -> BoxFuture<'a, Result<Option<Capabilities>, Failure>> {
        Box::pin(async move {
            let cluster = self.cluster(target)?;
            Ok(Some(cluster.capabilities().await?))
        })
    }

    fn start(&self, deployment: Deployment) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let cluster = self.cluster(&deployment.target)?;
            deploy::start(&cluster, &deployment).await
        })
    }

    fn observe<'a>(
        &'a self,
        deployment: &'a Deployment,
    ) -> BoxFuture<'a, Result<DeployStatus, Failure>> {
        Box::pin(async move {
            let cluster = self.cluster(&deployment.target)?;
            observe::observe(&cluster, deployment).await
        })
    }

    fn cancel<'a>(&'a self, deployment: &'a Deployment) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let cluster = self.cluster(&deployment.target)?;
            observe::cancel(&cluster, deployment).await
        })
    }
}
