use super::*;
use proptest::prelude::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn reads_every_form() {
    let server: RegistryHost = "127.0.0.1:5000".parse().expect("a host");
    // as written -> as understood with a server
    let cases = [
        ("localhost:5000/apps/web:1", "localhost:5000/apps/web:1"),
        (
            "oci://localhost:5000/apps/web:1",
            "localhost:5000/apps/web:1",
        ),
        ("Registry.Example.com/web", "registry.example.com/web"),
        ("[::1]:5000/web:1", "[::1]:5000/web:1"),
        ("apps/web:1", "127.0.0.1:5000/apps/web:1"),
        ("web", "127.0.0.1:5000/web"),
        ("localhost/web", "localhost/web"),
        ("docker.io/debian:12", "docker.io/library/debian:12"),
        ("docker.io/bitnami/redis", "docker.io/bitnami/redis"),
        ("oci:dir:1", "oci:dir:1"),
        ("oci:dir", "oci:dir"),
        ("oci-archive:a.tar:x", "oci-archive:a.tar:x"),
        (
            "docker-archive:a.tar:docker.io/x:1",
            "docker-archive:a.tar:docker.io/x:1",
        ),
    ];
    for (written, understood) in cases {
        let location = Location::parse(written, Some(&server))
            .unwrap_or_else(|error| panic!("{written}: {error}"));
        assert_eq!(location.to_string(), understood);
    }
    let both = Reference::parse(&format!("a.b/web:1@{DIGEST}"), None).expect("a reference");
    assert_eq!(
        both.target(),
        Some(TagOrDigest::Digest(DIGEST.parse().expect("a digest")))
    );
}

#[test]
fn refuses_what_is_no_reference() {
    for text in [
        "",
        "a.b/",
        "a.b/Web",
        "a.b/web:",
        "a.b/web:-x",
        "a.b/web@sha256:00",
        "a.b:99999/web",
        "a.b:0/web",
        "-a.b/web",
        "[::1/web",
        "a..b/web",
        "oci:",
        "oci-archive::x",
        "a.b/../web",
    ] {
        assert!(Location::parse(text, None).is_err(), "{text}");
    }
}

#[test]
fn a_short_name_without_a_server_suggests_the_full_one() {
    let error = Reference::parse("debian:12", None).expect_err("no server");
    assert!(
        error.to_string().contains("`docker.io/library/debian:12`"),
        "{error}"
    );
    let error = Reference::parse("apps/web", None).expect_err("no server");
    assert!(
        error.to_string().contains("`docker.io/apps/web`"),
        "{error}"
    );
}

#[test]
fn a_colon_makes_a_digest() {
    assert!(matches!("1.2".parse(), Ok(TagOrDigest::Tag(_))));
    assert!(matches!(DIGEST.parse(), Ok(TagOrDigest::Digest(_))));
    assert!("a:b".parse::<TagOrDigest>().is_err());
}

#[test]
fn loopback_is_known() {
    for (host, expected) in [
        ("localhost:5000", true),
        ("127.9.0.1", true),
        ("[::1]:5", true),
        ("10.0.0.1", false),
        ("a.b", false),
    ] {
        assert_eq!(
            host.parse::<RegistryHost>().expect("a host").is_loopback(),
            expected,
            "{host}"
        );
    }
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(
        host in "[a-z]{1,8}\\.[a-z]{2,3}(:[1-9][0-9]{0,3})?",
        path in "[a-z]{2,6}(/[a-z0-9]{1,6}){0,3}",
        tag in proptest::option::of("[a-zA-Z0-9_][a-zA-Z0-9._-]{0,10}"),
    ) {
        let text = format!("{host}/{path}{}", tag.map(|tag| format!(":{tag}")).unwrap_or_default());
        let reference = Reference::parse(&text, None).expect("a reference");
        let again = Reference::parse(&reference.to_string(), None).expect("its own text");
        prop_assert_eq!(reference, again);
    }

    #[test]
    fn never_panics(text in ".{0,80}") {
        let _ = Location::parse(&text, None);
    }
}
