use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;

/// A gzip of a tar of these entries, named as they are.
fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, data) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        let bytes = name.as_bytes();
        header.as_gnu_mut().expect("a gnu header").name[..bytes.len()].copy_from_slice(bytes);
        header.set_cksum();
        tar.append(&header, *data).expect("memory can be written");
    }
    gzip(&tar.into_inner().expect("memory can be written"))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

const CHART: &[u8] = b"apiVersion: v2\nname: shop\nversion: 1.0.0\n";

#[test]
fn hostile_archives_are_refused_by_name() {
    let zeros = vec![0_u8; 4 * 1024 * 1024];
    let bomb: Vec<(String, &[u8])> = (0..4)
        .map(|n| (format!("shop/{n}"), zeros.as_slice()))
        .collect();
    let bomb: Vec<(&str, &[u8])> = bomb
        .iter()
        .map(|(name, data)| (name.as_str(), *data))
        .collect();
    let large = vec![1_u8; 6 * 1024 * 1024];
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (
            archive(&[("shop/../../etc/passwd", b"x")]),
            "points outside the chart",
        ),
        (archive(&[("shop//etc/passwd", b"x")]), "absolute path"),
        (archive(&[("shop/c:/x", b"x")]), "names a drive"),
        (
            archive(&[("shop\\..\\..\\x", b"x")]),
            "points outside the chart",
        ),
        (archive(&[("Chart.yaml", CHART)]), "not in a folder"),
        (
            archive(&[("shop/big", &large)]),
            "larger than 5242880 bytes",
        ),
        (archive(&bomb), "times its archive"),
        (archive(&[]), "holds no files"),
        (b"PK".to_vec(), "no gzip archive"),
        (
            gzip(b"no tar at all, but long enough to be looked at as if it were one"),
            "cannot be read",
        ),
        (
            archive(&[("shop/a.txt", b"x")]),
            "Chart.yaml file is missing",
        ),
    ];
    for (bytes, expected) in cases {
        let error = load_archive(&bytes).err().map(|error| error.to_string());
        let error = error.unwrap_or_else(|| panic!("accepted, but expected {expected}"));
        assert!(error.contains(expected), "{error}\nnot {expected}");
    }
}

#[test]
fn files_go_where_helm_puts_them() -> Result<(), ChartError> {
    let files = [
        (
            "Chart.yaml",
            "name: shop\nversion: 1.0.0\nappVersion: 1.10\nKeywords: [a, 2]\n",
        ),
        (
            "requirements.yaml",
            "dependencies:\n- name: cache\n  version: '*'\n",
        ),
        ("values.yaml", "\u{feff}a: 1\n"),
        (".helmignore", "*.md\n/ci/\n"),
        ("README.md", "no"),
        ("ci/values.yaml", "no"),
        ("templates/a.yaml", "a"),
        ("templates/.hidden", "no"),
        ("crds/c.yaml", "c"),
        (
            "charts/cache/Chart.yaml",
            "name: cache\nversion: 2.0.0\napiVersion: v2\n",
        ),
        ("charts/cache/crds/d.yaml", "d"),
        ("charts/_off/Chart.yaml", "broken: ["),
        ("charts/README.txt", "x"),
    ];
    let files = files
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    let mut map: BTreeMap<String, Vec<u8>> = files.collect();
    let packed = archive(&[(
        "inner/Chart.yaml",
        b"name: inner\nversion: 3.0.0\napiVersion: v2\n",
    )]);
    map.insert("charts/inner-3.0.0.tgz".to_owned(), packed);
    map.remove("charts/README.txt");
    let chart = load(map)?;
    let names = |files: &[ChartFile]| {
        files
            .iter()
            .map(|file| file.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(chart.metadata.api_version, "v1");
    assert_eq!(chart.metadata.app_version, "1.1");
    assert_eq!(chart.metadata.keywords, ["a", "2"]);
    assert_eq!(names(&chart.templates), ["templates/a.yaml"]);
    assert_eq!(
        names(&chart.files),
        [".helmignore", "crds/c.yaml", "requirements.yaml"]
    );
    let below: Vec<&str> = chart.dependencies.iter().map(Chart::name).collect();
    assert_eq!(below, ["cache", "inner"]);
    assert!(chart.missing_dependencies().is_empty());
    let crds: Vec<String> = chart.crds().into_iter().map(|crd| crd.path).collect();
    assert_eq!(crds, ["shop/crds/c.yaml", "shop/charts/cache/crds/d.yaml"]);
    Ok(())
}

/// (Chart.yaml, what the refusal says)
#[test]
fn metadata_is_refused_in_helms_words() {
    let cases = [
        (
            "version: 1.0.0\n",
            "validation: chart.metadata.name is required",
        ),
        (
            "name: a\n",
            "validation: chart.metadata.version is required",
        ),
        (
            "name: a\nversion: one\n",
            "validation: chart.metadata.version \"one\" is invalid",
        ),
        (
            "name: a/b\nversion: 1.0.0\n",
            "validation: chart.metadata.name \"a/b\" is invalid",
        ),
        (
            "name: a\nversion: 1.0.0\ntype: app\n",
            "validation: chart.metadata.type must be application or library",
        ),
        (
            "apiVersion: v3\nname: a\nversion: 1.0.0\n",
            "unsupported chart version: apiVersion \"v3\"",
        ),
        (
            "name: a\nversion: 1.0.0\ndependencies:\n- name: x\n- name: y\n  alias: x\n",
            "more than one dependency with name or alias \"x\"",
        ),
        (
            "name: a\nversion: 1.0.0\ndependencies: [null]\n",
            "dependencies must not contain empty or null nodes",
        ),
        (
            "name: [a]\n",
            "cannot load Chart.yaml: `name` must be a text",
        ),
    ];
    for (text, expected) in cases {
        let files = BTreeMap::from([("Chart.yaml".to_owned(), text.as_bytes().to_vec())]);
        let error = load(files)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(error.contains(expected), "{error}\nnot {expected}");
    }
}
