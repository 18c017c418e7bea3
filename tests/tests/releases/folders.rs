//! Environments that are folders: the embedded default.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::shop::{CHART, FOLDERS, Shop, environments, in_order};

#[test]
fn a_moved_line_becomes_a_chart_version_in_every_environment() -> Result<()> {
    let shop = Shop::open()?;
    shop.release(CHART, FOLDERS)?;
    // The chart names what the lines name: nothing has to be stored.
    shop.deployed("1.0.0")?;
    let file = "shop/shop/templates/settings.yaml";
    let staging = fs::read_to_string(shop.out("out/staging").join(file))?;
    ensure!(
        staging.contains("apps/web:1\"") && staging.contains("replicas: \"1\""),
        "{staging}"
    );
    let production = fs::read_to_string(shop.out("out/production").join(file))?;
    ensure!(production.contains("replicas: \"2\""), "{production}");

    shop.moved("apps/web", "build-7", 3)?;
    let status = shop.deployed("1.0.1")?;
    for (name, newest) in environments(&status) {
        ensure!(newest["revision"] == 2, "{name}: {newest}");
    }
    let values = shop.stored_values("1.0.1")?;
    ensure!(
        values.contains("    tag: \"build-7\" # moved by refloat\n"),
        "the stored bytes name the new image, and keep the comment: {values}"
    );
    ensure!(values.contains("apps/api\n    tag: \"1\""), "{values}");
    let production = fs::read_to_string(shop.out("out/production").join(file))?;
    ensure!(production.contains("apps/web:build-7\""), "{production}");
    let told = shop.why()?;
    in_order(
        &told,
        &[
            "release.deployed",
            "release.started",
            "change.made",
            "tag.moved",
        ],
    )
}

/// A tag that has named something else, and no other: the stored reference goes by digest.
#[test]
fn a_tag_that_moves_is_written_with_its_digest() -> Result<()> {
    let shop = Shop::open()?;
    shop.release(CHART, FOLDERS)?;
    shop.deployed("1.0.0")?;
    let digest = shop.image("apps/web", "1", 4)?;
    shop.deployed("1.0.1")?;
    let values = shop.stored_values("1.0.1")?;
    ensure!(values.contains(&format!("tag: \"1@{digest}\"")), "{values}");
    Ok(())
}

#[test]
fn production_soaks_and_equal_inputs_change_nothing() -> Result<()> {
    let shop = Shop::open()?;
    let soaking = FOLDERS.replace("after: staging", "after: staging\n    soak: 3s");
    shop.release(CHART, &soaking)?;
    shop.until("the soak", |status| {
        let waits = status["waits"].to_string();
        waits.contains("production soaks until")
    })?;
    let status = shop.deployed("1.0.0")?;
    let at = |name: &str, key: &str| -> Result<String> {
        let all = environments(&status);
        let found = all.iter().find(|(environment, _)| environment == name);
        let (_, newest) = found.context("no such environment")?;
        Ok(newest[key].as_str().unwrap_or_default().to_owned())
    };
    let (ended, started) = (at("staging", "ended_at")?, at("production", "started_at")?);
    let seconds = |text: &str| {
        text.parse::<jiff::Timestamp>()
            .map(jiff::Timestamp::as_second)
    };
    ensure!(
        seconds(&started)? >= seconds(&ended)? + 2,
        "{ended} {started}"
    );
    // Applied again, and the same image pushed again: nothing is released.
    shop.release(CHART, &soaking)?;
    let history = shop.json(&["history", "shop"])?;
    ensure!(history.as_array().map(Vec::len) == Some(2), "{history}");
    Ok(())
}

/// What a project's administrator may not name: a path of the server's machine.
#[test]
fn paths_outside_are_the_servers_administrators_own() -> Result<()> {
    let shop = Shop::open()?;
    let outside = tempfile::tempdir()?;
    let environments = format!(
        "  - name: staging\n    target: {{ folder: \"{}\" }}\n",
        outside.path().display()
    );
    shop.release(CHART, &environments)?;
    shop.deployed("1.0.0")?;
    ensure!(outside.path().join("shop").exists());
    let records: Value = shop.json(&["list"])?;
    ensure!(records[0]["name"] == "shop", "{records}");
    Ok(())
}
