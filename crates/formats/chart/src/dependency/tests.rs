use super::*;

fn wanted(name: &str, version: &str, repository: &str) -> Dependency {
    Dependency {
        name: name.to_owned(),
        version: version.to_owned(),
        repository: repository.to_owned(),
        ..Dependency::default()
    }
}

#[test]
fn the_newest_version_that_fits_is_chosen() {
    let versions = ["0.9.0", "1.2.0", "not one", "1.10.1", "2.0.0", "2.1.0-rc.1"];
    let cases = [
        ("^1", Some("1.10.1")),
        ("~1.2", Some("1.2.0")),
        (">=1", Some("2.0.0")),
        (">=2.1.0-0", Some("2.1.0-rc.1")),
        ("*", Some("2.0.0")),
        ("3.x", None),
    ];
    for (range, expected) in cases {
        let chosen = choose(&wanted("a", range, "r"), versions);
        assert_eq!(chosen.ok(), expected, "{range}");
    }
    let error = choose(&wanted("a", "no range", "r"), versions).expect_err("a refusal");
    assert!(matches!(error, DependencyError::Range { .. }));
}

#[test]
fn a_repository_is_told_by_how_it_is_written() {
    let cases = [
        ("", Source::Local),
        ("file://../x", Source::Folder("../x".to_owned())),
        (
            "oci://host/charts/",
            Source::Registry("host/charts".to_owned()),
        ),
        ("@stable", Source::Named("stable".to_owned())),
        ("alias:stable", Source::Named("stable".to_owned())),
        (
            "https://x.y/",
            Source::Repository("https://x.y/".to_owned()),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(Source::parse(text), Ok(expected), "{text}");
    }
    assert!(Source::parse("stable").is_err());
}

#[test]
fn fields_are_hashed_in_the_order_of_helms_struct() {
    let mut full = wanted("a", ">=1", "https://x.y/?a=1&b=2");
    full.condition = "a.enabled".to_owned();
    full.tags = vec!["t".to_owned()];
    full.alias = "b".to_owned();
    full.import_values = vec![ImportValues::Table {
        child: "c".to_owned(),
        parent: "p".to_owned(),
    }];
    let expected = r#"{"name":"a","version":"\u003e=1","repository":"https://x.y/?a=1\u0026b=2","condition":"a.enabled","tags":["t"],"import-values":[{"child":"c","parent":"p"}],"alias":"b"}"#;
    assert_eq!(object(&full), expected);
    assert_eq!(
        object(&wanted("a", "", "")),
        r#"{"name":"a","repository":""}"#
    );
}

#[test]
fn a_lock_belongs_to_its_dependencies() {
    let requested = [wanted("a", "^1", "https://x.y")];
    let locked = vec![wanted("a", "1.2.3", "https://x.y")];
    let lock = Lock {
        generated: String::new(),
        digest: digest(&requested, &locked),
        dependencies: locked,
    };
    assert_eq!(check_lock(&lock, &requested, &requested, "v2"), Ok(()));
    let other = [wanted("a", "^2", "https://x.y")];
    let error = check_lock(&lock, &other, &other, "v2");
    assert_eq!(error, Err(DependencyError::OutOfSync("Chart.lock")));
}

#[test]
fn an_index_is_read() {
    let text = "apiVersion: v1\nentries:\n  a:\n  - {version: 1.2.0, urls: [a-1.2.0.tgz], digest: abc}\n  - {version: 1.1.0}\n  - {version: v1.0, urls: ['https://x/a.tgz']}\n";
    let index = Index::parse(text).expect("it is well");
    assert_eq!(index.versions("a").len(), 2);
    assert_eq!(
        index.find("a", "1.0.0").expect("it is well").urls,
        ["https://x/a.tgz"]
    );
    assert_eq!(index.find("a", "1.2.0").expect("it is well").digest, "abc");
    assert!(index.find("a", "1.1.0").is_none() && index.versions("b").is_empty());
    assert_eq!(Index::parse("entries: {}"), Err(IndexError::NoApiVersion));
    assert!(Index::parse("- a").is_err());
}

#[test]
fn what_helm_passes_over_counts_for_the_digest() {
    let numbers = [
        (0.0, "0"),
        (1.5, "1.5"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1e-7, "1e-7"),
    ];
    for (number, written) in numbers {
        assert_eq!(go_number(number), written);
    }
    let json = serde_json::json!({ "parent": "p", "child": [true, null, 3.0], "<": 1 });
    assert_eq!(
        go_json(&json),
        r#"{"\u003c":1,"child":[true,null,3],"parent":"p"}"#
    );
}
