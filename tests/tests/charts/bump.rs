//! `refloat bump` changes the intended lines and tells which.

use std::fs;

use anyhow::{Context, Result, ensure};
use refloat_rig::{run, server};
use serde_json::Value;

const VALUES: &str = "# the shop\nweb:\n  image:\n    repository: registry.example.com/shop/web # ours\n    tag: \"1.2\"\n  replicas: 3\n";
const CHART: &str = "apiVersion: v2\nname: shop # a name\nversion: 1.4.2\n";

struct Ground {
    folder: tempfile::TempDir,
}

impl Ground {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("values.yaml"), VALUES)?;
        fs::write(folder.path().join("Chart.yaml"), CHART)?;
        Ok(Self { folder })
    }

    fn read(&self, name: &str) -> Result<String> {
        Ok(fs::read_to_string(self.folder.path().join(name))?)
    }

    fn bump(&self, target: &str, arguments: &[&str]) -> Result<(i32, Value)> {
        let mut command = std::process::Command::new(server::binary()?);
        command.args(["bump", target, "-o", "json"]).args(arguments);
        command
            .env_remove("REFLOAT_SERVER")
            .current_dir(self.folder.path());
        let output = run::captured(&mut command)?;
        let code = output.status.code().context("it was killed")?;
        let said = if matches!(code, 0 | 5) {
            output.stdout
        } else {
            output.stderr
        };
        Ok((code, serde_json::from_slice(&said)?))
    }
}

#[test]
fn an_image_and_the_version_change_by_one_line_each() -> Result<()> {
    let ground = Ground::new()?;
    let image = "web.image=registry.example.com/shop/web:1.10";
    let (code, said) = ground.bump(".", &["--image", image, "--version", "patch"])?;
    ensure!(code == 0 && said["changed"] == true, "{said}");
    ensure!(
        said["changes"][0]["line"] == 5 && said["changes"][0]["old"] == "1.2",
        "{said}"
    );
    ensure!(ground.read("values.yaml")? == VALUES.replace("\"1.2\"", "\"1.10\""));
    ensure!(ground.read("Chart.yaml")? == CHART.replace("1.4.2", "1.4.3"));
    // The same again is no new version.
    let (code, said) = ground.bump(".", &["--image", image, "--version", "patch"])?;
    ensure!(code == 0 && said["changed"] == false, "{said}");
    ensure!(ground.read("Chart.yaml")? == CHART.replace("1.4.2", "1.4.3"));
    let (code, _) = ground.bump("values.yaml", &["--image", image, "--detailed-exitcode"])?;
    ensure!(code == 5);
    Ok(())
}

#[test]
fn what_is_ambiguous_is_refused_and_nothing_written() -> Result<()> {
    let ground = Ground::new()?;
    let twice = format!("{VALUES}web:\n  image: a/b:1\n");
    fs::write(ground.folder.path().join("values.yaml"), &twice)?;
    let image = "web.image=registry.example.com/shop/web:1.10";
    let (code, said) = ground.bump(".", &["--image", image, "--version", "minor"])?;
    ensure!(code == 1 && said["error"]["code"] == "ambiguous", "{said}");
    ensure!(
        said["error"]["message"]
            .to_string()
            .contains("lines 2 and 7"),
        "{said}"
    );
    ensure!(ground.read("values.yaml")? == twice && ground.read("Chart.yaml")? == CHART);
    let (code, said) = ground.bump(".", &["--image", "web.image=web"])?;
    ensure!(code == 2, "a short name without a server: {said}");
    Ok(())
}
