use super::*;
use serde_json::json;

fn image(config: &Value) -> Value {
    json!({"architecture": "amd64", "os": "linux", "config": config,
        "rootfs": {"type": "layers", "diff_ids": ["sha256:a"]}})
}

fn merged(base0: &Value, base1: &Value, app: &Value) -> Value {
    let result = merge_config(&image(base0), &image(base1), &image(app)).expect("no conflict");
    result["config"].clone()
}

fn conflicts(base0: &Value, base1: &Value, app: &Value) -> Vec<String> {
    let found = merge_config(&image(base0), &image(base1), &image(app)).expect_err("a conflict");
    found.into_iter().map(|conflict| conflict.field).collect()
}

#[test]
fn java_home_arrives_and_path_is_spliced() {
    let base0 = json!({"Env": ["PATH=/opt/java-17/bin:/usr/bin", "JAVA_HOME=/opt/java-17", "V=1"]});
    let base1 = json!({"Env": ["PATH=/opt/java-18/bin:/usr/bin", "JAVA_HOME=/opt/java-18", "V=2"]});
    let app = json!({"Env": ["PATH=/app/bin:/opt/java-17/bin:/usr/bin", "JAVA_HOME=/opt/java-17", "V=1",
        "AGENT=/opt/java-17/lib/agent", "MINE=x"]});
    assert_eq!(
        merged(&base0, &base1, &app)["Env"],
        json!([
            "PATH=/app/bin:/opt/java-18/bin:/usr/bin",
            "JAVA_HOME=/opt/java-18",
            "V=2",
            "AGENT=/opt/java-18/lib/agent",
            "MINE=x"
        ])
    );
}

#[test]
fn both_changed_is_a_conflict() {
    let base0 = json!({"Env": ["V=1"], "User": "a", "Labels": {"x": "1"}});
    let base1 = json!({"Env": ["V=2"], "User": "b", "Labels": {"x": "2"}});
    let app = json!({"Env": ["V=3"], "User": "c", "Labels": {"x": "3"}});
    assert_eq!(
        conflicts(&base0, &base1, &app),
        ["config.Env.V", "config.Labels.x", "config.User"]
    );
    // The value 1 inside of 31 is no embedded base value.
    let near = json!({"Env": ["V=31"], "User": "a"});
    assert_eq!(conflicts(&base0, &base1, &near), ["config.Env.V"]);
}

#[test]
fn command_and_entrypoint_are_one() {
    let base0 = json!({"Entrypoint": ["/e1"], "Cmd": ["c1"]});
    let base1 = json!({"Entrypoint": ["/e2"], "Cmd": ["c1"]});
    assert_eq!(merged(&base0, &base1, &base0)["Entrypoint"], json!(["/e2"]));
    let own_command = json!({"Entrypoint": ["/e1"], "Cmd": ["own"]});
    assert_eq!(
        conflicts(&base0, &base1, &own_command),
        ["config.Entrypoint"]
    );
    let own_both = json!({"Entrypoint": ["/own"], "Cmd": null});
    assert_eq!(
        merged(&base0, &base1, &own_both)["Entrypoint"],
        json!(["/own"])
    );
    assert_eq!(merged(&base0, &base1, &own_both).get("Cmd"), None);
}

#[test]
fn on_build_of_the_base_is_not_inherited() {
    let base = json!({"OnBuild": ["RUN x"]});
    assert_eq!(
        merged(&base, &base, &json!({"OnBuild": ["RUN x"]})).get("OnBuild"),
        None
    );
}

#[test]
fn history_is_spliced_at_the_seam() {
    let whole = |layers: Value, history: Value| {
        json!({"architecture": "amd64", "os": "linux", "config": {},
        "created": "2024-01-01T00:00:00Z", "rootfs": {"type": "layers", "diff_ids": layers}, "history": history})
    };
    let base0 = whole(
        json!(["b0"]),
        json!([{"created_by": "ADD old"}, {"created_by": "CMD [\"x\"]", "empty_layer": true}]),
    );
    let base1 = whole(
        json!(["b1", "b2"]),
        json!([{"created_by": "ADD new"}, {"created_by": "ADD more"}]),
    );
    let app = whole(
        json!(["b0", "a"]),
        json!([{"created_by": "ADD old"}, {"created_by": "CMD [\"x\"]", "empty_layer": true},
            {"created_by": "ENV A=1", "empty_layer": true}, {"created_by": "RUN /bin/sh -c make # buildkit"}]),
    );
    let found = seam(&base0, &app);
    assert_eq!((found.at, found.ran.len()), (Some(2), 1));
    let result = merge_config(&base0, &base1, &app).expect("no conflict");
    assert_eq!(result["rootfs"]["diff_ids"], json!(["b1", "b2", "a"]));
    let told: Vec<&str> = result["history"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|entry| entry["created_by"].as_str())
        .collect();
    assert_eq!(
        told,
        [
            "ADD new",
            "ADD more",
            "ENV A=1",
            "RUN /bin/sh -c make # buildkit"
        ]
    );
}
