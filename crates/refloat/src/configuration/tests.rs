use super::*;

#[test]
fn reads_every_key() {
    let text = "listen: 127.0.0.1:6000\npublic_url: https://registry.example.com/\ndata: /srv/refloat\ndatabase: postgres://u:p@localhost/x\nblobs: { folder: /srv/blobs }\ntls: { certificate: c.pem, key: k.pem }\nkey_file: /etc/key\ngc: { grace: 0s }\nscrub: { every: 7d }\n";
    let configuration =
        assemble(&Flags::default(), parse(text).expect("keys")).expect("a configuration");
    assert_eq!(configuration.listen.to_string(), "127.0.0.1:6000");
    assert_eq!(
        configuration.public_url.as_deref(),
        Some("https://registry.example.com")
    );
    assert_eq!(configuration.blobs(), Path::new("/srv/blobs"));
    assert_eq!(configuration.key_file, Path::new("/etc/key"));
    assert!(
        !format!("{configuration:?}").contains("u:p"),
        "the database's password is printed"
    );
    assert_eq!(configuration.keep.gc_grace.map(Span::seconds), Some(0));
    assert_eq!(
        configuration.keep.scrub_every.map(Span::seconds),
        Some(7 * 24 * 3600)
    );
    assert_eq!(configuration.keep.log_bodies, None);
    let tls = TlsPaths {
        certificate: "c.pem".into(),
        key: "k.pem".into(),
        client_ca: None,
    };
    assert_eq!(configuration.tls, Some(tls));
}

#[test]
fn the_command_line_wins() {
    let flags = Flags {
        config: None,
        data: Some("/d".into()),
        listen: Some("[::1]:1".to_owned()),
    };
    let keys = parse("listen: 127.0.0.1:6000\ndata: /srv\n").expect("keys");
    let configuration = assemble(&flags, keys).expect("a configuration");
    assert_eq!(configuration.listen.to_string(), "[::1]:1");
    assert_eq!(configuration.key_file, Path::new("/d/master-key"));
    assert_eq!(configuration.listen.to_string(), "[::1]:1");
}

#[test]
fn errors_name_the_line() {
    let cases = [
        ("listen: 127.0.0.1:6000\ncolour: red\n", 2, "key `colour`"),
        (
            "\nrunner: { concurrency: 2, shell: sh }\n",
            2,
            "key `shell`",
        ),
        (
            "blobs:\n  s3: { bucket: x }\n",
            2,
            "unsupported: key s3 of blobs (line 2)",
        ),
        ("blobs: {}\n", 1, "no `folder`"),
        ("tls:\n  certificate: x\n", 2, "no `key`"),
        ("data: 7\n", 1, "must be text"),
        ("gc: { grace: soon }\n", 1, "`soon`"),
        ("scrub: { grace: 1h }\n", 1, "key `grace`"),
        ("database: mysql://x\n", 1, "not a known address"),
        ("public_url: registry.example.com\n", 1, "public_url"),
        ("listen: nowhere\n", 1, "`nowhere`"),
        ("data: a\n---\ndata: b\n", 3, "one YAML document"),
        ("listen: [\n", 1, "not acceptable YAML"),
    ];
    for (text, line, message) in cases {
        let error = parse(text)
            .and_then(|keys| assemble(&Flags::default(), keys))
            .expect_err(text);
        assert!(error.message.contains(message), "{text}: {error}");
        assert_eq!(error.line, line, "{text}: {error}");
    }
}
