//! The control plane: etcd, the API server, the controllers, the scheduler.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::process::Running;
use crate::tls::Authority;
use crate::{Tool, network, run};

const START_DEADLINE: Duration = Duration::from_mins(1);
const STOP_GRACE: Duration = Duration::from_secs(20);
/// Who the kubeconfig is; the only one who can ask.
const TOKEN: &str = "the-rig";

#[derive(Debug)]
pub(super) struct Control {
    // The first is stopped first: each asks the next until its end.
    controllers: Vec<Running>,
    api: Running,
    etcd: Running,
}

impl Control {
    /// Starts it in `folder` and writes `folder/kubeconfig`.
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let client = network::free_address()?;
        let etcd = start_etcd(folder, client)?;
        let address = network::free_address()?;
        let authority = Authority::new(folder)?;
        let kubeconfig = folder.join("kubeconfig");
        let server = format!("https://{address}");
        let text = super::kubeconfig(&server, authority.certificate(), TOKEN)?;
        fs::write(&kubeconfig, text)?;
        let api = start_api(folder, &authority, client, address)?;
        let is_ready = || {
            let mut ask = Command::new(Tool::Kubectl.path()?);
            ask.args(["get", "--raw", "/readyz"])
                .env("KUBECONFIG", &kubeconfig);
            Ok(run::captured(&mut ask)?.status.success().then_some(()))
        };
        api.wait_until("an API server that is ready", START_DEADLINE, is_ready)?;
        let controllers = vec![
            start_controller(folder, Tool::KubeControllerManager)?,
            start_controller(folder, Tool::KubeScheduler)?,
        ];
        Ok(Self {
            controllers,
            api,
            etcd,
        })
    }

    /// Ends those that make pods.
    pub(super) fn stop_controllers(&mut self) {
        for mut controller in self.controllers.drain(..) {
            let _stopped = controller.kill();
        }
    }

    pub(super) fn logs(&self) -> String {
        let all = self.controllers.iter().chain([&self.api, &self.etcd]);
        all.map(|running| format!("-- {}\n{}\n", running.log().display(), running.log_tail()))
            .collect()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop_controllers();
        // Nothing of it is read again: no orderly end is needed but for what it listens on.
        let _stopped = self.api.kill();
        let _stopped = self.etcd.terminate(STOP_GRACE);
    }
}

fn start_etcd(folder: &Path, client: SocketAddr) -> Result<Running> {
    let peer = network::free_address()?;
    let mut command = Command::new(Tool::Etcd.path()?);
    command.arg("--data-dir").arg(folder.join("etcd")).args([
        "--unsafe-no-fsync",
        "--listen-client-urls",
        &format!("http://{client}"),
        "--advertise-client-urls",
        &format!("http://{client}"),
        "--listen-peer-urls",
        &format!("http://{peer}"),
        "--initial-advertise-peer-urls",
        &format!("http://{peer}"),
        "--initial-cluster",
        &format!("default=http://{peer}"),
    ]);
    let running = Running::start("etcd", &mut command, &folder.join("etcd.log"))?;
    running.wait_until("etcd's health", START_DEADLINE, || {
        Ok((network::http_status(client, "/health") == Some(200)).then_some(()))
    })?;
    Ok(running)
}

fn start_api(
    folder: &Path,
    authority: &Authority,
    etcd: SocketAddr,
    address: SocketAddr,
) -> Result<Running> {
    let identity = authority.issue("apiserver", &["127.0.0.1", "localhost"])?;
    let accounts = folder.join("accounts.key");
    let known = folder.join("accounts.pub");
    let key = rcgen::KeyPair::generate()?;
    fs::write(&accounts, key.serialize_pem())?;
    fs::write(&known, key.public_key_pem())?;
    let tokens = folder.join("tokens.csv");
    fs::write(&tokens, format!("{TOKEN},rig,rig,system:masters\n"))?;
    let mut command = Command::new(Tool::KubeApiserver.path()?);
    let files = [
        ("--tls-cert-file", &identity.certificate),
        ("--tls-private-key-file", &identity.key),
        ("--token-auth-file", &tokens),
        ("--service-account-key-file", &known),
        ("--service-account-signing-key-file", &accounts),
    ];
    for (name, path) in files {
        command.arg(name).arg(path);
    }
    command.arg("--cert-dir").arg(folder.join("api")).args([
        "--bind-address=127.0.0.1",
        // The address in the endpoints of the service `kubernetes`, which nobody asks for here.
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.96.0.0/24",
        "--allow-privileged",
        &format!("--secure-port={}", address.port()),
        &format!("--etcd-servers=http://{etcd}"),
    ]);
    Running::start("kube-apiserver", &mut command, &folder.join("api.log"))
}

fn start_controller(folder: &Path, tool: Tool) -> Result<Running> {
    let name = tool.entry().name;
    let kubeconfig = folder.join("kubeconfig");
    let mut command = Command::new(tool.path()?);
    for flag in [
        "--kubeconfig",
        "--authentication-kubeconfig",
        "--authorization-kubeconfig",
    ] {
        command.arg(flag).arg(&kubeconfig);
    }
    command.arg("--cert-dir").arg(folder.join(name)).args([
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        &format!("--secure-port={}", network::free_address()?.port()),
    ]);
    if tool == Tool::KubeControllerManager {
        command
            .arg("--service-account-private-key-file")
            .arg(folder.join("accounts.key"))
            .arg("--root-ca-file")
            .arg(folder.join("ca.crt"));
    }
    Running::start(name, &mut command, &folder.join(format!("{name}.log")))
}
