//! `lint` finds what the real helm finds, in its words and order, with its exit code.

use std::fs;

use anyhow::Result;
use refloat_rig::{Tool, require};

use crate::helm::Bench;

const CHART: &str = "apiVersion: v2\nname: x\nversion: 1.2.3\nicon: https://example.com/x.png\n";

/// Copies the chart of `helm create` under a new name.
fn copy(bench: &Bench, name: &str) -> Result<()> {
    let mut copy = std::process::Command::new("cp");
    let copy = copy
        .arg("-r")
        .arg(bench.path("dinghy"))
        .arg(bench.path(name));
    refloat_rig::run::checked(copy)?;
    Ok(())
}

#[test]
fn sound_charts_and_flags() -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let bench = Bench::new()?;
    refloat_rig::run::checked(&mut bench.helm(&["package", "dinghy"])?)?;
    for arguments in [
        &["lint", "dinghy"][..],
        &["lint", "dinghy", "dinghy-0.1.0.tgz"],
        &["lint", "dinghy", "--quiet"],
        &["lint", "dinghy", "--strict", "--set", "replicaCount=3"],
        &[
            "lint",
            "dinghy",
            "--set",
            "service.port=x",
            "--with-subcharts",
        ],
        &["lint", "no-chart"],
        &["lint", "no-chart", "dinghy", "--quiet"],
        &["lint", "dinghy", "--kube-version", "1.20"],
    ] {
        bench.alike(arguments)?;
    }
    Ok(())
}

#[test]
fn broken_definitions() -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let bench = Bench::new()?;
    let definitions = [
        "apiVersion: v2\nname: bad\nversion: 1.0\nappVersion: 1.16\nfoo: bar\nmaintainers: [{name: x, email: nomail}]\nsources: [foo]\nicon: bar\ndependencies: [{name: sub, version: 1, repository: ''}]\n",
        "apiVersion: v1\nname: bad\nversion: \"1\"\ntype: application\n",
        "a: b\nname: zz\nversion: 0.0.0-0\napiVersion: v2\n",
        "apiVersion: v3\nname: bad\n",
        "apiVersion: v2\nname: a/b\nversion: 1.0.0\n",
        "name: {a: b}\n",
        &format!("{CHART}maintainers: [{{name: {{a: b}}}}]\n"),
        &format!("{CHART}maintainers: [{{nam: b}}]\n"),
        &format!("{CHART}maintainers: [null]\n"),
        &format!("{CHART}maintainers: [{{name: a, url: 'x y'}}, {{name: b}}]\n"),
        &format!("{CHART}annotations: {{a: 1, b: true}}\n"),
        &format!("{CHART}annotations: {{a: {{b: c}}}}\n"),
        &format!("{CHART}dependencies: [{{tags: x}}]\n"),
        &format!("{CHART}deprecated: true\nsources: [1]\n"),
        &format!("{CHART}type: foo\n"),
        &format!("{CHART}name: again\n"),
        &format!("{CHART}kubeVersion: '>=9'\n"),
    ];
    for definition in definitions {
        copy(&bench, "bad")?;
        bench.write("bad/Chart.yaml", definition)?;
        bench.alike(&["lint", "bad"])?;
        bench.alike(&["lint", "bad", "--strict"])?;
        fs::remove_dir_all(bench.path("bad"))?;
    }
    Ok(())
}

#[test]
fn broken_templates_values_and_folders() -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let bench = Bench::new()?;
    let files = [
        (
            "templates/x.yaml",
            "  apiVersion: apps/v1beta1\n  kind: Deployment\n  metadata:\n    name: Foo_bar\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: 1\n",
        ),
        ("templates/x.conf", "x\n"),
        ("templates/x.yaml", "a: {{ .Values.a.b.c }}\n"),
        ("templates/x.yaml", "a: {{ .Values.a.b.c \n"),
        (
            "templates/x.yaml",
            "a: {{ required \"need\" .Values.nope }}\nb: {{ fail \"x\" }}\n",
        ),
        (
            "templates/x.yaml",
            "apiVersion: v1\nkind: List\nitems:\n- metadata: {annotations: {helm.sh/resource-policy: keep}}\n---\nkind: DaemonSet\napiVersion: extensions/v1beta1\nmetadata: {name: a..b}\n---\nkind: Role\nmetadata: {name: \"a/b%c\"}\n",
        ),
        (
            "templates/x.yaml",
            "kind: Namespace\nmetadata: {name: a.b}\n---\nkind: Namespace\nmetadata: {name: A}\n---\n- a\n",
        ),
        ("templates/x.yaml", "kind: [a]\n"),
        ("templates/x.yaml", "metadata: x\n"),
        ("templates/x.yaml", "kind: A\nmetadata: {name: {a: b}}\n"),
        (
            "templates/x.yaml",
            "kind: A\nmetadata: {name: a, namespace: []}\n",
        ),
        ("templates/x.yaml", "text\n"),
        ("templates/x.yaml", "a: b\n---bla\nc: d\n"),
        ("templates/x.yaml", "# x\n---\n# y\n"),
        (
            "templates/x.yaml",
            "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n",
        ),
        (
            "values.schema.json",
            r#"{"type":"object","required":["zzz"],"properties":{"replicaCount":{"type":"string"}}}"#,
        ),
        ("crds/a.yaml", "kind: X\n"),
        (
            "crds/a.yaml",
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n---\nkind: Y\n",
        ),
        ("crds", "no folder\n"),
        (
            "charts/other/Chart.yaml",
            "apiVersion: v2\nname: other\nversion: 1.0.0\n",
        ),
    ];
    for (name, text) in files {
        copy(&bench, "bad")?;
        bench.write(&format!("bad/{name}"), text)?;
        bench.alike(&["lint", "bad"])?;
        bench.alike(&["lint", "bad", "--quiet", "--with-subcharts"])?;
        fs::remove_dir_all(bench.path("bad"))?;
    }
    copy(&bench, "bad")?;
    fs::remove_dir_all(bench.path("bad/templates"))?;
    bench.alike(&["lint", "bad"])?;
    fs::remove_file(bench.path("bad/values.yaml"))?;
    bench.alike(&["lint", "bad"])?;
    Ok(())
}
