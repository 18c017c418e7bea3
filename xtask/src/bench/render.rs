//! `cargo xtask bench render`: time per chart, beside Helm's engine in one process and beside `helm template`.
//!
//! Both engines answer the same questions, a line of JSON each, and take turns chart by chart, so that what else the
//! machine does meets both. Of the rounds of a chart the shortest counts. Loading is left out of rendering on both sides.

use crate::stage::cargo;
use anyhow::{Context, Result, bail};
use refloat_rig::{Tool, run, tools};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How often each chart is rendered with each of its values.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Measure only charts whose name contains this word.
    #[arg(long)]
    only: Option<String>,
    /// Also write the tables, as markdown, to this file.
    #[arg(long)]
    report: Option<PathBuf>,
}

/// Milliseconds of one chart over all its values.
#[derive(Debug, Default)]
struct Row {
    sets: u32,
    /// The first rendering of a loaded chart, and any later one.
    first: f64,
    again: f64,
    engine: f64,
    /// One `helm template` with default values.
    process: f64,
}

/// Runs it and prints its tables.
pub fn run(options: &Options) -> Result<()> {
    tools::ensure(&[Tool::HelmEngine, Tool::Helm])?;
    let program = built()?;
    let mut ours = Engine::start(&program)?;
    let mut theirs = Engine::start(&Tool::HelmEngine.path()?)?;
    let said = ours.ask(&json!({ "corpus": true }))?;
    let Some(corpus) = said["corpus"].as_str().map(PathBuf::from) else {
        bail!("the charts to measure are missing: they lie in shared/charts beside the checkout");
    };
    let mut rows = Vec::new();
    for chart in names(&corpus.join("expected"))? {
        if options
            .only
            .as_ref()
            .is_some_and(|only| !chart.contains(only))
        {
            continue;
        }
        let row = measured(&corpus, &chart, options, &mut ours, &mut theirs)?;
        println!("{}", line(&chart, &row));
        rows.push((chart, row));
    }
    let text = format!("{}\n{}", table(&rows), hostile(&program)?);
    println!("\n{text}");
    if let Some(path) = &options.report {
        fs::write(path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Our side, built as a benchmark.
fn built() -> Result<PathBuf> {
    let mut build = cargo()?;
    build.args(["bench", "--package", "refloat-chart", "--bench", "render"]);
    build.args(["--no-run", "--message-format", "json-render-diagnostics"]);
    let said = run::stdout(&mut build)?;
    let messages = said
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let program = messages
        .filter(|message| message["target"]["name"] == "render")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    program.context("cargo built no program")
}

fn measured(
    corpus: &Path,
    chart: &str,
    options: &Options,
    ours: &mut Engine,
    theirs: &mut Engine,
) -> Result<Row> {
    let folder = corpus.join("charts").join(chart);
    let mut row = Row::default();
    for file in names(&corpus.join("expected").join(chart))? {
        let Some(set) = file.strip_suffix(".txt") else {
            continue;
        };
        let path = corpus
            .join("values")
            .join(chart)
            .join(format!("{set}.yaml"));
        let values = fs::read_to_string(path).unwrap_or_default();
        let question = json!({ "folder": folder, "values": values, "rounds": options.rounds });
        let (own, helm) = (ours.ask(&question)?, theirs.ask(&question)?);
        row.sets += 1;
        row.first += shortest(&own["render"])?;
        row.again += shortest(&own["again"])?;
        row.engine += shortest(&helm["render"])?;
    }
    let began = Instant::now();
    let mut helm = Command::new(Tool::Helm.path()?);
    helm.args(["template", "rel"]).arg(&folder);
    // A chart that its default values do not render is timed up to its refusal.
    let _ = helm.output()?;
    row.process = began.elapsed().as_secs_f64() * 1000.0;
    Ok(row)
}

/// The shortest of some nanoseconds, in milliseconds.
fn shortest(times: &Value) -> Result<f64> {
    let times = times.as_array().context("an engine told no times")?;
    let times = times.iter().filter_map(Value::as_f64);
    Ok(times.fold(f64::INFINITY, f64::min) / 1e6)
}

const HEAD: &str = "| chart | value sets | first, ms | again, ms | Helm's engine, ms | first | again | `helm template`, ms | against it |\n|---|---|---|---|---|---|---|---|---|\n";

fn line(name: &str, row: &Row) -> String {
    let each = f64::from(row.sets.max(1));
    format!(
        "| {name} | {} | {:.2} | {:.2} | {:.2} | {:.1}x | {:.1}x | {:.0} | {:.0}x |",
        row.sets,
        row.first / each,
        row.again / each,
        row.engine / each,
        row.engine / row.first,
        row.engine / row.again,
        row.process,
        row.process / (row.again / each),
    )
}

fn table(rows: &[(String, Row)]) -> String {
    let mut all = Row::default();
    let mut text = HEAD.to_owned();
    for (name, row) in rows {
        let _ = writeln!(text, "{}", line(name, row));
        all.sets += row.sets;
        all.first += row.first;
        all.again += row.again;
        all.engine += row.engine;
        all.process += row.process / f64::from(u32::try_from(rows.len()).unwrap_or(1));
    }
    let _ = writeln!(text, "{}", line("all", &all));
    let mut ratios: Vec<f64> = rows.iter().map(|(_, row)| row.engine / row.again).collect();
    ratios.sort_by(f64::total_cmp);
    if let Some(median) = ratios.get(ratios.len() / 2) {
        let _ = writeln!(text, "\nThe median chart: {median:.1}x Helm's engine.");
    }
    text
}

/// Each hostile chart in a process of its own.
fn hostile(program: &Path) -> Result<String> {
    let said = Engine::start(program)?.ask(&json!({ "hostile": "" }))?;
    let mut text =
        "| hostile chart | refused after, ms | peak, MiB | with |\n|---|---|---|---|\n".to_owned();
    for name in said["names"].as_array().into_iter().flatten() {
        let seen = Engine::start(program)?.ask(&json!({ "hostile": name }))?;
        let name = name.as_str().unwrap_or_default();
        let refusal = seen["refusal"].as_str().unwrap_or("(let through)");
        let shown: String = refusal
            .lines()
            .last()
            .unwrap_or_default()
            .chars()
            .take(90)
            .collect();
        let took = seen["took"].as_f64().unwrap_or(0.0) / 1e6;
        let peak = seen["peak"].as_f64().unwrap_or(0.0) / 1024.0;
        let shown = shown.trim().replace('|', "\\|");
        let _ = writeln!(text, "| {name} | {took:.0} | {peak:.0} | {shown} |");
    }
    Ok(text)
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// A process that answers a line of JSON with another.
struct Engine {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Engine {
    fn start(program: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let questions = child.stdin.take().context("no input")?;
        let answers = child.stdout.take().context("no output")?;
        Ok(Self {
            child,
            questions,
            answers: BufReader::new(answers),
        })
    }

    fn ask(&mut self, question: &Value) -> Result<Value> {
        writeln!(self.questions, "{question}")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let said: Value = serde_json::from_str(&line).context("an engine ended")?;
        match said["error"].as_str() {
            Some(error) => bail!("{error}"),
            None => Ok(said),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
