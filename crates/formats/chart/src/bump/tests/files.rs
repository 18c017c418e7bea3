//! Files that are more than values.

use super::{BumpError, Bumped, image};
use crate::bump::{FileEdit, bump_file};

fn edit(file_name: &str, text: &str, place: Option<&str>, new: &str) -> Result<Bumped, BumpError> {
    bump_file(&FileEdit {
        file_name,
        text,
        place,
        new: &image(new),
    })
}

/// The text with these replacements is what the edit makes of it.
fn becomes(file_name: &str, text: &str, place: Option<&str>, new: &str, pairs: &[(&str, &str)]) {
    let mut wanted = text.to_owned();
    for (old, new) in pairs {
        assert_eq!(wanted.matches(old).count(), 1, "{old} stands once");
        wanted = wanted.replacen(old, new, 1);
    }
    let bumped = match edit(file_name, text, place, new) {
        Ok(bumped) => bumped,
        Err(error) => panic!("{place:?}: {error}"),
    };
    assert_eq!(bumped.text, wanted, "{place:?}");
    for change in &bumped.changed {
        let line = bumped.text.lines().nth(change.line - 1).unwrap_or_default();
        assert!(line.contains(&change.new), "line {}: {line}", change.line);
    }
    let crlf = edit(file_name, &text.replace('\n', "\r\n"), place, new).map(|bumped| bumped.text);
    assert_eq!(
        crlf,
        Ok(wanted.replace('\n', "\r\n")),
        "with CRLF: {place:?}"
    );
}

fn refused(text: &str, place: Option<&str>, new: &str, reason: &str) {
    match edit("x.yaml", text, place, new) {
        Ok(bumped) => panic!("{place:?} made {}", bumped.text),
        Err(error) => assert!(error.to_string().contains(reason), "{error}\nnot {reason}"),
    }
}

const KUSTOMIZATION: &str = "\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [deployment.yaml]
images:
# the shop
- name: web
  newName: r.example.com/shop/web
  newTag: \"1.2\" # kept
- name: r.example.com/shop/api
  digest: sha256:0000000000000000000000000000000000000000000000000000000000000000
- {name: busybox, newTag: v1}
- name: r.example.com/shop/bare
";

#[test]
fn entries_of_a_kustomization() {
    let one = |place, new: &str, pairs: &[(&str, &str)]| {
        becomes("kustomization.yaml", KUSTOMIZATION, place, new, pairs);
    };
    one(
        Some("web"),
        "r.example.com/shop/web:1.10",
        &[("\"1.2\"", "\"1.10\"")],
    );
    one(
        None,
        "r.example.com/shop/web:1.10",
        &[("\"1.2\"", "\"1.10\"")],
    );
    one(
        Some("images[0]"),
        "r.example.com/other/web:1.10",
        &[("\"1.2\"", "\"1.10\""), ("shop/web", "other/web")],
    );
    one(
        Some("busybox"),
        "busybox:v2",
        &[("newTag: v1", "newTag: v2")],
    );
    one(
        None,
        "r.example.com/shop/bare:1.5.0",
        &[("shop/bare\n", "shop/bare\n  newTag: 1.5.0\n")],
    );
    let digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    one(
        None,
        "r.example.com/shop/api:2.0.1",
        &[
            ("shop/api\n", "shop/api\n  newTag: 2.0.1\n"),
            (digest, "\"\""),
        ],
    );
    refused(
        KUSTOMIZATION,
        Some("wob"),
        "r.example.com/shop/web:2",
        "for example `web`",
    );
    let plain = KUSTOMIZATION
        .split_once("resources")
        .map_or("", |(_, rest)| rest);
    let plain = format!("resources{plain}");
    becomes(
        "kustomization.yaml",
        &plain,
        Some("web"),
        "r.example.com/shop/web:v9",
        &[("\"1.2\"", "\"v9\"")],
    );
}

const MANIFESTS: &str = "\
# first
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      initContainers:
      - name: wait
        image: busybox:1.36
      containers:
      - name: app
        image: r.example.com/shop/web:1.2 # the web
      - {name: log, image: 'r.example.com/shop/log:1'}
---
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: night
spec:
  jobTemplate:
    spec:
      template:
        spec:
          containers:
          - image: r.example.com/shop/job:1.2
            name: app
---
apiVersion: monitoring.example.com/v1
kind: Prometheus
metadata: {name: k8s}
spec:
  image: r.example.com/prom:1.0.0
";

#[test]
fn containers_of_manifests() {
    let one = |place, new: &str, pairs: &[(&str, &str)]| {
        becomes("all.yaml", MANIFESTS, place, new, pairs);
    };
    let web = "r.example.com/shop/web:1.3";
    one(None, web, &[("web:1.2", "web:1.3")]);
    one(
        Some("r.example.com/shop/web"),
        web,
        &[("web:1.2", "web:1.3")],
    );
    one(Some("Deployment/web:app"), web, &[("web:1.2", "web:1.3")]);
    one(
        Some("log"),
        "r.example.com/shop/log:2",
        &[("log:1'", "log:2'")],
    );
    one(Some("busybox"), "busybox:1.37", &[("box:1.36", "box:1.37")]);
    one(
        Some("CronJob/night:app"),
        "r.example.com/shop/job:2",
        &[("job:1.2", "job:2")],
    );
    one(
        Some("Prometheus/k8s:spec.image"),
        "r.example.com/prom:1.1.0",
        &[("prom:1.0.0", "prom:1.1.0")],
    );
    one(
        Some("spec.image"),
        "r.example.com/prom:1.1.0",
        &[("prom:1.0.0", "prom:1.1.0")],
    );
    refused(
        MANIFESTS,
        Some("app"),
        web,
        "Deployment/web (line 13) and CronJob/night (line 27)",
    );
    refused(MANIFESTS, Some("nobody"), web, "is not in the values");
    refused(
        MANIFESTS,
        None,
        "r.example.com/shop/none:1",
        "`busybox:1.36`",
    );
}

const HELM_RELEASE: &str = "\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: { name: shop }
spec:
  chart: { spec: { chart: shop } }
  values:
    web:
      image:
        repository: r.example.com/shop/web
        tag: 1.2.0 # {\"$imagepolicy\": \"flux-system:web:tag\"}
    api: { image: { tag: v1 } }
";

#[test]
fn values_in_a_helm_release() -> Result<(), BumpError> {
    let one = |place, new: &str, pairs: &[(&str, &str)]| {
        becomes("release.yaml", HELM_RELEASE, place, new, pairs);
    };
    let web = "r.example.com/shop/web:1.3.0";
    one(Some("web.image"), web, &[("1.2.0", "1.3.0")]);
    one(Some("spec.values.web.image"), web, &[("1.2.0", "1.3.0")]);
    one(
        Some("HelmRelease/shop:web.image.tag"),
        web,
        &[("1.2.0", "1.3.0")],
    );
    one(
        Some("api.image"),
        "r.example.com/shop/api:v2",
        &[("tag: v1", "tag: v2")],
    );
    let bumped = edit(
        "x.yaml",
        HELM_RELEASE,
        Some("api.image"),
        "r.example.com/shop/api:v2",
    )?;
    assert_eq!(bumped.left_out, Some("repository"));
    refused(
        HELM_RELEASE,
        Some("tool.image"),
        web,
        "`tool` is no key of `spec.values`",
    );
    Ok(())
}

const APPLICATION: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop}
spec:
  source:
    repoURL: https://charts.example.com
    helm:
      values: |
        # values of the shop
        web:
          image:
            repository: r.example.com/shop/web
            tag: \"1.2\"

        bare:
          image:
            repository: r.example.com/shop/bare
      releaseName: shop
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: object}
spec:
  sources:
  - repoURL: https://charts.example.com
    helm:
      valuesObject:
        tool: {image: r.example.com/shop/tool:1}
  - repoURL: https://git.example.com
    kustomize:
      images:
      - r.example.com/shop/log:1.0.0
      - old=r.example.com/shop/new:v1
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: parameters}
spec:
  source:
    helm:
      parameters:
      - name: cron.image.repository
        value: r.example.com/shop/cron
      - name: cron.image.tag
        value: v1
      - {name: whole, value: 'r.example.com/shop/whole:1'}
";

#[test]
fn values_in_applications() {
    let one = |place, new: &str, pairs: &[(&str, &str)]| {
        becomes("apps.yaml", APPLICATION, place, new, pairs);
    };
    one(
        Some("web.image"),
        "r.example.com/shop/web:1.10",
        &[("\"1.2\"", "\"1.10\"")],
    );
    one(
        Some("bare.image"),
        "r.example.com/shop/bare:1.5.0",
        &[("shop/bare\n", "shop/bare\n            tag: 1.5.0\n")],
    );
    one(
        Some("tool.image"),
        "r.example.com/shop/tool:2",
        &[("tool:1", "tool:2")],
    );
    one(
        None,
        "r.example.com/shop/log:1.1.0",
        &[("log:1.0.0", "log:1.1.0")],
    );
    one(
        Some("old"),
        "r.example.com/shop/new:v2",
        &[("new:v1", "new:v2")],
    );
    one(
        Some("r.example.com/shop/log"),
        "r.example.com/x/log:1.1.0",
        &[("log:1.0.0", "log=r.example.com/x/log:1.1.0")],
    );
    one(
        Some("cron.image"),
        "r.example.com/x/cron:v2",
        &[("shop/cron", "x/cron"), ("value: v1", "value: v2")],
    );
    one(
        Some("whole"),
        "r.example.com/shop/whole:2",
        &[("whole:1", "whole:2")],
    );
    refused(
        APPLICATION,
        Some("none.image"),
        "r.example.com/a:1",
        "`none` is no key of",
    );
    let folded = APPLICATION.replace("values: |", "values: >");
    refused(
        &folded,
        Some("web.image"),
        "r.example.com/shop/web:1.10",
        "is no block of lines",
    );
}

#[test]
fn several_documents_of_values() {
    let text = "a:\n  image: r.example.com/a:1\n---\n# more\nb:\n  image: r.example.com/b:1\n";
    becomes(
        "values.yaml",
        text,
        Some("b.image"),
        "r.example.com/b:2",
        &[("b:1", "b:2")],
    );
    becomes(
        "values.yaml",
        text,
        Some("a.image"),
        "r.example.com/a:2",
        &[("a:1", "a:2")],
    );
}
