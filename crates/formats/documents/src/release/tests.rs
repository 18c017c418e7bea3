use crate::document::{Document, DocumentBody};
use crate::node::Node;
use crate::release::{EnvironmentTarget, ReleaseDocument, ReleaseSource};
use crate::{Problem, read_documents};

const WHOLE: &str = r#"apiVersion: refloat/v1
kind: Release
name: shop
chart: charts/shop:1.0.0
publish: charts/shop
images:
  web.image: { repository: apps/web, tags: "semver:~1.2" }
  api.image: { repository: apps/api }
values: [values-all.yaml]
environments:
  - name: staging
    values: [values-staging.yaml]
    secrets: [secrets.staging.yaml]
    target: { folder: out/staging }
  - name: production
    after: staging
    soak: 30m
    target: { kubernetes: { credential: prod, namespace: marketing } }
update: [image]
tests: false
"#;

fn read(text: &str) -> Result<ReleaseDocument, crate::DocumentError> {
    let documents = read_documents(Node::read_yaml(text)?)?;
    match documents.into_iter().next().map(|document| document.body) {
        Some(DocumentBody::Release(release)) => Ok(release),
        _ => Err(crate::DocumentError::invalid(0, "no release", "")),
    }
}

#[test]
fn a_whole_release_is_read_and_comes_back() -> Result<(), crate::DocumentError> {
    let release = read(WHOLE)?;
    assert!(matches!(&release.source, ReleaseSource::Chart { tag, .. } if tag == "1.0.0"));
    assert_eq!(release.images[0].path, "web.image");
    assert_eq!(
        ReleaseDocument::line(&release.images[0]),
        "apps/web#semver:~1.2"
    );
    assert_eq!(release.environments[0].secrets, ["secrets.staging.yaml"]);
    assert_eq!(release.environments[1].soak_seconds, 1800);
    assert!(matches!(
        &release.environments[1].target,
        EnvironmentTarget::Kubernetes { namespace, .. } if namespace == "marketing"
    ));
    assert!(release.update.image && !release.update.chart);
    let kept = Document::read(
        Node::read_yaml(WHOLE)?
            .into_iter()
            .next()
            .unwrap_or_else(|| Node::from_json(serde_json::Value::Null)),
    )?
    .to_json();
    assert_eq!(ReleaseDocument::from_json(kept)?, release);
    Ok(())
}

/// `from | to | said`: each line of the document replaced, and what is said about it.
#[test]
fn what_is_wrong_or_not_built_is_named_with_its_line() {
    let cases = [
        (
            "tests: false",
            "tests: true",
            "unsupported: tests: true of Release (line 20)",
        ),
        (
            "tests: false",
            "rollback: auto",
            "unsupported: key rollback of Release (line 20)",
        ),
        (
            "tests: false",
            "together: shop",
            "unsupported: key together of Release (line 20)",
        ),
        (
            "    soak: 30m",
            "    window: \"Mon\"",
            "unsupported: key window of an environment of Release (line 17)",
        ),
        (
            "    soak: 30m",
            "    approvals: []",
            "unsupported: key approvals of an environment of Release (line 17)",
        ),
        (
            "    soak: 30m",
            "    secrets: [../a]",
            "line 17: `../a` is no path inside",
        ),
        (
            "{ folder: out/staging }",
            "{ git: {} }",
            "unsupported: key git of target of environment staging (line 14)",
        ),
        (
            "{ folder: out/staging }",
            "{ pipeline: {} }",
            "unsupported: key pipeline of target of environment staging (line 14)",
        ),
        (
            "    soak: 30m",
            "    soak: soon",
            "line 17: `soak` of environment production is no duration",
        ),
        (
            "    after: staging",
            "    after: test",
            "line 16: `after` names `test`, which is no environment above it",
        ),
        (
            "name: shop",
            "name: Shop",
            "line 3: `name` of Release is no name of a release",
        ),
        (
            "publish: charts/shop",
            "",
            "line 1: Release has no `publish`",
        ),
        (
            "[values-all.yaml]",
            "[../values.yaml]",
            "line 9: `../values.yaml` is no path inside",
        ),
        (
            "\"semver:~1.2\"",
            "\"~1.2\"",
            "line 7: `tags` names no rule of a line",
        ),
        (
            "update: [image]",
            "update: [soon]",
            "line 19: `update` of Release has an unknown word",
        ),
        (
            "chart: charts/shop:1.0.0",
            "source: { git: x, path: p, write: pull-request }",
            "line 4: Release has both",
        ),
    ];
    for (from, to, said) in cases {
        let error = read(&WHOLE.replacen(from, to, 1));
        let message = error
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(message.starts_with(said), "{from} -> {to}: {message}");
    }
    let git = WHOLE.replacen(
        "chart: charts/shop:1.0.0\npublish: charts/shop",
        "source: { git: x, path: p, write: pull-request }",
        1,
    );
    let error = read(&git).err();
    assert_eq!(error.map(|error| error.problem), Some(Problem::Unsupported));
}
