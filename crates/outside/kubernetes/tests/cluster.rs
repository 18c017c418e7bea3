//! The deployer on a real cluster with a real node, and the real helm reading what it wrote.

use anyhow::{Context, Result, bail};
use refloat_core::{ReleaseId, Secret};
use refloat_kubernetes::{Files, KubernetesDeployer};
use refloat_ports::{DeployStatus, Deployer, Deployment, Namespace, Rendered, Target, Wait};
use refloat_rig::image::Image;
use refloat_rig::kubernetes::{Cluster, NEEDS};
use refloat_rig::{Tool, require, run};
use serde_json::{Value, json};
use std::time::Duration;

const IMAGE: &str = "docker.io/rig/busybox";
const NAMESPACE: &str = "shop";

/// The manifest of one small program and its settings.
fn manifest(command: &str, settings: &[&str]) -> String {
    let mut text = format!(
        "---
# Source: shop/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: {IMAGE}:1
        imagePullPolicy: Never
        command: [sh, -c, '{command}']
"
    );
    for name in settings {
        text.push_str(
            "---\n# Source: shop/templates/settings.yaml\napiVersion: v1\nkind: ConfigMap\n",
        );
        text.push_str("metadata: {name: ");
        text.push_str(name);
        text.push_str("}\ndata: {key: yes1}\n");
    }
    text
}

struct Shop {
    cluster: Cluster,
    deployer: KubernetesDeployer,
    runtime: tokio::runtime::Runtime,
}

impl Shop {
    fn deployment(&self, number: u32, manifest: String) -> Result<Deployment> {
        let id: ReleaseId = format!("rel_0000000000000000000000000{number}").parse()?;
        Ok(Deployment {
            id,
            target: Target::Kubernetes {
                kubeconfig: Secret::new(std::fs::read_to_string(self.cluster.kubeconfig())?),
                context: None,
            },
            rendered: Rendered {
                name: "shop".to_owned(),
                namespace: NAMESPACE.to_owned(),
                manifest,
                crds: String::new(),
                files: Vec::new(),
                hooks: json!([]),
                chart: json!({
                    "metadata": { "name": "shop", "version": format!("1.0.{number}"), "apiVersion": "v2", "appVersion": "7" },
                    "templates": [], "values": {}, "files": [],
                }),
                config: json!({ "given": true }),
                notes: "be kind\n".to_owned(),
                description: String::new(),
            },
            wait: Wait::Rollout,
            timeout_seconds: 60,
            namespace: Namespace::Create,
        })
    }

    fn release(&self, deployment: &Deployment) -> Result<DeployStatus> {
        self.runtime.block_on(async {
            self.deployer.start(deployment.clone()).await?;
            loop {
                let status = self.deployer.observe(deployment).await?;
                if !matches!(status, DeployStatus::Running { .. }) {
                    return Ok(status);
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        })
    }

    fn helm(&self, arguments: &[&str]) -> Result<String> {
        run::stdout(self.cluster.helm()?.args(arguments).args(["-n", NAMESPACE]))
    }

    fn history(&self) -> Result<Vec<(u64, String)>> {
        let text = self.helm(&["history", "shop", "-o", "json"])?;
        let rows: Vec<Value> = serde_json::from_str(&text)?;
        let row = |row: &Value| {
            let revision = row["revision"].as_u64().unwrap_or_default();
            (
                revision,
                row["status"].as_str().unwrap_or_default().to_owned(),
            )
        };
        Ok(rows.iter().map(row).collect())
    }
}

#[test]
fn releases_roll_out_fail_and_are_helms_own() -> Result<()> {
    if !require(&NEEDS)? || !require(&[Tool::Helm])? {
        return Ok(());
    }
    let shop = Shop {
        cluster: Cluster::start()?,
        deployer: KubernetesDeployer::new(Files::Read {
            base: std::path::PathBuf::new(),
        }),
        runtime: tokio::runtime::Runtime::new()?,
    };
    let archive = shop.cluster.kubeconfig().with_file_name("image.tar");
    Image::busybox()?.write_oci_archive(&archive, "1")?;
    shop.cluster.import(&archive, IMAGE)?;
    let done = first(&shop)
        .and_then(|()| second(&shop))
        .and_then(|()| hopeless(&shop))
        .and_then(|()| taken_over(&shop))
        .and_then(|()| locked(&shop))
        .and_then(|()| contract(&shop));
    done.with_context(|| shop.cluster.logs())
}

fn first(shop: &Shop) -> Result<()> {
    let deployment = shop.deployment(1, manifest("sleep 1000", &["a", "b", "kept"]))?;
    assert_eq!(
        shop.release(&deployment)?,
        DeployStatus::Deployed { revision: 1 }
    );
    // The same again changes nothing.
    assert_eq!(
        shop.release(&deployment)?,
        DeployStatus::Deployed { revision: 1 }
    );
    let ready = shop.cluster.run(&[
        "get",
        "deployment",
        "web",
        "-n",
        NAMESPACE,
        "-o",
        "jsonpath={.status.readyReplicas}",
    ])?;
    assert_eq!(ready, "1");
    let listed: Vec<Value> = serde_json::from_str(&shop.helm(&["list", "-o", "json"])?)?;
    assert_eq!(listed[0]["name"], "shop");
    assert_eq!(listed[0]["status"], "deployed");
    assert_eq!(listed[0]["chart"], "shop-1.0.1");
    assert_eq!(listed[0]["app_version"], "7");
    let shown = shop.helm(&["get", "manifest", "shop"])?;
    assert_eq!(shown.trim(), deployment.rendered.manifest.trim());
    assert!(
        shop.helm(&["get", "values", "shop"])?
            .contains("given: true")
    );
    assert!(shop.helm(&["status", "shop"])?.contains("be kind"));
    Ok(())
}

/// A second revision: what left the manifest goes, what says that it stays is kept.
fn second(shop: &Shop) -> Result<()> {
    shop.cluster.run(&[
        "annotate",
        "configmap",
        "kept",
        "-n",
        NAMESPACE,
        "helm.sh/resource-policy=keep",
    ])?;
    let deployment = shop.deployment(2, manifest("sleep 2000", &["a"]))?;
    assert_eq!(
        shop.release(&deployment)?,
        DeployStatus::Deployed { revision: 2 }
    );
    let maps = shop.cluster.run(&[
        "get",
        "configmaps",
        "-n",
        NAMESPACE,
        "-o",
        "jsonpath={.items[*].metadata.name}",
    ])?;
    let mut maps: Vec<&str> = maps
        .split(' ')
        .filter(|name| *name != "kube-root-ca.crt")
        .collect();
    maps.sort_unstable();
    assert_eq!(maps, ["a", "kept"]);
    assert_eq!(
        shop.history()?,
        [(1, "superseded".to_owned()), (2, "deployed".to_owned())]
    );
    Ok(())
}

/// A rollout that does not become ready fails with the pod's own reason.
fn hopeless(shop: &Shop) -> Result<()> {
    let broken = manifest("sleep 1", &["a"]).replace(&format!("{IMAGE}:1"), "docker.io/rig/none:1");
    let mut deployment = shop.deployment(3, broken)?;
    deployment.timeout_seconds = 5;
    let status = shop.release(&deployment)?;
    let DeployStatus::Failed { error, revision } = status else {
        bail!("it should have failed: {status:?}");
    };
    assert_eq!(revision, Some(3));
    assert!(
        error.contains("Deployment/web") && error.contains("ErrImageNeverPull"),
        "{error}"
    );
    // What the API refuses fails at once, by the object's name.
    let refused = manifest("sleep 1", &["a"]).replace("replicas: 1", "replicas: many");
    let status = shop.release(&shop.deployment(4, refused)?)?;
    let DeployStatus::Failed { error, .. } = status else {
        bail!("it should have been refused: {status:?}");
    };
    assert!(error.contains("Deployment/web"), "{error}");
    let history = shop.history()?;
    assert_eq!(
        history[1..],
        [
            (2, "deployed".to_owned()),
            (3, "failed".to_owned()),
            (4, "failed".to_owned()),
        ]
    );
    Ok(())
}

/// Helm goes back to one of ours, and we go on from helm's.
fn taken_over(shop: &Shop) -> Result<()> {
    shop.helm(&["rollback", "shop", "2", "--wait", "--timeout", "60s"])?;
    let history = shop.history()?;
    assert_eq!(history.last(), Some(&(5, "deployed".to_owned())));
    let deployment = shop.deployment(6, manifest("sleep 3000", &["a"]))?;
    assert_eq!(
        shop.release(&deployment)?,
        DeployStatus::Deployed { revision: 6 }
    );
    let history = shop.history()?;
    assert_eq!(
        history[history.len() - 2..],
        [(5, "superseded".to_owned()), (6, "deployed".to_owned()),]
    );
    Ok(())
}

/// What is pending is a lock for others and is gone on with by its own deployment; what is not ours is not touched.
fn locked(shop: &Shop) -> Result<()> {
    let deployment = shop.deployment(7, manifest("sleep 4000", &["a"]))?;
    shop.runtime
        .block_on(shop.deployer.start(deployment.clone()))?;
    let other = shop.deployment(8, manifest("sleep 5000", &["a"]))?;
    let refused = shop.runtime.block_on(shop.deployer.start(other));
    let message = refused
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(
        message.contains("another operation is in progress"),
        "{message}"
    );
    assert_eq!(
        shop.release(&deployment)?,
        DeployStatus::Deployed { revision: 7 }
    );

    shop.cluster
        .run(&["create", "configmap", "theirs", "-n", NAMESPACE])?;
    let greedy = shop.deployment(9, manifest("sleep 6000", &["a", "theirs"]))?;
    let refused = shop.release(&greedy);
    let message = refused
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(
        message.contains("ConfigMap/theirs exists and is not this release's"),
        "{message}"
    );
    Ok(())
}

fn contract(shop: &Shop) -> Result<()> {
    let target = shop.deployment(1, String::new())?.target;
    let run = refloat_ports::deployer_suite::run(&shop.deployer, &target);
    shop.runtime.block_on(run).map_err(anyhow::Error::msg)
}
