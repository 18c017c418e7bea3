//! A real cluster with one real node: etcd, the API server and its controllers, containerd and a kubelet.
//!
//! Everything lies in one folder and listens on 127.0.0.1; pods have a bridge of their own. The node
//! pulls from registries on 127.0.0.1 over plain HTTP. Pods are stopped before the programs that run them.
//! Needs root. About 15 seconds until the node is ready.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use tempfile::TempDir;

use crate::{Tool, run, wait};

mod control;
mod node;

use control::Control;
use node::Node;

/// Everything a cluster needs: for [`crate::require`].
pub const NEEDS: [Tool; 11] = [
    Tool::Containerd,
    Tool::Runc,
    Tool::CniPlugins,
    Tool::Busybox,
    Tool::Ip,
    Tool::Etcd,
    Tool::KubeApiserver,
    Tool::KubeControllerManager,
    Tool::KubeScheduler,
    Tool::Kubelet,
    Tool::Kubectl,
];

const NODE_DEADLINE: Duration = Duration::from_mins(2);

/// A running cluster; its pods and then its programs are stopped when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    // Dropped in this order: the node asks the API server until its end.
    node: Node,
    control: Control,
    kubeconfig: PathBuf,
    _folder: TempDir,
}

impl Cluster {
    /// Starts one and waits until its node takes pods.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("rig-kube-").tempdir()?;
        let control = Control::start(folder.path())?;
        let kubeconfig = folder.path().join("kubeconfig");
        let node = Node::start(folder.path(), &kubeconfig)?;
        let cluster = Self {
            node,
            control,
            kubeconfig,
            _folder: folder,
        };
        let ready = [
            "get",
            "node",
            node::NAME,
            "-o",
            "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}",
        ];
        wait::until("a node that is ready", NODE_DEADLINE, || {
            let asked = run::captured(cluster.kubectl().args(ready))?;
            Ok((asked.stdout == b"True").then_some(()))
        })
        .with_context(|| cluster.logs())?;
        wait::until("the account of the pods", NODE_DEADLINE, || {
            let account = ["get", "serviceaccount", "default"];
            let asked = run::captured(cluster.kubectl().args(account))?;
            Ok(asked.status.success().then_some(()))
        })
        .with_context(|| cluster.logs())?;
        Ok(cluster)
    }

    /// A file that makes whoever has it the cluster's administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The client, speaking to this cluster.
    pub fn kubectl(&self) -> Command {
        let mut command = Command::new(Tool::Kubectl.path().unwrap_or_default());
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }

    /// Runs `kubectl ARGUMENTS`; its standard output.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        run::stdout(self.kubectl().args(arguments))
    }

    /// helm 4, speaking to this cluster, with folders of its own.
    pub fn helm(&self) -> Result<Command> {
        let mut command = Command::new(Tool::Helm.path()?);
        let home = self.kubeconfig.with_file_name("helm");
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HELM_CACHE_HOME", home.join("cache"))
            .env("HELM_CONFIG_HOME", home.join("config"))
            .env("HELM_DATA_HOME", home.join("data"));
        Ok(command)
    }

    /// Takes a pod's image from an archive, as if the node had pulled it as `name`.
    pub fn import(&self, archive: &Path, name: &str) -> Result<()> {
        self.node.import(archive, name)
    }

    /// The ends of everybody's logs.
    pub fn logs(&self) -> String {
        format!("{}\n{}", self.control.logs(), self.node.logs())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nobody makes new pods any more, then the kubelet stops those that are there.
        self.control.stop_controllers();
        let all = [
            "delete",
            "pods",
            "--all",
            "--all-namespaces",
            "--grace-period=1",
            "--wait=false",
        ];
        let _asked = run::captured(self.kubectl().args(all));
        self.node.wait_until_empty();
    }
}

/// A kubeconfig for `server`, as JSON, which is YAML too.
fn kubeconfig(server: &str, authority: &Path, token: &str) -> Result<String> {
    let authority = fs::canonicalize(authority)?;
    Ok(serde_json::to_string_pretty(&json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "rig",
        "contexts": [{ "name": "rig", "context": { "cluster": "rig", "user": "rig" } }],
        "clusters": [{ "name": "rig", "cluster": {
            "server": server,
            "certificate-authority": authority,
        } }],
        "users": [{ "name": "rig", "user": { "token": token } }],
    }))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Image;
    use crate::require;

    #[test]
    fn a_pod_runs_and_can_be_asked() -> Result<()> {
        if !require(&NEEDS)? {
            return Ok(());
        }
        let cluster = Cluster::start()?;
        let archive = cluster.kubeconfig().with_file_name("image.tar");
        Image::busybox()?.write_oci_archive(&archive, "1")?;
        cluster.import(&archive, "docker.io/rig/busybox")?;
        let image = "--image=docker.io/rig/busybox:1";
        let sleep = ["--", "sleep", "1000"];
        cluster.run(&[&["run", "one", image][..], &sleep].concat())?;
        let ready = ["wait", "--for=condition=Ready", "pod/one", "--timeout=60s"];
        cluster.run(&ready).with_context(|| cluster.logs())?;
        let said = cluster.run(&["exec", "one", "--", "echo", "from inside"])?;
        assert_eq!(said, "from inside");
        Ok(())
    }
}
