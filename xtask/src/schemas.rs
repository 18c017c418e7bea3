//! `cargo xtask schemas`: packs the schemas of Kubernetes anew, from its modules as Go's client brings them.
//!
//! A minor version comes as `k8s.io/kubernetes@v1.N.P` (its OpenAPI document), the lifecycle of APIs as the markers in
//! `k8s.io/api` and its neighbours, once of an old release, which still knows what has gone, and once of a new one. To take a
//! new minor version: add its line to `RELEASES`, run this, run the tests, commit `data/kubernetes.bin`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use refloat_schemas::Lifecycle;
use refloat_schemas::pack::{Source, pack};
use serde_json::Value;

/// The releases whose schemas are packed, ascending.
const RELEASES: [(u32, &str); 12] = [
    (25, "v1.25.16"),
    (26, "v1.26.15"),
    (27, "v1.27.16"),
    (28, "v1.28.15"),
    (29, "v1.29.14"),
    (30, "v1.30.14"),
    (31, "v1.31.14"),
    (32, "v1.32.13"),
    (33, "v1.33.13"),
    (34, "v1.34.4"),
    (35, "v1.35.4"),
    (36, "v1.36.3"),
];
/// Modules with lifecycle markers; the later one wins.
const LIFECYCLES: [&str; 6] = [
    "k8s.io/api@v0.22.17",
    "k8s.io/apiextensions-apiserver@v0.22.17",
    "k8s.io/kube-aggregator@v0.22.17",
    "k8s.io/api@v0.36.1",
    "k8s.io/apiextensions-apiserver@v0.36.1",
    "k8s.io/kube-aggregator@v0.36.1",
];
const MARKERS: &str = "zz_generated.prerelease-lifecycle.go";
const PACKED: &str = "crates/formats/schemas/data/kubernetes.bin";

/// Fetches, packs and writes.
pub fn run() -> Result<ExitCode> {
    let go = refloat_rig::tools::Tool::Go.path()?;
    let mut sources = Vec::with_capacity(RELEASES.len());
    for (minor, release) in RELEASES {
        let folder = module(&go, &format!("k8s.io/kubernetes@{release}"))?;
        let swagger = fs::read_to_string(folder.join("api/openapi-spec/swagger.json"))?;
        sources.push(Source { minor, swagger });
    }
    let mut lifecycles: Vec<Lifecycle> = Vec::new();
    for name in LIFECYCLES {
        let mut found = Vec::new();
        markers(&module(&go, name)?, &mut found)?;
        for one in found {
            let same = |known: &Lifecycle| {
                known.group == one.group && known.version == one.version && known.kind == one.kind
            };
            lifecycles.retain(|known| !same(known));
            lifecycles.push(one);
        }
    }
    lifecycles.retain(|one| {
        let known = one.deprecated.is_some() || one.removed.is_some();
        known && !one.kind.ends_with("List")
    });
    let packed = pack(&sources, &lifecycles).map_err(anyhow::Error::msg)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::write(root.join(PACKED), &packed)?;
    println!(
        "{PACKED}: {} bytes, {} minor versions, {} lifecycles",
        packed.len(),
        sources.len(),
        lifecycles.len()
    );
    Ok(ExitCode::SUCCESS)
}

/// The folder of a module, fetched if it is not there.
fn module(go: &Path, name: &str) -> Result<PathBuf> {
    let said = Command::new(go)
        .args(["mod", "download", "-json", name])
        .current_dir(std::env::temp_dir())
        .output()
        .with_context(|| format!("go mod download {name}"))?;
    let said: Value = serde_json::from_slice(&said.stdout)?;
    ensure!(said["Error"].is_null(), "{name}: {}", said["Error"]);
    let folder = said["Dir"].as_str().context("go names no folder")?;
    Ok(PathBuf::from(folder))
}

/// The markers of all packages below a folder.
fn markers(folder: &Path, found: &mut Vec<Lifecycle>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            markers(&path, found)?;
        }
    }
    let file = folder.join(MARKERS);
    if !file.is_file() {
        return Ok(());
    }
    let register = fs::read_to_string(folder.join("register.go"))?;
    let group = register.lines().find_map(|line| {
        let rest = line.split_once("GroupName")?.1;
        let rest = rest.trim_start().strip_prefix('=')?;
        rest.trim().strip_prefix('"')?.split('"').next()
    });
    let group = group.with_context(|| format!("{} names no group", folder.display()))?;
    let version = folder.file_name().unwrap_or_default().to_string_lossy();
    let text = fs::read_to_string(file)?;
    found.extend(Lifecycle::read(group, &version, &text));
    Ok(())
}
