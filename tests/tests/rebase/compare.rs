//! What differs between two images, as a container sees it.

use anyhow::{Context, Result};
use refloat_rig::{Tool, require};
use serde_json::{Value, json};

use crate::scene::{Files, Scene, base};

fn paths(json: &Value, key: &str) -> Result<Vec<String>> {
    let list = json["files"][key].as_array().context("a list")?.iter();
    Ok(list
        .map(|entry| {
            entry["path"]
                .as_str()
                .or(entry.as_str())
                .unwrap_or_default()
                .to_owned()
        })
        .collect())
}

#[test]
fn files_config_and_packages() -> Result<()> {
    if !require(&[Tool::Busybox])? {
        return Ok(());
    }
    let scene = Scene::new()?;
    let old = base("1.0")?;
    let made = |text: &str, extra: &str| {
        let files = Files::by("RUN build")
            .file("app/page", text)
            .file("var/log/build.log", extra);
        files
            .file("var/cache/ldconfig/aux-cache", extra)
            .file("etc/machine-id", extra)
    };
    let one = old.with(vec![made("same", "monday").layer()], old.config.clone());
    let two = old.with(vec![made("same", "tuesday").layer()], old.config.clone());
    scene.put(&one, "one")?;
    scene.put(&two, "two")?;
    let (first, second) = (scene.reference("one"), scene.reference("two"));
    let json = scene.json(&["compare", &first, &second], 0)?;
    let expected = json!({ "same_files": true, "packages": [], "files": { "added": [], "removed": [], "changed": [] }, "config": [] });
    assert_eq!(json, expected, "logs, caches and ids mean nothing");
    let all = scene.json(&["compare", &first, &second, "--all"], 0)?;
    assert_eq!(all["same_files"], false);
    assert_eq!(
        paths(&all, "changed")?,
        [
            "/etc/machine-id",
            "/var/cache/ldconfig/aux-cache",
            "/var/log/build.log"
        ]
    );

    let three = base("1.0.1")?;
    let three = three.with(
        vec![made("other", "wednesday").link("app/link", "page").layer()],
        json!({ "Env": ["PATH=/bin"] }),
    );
    scene.put(&three, "three")?;
    let json = scene.json(&["compare", &first, &scene.reference("three")], 0)?;
    assert_eq!(json["same_files"], false);
    assert_eq!(paths(&json, "added")?, ["/app/link"]);
    assert_eq!(
        paths(&json, "changed")?,
        ["/app/page", "/usr/share/keel/table", "/var/lib/dpkg/status"]
    );
    assert!(
        json["files"]["changed"][0]["what"]
            .to_string()
            .contains("content"),
        "{json:#}"
    );
    assert_eq!(
        json["packages"],
        json!([{ "type": "deb", "name": "keel", "old": "1.0", "new": "1.0.1" }])
    );
    let fields: Vec<&str> = json["config"]
        .as_array()
        .context("config")?
        .iter()
        .filter_map(|entry| entry["field"].as_str())
        .collect();
    assert_eq!(fields, ["config.Cmd", "config.Env.KEEL"]);
    Ok(())
}
