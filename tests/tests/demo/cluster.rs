//! The demo on a real node: what runs in the pods before and after, and what helm says of it.

use anyhow::{Context, Result, ensure};
use refloat_rig::kubernetes::{Cluster, NEEDS};
use refloat_rig::server::binary;
use refloat_rig::{Tool, run};
use refloat_tests::demo::Demo;

use crate::{can_play, shown};

#[test]
fn a_real_node_runs_the_patched_packages() -> Result<()> {
    if !can_play(&NEEDS)? || !can_play(&[Tool::Helm])? {
        return Ok(());
    }
    let cluster = Cluster::start()?;
    on(&cluster).with_context(|| cluster.logs())
}

fn on(cluster: &Cluster) -> Result<()> {
    let kubectl = Tool::Kubectl.path()?;
    let programs = kubectl.parent().context("kubectl lies nowhere")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", programs.display());
    let kubeconfig = cluster.kubeconfig().display().to_string();
    let demo = Demo::play(
        &binary()?,
        &["--kubeconfig", &kubeconfig],
        &[("PATH", path)],
    )?;
    shown::story(&demo)?;
    for service in ["web", "api", "mail"] {
        let read = |when: &str| {
            std::fs::read_to_string(demo.folder().join(format!("{service}-{when}.txt")))
        };
        let (before, after) = (read("before")?, read("after")?);
        ensure!(before != after, "{service} runs the same packages");
        ensure!(before.contains("apt\t"), "{before}");
        // Not what the demo wrote down: what runs, asked now, in both environments.
        for namespace in ["shop-staging", "shop-production"] {
            let workload = format!("deploy/shop-{service}");
            let asked = ["exec", "-n", namespace, &workload, "--", "dpkg-query", "-W"];
            let now = cluster.run(&asked)?;
            ensure!(now.trim() == after.trim(), "{namespace}/{service}: {now}");
        }
    }
    for namespace in ["shop-staging", "shop-production"] {
        let helm =
            |words: &[&str]| run::stdout(cluster.helm()?.args(words).args(["-n", namespace]));
        let listed = helm(&["list"])?;
        ensure!(listed.contains("shop-1.0.2"), "{listed}");
        let history = helm(&["history", "shop"])?;
        for words in ["superseded", "deployed", "shop-1.0.1", "shop-1.0.2"] {
            ensure!(history.contains(words), "{history}");
        }
    }
    Ok(())
}
