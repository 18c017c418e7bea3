use super::*;
use proptest::prelude::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const UPLOAD: &str = "upl_01hv3c4rsqcd4x2m6m0k2zr4fp";

fn name(text: &str) -> RepositoryName {
    text.parse().expect("a name")
}

#[test]
fn paths_of_the_specification() {
    let digest: Digest = DIGEST.parse().expect("a digest");
    let tag = |text: &str| TagOrDigest::Tag(text.parse().expect("a tag"));
    let cases = [
        ("/v2".to_owned(), Route::Base),
        ("/v2/".to_owned(), Route::Base),
        ("/v2/_catalog".to_owned(), Route::Catalog),
        ("/v2/a/tags/list".to_owned(), Route::Tags(name("a"))),
        ("/v2/a/b/c/tags/list".to_owned(), Route::Tags(name("a/b/c"))),
        (
            "/v2/a/manifests/latest".to_owned(),
            Route::Manifest(name("a"), tag("latest")),
        ),
        (
            format!("/v2/a/manifests/{DIGEST}"),
            Route::Manifest(name("a"), TagOrDigest::Digest(digest)),
        ),
        (
            format!("/v2/a/manifests/{}", DIGEST.replace(':', "%3A")),
            Route::Manifest(name("a"), TagOrDigest::Digest(digest)),
        ),
        (
            format!("/v2/a/b/blobs/{DIGEST}"),
            Route::Blob(name("a/b"), digest),
        ),
        ("/v2/a/blobs/uploads/".to_owned(), Route::Uploads(name("a"))),
        ("/v2/a/blobs/uploads".to_owned(), Route::Uploads(name("a"))),
        (
            format!("/v2/a/blobs/uploads/{UPLOAD}"),
            Route::Upload(name("a"), UPLOAD.parse().expect("an id")),
        ),
        (
            format!("/v2/a/referrers/{DIGEST}"),
            Route::Referrers(name("a"), digest),
        ),
        // Repositories may be called as the specification's words are.
        (
            "/v2/tags/list/tags/list".to_owned(),
            Route::Tags(name("tags/list")),
        ),
        (
            "/v2/manifests/manifests/manifests".to_owned(),
            Route::Manifest(name("manifests"), tag("manifests")),
        ),
        (
            "/v2/a/blobs/uploads/manifests/x".to_owned(),
            Route::Manifest(name("a/blobs/uploads"), tag("x")),
        ),
        (
            format!("/v2/blobs/uploads/blobs/{DIGEST}"),
            Route::Blob(name("blobs/uploads"), digest),
        ),
        (
            format!("/v2/a/blobs/uploads/blobs/uploads/{UPLOAD}"),
            Route::Upload(name("a/blobs/uploads"), UPLOAD.parse().expect("an id")),
        ),
    ];
    for (path, route) in cases {
        assert_eq!(Route::parse(&path), Ok(route), "{path}");
    }
}

#[test]
fn what_is_no_path_says_why() {
    let cases = [
        ("/v2/x", "repository_unknown"),
        ("/v2/a/b/c", "repository_unknown"),
        ("/v3/", "repository_unknown"),
        ("/v2x", "repository_unknown"),
        ("/v2//manifests/latest", "name_invalid"),
        ("/v2/A/manifests/latest", "name_invalid"),
        ("/v2/../manifests/latest", "name_invalid"),
        ("/v2/a/../b/tags/list", "name_invalid"),
        ("/v2/a%2fb/tags/list", "name_invalid"),
        ("/v2/a%/tags/list", "name_invalid"),
        ("/v2/a%00/tags/list", "name_invalid"),
        ("/v2/a%ff/tags/list", "name_invalid"),
        ("/v2/a/manifests/.INVALID_MANIFEST_NAME", "manifest_unknown"),
        ("/v2/a/manifests/sha256:x", "digest_invalid"),
        ("/v2/a/manifests/", "manifest_unknown"),
        ("/v2/a/blobs/sha256:x", "digest_invalid"),
        (
            "/v2/a/blobs/md5:d41d8cd98f00b204e9800998ecf8427e",
            "digest_invalid",
        ),
        ("/v2/a/blobs/uploads/1", "upload_unknown"),
        ("/v2/a/referrers/latest", "digest_invalid"),
    ];
    for (path, code) in cases {
        assert_eq!(
            Route::parse(path).map_err(|rejection| rejection.code()),
            Err(code),
            "{path}"
        );
    }
    assert!(Route::parse(&format!("/v2/{}/tags/list", "a/".repeat(1000))).is_err());
}

#[test]
fn every_shape_has_its_methods_once() {
    for shape in SHAPES {
        let mut methods: Vec<_> = shape
            .methods
            .iter()
            .map(|(method, _)| method.as_str())
            .collect();
        methods.sort_unstable();
        methods.dedup();
        assert_eq!(methods.len(), shape.methods.len(), "{}", shape.pattern);
        assert_eq!(shape.need(&Method::TRACE), None);
    }
    assert_eq!(MANIFEST.allow(), "GET, HEAD, PUT, DELETE");
}

/// A route as its own path has it: the inverse of the parser.
fn path_of(route: &Route) -> String {
    let reference = |reference: &TagOrDigest| match reference {
        TagOrDigest::Tag(tag) => tag.to_string(),
        TagOrDigest::Digest(digest) => digest.to_string(),
    };
    match route {
        Route::Base => "/v2/".to_owned(),
        Route::Catalog => "/v2/_catalog".to_owned(),
        Route::Tags(name) => format!("/v2/{name}/tags/list"),
        Route::Manifest(name, of) => format!("/v2/{name}/manifests/{}", reference(of)),
        Route::Blob(name, digest) => format!("/v2/{name}/blobs/{digest}"),
        Route::Uploads(name) => format!("/v2/{name}/blobs/uploads/"),
        Route::Upload(name, id) => format!("/v2/{name}/blobs/uploads/{id}"),
        Route::Referrers(name, digest) => format!("/v2/{name}/referrers/{digest}"),
    }
}

fn names() -> impl Strategy<Value = RepositoryName> {
    let word = prop_oneof![
        Just("tags".to_owned()),
        Just("list".to_owned()),
        Just("manifests".to_owned()),
        Just("blobs".to_owned()),
        Just("uploads".to_owned()),
        Just("referrers".to_owned()),
        "[a-z0-9]{1,8}([._-][a-z0-9]{1,4})?",
    ];
    proptest::collection::vec(word, 1..6).prop_map(|words| words.join("/").parse().expect("a name"))
}

fn digests() -> impl Strategy<Value = Digest> {
    (any::<bool>(), any::<Vec<u8>>()).prop_map(|(long, bytes)| {
        let algorithm = if long {
            refloat_oci::Algorithm::Sha512
        } else {
            refloat_oci::Algorithm::Sha256
        };
        Digest::of(algorithm, &bytes)
    })
}

fn routes() -> impl Strategy<Value = Route> {
    let references = prop_oneof![
        digests().prop_map(TagOrDigest::Digest),
        "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,30}"
            .prop_map(|tag| TagOrDigest::Tag(tag.parse().expect("a tag"))),
        Just(TagOrDigest::Tag("list".parse().expect("a tag"))),
        Just(TagOrDigest::Tag("uploads".parse().expect("a tag"))),
    ];
    prop_oneof![
        Just(Route::Base),
        Just(Route::Catalog),
        names().prop_map(Route::Tags),
        (names(), references).prop_map(|(name, reference)| Route::Manifest(name, reference)),
        (names(), digests()).prop_map(|(name, digest)| Route::Blob(name, digest)),
        names().prop_map(Route::Uploads),
        names().prop_map(|name| Route::Upload(name, UPLOAD.parse().expect("an id"))),
        (names(), digests()).prop_map(|(name, digest)| Route::Referrers(name, digest)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_route_is_read_back_from_its_path(route in routes()) {
        prop_assert_eq!(Route::parse(&path_of(&route)), Ok(route));
    }

    #[test]
    fn what_is_read_is_what_is_written(words in proptest::collection::vec(
        prop_oneof![Just("v2"), Just(""), Just(".."), Just("%2e%2e"), Just("tags"), Just("list"), Just("manifests"), Just("blobs"),
                    Just("uploads"), Just("referrers"), Just("a"), Just("_catalog"), Just(DIGEST), Just(UPLOAD), Just("latest")], 0..8)) {
        let path = format!("/v2/{}", words.join("/"));
        if let Ok(route) = Route::parse(&path) {
            // Only a slash at the end of the two that may have one or not.
            let written = path_of(&route);
            prop_assert_eq!(written.trim_end_matches('/'), path.trim_end_matches('/'));
        }
    }

    #[test]
    fn nothing_panics(path in ".{0,200}") {
        let _ = Route::parse(&path);
        let _ = Route::parse(&format!("/v2/{path}"));
    }
}
