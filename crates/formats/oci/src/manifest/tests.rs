use super::*;
use proptest::prelude::*;

const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const BRACES: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

type Accepted = (
    &'static str,
    Option<&'static str>,
    ManifestKind,
    [usize; 3],
    Option<&'static str>,
);

/// Shorthand of the corpus: `@E` and `@B` are digests, `@D` a whole descriptor of a gzip layer, `@C` of an image configuration.
fn expand(text: &str) -> String {
    let config =
        r#"{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"@B","size":2}"#;
    let layer =
        r#"{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"@E","size":0}"#;
    text.replace("@C", config)
        .replace("@D", layer)
        .replace("@E", EMPTY)
        .replace("@B", BRACES)
}

fn parse(text: &str, content_type: Option<&str>) -> Result<ManifestView, ManifestError> {
    ManifestView::parse(expand(text).as_bytes(), content_type)
}

#[test]
fn accepts_what_registries_hold() {
    // text, content type -> kind, blobs, optional blobs, children, artifact type
    let cases: &[Accepted] = &[
        (
            r#"{"schemaVersion":2,"config":@C,"layers":[@D,@D]}"#,
            Some(media_type::OCI_MANIFEST),
            ManifestKind::Image,
            [3, 0, 0],
            Some(media_type::OCI_CONFIG),
        ),
        (
            r#"{"schemaVersion":2,"config":@C,"layers":null}"#,
            None,
            ManifestKind::Image,
            [1, 0, 0],
            Some(media_type::OCI_CONFIG),
        ),
        (
            r#"{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":"@B","size":2},"layers":[]}"#,
            Some("application/vnd.docker.distribution.manifest.v2+json; charset=utf-8"),
            ManifestKind::Image,
            [1, 0, 0],
            Some(media_type::DOCKER_CONFIG),
        ),
        (
            r#"{"schemaVersion":2,"config":@C,"layers":[{"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip","digest":"@E","size":9,"urls":["https://x"]}]}"#,
            None,
            ManifestKind::Image,
            [1, 1, 0],
            Some(media_type::OCI_CONFIG),
        ),
        (
            r#"{"schemaVersion":2,"artifactType":"application/example","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"@B","size":2,"data":"e30="},"layers":[@D],"custom":{"x":1.5}}"#,
            None,
            ManifestKind::Artifact,
            [2, 0, 0],
            Some("application/example"),
        ),
        (
            r#"{"schemaVersion":2,"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"@B","size":2},"layers":[@D]}"#,
            None,
            ManifestKind::Artifact,
            [2, 0, 0],
            Some(media_type::HELM_CONFIG),
        ),
        (
            r#"{"schemaVersion":2,"manifests":[]}"#,
            Some(media_type::OCI_INDEX),
            ManifestKind::Index,
            [0, 0, 0],
            None,
        ),
        (
            r#"{"schemaVersion":2,"manifests":null}"#,
            Some(media_type::OCI_INDEX),
            ManifestKind::Index,
            [0, 0, 0],
            None,
        ),
        (
            r#"{"schemaVersion":2,"artifactType":"a/b","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"@B","size":2},@D]}"#,
            None,
            ManifestKind::Index,
            [1, 0, 1],
            Some("a/b"),
        ),
    ];
    for (text, content_type, kind, counts, artifact_type) in cases {
        let view = parse(text, *content_type).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(view.kind, *kind, "{text}");
        let found = [
            view.blobs.len(),
            view.optional_blobs.len(),
            view.children.len(),
        ];
        assert_eq!(found, *counts, "{text}");
        assert_eq!(view.artifact_type.as_deref(), *artifact_type, "{text}");
    }
}

#[test]
fn reads_subject_and_annotations() {
    let text = r#"{"schemaVersion":2,"config":@C,"layers":[],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"@E","size":7},"annotations":{"z":"1","a":"2"}}"#;
    let view = parse(text, None).expect("a manifest");
    assert_eq!(view.subject.expect("a subject").digest.to_string(), EMPTY);
    assert_eq!(view.annotations.as_deref(), Some(r#"{"z":"1","a":"2"}"#));
}

#[test]
fn refuses_what_readers_could_disagree_about() {
    // text, content type, a part of the message
    let cases: &[(&str, Option<&str>, &str)] = &[
        ("", None, "not acceptable JSON"),
        ("[]", None, "JSON object"),
        (
            r#"{"schemaVersion":2,"config":@C,"layers":[]} x"#,
            None,
            "not acceptable JSON",
        ),
        (
            r#"{"schemaVersion":2,"config":@C,"layers":[],"manifests":[]}"#,
            Some(media_type::OCI_INDEX),
            "both",
        ),
        (
            r#"{"schemaVersion":2,"manifests":[],"layers":null}"#,
            Some(media_type::OCI_INDEX),
            "both",
        ),
        (
            r#"{"schemaVersion":2,"manifests":[],"Layers":[]}"#,
            Some(media_type::OCI_INDEX),
            "case",
        ),
        (
            r#"{"schemaVersion":2,"config":@C,"layers":[],"layers":[]}"#,
            None,
            "`layers` stands twice",
        ),
        (
            r#"{"schemaVersion":2,"config":@C,"layers":[],"annotations":{"a":"1","a":"2"}}"#,
            None,
            "`a` stands twice",
        ),
        (
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#,
            Some(media_type::OCI_MANIFEST),
            "Content-Type",
        ),
        (
            r#"{"schemaVersion":2,"config":@C,"layers":[]}"#,
            Some("application/json"),
            "not the media type",
        ),
        (
            r#"{"schemaVersion":2,"config":@C,"layers":[]}"#,
            Some(media_type::OCI_INDEX),
            "must have `manifests`",
        ),
        (
            r#"{"schemaVersion":2,"manifests":[]}"#,
            Some(media_type::OCI_MANIFEST),
            "must have `config`",
        ),
        (
            r#"{"schemaVersion":1,"fsLayers":[],"history":[]}"#,
            None,
            "schema 1",
        ),
        (
            r#"{"schemaVersion":1}"#,
            Some(media_type::DOCKER_SCHEMA1_SIGNED),
            "schema 1",
        ),
        (
            r#"{"mediaType":"application/vnd.oci.artifact.manifest.v1+json"}"#,
            None,
            "withdrew",
        ),
        (r#"{"config":@C,"layers":[]}"#, None, "schemaVersion"),
        (
            r#"{"schemaVersion":"2","config":@C,"layers":[]}"#,
            None,
            "schemaVersion",
        ),
        (
            r#"{"schemaVersion":2,"config":{"digest":"@B","size":-1},"layers":[]}"#,
            None,
            "`config`: `size`",
        ),
        (
            r#"{"schemaVersion":2,"config":{"digest":"@B","size":2.0},"layers":[]}"#,
            None,
            "`size`",
        ),
        (
            r#"{"schemaVersion":2,"config":{"digest":"@B","size":18446744073709551615},"layers":[]}"#,
            None,
            "`size`",
        ),
        (
            r#"{"schemaVersion":2,"config":@C,"layers":[@D,{"digest":"md5:00","size":1}]}"#,
            None,
            "`layers[1]`",
        ),
        (
            r#"{"schemaVersion":2,"config":@C,"layers":[{"size":1}]}"#,
            None,
            "`digest` is missing",
        ),
        (
            r#"{"schemaVersion":2,"config":@C,"layers":{}}"#,
            None,
            "must be a list",
        ),
        (
            r#"{"schemaVersion":2,"config":@C,"layers":[],"annotations":{"a":1}}"#,
            None,
            "annotations",
        ),
        (
            r#"{"schemaVersion":2,"config":@C,"layers":[],"artifactType":7}"#,
            None,
            "artifactType",
        ),
    ];
    for (text, content_type, message) in cases {
        let error = parse(text, *content_type).expect_err(text);
        assert!(error.to_string().contains(message), "{text}: {error}");
    }
}

#[test]
fn caps_hold() {
    let deep = format!(
        "{{\"schemaVersion\":2,\"x\":{}{}}}",
        "[".repeat(JSON_DEPTH_MAX),
        "]".repeat(JSON_DEPTH_MAX)
    );
    assert!(matches!(parse(&deep, None), Err(ManifestError::Json(_))));
    let many = format!(
        r#"{{"schemaVersion":2,"config":@C,"layers":[{}@D]}}"#,
        "@D,".repeat(DESCRIPTORS_MAX)
    );
    assert!(matches!(parse(&many, None), Err(ManifestError::Shape(_))));
    let padding = " ".repeat(MANIFEST_MAX_BYTES + 1);
    assert_eq!(parse(&padding, None), Err(ManifestError::TooLarge));
    let large = format!(
        r#"{{"schemaVersion":2,"config":@C,"layers":[],"annotations":{{"a":"{}"}}}}"#,
        "x".repeat(MANIFEST_MAX_BYTES - 400)
    );
    assert!(parse(&large, None).is_ok());
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = ManifestView::parse(&bytes, None);
    }

    #[test]
    fn a_view_does_not_depend_on_spaces(count in 0_usize..5, pad in "[ \n\t]{0,6}") {
        let layers = vec!["@D"; count].join(&format!("{pad},"));
        let loose = format!(r#"{{{pad}"schemaVersion":{pad}2,"config":@C,{pad}"layers":[{layers}]{pad}}}"#);
        let tight = format!(r#"{{"schemaVersion":2,"config":@C,"layers":[{}]}}"#, vec!["@D"; count].join(","));
        prop_assert_eq!(parse(&loose, None), parse(&tight, None));
    }

    #[test]
    fn cut_manifests_are_refused(cut in 0_usize..200) {
        let whole = expand(r#"{"schemaVersion":2,"config":@C,"layers":[@D]}"#);
        prop_assume!(cut < whole.len());
        prop_assert!(ManifestView::parse(&whole.as_bytes()[..cut], None).is_err());
    }
}
