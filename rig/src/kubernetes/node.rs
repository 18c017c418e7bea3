//! The node: containerd with the parts that the kubelet asks for, a bridge for its pods, the kubelet.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use crate::image::Image;
use crate::leftover::Leftover;
use crate::process::Running;
use crate::{Tool, network, run, wait};

/// What the node is called. An address as name is also the address the API server reaches it at.
pub(super) const NAME: &str = "127.0.0.1";

const START_DEADLINE: Duration = Duration::from_mins(1);
const STOP_GRACE: Duration = Duration::from_secs(20);
const PODS_DEADLINE: Duration = Duration::from_secs(30);
/// The image that holds a pod's namespaces.
const PAUSE: &str = "docker.io/rig/pause";

#[derive(Debug)]
pub(super) struct Node {
    kubelet: Running,
    containerd: Running,
    folder: PathBuf,
    bridge: String,
    _leftover: Leftover,
}

impl Node {
    pub(super) fn start(folder: &Path, kubeconfig: &Path) -> Result<Self> {
        // An interface's name has 15 characters at most.
        let bridge = format!("rig{}", std::process::id());
        let leftover = Leftover::register(&leftover(folder, &bridge));
        let containerd = start_containerd(folder, &bridge)?;
        import_pause(folder)?;
        let kubelet = start_kubelet(folder, kubeconfig)?;
        Ok(Self {
            kubelet,
            containerd,
            folder: folder.to_owned(),
            bridge,
            _leftover: leftover,
        })
    }

    pub(super) fn import(&self, archive: &Path, name: &str) -> Result<()> {
        import(&self.folder, archive, name)
    }

    /// Waits for the end of all pods; what does not end is killed with the node.
    pub(super) fn wait_until_empty(&self) {
        let _left = wait::until("the end of the pods", PODS_DEADLINE, || {
            let listed = run::stdout(ctr(&self.folder).args(["tasks", "list", "-q"]))?;
            Ok(listed.is_empty().then_some(()))
        });
    }

    pub(super) fn logs(&self) -> String {
        [&self.kubelet, &self.containerd]
            .map(|running| format!("-- {}\n{}\n", running.log().display(), running.log_tail()))
            .concat()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _stopped = self.kubelet.terminate(STOP_GRACE);
        let _stopped = self.containerd.terminate(STOP_GRACE);
        // What is still there of pods, mounts and the bridge goes by the ids that containerd wrote down.
        let script = leftover(&self.folder, &self.bridge);
        let _swept = run::captured(Command::new("sh").args(["-c", &script]));
    }
}

/// One line of shell that ends what outlives containerd: shims and their containers by the process
/// ids in their folders, the mounts below ours (the newest first), the bridge.
fn leftover(folder: &Path, bridge: &str) -> String {
    let folder = folder.display();
    let tasks = format!("{folder}/s/io.containerd.runtime.v2.task/k8s.io");
    format!(
        "for pid in $(cat {tasks}/*/shim.pid {tasks}/*/init.pid 2>/dev/null); do kill -9 $pid 2>/dev/null; done; \
         awk '$2 ~ \"^{folder}/\" {{ print $2 }}' /proc/self/mounts | sort -r | while read -r at; do umount -l \"$at\"; done; \
         ip link delete {bridge} 2>/dev/null; rm -rf {folder}"
    )
}

fn start_containerd(folder: &Path, bridge: &str) -> Result<Running> {
    write_network(folder, bridge)?;
    let config = folder.join("containerd.toml");
    fs::write(&config, configuration(folder))?;
    let mut command = Command::new(Tool::Containerd.path()?);
    command.arg("--config").arg(&config);
    let running = Running::start("containerd", &mut command, &folder.join("containerd.log"))?;
    running.wait_until("containerd", START_DEADLINE, || {
        let asked = run::captured(ctr(folder).arg("version"))?;
        Ok(asked.status.success().then_some(()))
    })?;
    Ok(running)
}

fn ctr(folder: &Path) -> Command {
    let mut command = Command::new("ctr");
    command
        .arg("--address")
        .arg(folder.join("c.sock"))
        .args(["--namespace", "k8s.io"]);
    command
}

fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        r#"version = 2
root = "{folder}/r"
state = "{folder}/s"
[grpc]
address = "{folder}/c.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
restrict_oom_score_adj = true
sandbox_image = "{PAUSE}:1"
disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{folder}/net.d"
[plugins."io.containerd.grpc.v1.cri".containerd]
default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
"#
    )
}

fn write_network(folder: &Path, bridge: &str) -> Result<()> {
    let network = json!({
        "cniVersion": "0.4.0",
        "name": bridge,
        "plugins": [
            {
                "type": "bridge",
                "bridge": bridge,
                "isGateway": true,
                "ipam": {
                    "type": "host-local",
                    "dataDir": folder.join("addresses"),
                    // A network of each test process: by its number, out of those that nobody routes.
                    "subnet": format!("10.213.{}.0/24", std::process::id() % 256),
                },
            },
        ],
    });
    fs::create_dir_all(folder.join("net.d"))?;
    fs::write(
        folder.join("net.d/10-rig.conflist"),
        serde_json::to_vec_pretty(&network)?,
    )?;
    Ok(())
}

fn import_pause(folder: &Path) -> Result<()> {
    let pause = Image::new(
        Image::busybox()?.layers().to_vec(),
        &json!({ "Cmd": ["/bin/sleep", "1000000000"] }),
    )?;
    let archive = folder.join("pause.tar");
    pause.write_oci_archive(&archive, "1")?;
    import(folder, &archive, PAUSE)
}

fn import(folder: &Path, archive: &Path, name: &str) -> Result<()> {
    let import = ["images", "import", "--base-name", name];
    run::checked(ctr(folder).args(import).arg(archive))?;
    Ok(())
}

fn start_kubelet(folder: &Path, kubeconfig: &Path) -> Result<Running> {
    let configuration = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "127.0.0.1",
        "port": network::free_address()?.port(),
        "healthzPort": 0,
        "authentication": { "anonymous": { "enabled": true }, "webhook": { "enabled": false } },
        "authorization": { "mode": "AlwaysAllow" },
        "containerRuntimeEndpoint": format!("unix://{}", folder.join("c.sock").display()),
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": false,
        "failSwapOn": false,
        "cgroupsPerQOS": false,
        "enforceNodeAllocatable": [],
        "localStorageCapacityIsolation": false,
        "evictionHard": {
            "memory.available": "1Mi",
            "nodefs.available": "1Mi",
            "nodefs.inodesFree": "1",
            "imagefs.available": "1Mi",
        },
        "imageGCHighThresholdPercent": 100,
        "podLogsDir": folder.join("logs"),
        "volumePluginDir": folder.join("volumeplugins"),
        "resolvConf": "",
        "syncFrequency": "2s",
        "nodeStatusReportFrequency": "10s",
    });
    let file = folder.join("kubelet.json");
    fs::write(&file, serde_json::to_vec_pretty(&configuration)?)?;
    let mut command = Command::new(Tool::Kubelet.path()?);
    for (flag, path) in [
        ("--config", file.as_path()),
        ("--kubeconfig", kubeconfig),
        ("--root-dir", &folder.join("kubelet")),
        ("--cert-dir", &folder.join("kubelet-certificates")),
    ] {
        command.arg(flag).arg(path);
    }
    command.arg(format!("--hostname-override={NAME}"));
    Running::start("kubelet", &mut command, &folder.join("kubelet.log"))
        .context("the kubelet does not start")
}
