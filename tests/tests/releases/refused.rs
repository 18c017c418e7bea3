//! What cannot be released: said in words, with nothing half done.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::shop::{CHART, FOLDERS, Shop, environments};

/// An environment that fails stops those after it, and says so.
#[test]
fn a_failure_stops_what_comes_after() -> Result<()> {
    let shop = Shop::open()?;
    fs::create_dir_all(shop.out("out"))?;
    fs::write(shop.out("out/staging"), "a file where the folder should be")?;
    shop.release(CHART, FOLDERS)?;
    let status = shop.until("the failure", |status| {
        environments(status)
            .iter()
            .any(|(_, newest)| newest["status"] == "failed")
    })?;
    let all = environments(&status);
    let staging = &all.first().context("no staging")?.1;
    ensure!(
        staging["error"].to_string().contains("out/staging"),
        "{staging}"
    );
    let production = &all.last().context("no production")?.1;
    ensure!(
        production["status"] == "stopped" && production["error"] == "staging failed",
        "{production}"
    );
    ensure!(!shop.out("out/production").exists());
    // The next change is tried anew.
    fs::remove_file(shop.out("out/staging"))?;
    shop.moved("apps/web", "build-8", 5)?;
    shop.deployed("1.0.1").map(drop)
}

/// Rendered for every environment before the first one deploys.
#[test]
fn nothing_deploys_if_one_environment_does_not_render() -> Result<()> {
    let shop = Shop::open()?;
    let missing = FOLDERS.replace("values-production.yaml", "values-nowhere.yaml");
    shop.release(CHART, &missing)?;
    let status = shop.until("the refusal", |status| {
        status["change"]["state"] == "failed"
    })?;
    let error = status["change"]["error"].as_str().unwrap_or_default();
    ensure!(
        error.contains("environment production") && error.contains("values-nowhere.yaml"),
        "{error}"
    );
    ensure!(!shop.out("out").exists(), "staging was not touched");
    Ok(())
}

#[test]
fn an_image_that_stands_nowhere_or_twice_is_refused_by_name() -> Result<()> {
    let shop = Shop::open()?;
    let path = shop.chart_folder().join("values.yaml");
    let values = fs::read_to_string(&path)?;
    let home = shop.site.reach().authority.clone();
    let twice = values.replacen(
        "web:\n",
        &format!("web:\n  image:\n    repository: {home}/apps/web\n    tag: \"0\"\n"),
        1,
    );
    fs::write(&path, twice)?;
    let packed = refloat_rig::run::captured(&mut shop.refloat(&[
        "package",
        &shop.chart_folder().to_string_lossy(),
        &shop.site.reach().reference("charts/shop:2.0.0"),
    ])?)?;
    if packed.status.success() {
        shop.release(&CHART.replace("1.0.0", "2.0.0"), FOLDERS)?;
        shop.moved("apps/web", "build-9", 6)?;
        let status = shop.until("the refusal", |status| {
            status["change"]["state"] == "failed"
        })?;
        let error = status["change"]["error"].as_str().unwrap_or_default();
        ensure!(
            error.contains("values.yaml") && error.contains("web.image"),
            "{error}"
        );
    }
    fs::write(&path, values.replace("web:", "site:"))?;
    shop.publish_chart("3.0.0")?;
    shop.release(&CHART.replace("1.0.0", "3.0.0"), FOLDERS)?;
    let status = shop.until("the refusal", |status| {
        let error = status["change"]["error"].to_string();
        status["change"]["state"] == "failed" && error.contains("is not in the values")
    })?;
    let error = status["change"]["error"].as_str().unwrap_or_default();
    ensure!(error.contains("web.image"), "{error}");
    Ok(())
}

#[test]
fn what_is_not_there_yet_is_waited_for() -> Result<()> {
    let shop = Shop::open()?;
    shop.release(&CHART.replace("1.0.0", "4.0.0"), FOLDERS)?;
    shop.until("the missing chart", |status| {
        status["waits"]
            .to_string()
            .contains("charts/shop:4.0.0 is not there")
    })?;
    shop.image("apps/web", "1", 1)?;
    shop.publish_chart("4.0.0")?;
    shop.deployed("4.0.0").map(drop)
}
