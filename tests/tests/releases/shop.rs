//! A server with two images, a chart that uses them, and a release of it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use refloat_rig::{run, wait};
use refloat_tests::probe::push_image;
use refloat_tests::site::{Account, Site, Wire};
use serde_json::Value;

/// How long anything may take on a machine that has other work.
pub const LONG: Duration = Duration::from_mins(3);

const TEMPLATE: &str = "\
{{- range $name := list \"web\" \"api\" }}
{{- $image := (index $.Values $name).image }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $.Release.Name }}-{{ $name }}
data:
  image: \"{{ $image.repository }}:{{ $image.tag }}\"
  replicas: \"{{ $.Values.replicas }}\"
{{- end }}
";

/// A server, and a folder with a chart.
pub struct Shop {
    pub site: Site,
    pub admin: Account,
}

impl Shop {
    /// The images `apps/web:1` and `apps/api:1`, and the chart `charts/shop:1.0.0`.
    pub fn open() -> Result<Self> {
        let site = Site::start(Wire::Http)?;
        let admin = site.admin()?;
        let shop = Self { site, admin };
        shop.image("apps/web", "1", 1)?;
        shop.image("apps/api", "1", 2)?;
        shop.write_chart(TEMPLATE)?;
        shop.publish_chart("1.0.0")?;
        Ok(shop)
    }

    /// Pushes the image of this seed; its digest.
    pub fn image(&self, repository: &str, tag: &str, seed: u64) -> Result<String> {
        // A connection of its own: the server may be another one than before.
        let mut client = self.site.client(&self.admin)?;
        let image = push_image(&mut client, repository, tag, seed)?;
        Ok(image.digest().to_owned())
    }

    /// Pushes the image of this seed as `unique`, then moves the line's tag to it.
    pub fn moved(&self, repository: &str, unique: &str, seed: u64) -> Result<()> {
        self.image(repository, unique, seed)?;
        self.ok(&["tag", &format!("{repository}:{unique}"), "1"])
            .map(drop)
    }

    pub fn chart_folder(&self) -> PathBuf {
        self.site.folder().join("chart")
    }

    /// Writes the chart with this template.
    pub fn write_chart(&self, template: &str) -> Result<()> {
        let home = &self.site.reach().authority;
        let folder = self.chart_folder();
        fs::create_dir_all(folder.join("templates"))?;
        let values = format!(
            "# What every environment begins with.\nreplicas: 1\nweb:\n  image:\n    repository: {home}/apps/web\n    tag: \"1\" # moved by refloat\napi:\n  image:\n    repository: {home}/apps/api\n    tag: \"1\"\n"
        );
        for (name, text) in [
            ("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n"),
            ("values.yaml", &values),
            ("values-production.yaml", "replicas: 2\n"),
            ("templates/settings.yaml", template),
        ] {
            fs::write(folder.join(name), text)?;
        }
        Ok(())
    }

    pub fn publish_chart(&self, version: &str) -> Result<()> {
        let reference = self
            .site
            .reach()
            .reference(&format!("charts/shop:{version}"));
        let folder = self.chart_folder();
        self.ok(&["package", &folder.to_string_lossy(), &reference])
            .map(drop)
    }

    /// Applies the release `shop` from this source to these environments.
    pub fn release(&self, source: &str, environments: &str) -> Result<()> {
        let text = format!(
            "apiVersion: refloat/v1\nkind: Release\nname: shop\n{source}\n\
             images:\n  web.image: {{ repository: apps/web, tags: \"tag:1\" }}\n  \
             api.image: {{ repository: apps/api, tags: \"tag:1\" }}\nenvironments:\n{environments}"
        );
        let file = self.site.folder().join("release.yaml");
        fs::write(&file, text)?;
        self.ok(&["apply", "-f", &file.to_string_lossy()]).map(drop)
    }

    /// The folder that relative targets begin at.
    pub fn out(&self, path: &str) -> PathBuf {
        self.site.server().data().join(path)
    }

    pub fn refloat(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = self.site.refloat(&self.admin)?;
        command.args(arguments);
        Ok(command)
    }

    /// Runs a verb that must succeed; what it said.
    pub fn ok(&self, arguments: &[&str]) -> Result<String> {
        run::stdout(&mut self.refloat(arguments)?)
    }

    /// Runs a verb that must succeed with JSON.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let text = self.ok(&[arguments, &["-o", "json"]].concat())?;
        serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"))
    }

    pub fn status(&self) -> Result<Value> {
        self.json(&["status", "shop"])
    }

    /// Waits until the release is what `check` says.
    pub fn until(&self, what: &str, check: impl Fn(&Value) -> bool) -> Result<Value> {
        let mut last = Value::Null;
        let found = wait::until(what, LONG, || {
            last = self.status()?;
            Ok(check(&last).then(|| last.clone()))
        });
        found.with_context(|| format!("the release is {last}\n{}", self.site.server().log()))
    }

    /// Waits until each environment runs the newest change, whose chart has this version.
    pub fn deployed(&self, version: &str) -> Result<Value> {
        self.until(&format!("version {version} everywhere"), |status| {
            let all = environments(status);
            let chart = status["change"]["chart"].as_str().unwrap_or_default();
            chart.ends_with(&format!(":{version}"))
                && !all.is_empty()
                && all.iter().all(|(_, newest)| {
                    newest["status"] == "deployed" && newest["change"] == status["change"]["id"]
                })
        })
    }

    /// A values file as it is stored in a version of the chart.
    pub fn stored_values(&self, version: &str) -> Result<String> {
        let reference = self
            .site
            .reach()
            .reference(&format!("charts/shop:{version}"));
        self.ok(&["show", "values", &reference])
    }

    /// The types of the records that led to the release, the newest first.
    pub fn why(&self) -> Result<Vec<Value>> {
        let told = self.json(&["why", "release/shop"])?;
        let told = told.as_array().cloned();
        told.context("`why` tells no list")
    }
}

/// The environments by name, with their newest deployment.
pub fn environments(status: &Value) -> Vec<(String, Value)> {
    let all = status["environments"].as_array().into_iter().flatten();
    all.map(|environment| {
        let name = environment["name"].as_str().unwrap_or_default();
        (name.to_owned(), environment["newest"].clone())
    })
    .collect()
}

/// Staging, then production, in folders.
pub const FOLDERS: &str = "  - name: staging\n    target: { folder: out/staging }\n  - name: production\n    after: staging\n    values: [values-production.yaml]\n    target: { folder: out/production }\n";

/// The chart of this registry.
pub const CHART: &str = "chart: charts/shop:1.0.0\npublish: charts/shop";

/// The records that `list` names, in their order, with others between them.
pub fn in_order(told: &[Value], list: &[&str]) -> Result<()> {
    let types: Vec<&str> = told
        .iter()
        .filter_map(|record| record["type"].as_str())
        .collect();
    let mut rest = types.iter();
    for wanted in list {
        ensure!(
            rest.any(|found| found == wanted),
            "{wanted} is missing in its place of {types:?}"
        );
    }
    Ok(())
}
