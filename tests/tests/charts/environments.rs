//! `refloat explain` and `refloat values check`, and values that the real sops encrypted for the real age.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use refloat_rig::{Tool, require, run, server};
use serde_json::Value;

const CHART: &str = "apiVersion: v2\nname: shop\nversion: 1.4.2\n";
const VALUES: &str = "replicas: 1\nhost: \"\"\nimage:\n  repository: registry.example.com/shop/web\n  tag: \"1.2\"\npassword: none\n";
const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: {{ .Values.replicas }}\n  \
selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n      - name: web\n        \
image: {{ .Values.image.repository }}:{{ .Values.image.tag }}\n        env:\n        - {name: HOST, value: {{ quote .Values.host }}}\n        \
- {name: PASSWORD, value: {{ quote .Values.password }}}\n";
const DOCUMENT: &str = "apiVersion: refloat/v1\nkind: Release\nname: campaign\nvalues: [common.yaml]\nenvironments:\n- name: staging\n  \
values: [staging.yaml]\n  target: {folder: out}\n- name: production\n  values: [production.yaml]\n  target: {folder: out}\n";

struct Ground {
    folder: tempfile::TempDir,
    key: Option<String>,
}

impl Ground {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let ground = Self { folder, key: None };
        ground.write("shop/Chart.yaml", CHART)?;
        ground.write("shop/values.yaml", VALUES)?;
        ground.write("shop/templates/web.yaml", DEPLOYMENT)?;
        Ok(ground)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().context("a folder")?)?;
        Ok(fs::write(path, text)?)
    }

    /// The exit code, and what was said as JSON.
    fn ask(&self, arguments: &[&str]) -> Result<(i32, Value)> {
        let (code, out, err) = self.said(arguments, "json")?;
        let text = if out.is_empty() { err } else { out };
        Ok((code, serde_json::from_str(&text).context(text)?))
    }

    fn said(&self, arguments: &[&str], output: &str) -> Result<(i32, String, String)> {
        let mut command = Command::new(server::binary()?);
        command.args(arguments).args(["-o", output]);
        command
            .env_remove("REFLOAT_SERVER")
            .env_remove("SOPS_AGE_KEY_FILE");
        command.env("XDG_CONFIG_HOME", self.folder.path());
        match &self.key {
            Some(key) => command.env("SOPS_AGE_KEY", key),
            None => command.env_remove("SOPS_AGE_KEY"),
        };
        let output = run::captured(command.current_dir(self.folder.path()))?;
        let code = output.status.code().context("it was killed")?;
        Ok((
            code,
            String::from_utf8(output.stdout)?,
            String::from_utf8(output.stderr)?,
        ))
    }
}

#[test]
fn the_file_and_line_that_won_are_named() -> Result<()> {
    let ground = Ground::new()?;
    ground.write("shop/common.yaml", "# all\nimage:\n  tag: \"1.3\"\n")?;
    ground.write("shop/staging.yaml", "replicas: 2\n")?;
    ground.write(
        "shop/production.yaml",
        "replicas: 5\nimage: {tag: \"1.4\"}\n",
    )?;
    ground.write("refloat.yaml", DOCUMENT)?;
    let tag = [
        "explain",
        "image.tag",
        "shop",
        "--environment",
        "production",
    ];
    let (code, said) = ground.ask(&tag)?;
    ensure!(code == 0 && said["value"] == "1.4", "{said}");
    ensure!(
        said["file"] == "shop/production.yaml" && said["line"] == 2,
        "{said}"
    );
    ensure!(
        said["hidden"][0]["file"] == "shop/common.yaml" && said["hidden"][0]["line"] == 3,
        "{said}"
    );
    ensure!(
        said["hidden"][1]["file"] == "shop/values.yaml" && said["hidden"][1]["value"] == "1.2",
        "{said}"
    );
    let (_, said) = ground.ask(&[&tag[..], &["--set", "image.tag=9"][..]].concat())?;
    ensure!(
        said["file"] == "--set"
            && said["hidden"]
                .as_array()
                .is_some_and(|hidden| hidden.len() == 3),
        "{said}"
    );
    let (_, said) = ground.ask(&["explain", "image", "shop", "-f", "shop/staging.yaml"])?;
    ensure!(
        said["values"]
            .as_array()
            .is_some_and(|values| values.len() == 2),
        "{said}"
    );
    let (code, said) = ground.ask(&["explain", "none", "shop"])?;
    ensure!(code == 4 && said["error"]["code"] == "not_found", "{said}");
    let (code, said) = ground.ask(&["explain", "image", "shop", "--environment", "nowhere"])?;
    ensure!(
        code == 4 && said.to_string().contains("staging, production"),
        "{said}"
    );
    Ok(())
}

#[test]
fn keys_and_objects_of_every_environment_are_checked() -> Result<()> {
    let ground = Ground::new()?;
    ground.write("shop/values-dev.yaml", "host: dev.example.com\n")?;
    ground.write("shop/values-prod.yaml", "host: example.com\nreplicas: 3\n")?;
    let (code, said) = ground.ask(&["values", "check", "shop", "--kube-version", "1.30,1.36"])?;
    ensure!(
        code == 0 && said["errors"] == 0 && said["environments"][1]["objects"] == 1,
        "{said}"
    );
    // A key that is misspelt, one that is missed, a value of the wrong type.
    ground.write("shop/values-prod.yaml", "replicsa: 3\nreplicas: three\n")?;
    let (code, said) = ground.ask(&["values", "check", "shop"])?;
    ensure!(
        code == 1 && said["environments"][0]["errors"] == 0,
        "{said}"
    );
    let problems = &said["environments"][1]["problems"];
    let at = |code: &str| {
        let mut all = problems.as_array().into_iter().flatten();
        all.find(|one| one["code"] == code)
            .cloned()
            .unwrap_or_default()
    };
    ensure!(
        at("misspelt")["suggestion"] == "replicas" && at("misspelt")["line"] == 1,
        "{said}"
    );
    ensure!(at("misspelt")["file"] == "shop/values-prod.yaml", "{said}");
    ensure!(
        at("missing")["key"] == "host" && at("missing")["file"] == "shop/values-dev.yaml",
        "{said}"
    );
    ensure!(
        at("wrong_type")["key"] == "spec.replicas"
            && at("wrong_type")["file"] == "shop/templates/web.yaml",
        "{said}"
    );
    ground.write("eu.yaml", "host: eu.example.com\n")?;
    let (code, said) = ground.ask(&["values", "check", "shop", "-f", "eu.yaml", "-e", "eu"])?;
    ensure!(
        code == 0 && said["environments"][0]["name"] == "eu",
        "{said}"
    );
    // An API that is gone.
    ground.write("shop/values-prod.yaml", "host: example.com\n")?;
    ground.write(
        "shop/templates/budget.yaml",
        "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: web}\nspec: {minAvailable: 1}\n",
    )?;
    let (code, said) = ground.ask(&["values", "check", "shop", "--kube-version", "1.25"])?;
    ensure!(
        code == 1
            && said
                .to_string()
                .contains("not served since Kubernetes 1.25; use policy/v1"),
        "{said}"
    );
    let (code, said) = ground.ask(&["values", "check", "shop", "--kube-version", "1.2"])?;
    ensure!(
        code == 2 && said.to_string().contains("1.25 to 1.36"),
        "{said}"
    );
    Ok(())
}

#[test]
fn values_that_sops_encrypted_are_opened_in_memory() -> Result<()> {
    if !require(&[Tool::Sops, Tool::Age])? {
        return Ok(());
    }
    let mut ground = Ground::new()?;
    let key = run::stdout(&mut Command::new(Tool::Age.path()?))?;
    let recipient = key
        .lines()
        .find_map(|line| line.strip_prefix("# public key: "));
    let recipient = recipient
        .context("age-keygen names the recipient")?
        .to_owned();
    ground.write(
        "plain.yaml",
        "password: \"open sesame\" # hush\nreplicas: 4\nlist: [1, true, 0.5]\n",
    )?;
    let mut encrypt = Command::new(Tool::Sops.path()?);
    encrypt.args(["encrypt", "--age", &recipient, "plain.yaml"]);
    let sealed = run::stdout(encrypt.current_dir(ground.folder.path()))?;
    ground.write("shop/secrets-prod.yaml", &sealed)?;
    let template = ["template", "rel", "shop", "-f", "shop/secrets-prod.yaml"];
    let (code, said) = ground.ask(&template)?;
    ensure!(code == 1 && said["error"]["code"] == "secret_key", "{said}");
    ground.key = Some(key);
    let (code, said) = ground.ask(&template)?;
    ensure!(
        code == 0 && said["manifest"].to_string().contains("open sesame"),
        "{said}"
    );
    let explain = ["explain", "password", "shop", "--environment", "prod"];
    let (code, said) = ground.ask(&explain)?;
    ensure!(
        code == 0 && said["secret"] == true && said["value"].is_null() && said["line"] == 1,
        "{said}"
    );
    let (_, table, _) = ground.said(&explain, "table")?;
    let (code, check) = ground.ask(&["values", "check", "shop"])?;
    ensure!(
        code == 0 && check["environments"][0]["name"] == "prod",
        "{check}"
    );
    for text in [said.to_string(), table, check.to_string()] {
        ensure!(!text.contains("sesame"), "the secret is shown: {text}");
    }
    // One value put in by hand.
    ground.write("shop/secrets-prod.yaml", &format!("added: 1\n{sealed}"))?;
    let (code, said) = ground.ask(&template)?;
    ensure!(
        code == 1 && said["error"]["code"] == "secret_changed",
        "{said}"
    );
    Ok(())
}
