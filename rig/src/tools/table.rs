//! The table of tools. To add one: a variant, and a row here at the same place.

use super::{Cost, Entry, Source, Tool, User};

impl Tool {
    /// All of them, in the order in which `rig list` shows them.
    pub const ALL: [Tool; TABLE.len()] = {
        let mut all = [Tool::Buildah; TABLE.len()];
        let mut at = 0;
        while at < TABLE.len() {
            all[at] = TABLE[at].0;
            at += 1;
        }
        all
    };
}

/// The row of `tool`.
pub(super) fn entry(tool: Tool) -> Entry {
    // Rows stand in the order of the variants; a test holds them to it.
    TABLE[tool as usize].1
}

const TABLE: [(Tool, Entry); 36] = [
    (
        Tool::Buildah,
        root(debian(
            "buildah",
            "buildah",
            "/usr/bin/buildah",
            "builds, pushes and pulls",
        )),
    ),
    (
        Tool::Skopeo,
        debian("skopeo", "skopeo", "/usr/bin/skopeo", "copies images"),
    ),
    (
        Tool::Podman,
        root(debian(
            "podman",
            "podman",
            "/usr/bin/podman",
            "pushes and pulls",
        )),
    ),
    (
        Tool::Umoci,
        debian(
            "umoci",
            "umoci",
            "/usr/bin/umoci",
            "unpacks images, a second opinion on layers",
        ),
    ),
    (
        Tool::DockerRegistry,
        debian(
            "docker-registry",
            "docker-registry",
            "/usr/bin/docker-registry",
            "distribution 2.8, to be measured against",
        ),
    ),
    (
        Tool::Docker,
        root(debian(
            "docker",
            "docker.io",
            "/usr/bin/docker",
            "client and daemon of one version",
        )),
    ),
    (
        Tool::Containerd,
        root(debian(
            "containerd",
            "containerd",
            "/usr/bin/containerd",
            "pulls as a node does",
        )),
    ),
    (
        Tool::Runc,
        root(debian(
            "runc",
            "runc",
            "/usr/sbin/runc",
            "starts containers",
        )),
    ),
    (
        Tool::CniPlugins,
        root(debian(
            "cni-plugins",
            "containernetworking-plugins",
            "/usr/lib/cni/loopback",
            "networks of pods",
        )),
    ),
    (
        Tool::Busybox,
        debian(
            "busybox",
            "busybox-static",
            "/bin/busybox",
            "the content of test images",
        ),
    ),
    (
        Tool::Mmdebstrap,
        root(debian(
            "mmdebstrap",
            "mmdebstrap",
            "/usr/bin/mmdebstrap",
            "makes real Debian roots",
        )),
    ),
    (
        Tool::Postgres,
        root(debian(
            "postgres",
            "postgresql",
            "/usr/lib/postgresql/*/bin/postgres",
            "the clustered database",
        )),
    ),
    (Tool::Wrk, debian("wrk", "wrk", "/usr/bin/wrk", "load")),
    (
        Tool::Ip,
        root(debian(
            "ip",
            "iproute2",
            "/sbin/ip",
            "network namespaces, so that TLS is verified",
        )),
    ),
    (
        Tool::Htpasswd,
        debian(
            "htpasswd",
            "apache2-utils",
            "/usr/bin/htpasswd",
            "accounts of foreign registries",
        ),
    ),
    (
        Tool::Openssl,
        debian(
            "openssl",
            "openssl",
            "/usr/bin/openssl",
            "a second opinion on certificates",
        ),
    ),
    (
        Tool::Rpm,
        debian(
            "rpm",
            "rpm",
            "/usr/bin/rpm",
            "its own word on the order of versions",
        ),
    ),
    (
        Tool::Git,
        debian("git", "git", "/usr/bin/git", "sources of tasks and charts"),
    ),
    (
        Tool::Go,
        Entry {
            name: "go",
            source: Source::GoToolchain { version: "1.26.6" },
            cost: Cost::Quick,
            purpose: "builds the tools below",
            user: User::Any,
        },
    ),
    (
        Tool::Crane,
        go(
            "crane",
            "github.com/google/go-containerregistry/cmd/crane",
            "v0.20.7",
            "pushes and pulls",
        ),
    ),
    (
        Tool::Regctl,
        go(
            "regctl",
            "github.com/regclient/regclient/cmd/regctl",
            "v0.11.7",
            "pushes and pulls, referrers",
        ),
    ),
    (
        Tool::Helm,
        go(
            "helm",
            "helm.sh/helm/v4/cmd/helm",
            "v4.2.4",
            "packages, pushes and pulls charts",
        ),
    ),
    (
        Tool::Helm3,
        slow(go(
            "helm3",
            "helm.sh/helm/v3/cmd/helm",
            "v3.22.0",
            "the same, as most people have it",
        )),
    ),
    (
        Tool::Sops,
        slow(go(
            "sops",
            "github.com/getsops/sops/v3/cmd/sops",
            "v3.13.3",
            "encrypts values, as people have them",
        )),
    ),
    (
        Tool::Age,
        debian("age", "age", "/usr/bin/age-keygen", "keys for them"),
    ),
    (
        Tool::HelmEngine,
        Entry {
            name: "helm-engine",
            source: Source::GoSource {
                text: include_str!("engine/main.go"),
                module: "helm.sh/helm/v4",
                version: "v4.2.4",
            },
            cost: Cost::Quick,
            purpose: "renders charts in one process, the answer to compare with",
            user: User::Any,
        },
    ),
    (
        Tool::DockerfileEngine,
        Entry {
            name: "dockerfile-engine",
            source: Source::GoSource {
                text: include_str!("dockerfile/main.go"),
                module: "github.com/moby/buildkit",
                version: "v0.33.1",
            },
            cost: Cost::Quick,
            purpose: "reads Dockerfiles with BuildKit's own front end, the answer to compare with",
            user: User::Any,
        },
    ),
    (
        Tool::Distribution,
        Entry {
            source: Source::GoModule {
                module: "github.com/distribution/distribution/v3/cmd/registry",
                version: "v3.1.2",
                builds: "registry",
            },
            ..go(
                "distribution",
                "",
                "",
                "distribution 3.1, to be measured against",
            )
        },
    ),
    (
        Tool::Etcd,
        Entry {
            source: Source::GoPackage {
                package: "go.etcd.io/etcd/server/v3",
                module: "go.etcd.io/etcd/server/v3",
                version: "v3.6.6",
            },
            ..kubernetes("etcd", "")
        },
    ),
    (
        Tool::KubeApiserver,
        kubernetes("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
    ),
    (
        Tool::KubeControllerManager,
        kubernetes(
            "kube-controller-manager",
            "k8s.io/kubernetes/cmd/kube-controller-manager",
        ),
    ),
    (
        Tool::KubeScheduler,
        kubernetes("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
    ),
    (
        Tool::Kubelet,
        root(kubernetes("kubelet", "k8s.io/kubernetes/cmd/kubelet")),
    ),
    (
        Tool::Kubectl,
        kubernetes("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    ),
    (
        Tool::Fuse,
        root(machine("fuse", "/dev/fuse", "the file system that forgets")),
    ),
    (
        Tool::Mount,
        root(machine(
            "mount",
            "/bin/mount",
            "small file systems that fill up",
        )),
    ),
];

const fn debian(
    name: &'static str,
    package: &'static str,
    program: &'static str,
    purpose: &'static str,
) -> Entry {
    let source = Source::Debian { package, program };
    Entry {
        name,
        source,
        cost: Cost::Quick,
        purpose,
        user: User::Any,
    }
}

const fn go(
    name: &'static str,
    module: &'static str,
    version: &'static str,
    purpose: &'static str,
) -> Entry {
    // Programs are called as the last segment of their package; helm 3 is renamed by us.
    let builds = match name.as_bytes() {
        b"helm3" => "helm",
        _ => name,
    };
    let source = Source::GoModule {
        module,
        version,
        builds,
    };
    Entry {
        name,
        source,
        cost: Cost::Quick,
        purpose,
        user: User::Any,
    }
}

/// A part of Kubernetes, in the version that Helm's own tests know.
const fn kubernetes(name: &'static str, package: &'static str) -> Entry {
    let source = Source::GoPackage {
        package,
        module: "k8s.io/kubernetes",
        version: "v1.34.4",
    };
    Entry {
        name,
        source,
        cost: Cost::Slow,
        purpose: "a real cluster with a real node",
        user: User::Any,
    }
}

const fn machine(name: &'static str, path: &'static str, purpose: &'static str) -> Entry {
    let source = Source::Machine { path };
    Entry {
        name,
        source,
        cost: Cost::Quick,
        purpose,
        user: User::Any,
    }
}

const fn root(entry: Entry) -> Entry {
    Entry {
        user: User::Root,
        ..entry
    }
}

const fn slow(entry: Entry) -> Entry {
    Entry {
        cost: Cost::Slow,
        ..entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_stands_at_its_variant() {
        for (place, (tool, _)) in TABLE.iter().enumerate() {
            assert_eq!(*tool as usize, place, "{tool:?}");
        }
    }
}
