//! How long charts take: a request per line of standard input, an answer per line of standard output, both JSON, as the
//! program over Helm's engine has them. `cargo xtask bench render` drives both.
//!
//! Each round loads the chart anew and renders it twice: at first nothing of it is parsed, then everything is.

#![expect(clippy::print_stdout, reason = "answers go to standard output")]

#[path = "../tests/shared/fixed.rs"]
mod fixed;
#[path = "../tests/shared/folder.rs"]
mod folder;
#[path = "../tests/shared/hostile.rs"]
mod hostile;
#[path = "../tests/corpus/place.rs"]
#[expect(dead_code, reason = "the tests of the corpus use more of it")]
mod place;

use fixed::Fixed;
use refloat_chart::{RenderOptions, load, render, render_templates, values};
use serde_json::{Value, json};
use std::io::BufRead as _;
use std::path::Path;
use std::time::Instant;

fn main() {
    for line in std::io::stdin().lock().lines() {
        let asked: Option<Value> = line.ok().and_then(|line| serde_json::from_str(&line).ok());
        let said = match asked {
            Some(asked) => {
                answered(&asked).unwrap_or_else(|error| json!({ "error": error.to_string() }))
            }
            None => json!({ "error": "a request is a line of JSON" }),
        };
        println!("{said}");
    }
}

/// Where the charts are; or how long a hostile chart takes, and the peak of this process's memory.
fn answered(asked: &Value) -> Result<Value, Box<dyn std::error::Error>> {
    if asked["corpus"].as_bool() == Some(true) {
        return Ok(json!({ "corpus": place::corpus() }));
    }
    let Some(name) = asked["hostile"].as_str() else {
        return measured(asked);
    };
    if name.is_empty() {
        let names: Vec<_> = hostile::CASES.iter().map(|(name, _)| name).collect();
        return Ok(json!({ "names": names }));
    }
    let (_, case) = hostile::CASES
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or("no such case")?;
    let began = Instant::now();
    let refusal = case().err();
    let took = nanoseconds(began);
    Ok(json!({ "took": took, "peak": hostile::peak_kib(), "refusal": refusal }))
}

fn measured(asked: &Value) -> Result<Value, Box<dyn std::error::Error>> {
    let folder = asked["folder"].as_str().ok_or("folder")?;
    let rounds = asked["rounds"].as_u64().ok_or("rounds")?;
    let options = RenderOptions::new("rel", "default");
    let (mut loading, mut first, mut again, mut documents) = (vec![], vec![], vec![], vec![]);
    let mut bytes = 0;
    for _ in 0..rounds {
        let began = Instant::now();
        let chart = load(folder::folder(Path::new(folder)))?;
        loading.push(nanoseconds(began));
        for times in [&mut first, &mut again] {
            let given = values::read(asked["values"].as_str().unwrap_or_default())?;
            let began = Instant::now();
            let files = render_templates(&chart, &given, &options, &Fixed)?;
            times.push(nanoseconds(began));
            bytes = files.values().map(String::len).sum();
        }
        let given = values::read(asked["values"].as_str().unwrap_or_default())?;
        let began = Instant::now();
        // Some charts of the corpus render to text that is no manifest: that is timed as well.
        let _ = render(&chart, &given, &options, &Fixed);
        documents.push(nanoseconds(began));
    }
    Ok(
        json!({ "load": loading, "render": first, "again": again, "documents": documents, "bytes": bytes }),
    )
}

fn nanoseconds(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
