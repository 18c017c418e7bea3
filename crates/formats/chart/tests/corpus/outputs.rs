//! Outputs and refusals, byte for byte.

use crate::fixed::Fixed;
use crate::folder::folder;
use crate::place::{corpus, names};
use refloat_chart::values::read as read_values;
use refloat_chart::{Chart, RenderOptions, load, render_templates};
use refloat_template::Map;
use std::fs;
use std::path::Path;

/// Outputs that were equal when this was last raised. It is never lowered.
const EQUAL_MIN: usize = 358;
/// Refusals with the same cause when this was last raised. It is never lowered.
const REFUSED_MIN: usize = 56;

#[derive(Default)]
struct Count {
    equal: usize,
    outputs: usize,
    refused: usize,
    refusals: usize,
    charts_equal: usize,
    charts: usize,
    different: Vec<String>,
}

#[test]
fn the_corpus_renders_as_helm_renders_it() {
    let Some(corpus) = corpus() else {
        return;
    };
    let mut count = Count::default();
    let only = std::env::var("REFLOAT_CORPUS_CHART").ok();
    for chart in names(&corpus.join("expected")) {
        if only.as_ref().is_none_or(|only| *only == chart) {
            compare(&corpus, &chart, &mut count);
        }
    }
    for line in &count.different {
        println!("{line}");
    }
    println!(
        "{} of {} outputs byte-equal, {} of {} charts in all outputs, {} of {} refusals with the same cause",
        count.equal, count.outputs, count.charts_equal, count.charts, count.refused, count.refusals
    );
    if only.is_none() {
        assert!(
            count.equal >= EQUAL_MIN,
            "fewer outputs are equal than before"
        );
        assert!(
            count.refused >= REFUSED_MIN,
            "fewer refusals are the same than before"
        );
    }
}

fn compare(corpus: &Path, name: &str, count: &mut Count) {
    let chart = load(folder(&corpus.join("charts").join(name)));
    let before = count.different.len();
    count.charts += 1;
    for file in names(&corpus.join("expected").join(name)) {
        let expected = text(&corpus.join("expected").join(name).join(&file));
        let (set, kind) = file.rsplit_once('.').expect("a name with an ending");
        let values = corpus.join("values").join(name).join(format!("{set}.yaml"));
        let found = match &chart {
            Ok(chart) => run(chart, &values),
            Err(error) => Err(error.to_string()),
        };
        let place = format!("{name}/{set}");
        match (kind, found) {
            ("txt", found) => {
                count.outputs += 1;
                match found {
                    Ok(found) if found == expected => count.equal += 1,
                    Ok(found) => count
                        .different
                        .push(format!("{place}: {}", first_difference(&expected, &found))),
                    Err(error) => count.different.push(format!("{place}: refused: {error}")),
                }
            }
            (_, found) => {
                count.refusals += 1;
                // What stands before it is the log of the run.
                let expected = expected
                    .split_once("ERROR: ")
                    .map_or("", |(_, text)| text)
                    .trim_end();
                match found {
                    Ok(_) => count
                        .different
                        .push(format!("{place}: accepted, but expected: {expected}")),
                    Err(error) if same_cause(expected, &error) => count.refused += 1,
                    Err(error) => count.different.push(format!(
                        "{place}: refused with\n{error}\nbut expected\n{expected}"
                    )),
                }
            }
        }
    }
    if before == count.different.len() {
        count.charts_equal += 1;
    }
}

/// The text is Helm's own, but for white space at the ends of lines.
fn same_cause(expected: &str, found: &str) -> bool {
    let lines = |text: &str| {
        text.trim()
            .lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n")
    };
    lines(expected) == lines(found)
}

fn run(chart: &Chart, values: &Path) -> Result<String, String> {
    let given = if values.exists() {
        read_values(&text(values))?
    } else {
        Map::new()
    };
    let options = RenderOptions::new("rel", "default");
    let files =
        render_templates(chart, &given, &options, &Fixed).map_err(|error| error.to_string())?;
    Ok(files
        .iter()
        .map(|(path, text)| format!("=== {path}\n{text}\n"))
        .collect())
}

fn first_difference(expected: &str, found: &str) -> String {
    let mut place = "";
    let mut found_lines = found.lines();
    for (index, line) in expected.lines().enumerate() {
        if let Some(path) = line.strip_prefix("=== ") {
            place = path;
        }
        let other = found_lines.next();
        if other != Some(line) {
            return format!(
                "line {} ({place}):\n  -{line}\n  +{}",
                index + 1,
                other.unwrap_or("(the end)")
            );
        }
    }
    format!("goes on after the end, in {place}")
}

fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).expect("the file can be read")).into_owned()
}
