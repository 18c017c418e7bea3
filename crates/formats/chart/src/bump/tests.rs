use super::*;

mod files;

const VALUES: &str = "\
# the shop
web:
  image:
    registry: registry.example.com # ours
    repository: shop/web
    tag: '1.9'  # keep me
    digest: \"\"
  replicas: 3
api:
  image: registry.example.com/shop/api:1.2 # one text
tool: {repository: registry.example.com/shop/tool, tag: v1}
jobs:
- name: clean
  image: {repository: busybox, tag: \"1.36\"}
empty:
  repository: registry.example.com/shop/web
  tag:
bare:
  repository: registry.example.com/shop/bare
last: end";

fn image(text: &str) -> ImageRef {
    let hub = "docker.io".parse().expect("a host");
    ImageRef::from(&Reference::parse(text, Some(&hub)).expect("a reference"))
}

fn run(values: &str, path: &str, new: &str) -> Result<Bumped, BumpError> {
    bump(values, &path.parse()?, &image(new))
}

/// (path, image, the lines that differ as `-old +new`)
#[test]
fn only_the_intended_lines_change() -> Result<(), BumpError> {
    let digest = format!("sha256:{}", "0".repeat(64));
    let by_digest = format!("registry.example.com/shop/web:2.0.1@{digest}");
    let cases: Vec<(&str, &str, Vec<String>)> = vec![
        (
            "web.image",
            "registry.example.com/shop/web:1.10",
            vec![
                "-    tag: '1.9'  # keep me".to_owned(),
                "+    tag: '1.10'  # keep me".to_owned(),
            ],
        ),
        (
            "web.image",
            &by_digest,
            vec![
                "-    tag: '1.9'  # keep me".to_owned(),
                "+    tag: '2.0.1'  # keep me".to_owned(),
                "-    digest: \"\"".to_owned(),
                format!("+    digest: \"{digest}\""),
            ],
        ),
        (
            "web.image",
            "other.example.com/x/web:1.9",
            vec![
                "-    registry: registry.example.com # ours".to_owned(),
                "+    registry: other.example.com # ours".to_owned(),
                "-    repository: shop/web".to_owned(),
                "+    repository: x/web".to_owned(),
            ],
        ),
        (
            "api.image",
            "registry.example.com/shop/api:1.3",
            vec![
                "-  image: registry.example.com/shop/api:1.2 # one text".to_owned(),
                "+  image: registry.example.com/shop/api:1.3 # one text".to_owned(),
            ],
        ),
        (
            "tool",
            "registry.example.com/shop/tool:v2",
            vec![
                "-tool: {repository: registry.example.com/shop/tool, tag: v1}".to_owned(),
                "+tool: {repository: registry.example.com/shop/tool, tag: v2}".to_owned(),
            ],
        ),
        (
            "jobs[0].image",
            "docker.io/library/busybox:1.37",
            vec![
                "-  image: {repository: busybox, tag: \"1.36\"}".to_owned(),
                "+  image: {repository: busybox, tag: \"1.37\"}".to_owned(),
            ],
        ),
        (
            "empty",
            "registry.example.com/shop/web:3",
            vec!["-  tag:".to_owned(), "+  tag: \"3\"".to_owned()],
        ),
        (
            "bare",
            "registry.example.com/shop/bare:v3",
            vec!["+  tag: v3".to_owned()],
        ),
        ("web.image", "registry.example.com/shop/web:1.9", vec![]),
    ];
    for (path, new, expected) in cases {
        for values in [
            VALUES.to_owned(),
            VALUES.replace('\n', "\r\n"),
            format!("{VALUES}\n"),
        ] {
            let bumped = run(&values, path, new)?;
            assert_eq!(difference(&values, &bumped.text), expected, "{path} {new}");
            assert_eq!(bumped.changed.is_empty(), expected.is_empty());
            assert_eq!(values.ends_with('\n'), bumped.text.ends_with('\n'));
            assert_eq!(values.contains('\r'), bumped.text.contains('\r'));
            for change in &bumped.changed {
                let line = bumped.text.lines().nth(change.line - 1).unwrap_or_default();
                assert!(line.contains(&change.new), "{change:?} is not in {line:?}");
            }
        }
    }
    Ok(())
}

fn difference(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let (mut found, mut at) = (Vec::new(), 0);
    for line in &old {
        let extra = new.len() - at > old.len() && new.get(at) != Some(line);
        if extra {
            found.push(format!("+{}", new[at]));
            at += 1;
        }
        match new.get(at) {
            Some(same) if same == line => {}
            Some(other) if new.len() == old.len() => {
                found.extend([format!("-{line}"), format!("+{other}")]);
            }
            Some(other) => {
                found.push(format!("+{other}"));
                at += 1;
            }
            None => found.push(format!("-{line}")),
        }
        at += 1;
    }
    found
}

/// (values, path, what the refusal must name)
#[test]
fn what_could_be_meant_in_two_ways_is_refused_by_name() {
    let cases = [
        (
            "web:\n  image: a/b:1\nweb:\n  image: a/b:2\n",
            "web.image",
            "`web` stands twice, at lines 1 and 3",
        ),
        (
            "image:\n  repository: a/b\n  tag: 1\n  tag: 2\n",
            "image",
            "`tag` stands twice, at lines 3 and 4",
        ),
        (
            "image:\n  repository: a/b\n  image: a/c\n  tag: 1\n",
            "image",
            "the image stands twice",
        ),
        (
            "image:\n  repository: a/b:1\n  tag: 1\n",
            "image",
            "the tag stands in `image.repository` at line 2",
        ),
        (
            "base: &b\n  repository: a/b\n  tag: v1\nimage:\n  <<: *b\n",
            "image",
            "the merge key `<<` at line 5",
        ),
        (
            "base: &b\n  repository: a/b\n  tag: v1\nimage: *b\n",
            "image",
            "line 4 is an alias",
        ),
        (
            "base: &b\n  repository: a/b\n  tag: v1\nimage: *b\n",
            "base",
            "used again at line 4",
        ),
        (
            "image:\n  repository: a/b\n  tag: &t v1\nother: *t\n",
            "image",
            "used again at line 4",
        ),
        (
            "all: &a\n  image: a/b:1\nmore: *a\n",
            "all.image",
            "used again at line 3",
        ),
        (
            "image: a/b:1\n---\nimage: a/b:2\n",
            "image",
            "in the documents at lines 1 and 3",
        ),
        ("image: |\n  a/b:1\n", "image", "which is no image"),
        (
            "image:\n  repository: a/b\n  tag: |-\n    v1\n",
            "image",
            "as a block of lines",
        ),
        (
            "image:\n  repository: '{{ .x }}'\n  tag: v1\n",
            "image",
            "is no image",
        ),
        (
            "image:\n  pullPolicy: Always\n",
            "image",
            "is a map without `repository`",
        ),
        (
            "image:\n  registry: r.example.com\n  tag: v1\n",
            "image",
            "is a map without `repository`",
        ),
        (
            "web:\n  version: v1\n",
            "web.version",
            "a word without tag or digest",
        ),
        (
            "web:\n  image: a/b:1\n",
            "web.picture",
            "`picture` is no key of `web`",
        ),
        ("a: [1\n", "a", "cannot be read"),
    ];
    for (values, path, expected) in cases {
        match run(values, path, "docker.io/a/b:v2") {
            Ok(bumped) => panic!("{values:?} became {:?}", bumped.text),
            Err(error) => assert!(
                error.to_string().contains(expected),
                "{error}\nnot {expected}"
            ),
        }
    }
}

#[test]
fn anchors_and_aliases_that_stay_are_no_obstacle() -> Result<(), BumpError> {
    let values =
        "a:\n  repository: &r docker.io/a/b\n  tag: v1\nb:\n  repository: *r\n  tag: v1 # b\n";
    let bumped = run(values, "a", "docker.io/a/b:v2")?;
    assert_eq!(bumped.text, values.replace("tag: v1\n", "tag: v2\n"));
    let bumped = run(values, "b", "docker.io/a/b:v2")?;
    assert_eq!(bumped.text, values.replace("v1 # b", "v2 # b"));
    for path in ["a", "b"] {
        assert!(matches!(
            run(values, path, "docker.io/a/c:v2"),
            Err(BumpError::Ambiguous { .. })
        ));
    }
    Ok(())
}

#[test]
fn the_version_is_one_line() -> Result<(), BumpError> {
    let chart = "apiVersion: v2\r\nname: shop\r\nversion: 1.4.2 # next\r\ndependencies:\r\n- name: a\r\n  version: 1.4.2\r\n";
    let cases = [
        (VersionChange::Patch, "1.4.3"),
        (VersionChange::Minor, "1.5.0"),
        (
            VersionChange::Exact("2.0.0-rc.1+build.5".to_owned()),
            "2.0.0-rc.1+build.5",
        ),
    ];
    for (change, expected) in cases {
        let bumped = bump_version(chart, &change)?;
        let line = format!("version: {expected} # next");
        assert_eq!(
            bumped.text,
            chart.replacen("version: 1.4.2 # next", &line, 1)
        );
    }
    assert!(bump_version(chart, &VersionChange::Exact("1.4".to_owned())).is_err());
    assert!(bump_version("version: 1.1.1\nversion: 1.1.2\n", &VersionChange::Patch).is_err());
    Ok(())
}

/// A repository without tag is half an image where the tag stands beside it.
#[test]
fn the_tag_beside_a_repository_is_what_changes() -> Result<(), BumpError> {
    let values = "a:\n  image: r.io/a\n  tag: \"1\"\nb:\n  image: r.io/b\n  imageTag: \"1\"\nc:\n  image: r.io/c\n";
    let edited = run(values, "a.image", "r.io/a:2")?;
    assert_eq!(edited.text, values.replacen("\"1\"", "\"2\"", 1));
    let refused = run(values, "b.image", "r.io/b:2");
    assert!(
        matches!(refused, Err(BumpError::Ambiguous { reason, .. }) if reason.contains("imageTag"))
    );
    let edited = run(values, "c.image", "r.io/c:2")?;
    assert_eq!(edited.text, values.replace("r.io/c\n", "r.io/c:2\n"));
    Ok(())
}
