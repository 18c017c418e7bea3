//! `cargo xtask bench gate`: how long a chart's checks take before it may go on: lint and template in every environment,
//! keys, rendering and Kubernetes' schemas of all environments at once, and the package.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The folder of a chart with values-NAME.yaml for its environments; without it a chart of 40 templates and 3
    /// environments is made.
    #[arg(long)]
    chart: Option<PathBuf>,
    /// How often everything is run; medians are told.
    #[arg(long, default_value_t = 15)]
    rounds: u32,
    /// Also write the table, as markdown, to this file.
    #[arg(long)]
    report: Option<PathBuf>,
}

const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "production"];
const TEMPLATES: usize = 40;

/// Runs it on the release build and prints its table.
pub fn run(options: &Options) -> Result<()> {
    let program = refloat_rig::server::release_binary()?;
    let folder = tempfile::tempdir()?;
    let chart = match &options.chart {
        Some(chart) => chart.clone(),
        None => made(folder.path())?,
    };
    let mut steps = steps(&chart, folder.path())?;
    for _ in 0..options.rounds {
        for step in &mut steps {
            let started = Instant::now();
            let output = Command::new(&program).args(&step.arguments).output()?;
            step.took.push(started.elapsed());
            ensure!(
                output.status.success(),
                "{:?}: {}{}",
                step.arguments,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    let text = table(&mut steps);
    println!("{text}");
    if let Some(path) = &options.report {
        fs::write(path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// One run of the program.
struct Step {
    what: String,
    arguments: Vec<String>,
    took: Vec<Duration>,
}

fn steps(chart: &Path, out: &Path) -> Result<Vec<Step>> {
    let (chart, out) = (chart.display().to_string(), out.display().to_string());
    let step = |what: String, arguments: &[&str]| Step {
        what,
        arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
        took: Vec::new(),
    };
    let mut steps = Vec::new();
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&chart)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("values-") {
            files.push(path.clone());
        }
    }
    files.sort();
    for file in &files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let file = file.display().to_string();
        steps.push(step(
            format!("lint, {name}"),
            &["lint", &chart, "-f", &file],
        ));
        let template = ["template", "rel", &chart, "-f", &file];
        steps.push(step(format!("template, {name}"), &template));
    }
    let check = ["values", "check", &chart];
    steps.push(step("values check, all environments".to_owned(), &check));
    steps.push(step("package".to_owned(), &["package", &chart, "-d", &out]));
    Ok(steps)
}

fn table(steps: &mut [Step]) -> String {
    let mut text = String::from("| a chart's gate | median |\n|---|---|\n");
    let mut all = Duration::ZERO;
    for step in steps {
        step.took.sort();
        let median = step
            .took
            .get(step.took.len() / 2)
            .copied()
            .unwrap_or_default();
        all += median;
        let _ = writeln!(text, "| {} | {} ms |", step.what, median.as_millis());
    }
    let _ = writeln!(text, "| together | {} ms |", all.as_millis());
    text
}

/// A chart of some size: 40 templates of a Deployment, a Service and a ConfigMap.
fn made(folder: &Path) -> Result<PathBuf> {
    let chart = folder.join("shop");
    fs::create_dir_all(chart.join("templates"))?;
    let metadata =
        "apiVersion: v2\nname: shop\nversion: 1.0.0\nicon: https://example.com/icon.png\n";
    fs::write(chart.join("Chart.yaml"), metadata)?;
    let mut values = String::new();
    for number in 0..TEMPLATES {
        let _ = writeln!(
            values,
            "part{number}:\n  replicas: 1\n  image: {{repository: registry.example.com/shop/part{number}, tag: v1}}\n  host: \"\"\n  resources: {{}}"
        );
        let name = format!("templates/part{number}.yaml");
        fs::write(
            chart.join(name),
            TEMPLATE.replace("PART", &format!("part{number}")),
        )?;
    }
    fs::write(chart.join("values.yaml"), values)?;
    fs::write(chart.join("templates/_names.tpl"), NAMES)?;
    for (at, name) in ENVIRONMENTS.iter().enumerate() {
        let mut values = String::new();
        for number in 0..TEMPLATES {
            let _ = writeln!(
                values,
                "part{number}:\n  replicas: {}\n  host: part{number}.{name}.example.com\n  resources: {{limits: {{cpu: 100m, memory: 1Gi}}}}",
                at + 1
            );
        }
        fs::write(chart.join(format!("values-{name}.yaml")), values)?;
    }
    Ok(chart)
}

const NAMES: &str = "{{- define \"shop.labels\" -}}\napp.kubernetes.io/name: {{ .name }}\napp.kubernetes.io/part-of: shop\n{{- end }}\n";

const TEMPLATE: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-PART
  labels: {{- include "shop.labels" (dict "name" "PART") | nindent 4 }}
spec:
  replicas: {{ .Values.PART.replicas }}
  selector:
    matchLabels: {{- include "shop.labels" (dict "name" "PART") | nindent 6 }}
  template:
    metadata:
      labels: {{- include "shop.labels" (dict "name" "PART") | nindent 8 }}
    spec:
      containers:
      - name: PART
        image: {{ .Values.PART.image.repository }}:{{ .Values.PART.image.tag }}
        env:
        - {name: HOST, value: {{ quote .Values.PART.host }}}
        resources: {{- toYaml .Values.PART.resources | nindent 10 }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}-PART
spec:
  selector: {{- include "shop.labels" (dict "name" "PART") | nindent 4 }}
  ports: [{port: 80}]
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-PART
data:
  host: {{ quote .Values.PART.host }}
"#;
