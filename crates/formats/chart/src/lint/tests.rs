use super::*;
use refloat_template::oracle::Silent;

fn found(files: &[(&str, &str)]) -> Vec<String> {
    let files: BTreeMap<String, Vec<u8>> = files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
        .collect();
    let input = LintInput::of_files("/charts/x", &files);
    let options = LintOptions {
        namespace: "default".to_owned(),
        kube_version: None,
        schema: SchemaCheck::Check,
    };
    let found = lint(&input, &Map::new(), &options, &Silent);
    found.iter().map(ToString::to_string).collect()
}

const CHART: &str = "apiVersion: v2\nname: x\nversion: 1.2.3\nicon: https://example.com/x.png\n";

#[test]
fn a_sound_chart_has_no_findings() {
    let template =
        "kind: ConfigMap\nmetadata: {name: {{ required \"no\" .Values.name | default \"a\" }} }\n";
    let files = [
        ("Chart.yaml", CHART),
        ("values.yaml", "a: 1\n"),
        ("templates/a.yaml", template),
    ];
    assert_eq!(found(&files), Vec::<String>::new());
}

#[test]
fn what_helm_finds_is_found_in_its_words() {
    let chart = "apiVersion: v1\nname: x\nversion: 1.0\ntype: library\nfoo: 1\nmaintainers: [{name: a, email: b}]\nsources: [here]\n";
    let template = "apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: A}\n";
    let files = [
        ("Chart.yaml", chart),
        ("templates/a.yaml", template),
        ("templates/b.conf", ""),
        ("crds/c.yaml", "kind: Other\n"),
    ];
    let all = found(&files);
    let expected = [
        "[WARNING] Chart.yaml: failed to strictly parse chart metadata file\n\terror unmarshaling JSON: while decoding JSON: json: unknown field \"foo\"",
        "[ERROR] Chart.yaml: version should be of type string but it's of type float64",
        "[ERROR] Chart.yaml: invalid email 'b' for maintainer 'a'",
        "[ERROR] Chart.yaml: invalid source URL 'here'",
        "[INFO] Chart.yaml: icon is recommended",
        "[ERROR] Chart.yaml: chart type is not valid in apiVersion 'v1'. It is valid in apiVersion 'v2'",
        "[WARNING] Chart.yaml: version '1' is not a valid SemVerV2",
        "[INFO] values.yaml: file does not exist",
    ];
    assert_eq!(all[..expected.len()], expected);
    assert_eq!(
        all.last().map(String::as_str),
        Some("[ERROR] crds/c.yaml: object kind is not 'CustomResourceDefinition'")
    );
}

#[test]
fn resources_are_judged_as_kubernetes_judges_them() {
    let cases = [
        ("kind: Service\nmetadata: {name: 1a}\n", "a DNS-1035 label"),
        ("kind: Role\nmetadata: {name: a/b}\n", "may not contain '/'"),
        (
            "kind: Namespace\nmetadata: {name: a.b}\n",
            "must not contain dots",
        ),
        (
            "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n",
            "policy/v1beta1 PodDisruptionBudget is deprecated in v1.21+, unavailable in v1.25+; use policy/v1 PodDisruptionBudget",
        ),
        (
            "kind: DaemonSet\nmetadata: {name: a}\n",
            "a DaemonSet must contain matchLabels",
        ),
        (
            "kind: [a]\n",
            "cannot unmarshal array into Go struct field k8sYamlStruct.Kind of type string",
        ),
        ("a: b\n---c\n", "invalid Yaml document separator: c"),
    ];
    for (template, expected) in cases {
        let all = found(&[
            ("Chart.yaml", CHART),
            ("values.yaml", ""),
            ("templates/a.yaml", template),
        ]);
        assert!(
            all.iter().any(|line| line.contains(expected)),
            "{template}: {all:#?}"
        );
    }
}

#[test]
fn addresses_are_told_apart() {
    for good in ["a@b.c", "x.y+z@example.com"] {
        assert!(address::is_email(good), "{good}");
    }
    for bad in ["a", "a@b", "@b.c", "a b@c.d", "a@.c"] {
        assert!(!address::is_email(bad), "{bad}");
    }
    for good in ["https://example.com/x", "example.com", "http://a:80/"] {
        assert!(address::is_url(good), "{good}");
    }
    for bad in ["a b", ".x.y", "gopher://x.y", "ab"] {
        assert!(!address::is_url(bad), "{bad}");
    }
    assert!(
        address::is_request_url("https://example.com/a") && !address::is_request_url("example.com")
    );
}
