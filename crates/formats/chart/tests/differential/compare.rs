//! One case: made, given to both sides, compared.

use crate::draw::Draw;
use crate::engine::Engine;
use crate::expressions::Scope;
use crate::fixed::Fixed;
use crate::{sets, templates, values};
use refloat_chart::{GivenValues, RenderOptions, load, render_templates};
use refloat_template::{Map, Value, yaml};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fmt;

/// How both sides are of one mind.
pub enum Agreed {
    /// Both rendered the same.
    Rendered,
    /// Both refused for the same cause.
    Refused,
    /// Helm's engine ended over it, or did not end.
    Unanswered,
}

/// How they are not.
pub struct Difference {
    question: Json,
    theirs: Result<String, String>,
    ours: Result<String, String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |side: &Result<String, String>| match side {
            Ok(text) => text.clone(),
            Err(error) => format!("refused: {error}"),
        };
        let (theirs, ours) = (side(&self.theirs), side(&self.ours));
        let question = serde_json::to_string_pretty(&self.question).unwrap_or_default();
        write!(
            formatter,
            "{question}\n--- helm\n{theirs}\n--- ours\n{ours}"
        )
    }
}

/// Makes a case and asks both sides.
pub fn case(mut draw: Draw, engine: &mut Engine) -> Result<Agreed, Box<Difference>> {
    let question = if draw.chance(15) {
        let sets = sets::some(&mut draw);
        json!({ "given": true, "values": values::given(&mut draw), "set": sets })
    } else {
        let sets = if draw.chance(15) {
            sets::some(&mut draw)
        } else {
            Vec::new()
        };
        json!({ "files": chart(&mut draw), "values": values::given(&mut draw), "set": sets })
    };
    engine.ask(&question);
    let ours = ours(&question);
    let Some(answer) = engine.answer() else {
        return Ok(Agreed::Unanswered);
    };
    let theirs = theirs(&answer);
    match (&theirs, &ours) {
        (Ok(theirs), Ok(ours)) if theirs == ours => Ok(Agreed::Rendered),
        (Err(theirs), Err(ours)) if is_same_cause(theirs, ours) => Ok(Agreed::Refused),
        _ => Err(Box::new(Difference {
            question,
            theirs,
            ours,
        })),
    }
}

/// A chart, in one of four with another below it.
fn chart(draw: &mut Draw) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut metadata =
        "apiVersion: v2\nname: c\nversion: 0.1.0\nappVersion: \"1.2\"\nannotations: {a: b}\n"
            .to_owned();
    let mut scope = Scope {
        is_tame: draw.chance(50),
        ..Scope::default()
    };
    if draw.chance(25) {
        metadata.push_str("dependencies:\n- {name: sub, version: '*', repository: ''");
        metadata.push_str(draw.one(&[
            "",
            ", alias: other",
            ", condition: sub.enabled",
            ", condition: 'other.enabled,sub.enabled', tags: [t1, t2]",
            ", tags: [t1]",
        ]));
        metadata.push_str(draw.one(&[
            "}\n",
            ", import-values: [data]}\n",
            ", import-values: [{child: d1, parent: d2}]}\n",
            "}\n",
        ]));
        files.insert(
            "charts/sub/Chart.yaml".to_owned(),
            "apiVersion: v2\nname: sub\nversion: 1.0.0\n".to_owned(),
        );
        let exported = format!(
            "{}exports:\n  data: {}\n",
            values::file(draw),
            values::value(draw, 2)
        );
        files.insert("charts/sub/values.yaml".to_owned(), exported);
        let helpers = templates::definitions(draw, "sub", &mut scope);
        files.insert("charts/sub/templates/_h.tpl".to_owned(), helpers);
        let text = templates::file(draw, &scope);
        files.insert("charts/sub/templates/a.yaml".to_owned(), text);
    }
    files.insert("Chart.yaml".to_owned(), metadata);
    files.insert("values.yaml".to_owned(), values::file(draw));
    files.insert("f.txt".to_owned(), "first\nsecond\n".to_owned());
    files.insert("conf/x.conf".to_owned(), "a = 1\n  b\n".to_owned());
    let helpers = templates::definitions(draw, "c", &mut scope);
    files.insert("templates/_h.tpl".to_owned(), helpers);
    for name in ["a", "b"] {
        if name == "a" || draw.chance(40) {
            files.insert(
                format!("templates/{name}.yaml"),
                templates::file(draw, &scope),
            );
        }
    }
    files
}

fn theirs(answer: &Json) -> Result<String, String> {
    if let Some(error) = answer["error"].as_str() {
        return Err(error.to_owned());
    }
    if let Some(given) = answer["given"].as_str() {
        return Ok(given.to_owned());
    }
    let files = answer["files"].as_object().into_iter().flatten();
    // Their map has an order of its own.
    let files: BTreeMap<_, _> = files
        .map(|(path, text)| (path, text.as_str().unwrap_or_default()))
        .collect();
    Ok(files
        .iter()
        .map(|(path, text)| format!("=== {path}\n{text}\n"))
        .collect())
}

fn ours(question: &Json) -> Result<String, String> {
    let mut given = GivenValues {
        files: vec![(
            "values".to_owned(),
            question["values"].as_str().unwrap_or_default().to_owned(),
        )],
        ..GivenValues::default()
    };
    for set in question["set"].as_array().into_iter().flatten() {
        let text = set[1].as_str().unwrap_or_default().to_owned();
        match set[0].as_str() {
            Some("json") => given.json.push(text),
            Some("set") => given.set.push(text),
            Some("string") => given.text.push(text),
            _ => given.literal.push(text),
        }
    }
    let given: Map = given
        .merged(&|_| Err("no file".to_owned()))
        .map_err(|error| error.to_string())?;
    if question["given"].as_bool() == Some(true) {
        return Ok(yaml::write(&Value::Map(given)));
    }
    let files = question["files"].as_object().into_iter().flatten();
    let files = files.map(|(path, text)| {
        (
            path.clone(),
            text.as_str().unwrap_or_default().as_bytes().to_vec(),
        )
    });
    let chart = load(files.collect()).map_err(|error| error.to_string())?;
    let options = RenderOptions::new("rel", "default");
    let files =
        render_templates(&chart, &given, &options, &Fixed).map_err(|error| error.to_string())?;
    Ok(files
        .iter()
        .map(|(path, text)| format!("=== {path}\n{text}\n"))
        .collect())
}

/// Where Go's own libraries speak, their words differ from ours; the cause is told before these words.
const CAUSES: [&str; 9] = [
    ": parsing time ",
    "error converting YAML to JSON",
    "failed parsing --set-json data",
    "unable to parse key: ",
    "error parsing index: ",
    "unexpected data at end of array index: ",
    "error parsing regexp: ",
    "runtime error: ",
    "reflect: ",
];

/// The same text, but for white space at the ends of lines and for the words of Go's libraries.
fn is_same_cause(theirs: &str, ours: &str) -> bool {
    let lines = |text: &str| {
        let lines = text.trim().lines().map(str::trim_end);
        lines.collect::<Vec<_>>().join("\n")
    };
    let (theirs, ours) = (lines(theirs), lines(ours));
    let ends = |cause: &&&str| {
        let (theirs, ours) = (theirs.find(**cause), ours.find(**cause));
        theirs.is_some() && theirs == ours
    };
    match CAUSES.iter().find(ends) {
        Some(cause) => {
            let end = theirs.find(cause).unwrap_or(0) + cause.len();
            theirs[..end] == ours[..end]
        }
        None => theirs == ours,
    }
}
