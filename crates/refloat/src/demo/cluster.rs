//! With `--kubeconfig`: the cluster gets namespaces whose pods may pull and nothing else, and is asked what they run.
//!
//! Everything that changes the cluster is a line of refloat's; `kubectl` and `helm` only look, where they are installed.

use super::Places;
use super::needs::is_there;
use super::scene::ENVIRONMENTS;
use super::stage::{Stage, quoted};
use anyhow::{Context, Result};
use std::path::Path;

/// The services whose pods are asked.
const SERVICES: &str = "web api mail";

/// Gives the server the cluster, and the cluster a token that may only pull.
pub(super) fn open(stage: &mut Stage, places: &Places, kubeconfig: &Path) -> Result<()> {
    let kubeconfig = kubeconfig
        .canonicalize()
        .with_context(|| format!("there is no kubeconfig {}", kubeconfig.display()))?;
    let from = quoted(&kubeconfig);
    stage.say(
        "The server gets the cluster's kubeconfig as a credential, which it never shows again:",
    );
    if is_there("kubectl") {
        stage.run(&format!(
            "(umask 077; kubectl --kubeconfig {from} config view --raw --flatten --minify > kubeconfig)"
        ))?;
    } else {
        stage.run(&format!("(umask 077; cp {from} kubeconfig)"))?;
    }
    stage.write(
        "cluster.yaml",
        "apiVersion: refloat/v1\nkind: Credential\nname: cluster\nkubeconfig: { file: kubeconfig }\n",
    )?;
    stage.run("refloat apply -f cluster.yaml")?;
    stage.export("KUBECONFIG", "$PWD/kubeconfig")?;

    stage.say("The pods pull with a robot that may pull these images and nothing else:");
    stage.run("(umask 077; refloat robot create puller -q > puller.token)")?;
    stage.run("refloat grant puller pull 'apps/**'")?;
    stage.write("access/Chart.yaml", ACCESS)?;
    stage.write("access/templates/pull.yaml", PULL)?;
    for environment in ENVIRONMENTS {
        stage.run(&format!(
            "refloat upgrade --install access access -n shop-{environment} --create-namespace \
             --set registry={} --set-file token=puller.token",
            places.home
        ))?;
    }
    Ok(())
}

/// Shows what the pods run: their images, and the packages in them, which go to `SERVICE-WHEN.txt`.
pub(super) fn ask_pods(stage: &Stage, when: &str) -> Result<()> {
    if !is_there("kubectl") {
        stage.say(
            "kubectl is not installed here; with it you see in the pods what changes:\n  \
             kubectl -n shop-production exec deploy/shop-web -- dpkg-query -W",
        );
        return Ok(());
    }
    stage.run("kubectl -n shop-production get pods -o custom-columns=POD:.metadata.name,IMAGE:.spec.containers[0].image,PHASE:.status.phase")?;
    // The newest pod: those of the revision before may not be gone yet.
    stage.run(&format!(
        "for name in {SERVICES}; do kubectl -n shop-production exec \
         $(kubectl -n shop-production get pods -l app=$name --sort-by=.metadata.creationTimestamp -o name | tail -n 1) \
         -- dpkg-query -W > $name-{when}.txt; done"
    ))?;
    stage.run(&format!(
        "grep -E '^(apt|libssl3|perl-base|curl)' web-{when}.txt mail-{when}.txt"
    ))?;
    Ok(())
}

/// What changed in the running pods, and what helm says of it.
pub(super) fn show_difference(stage: &Stage) -> Result<()> {
    if is_there("kubectl") {
        stage.say("The packages in the running pods, before (<) and after (>):");
        stage.run(&format!(
            "for name in {SERVICES}; do echo $name; diff $name-before.txt $name-after.txt || true; done"
        ))?;
    }
    stage.run("refloat history shop -n shop-production")?;
    if is_there("helm") {
        stage.run("helm list -n shop-production")?;
        stage.run("helm history shop -n shop-production")?;
    } else {
        stage.say(
            "These are helm's own records: `helm history shop -n shop-production` lists them too.",
        );
    }
    Ok(())
}

/// What stays in the cluster, and how it goes.
pub(super) fn farewell(stage: &Stage) {
    stage.say(
        "The pods go on in the cluster. To remove them: kubectl delete namespace shop-staging shop-production",
    );
}

const ACCESS: &str = "apiVersion: v2\nname: access\ndescription: What pods need to pull\ntype: application\nversion: 1.0.0\n";

const PULL: &str = r#"{{- $token := trim .Values.token }}
{{- $entry := dict "username" "puller" "password" $token "auth" (printf "puller:%s" $token | b64enc) }}
apiVersion: v1
kind: Secret
metadata:
  name: pull
type: kubernetes.io/dockerconfigjson
data:
  .dockerconfigjson: {{ dict "auths" (dict .Values.registry $entry) | toJson | b64enc }}
"#;
