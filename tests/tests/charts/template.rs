//! `refloat template` and `refloat show` print what helm prints.

use anyhow::{Result, ensure};
use refloat_rig::{Tool, require, run};

use crate::helm::Bench;

const VALUES: &str = "\
replicaCount: 1000000
autoscaling: {enabled: true, targetMemoryUtilizationPercentage: 70}
ingress:
  enabled: true
  className: nginx
  tls: [{secretName: tls, hosts: [a.example.com]}]
podAnnotations: {a: 'yes', b: \"1.10\", long: this is a text that is longer than eighty columns so that it is folded by the writer}
nodeSelector: null
---
resources: {limits: {cpu: 100m, memory: 128Mi}}
volumes:
- name: foo
  secret: {secretName: mysecret, optional: false}
";

#[test]
fn a_created_chart_renders_as_helm_renders_it() -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let bench = Bench::new()?;
    bench.write("values.yaml", VALUES)?;
    bench.write("text.txt", "from a file\n")?;
    bench.write(
        "dinghy/crds/crd.yaml",
        "kind: CustomResourceDefinition\nname: x\n",
    )?;
    let cases: [&[&str]; 22] = [
        &["template", "dinghy"],
        &["template", "rel", "./dinghy"],
        &["template", "rel", "dinghy", "-n", "prod"],
        &["template", "rel", "dinghy", "-f", "values.yaml"],
        &[
            "template",
            "rel",
            "dinghy",
            "--set",
            "replicaCount=3,image.tag=1.2,ingress.enabled=true",
        ],
        &[
            "template",
            "rel",
            "dinghy",
            "--set",
            "ingress.hosts[0].host=x.example.com",
            "--set",
            "ingress.enabled=true",
        ],
        &[
            "template",
            "rel",
            "dinghy",
            "--set-string",
            "image.tag=1.10",
        ],
        &[
            "template",
            "rel",
            "dinghy",
            "--set-json",
            "podLabels={\"a\":\"b\"}",
        ],
        &[
            "template",
            "rel",
            "dinghy",
            "--set-json",
            "{\"podLabels\":{\"a\":\"b\"}}",
        ],
        &[
            "template",
            "rel",
            "dinghy",
            "--set-file",
            "podAnnotations.text=text.txt",
        ],
        &[
            "template",
            "rel",
            "dinghy",
            "--set-literal",
            "podAnnotations.text=a,b=c",
        ],
        &[
            "template",
            "rel",
            "dinghy",
            "--show-only",
            "templates/service.yaml",
        ],
        &[
            "template",
            "rel",
            "dinghy",
            "-s",
            "templates/*.yaml",
            "--no-hooks",
        ],
        &[
            "template",
            "rel",
            "dinghy",
            "--show-only",
            "templates/none.yaml",
        ],
        &[
            "template",
            "rel",
            "dinghy",
            "--include-crds",
            "--skip-tests",
        ],
        &["template", "rel", "dinghy", "--is-upgrade"],
        &[
            "template",
            "rel",
            "dinghy",
            "--kube-version",
            "1.25",
            "--api-versions",
            "a/v1,b/v2",
        ],
        &["template", "Bad_Name", "dinghy"],
        &["template", "rel", "dinghy", "--set", "a"],
        &["template", "rel", "dinghy", "--set", "image=none"],
        &["show", "chart", "dinghy"],
        &["show", "values", "dinghy"],
    ];
    for arguments in cases {
        bench.same(arguments)?;
    }
    bench.same(&["show", "all", "dinghy"])
}

/// Dependencies by condition, tag and alias, imported values, globals, a library, hooks, a schema.
#[test]
fn charts_below_a_chart_render_as_helm_renders_them() -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let bench = Bench::new()?;
    let files = [
        (
            "fleet/Chart.yaml",
            "apiVersion: v2\nname: fleet\nversion: 1.2.3\nappVersion: 1.10\nannotations: {a: 1}\nkubeVersion: '>=1.20-0'\ndependencies:\n- {name: boat, version: '>=0.1.0 <1', condition: 'none.enabled,boat.enabled', import-values: [data, {child: deep.table, parent: taken}]}\n- {name: boat, version: 0.x, alias: second, tags: [extra]}\n- {name: oars, version: ~0.1}\n",
        ),
        (
            "fleet/values.yaml",
            "boat: {enabled: true, size: null, own: {a: 1}}\nglobal: {host: example.com, more: {a: 1}}\ntaken: {b: parent}\n",
        ),
        (
            "fleet/values.schema.json",
            "{\"properties\": {\"count\": {\"type\": \"integer\", \"maximum\": 5}}}",
        ),
        (
            "fleet/templates/all.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: all}\ndata:\n  values: |\n{{ toYaml .Values | indent 4 }}\n  chart: {{ .Chart | toJson | quote }}\n  sub: {{ .Subcharts.boat.Chart.Name | default \"off\" }}\n  oars: {{ include \"oars.name\" . }}\n",
        ),
        (
            "fleet/templates/hook.yaml",
            "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: hook\n  annotations: {\"helm.sh/hook\": \"pre-install, post-upgrade\", \"helm.sh/hook-weight\": \"-5\"}\n---\napiVersion: v1\nkind: Zebra\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: z}\n",
        ),
        (
            "fleet/templates/NOTES.txt",
            "{{ .Release.Name }} is afloat\n",
        ),
        (
            "fleet/charts/boat/Chart.yaml",
            "apiVersion: v1\nname: boat\nversion: 0.2.0\n",
        ),
        (
            "fleet/charts/boat/values.yaml",
            "size: 3\nown: {a: 2, b: null, c: {d: null}}\nexports: {data: {from: export, global: {x: 1}}}\ndeep: {table: {b: child, c: child}}\n",
        ),
        (
            "fleet/charts/boat/templates/boat.yaml",
            "kind: ConfigMap\napiVersion: v1\nmetadata: {name: {{ .Chart.Name }}}\ndata:\n  root: {{ .Chart.IsRoot | quote }}\n  base: {{ .Template.BasePath }}\n  values: |\n{{ toYaml .Values | indent 4 }}\n",
        ),
        (
            "fleet/charts/oars/Chart.yaml",
            "apiVersion: v2\nname: oars\nversion: 0.1.5\ntype: library\n",
        ),
        (
            "fleet/charts/oars/templates/_names.tpl",
            "{{ define \"oars.name\" }}oars-{{ .Release.Name }}{{ end }}",
        ),
    ];
    for (name, text) in files {
        bench.write(name, text)?;
    }
    bench.write(
        "more.yaml",
        "boat: {own: null, global: {more: {b: 2}}}\nglobal: {host: null}\nsecond: {size: 9}\n",
    )?;
    let cases: [&[&str]; 9] = [
        &["template", "rel", "fleet"],
        &["template", "rel", "fleet", "-f", "more.yaml"],
        &["template", "rel", "fleet", "--set", "boat.enabled=false"],
        &["template", "rel", "fleet", "--set", "tags.extra=false"],
        &[
            "template",
            "rel",
            "fleet",
            "--set",
            "boat.enabled=false,tags.extra=false",
        ],
        &["template", "rel", "fleet", "--set", "count=3"],
        &["template", "rel", "fleet", "--set", "count=9"],
        &["template", "rel", "fleet", "--set", "boat=text"],
        &["template", "rel", "fleet", "--kube-version", "1.19.0"],
    ];
    for arguments in cases {
        bench.same(arguments)?;
    }
    run::checked(&mut bench.helm(&["package", "fleet"])?)?;
    bench.same(&["template", "rel", "fleet-1.2.3.tgz"])
}

#[test]
fn errors_point_at_file_and_line() -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let bench = Bench::new()?;
    bench.write(
        "dinghy/templates/bad.yaml",
        "a: 1\nb: {{ noSuchFunction 1 }}\n",
    )?;
    let said = run::captured(&mut bench.refloat(&["template", "dinghy"])?)?;
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    ensure!(said.status.code() == Some(1), "{text}");
    ensure!(
        text.contains("dinghy/templates/bad.yaml:2") && text.contains("noSuchFunction"),
        "{text}"
    );
    let missing = run::captured(&mut bench.refloat(&["template", "nowhere"])?)?;
    ensure!(
        missing.status.code() == Some(4),
        "a chart that is not there"
    );
    Ok(())
}
