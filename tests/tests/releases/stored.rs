//! The stored bytes of a change, read by the programs that others use: helm and git.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use refloat_rig::{Tool, require, run};

use crate::shop::{CHART, FOLDERS, Shop};

#[test]
fn helm_pulls_a_version_whose_bytes_name_the_new_image() -> Result<()> {
    if !require(&[Tool::Helm])? {
        return Ok(());
    }
    let shop = Shop::open()?;
    let before = fs::read(shop.chart_folder().join("values.yaml"))?;
    shop.release(CHART, FOLDERS)?;
    shop.deployed("1.0.0")?;
    shop.moved("apps/web", "build-7", 3)?;
    shop.deployed("1.0.1")?;

    let folder = tempfile::tempdir()?;
    let helm = |arguments: &[&str]| -> Result<String> {
        let mut command = Command::new(Tool::Helm.path()?);
        command
            .args(arguments)
            .current_dir(folder.path())
            .env("HELM_CACHE_HOME", folder.path().join("cache"))
            .env("HELM_CONFIG_HOME", folder.path().join("config"))
            .env("HELM_DATA_HOME", folder.path().join("data"));
        run::stdout(&mut command)
    };
    let home = &shop.site.reach().authority;
    let password = shop.site.server().admin_password()?;
    helm(&[
        "registry",
        "login",
        home,
        "-u",
        &shop.admin.name,
        "-p",
        &password,
        "--plain-http",
    ])?;
    let chart = format!("oci://{home}/charts/shop");
    helm(&[
        "pull",
        &chart,
        "--version",
        "1.0.1",
        "--plain-http",
        "--untar",
    ])?;
    let pulled = folder.path().join("shop");
    let after = fs::read_to_string(pulled.join("values.yaml"))?;
    let expected = String::from_utf8(before)?.replacen("tag: \"1\"", "tag: \"build-7\"", 1);
    ensure!(
        after == expected,
        "{after}\nexactly this line moves:\n{expected}"
    );
    let about = fs::read_to_string(pulled.join("Chart.yaml"))?;
    ensure!(about.contains("version: 1.0.1"), "{about}");
    let rendered = helm(&["template", "shop", "shop"])?;
    ensure!(rendered.contains("apps/web:build-7"), "{rendered}");
    Ok(())
}

/// Said before anything is stored or deployed, with the function, the file and the line.
#[test]
fn a_construct_that_is_not_built_is_named_with_its_place() -> Result<()> {
    let shop = Shop::open()?;
    shop.write_chart("kind: A\nname: {{ dateInZone \"2006\" now \"Europe/Berlin\" }}\n")?;
    let chart = shop.chart_folder().display().to_string();
    let output = run::captured(&mut shop.refloat(&["template", "shop", &chart])?)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let place = "shop/templates/settings.yaml:2";
    ensure!(
        output.status.code() == Some(1) && said.contains(place),
        "{said}"
    );

    shop.publish_chart("2.0.0")?;
    shop.release(&CHART.replace("1.0.0", "2.0.0"), FOLDERS)?;
    let status = shop.until("the refusal", |status| {
        status["change"]["state"] == "failed"
    })?;
    let error = status["change"]["error"].as_str().unwrap_or_default();
    ensure!(error.contains(place), "{error}");
    ensure!(!shop.out("out").exists(), "nothing was deployed");
    Ok(())
}
