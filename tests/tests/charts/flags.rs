//! Flags of helm's: each does what it does there, or is refused by name with what to do instead.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use refloat_rig::{Tool, require, run};

use crate::helm::Bench;

const CRD: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: a.b.c\n";

#[test]
fn rendering_takes_the_flags_of_helm() -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let bench = Bench::new()?;
    bench.write("dinghy/crds/a.yaml", CRD)?;
    for flags in [
        "--generate-name",
        "-g",
        "--include-crds --skip-crds",
        "--include-crds --skip-tests",
        "--no-hooks",
        "--dry-run",
        "--dry-run=client",
        "--disable-openapi-validation --skip-schema-validation",
        "--create-namespace --description x --timeout 3s --wait --wait-for-jobs --server-side=false",
        "--labels a=b --replace --take-ownership --force-conflicts",
        "--name-template shop-{{\"A\"|lower}}",
        "--name-template X",
        "--name-template {{",
        "--is-upgrade --kube-version 1.30 -a x/v1",
        "--show-only templates/service.yaml",
        "--show-only templates/none.yaml",
        "--devel --debug",
    ] {
        let words: Vec<&str> = flags.split(' ').collect();
        bench.same(&[&["template", "dinghy"], &words[..]].concat())?;
    }
    bench.same(&["template", "-g", "name", "dinghy"])?;
    bench.same(&["template", "a", "dinghy", "c"])?;
    Ok(())
}

#[test]
fn files_are_written_where_helm_writes_them() -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let bench = Bench::new()?;
    bench.write("dinghy/crds/a.yaml", CRD)?;
    for flags in [
        &[][..],
        &["--include-crds", "--release-name"],
        &["--no-hooks", "--set", "replicaCount=3"],
    ] {
        let mut trees = Vec::new();
        for mut program in [bench.helm(&[])?, bench.refloat(&[])?] {
            program.args(["template", "dinghy", "--output-dir", "out"]);
            let said = run::stdout(program.args(flags))?;
            let out = bench.path("out");
            let mut files = BTreeMap::new();
            collect(&out, &mut files)?;
            fs::remove_dir_all(out)?;
            trees.push((said, files));
        }
        ensure!(trees[0] == trees[1], "{flags:?}: {trees:#?}");
    }
    Ok(())
}

fn collect(folder: &Path, files: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.insert(path.display().to_string(), fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

#[test]
fn what_is_not_done_is_refused_by_name() -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let bench = Bench::new()?;
    for (words, advice) in [
        ("template dinghy --post-renderer cat", "pipe the output"),
        ("template dinghy --enable-dns", "as values"),
        ("template dinghy --dry-run=server", "--validate"),
        (
            "pull oci://127.0.0.1:1/a:1 --insecure-skip-tls-verify",
            "SSL_CERT_FILE",
        ),
        ("pull oci://192.0.2.1/a:1 --plain-http", "certificate"),
        ("pull oci://127.0.0.1:1/a:1 --ca-file x", "SSL_CERT_FILE"),
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        let ended = run::captured(&mut bench.refloat(&words)?)?;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        ensure!(
            ended.status.code() == Some(1)
                && said.contains("unsupported: ")
                && said.contains(advice),
            "{words:?}: {said}"
        );
    }
    Ok(())
}

#[test]
fn objects_are_validated_offline() -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let bench = Bench::new()?;
    let plain = run::stdout(&mut bench.refloat(&["template", "dinghy"])?)?;
    let valid = run::stdout(&mut bench.refloat(&["template", "dinghy", "--validate"])?)?;
    ensure!(plain == valid);
    bench.write(
        "dinghy/templates/x.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: [{port: http}]}\n",
    )?;
    let ended = run::captured(&mut bench.refloat(&["template", "dinghy", "--validate"])?)?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    ensure!(
        ended.status.code() == Some(1)
            && ended.stdout.is_empty()
            && said.contains("Service/x")
            && said.contains("spec.ports[0].port"),
        "{said}"
    );
    Ok(())
}

#[test]
fn several_charts_are_packaged_and_a_missing_one_is_fetched() -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let bench = Bench::new()?;
    for name in ["below", "above"] {
        run::checked(&mut bench.helm(&["create", name])?)?;
    }
    run::checked(&mut bench.refloat(&["package", "dinghy", "below", "-d", "out"])?)?;
    ensure!(bench.path("out/dinghy-0.1.0.tgz").is_file());
    ensure!(bench.path("out/below-0.1.0.tgz").is_file());
    bench.write(
        "above/Chart.yaml",
        "apiVersion: v2\nname: above\nversion: 1.0.0\ndependencies:\n- {name: below, version: 0.1.0, repository: \"file://../below\"}\n",
    )?;
    let asked = ["template", "above", "--dependency-update"];
    let theirs = run::stdout(&mut bench.helm(&asked)?)?;
    fs::remove_dir_all(bench.path("above/charts"))?;
    fs::remove_file(bench.path("above/Chart.lock"))?;
    let ours = run::stdout(&mut bench.refloat(&asked)?)?;
    ensure!(
        theirs.ends_with(&ours) && ours.contains("below/templates"),
        "{theirs}\n{ours}"
    );
    ensure!(bench.path("above/Chart.lock").is_file());
    Ok(())
}
