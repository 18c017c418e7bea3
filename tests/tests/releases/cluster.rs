//! A real cluster with a real node: charts installed by hand, and releases that a server brings.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use refloat_rig::image::Image;
use refloat_rig::kubernetes::{Cluster, NEEDS};
use refloat_rig::{Tool, require, run};
use serde_json::Value;

use crate::shop::{Shop, environments};

/// A program that runs for long, from this registry, pulled with a secret.
const WORKLOAD: &str = "\
{{- range $name := list \"web\" \"api\" }}
{{- $image := (index $.Values $name).image }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $.Release.Name }}-{{ $name }}
spec:
  replicas: {{ $.Values.replicas }}
  selector:
    matchLabels: { app: {{ $name }} }
  template:
    metadata:
      labels: { app: {{ $name }} }
    spec:
      terminationGracePeriodSeconds: 0
      imagePullSecrets: [{ name: pull }]
      containers:
        - name: {{ $name }}
          image: \"{{ $image.repository }}:{{ $image.tag }}\"
          command: [sleep, \"100000\"]
{{- end }}
";

fn can_run() -> Result<bool> {
    Ok(require(&NEEDS)? && require(&[Tool::Helm, Tool::Skopeo])?)
}

/// A busybox that says something of its own, under these tags.
fn push(shop: &Shop, repository: &str, tags: &[&str], says: &str) -> Result<()> {
    let mut config: Value = serde_json::json!({ "Cmd": ["sh"], "Env": ["PATH=/bin"] });
    config["Labels"] = serde_json::json!({ "says": says });
    let image = Image::new(Image::busybox()?.layers().to_vec(), &config)?;
    let folder = tempfile::tempdir()?;
    image.write_layout(folder.path(), "1")?;
    let password = shop.site.server().admin_password()?;
    for tag in tags {
        let target = shop.site.reach().reference(&format!("{repository}:{tag}"));
        let mut copy = std::process::Command::new(Tool::Skopeo.path()?);
        copy.args(["copy", "--quiet", "--dest-tls-verify=false"])
            .arg(format!("--dest-creds={}:{password}", shop.admin.name))
            .arg(format!("oci:{}:1", folder.path().display()))
            .arg(format!("docker://{target}"));
        run::checked(&mut copy)?;
    }
    Ok(())
}

/// A namespace whose pods pull with a robot that may do nothing else.
fn namespace(shop: &Shop, cluster: &Cluster, name: &str, robot: &str) -> Result<()> {
    let robot = shop.site.robot(robot, &[("pull", "apps/**")])?;
    cluster.run(&["create", "namespace", name])?;
    cluster.run(&[
        "create",
        "secret",
        "docker-registry",
        "pull",
        "-n",
        name,
        &format!("--docker-server={}", shop.site.reach().authority),
        &format!("--docker-username={}", robot.name),
        &format!("--docker-password={}", robot.secret),
    ])?;
    Ok(())
}

/// The image that the pods of an application run.
fn running(cluster: &Cluster, namespace: &str, app: &str) -> Result<String> {
    let selector = format!("app={app}");
    let path = "jsonpath={.items[*].spec.containers[*].image}";
    cluster.run(&["get", "pods", "-n", namespace, "-l", &selector, "-o", path])
}

#[test]
fn a_person_installs_and_upgrades() -> Result<()> {
    if !can_run()? {
        return Ok(());
    }
    let shop = Shop::open()?;
    push(&shop, "apps/web", &["1"], "one")?;
    push(&shop, "apps/api", &["1"], "two")?;
    shop.write_chart(WORKLOAD)?;
    shop.publish_chart("2.0.0")?;
    let cluster = Cluster::start()?;
    namespace(&shop, &cluster, "hand", "puller")?;
    by_hand(&shop, &cluster).with_context(|| cluster.logs())
}

fn by_hand(shop: &Shop, cluster: &Cluster) -> Result<()> {
    let kubeconfig = cluster.kubeconfig().display().to_string();
    let place = ["-n", "hand", "--kubeconfig", &kubeconfig];
    let chart = shop.site.reach().reference("charts/shop:2.0.0");
    let verb = |words: &[&str]| -> Result<Value> { shop.json(&[words, &place[..]].concat()) };
    let dry = verb(&["upgrade", "--install", "shop", &chart, "--dry-run"])?;
    ensure!(dry["changed"] == false && dry["manifest"].to_string().contains("Deployment"));
    let done = verb(&[
        "upgrade",
        "--install",
        "shop",
        &chart,
        "--wait",
        "--timeout",
        "2m",
        "--set",
        "replicas=2",
    ])?;
    ensure!(
        done["revision"] == 1 && done["status"] == "deployed",
        "{done}"
    );
    ensure!(running(cluster, "hand", "web")?.split(' ').count() == 2);
    // Without values those of the last revision stay.
    let done = verb(&["upgrade", "shop", &chart, "--wait", "--timeout", "2m"])?;
    ensure!(done["revision"] == 2, "{done}");
    ensure!(running(cluster, "hand", "web")?.split(' ').count() == 2);
    let again =
        run::captured(&mut shop.refloat(&[&["install", "shop", &chart], &place[..]].concat())?)?;
    ensure!(again.status.code() == Some(1), "a name in use is refused");

    // A rollout that does not become ready.
    let failed = [
        "upgrade",
        "shop",
        &chart,
        "--wait",
        "--timeout",
        "4s",
        "--set",
        "web.image.tag=none",
    ];
    let failed = run::captured(&mut shop.refloat(&[&failed, &place[..]].concat())?)?;
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    ensure!(
        failed.status.code() == Some(1) && said.contains("Deployment/shop-web"),
        "{said}"
    );

    let history = verb(&["history", "shop"])?;
    let statuses: Vec<&str> = history
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|record| record["status"].as_str())
        .collect();
    ensure!(
        statuses == ["superseded", "deployed", "failed"],
        "{history}"
    );
    ensure!(verb(&["status", "shop"])?["status"] == "failed");
    ensure!(verb(&["list"])?[0]["chart"] == "shop-2.0.0");
    let values = shop.ok(&[
        &["release", "get", "values", "shop", "--revision", "1"],
        &place[..],
    ]
    .concat())?;
    ensure!(values.trim() == "replicas: 2", "{values}");
    let shown = |words: &[&str]| run::stdout(cluster.helm()?.args(words).args(["-n", "hand"]));
    ensure!(shown(&["history", "shop"])?.contains("superseded"));
    let manifest = shop.ok(&[&["release", "get", "manifest", "shop"], &place[..]].concat())?;
    ensure!(shown(&["get", "manifest", "shop"])?.trim() == manifest.trim());
    Ok(())
}

#[test]
fn a_server_releases_to_staging_and_production() -> Result<()> {
    if !can_run()? {
        return Ok(());
    }
    let shop = Shop::open()?;
    push(&shop, "apps/web", &["build-1", "1"], "one")?;
    push(&shop, "apps/api", &["build-1", "1"], "two")?;
    shop.write_chart(WORKLOAD)?;
    shop.publish_chart("2.0.0")?;
    let cluster = Cluster::start()?;
    namespace(&shop, &cluster, "staging", "puller-s")?;
    namespace(&shop, &cluster, "production", "puller-p")?;
    by_server(&shop, &cluster)
        .with_context(|| format!("{}\n{}", shop.site.server().log(), cluster.logs()))
}

fn by_server(shop: &Shop, cluster: &Cluster) -> Result<()> {
    let kubeconfig = flattened(cluster, &shop.site.folder().join("kubeconfig"))?;
    shop.site.apply(&format!(
        "apiVersion: refloat/v1\nkind: Credential\nname: cluster\nkubeconfig: {}\n",
        serde_json::to_string(&kubeconfig)?
    ))?;
    let target = |name: &str| {
        format!("target: {{ kubernetes: {{ credential: cluster, namespace: {name} }} }}")
    };
    let environments_text = format!(
        "  - name: staging\n    {}\n  - name: production\n    after: staging\n    values: [values-production.yaml]\n    {}\n",
        target("staging"),
        target("production")
    );
    shop.release(
        "chart: charts/shop:2.0.0\npublish: charts/shop",
        &environments_text,
    )?;
    shop.deployed("2.0.1")?;
    ensure!(running(cluster, "staging", "web")?.ends_with("/apps/web:build-1"));
    ensure!(running(cluster, "production", "web")?.split(' ').count() == 2);
    push(shop, "apps/web", &["build-2", "1"], "three")?;
    let status = shop.deployed("2.0.2")?;
    for (name, newest) in environments(&status) {
        ensure!(newest["revision"] == 2, "{name}: {newest}");
        let images = running(cluster, &name, "web")?;
        ensure!(
            images
                .split(' ')
                .all(|image| image.ends_with("/apps/web:build-2")),
            "{name}: {images}"
        );
        let listed = run::stdout(cluster.helm()?.args(["history", "shop", "-n", &name]))?;
        ensure!(
            listed.contains("superseded") && listed.contains("shop-2.0.2"),
            "{listed}"
        );
        why_it_runs(shop, cluster, &name)?;
    }
    Ok(())
}

/// A pod is asked for its images, and the server for what brought them there.
fn why_it_runs(shop: &Shop, cluster: &Cluster, namespace: &str) -> Result<()> {
    let path = "jsonpath={.items[0].metadata.name}";
    let pod = cluster.run(&["get", "pods", "-n", namespace, "-l", "app=web", "-o", path])?;
    let mut why = shop.site.refloat(&shop.site.admin()?)?;
    let subject = format!("pod/{pod}");
    why.args(["why", &subject, "-n", namespace, "-o", "json"])
        .env("KUBECONFIG", cluster.kubeconfig());
    let told: Value = serde_json::from_str(&run::stdout(&mut why)?)?;
    let types: Vec<_> = told
        .as_array()
        .context("no list")?
        .iter()
        .filter_map(|record| record["type"].as_str())
        .collect();
    ensure!(
        types.first() == Some(&"release.deployed"),
        "{namespace}/{pod}: {types:?}"
    );
    for wanted in ["change.made", "tag.moved"] {
        ensure!(types.contains(&wanted), "{namespace}/{pod}: {types:?}");
    }
    let mut nobody = shop.site.refloat(&shop.site.admin()?)?;
    nobody
        .args(["why", "pod/nobody", "-n", namespace])
        .env("KUBECONFIG", cluster.kubeconfig());
    let nobody = run::captured(&mut nobody)?;
    ensure!(nobody.status.code() == Some(4), "{nobody:?}");
    Ok(())
}

/// A kubeconfig that names no files: a server reads none for a document.
fn flattened(cluster: &Cluster, to: &Path) -> Result<String> {
    let text = cluster.run(&["config", "view", "--raw", "--flatten"])?;
    fs::write(to, &text)?;
    Ok(text)
}
