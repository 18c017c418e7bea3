//! One case on both sides.

use crate::engine::Engine;
use crate::files::Case;
use refloat_dockerfile::{Bases, DockerfileError, Edge, EdgeKind, Options, edges};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How both sides agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Agreed {
    /// The same edges.
    Edges,
    /// No builder builds it, and the extractor says so: by an error, or by an edge that tells why it is not resolved.
    Refused,
    /// The front end is not known, and the extractor says that nothing else is.
    Opaque,
    /// A stage that the target does not reach is not evaluated; BuildKit refuses the file for it.
    Unreached,
    /// A target by its number, which BuildKit has no word for and other builders have; or a number of a stage that the file does
    /// not have, which BuildKit takes for an image it met on the way.
    Numbered,
    /// BuildKit fell over its own feet.
    Crashed,
    /// An instruction takes files from a stage further down; BuildKit resolves it, and refuses it when it is run.
    Forward,
}

/// Asks both.
pub fn case(case: &Case, engine: &mut Engine) -> Result<Agreed, String> {
    engine.ask(&json!({
        "text": case.text, "target": case.target.clone().unwrap_or_default(), "platform": case.platform,
        "build_platform": case.build_platform, "arguments": case.arguments, "contexts": case.contexts, "triggers": case.triggers,
    }));
    let ours = edges(&case.text, &options(case));
    let theirs = engine
        .answer()
        .ok_or_else(|| format!("BuildKit gave no answer to {case:#?}"))?;
    agreed(&ours, &theirs).map_err(|difference| {
        format!(
            "{difference}\n{case:#?}\n--- file\n{}\n--- ours\n{ours:#?}\n--- theirs\n{theirs:#}",
            case.text
        )
    })
}

fn options(case: &Case) -> Options {
    let mut options = Options::for_platform(case.platform.parse().expect("a platform"));
    options.build_platform = case.build_platform.parse().expect("a platform");
    options.target.clone_from(&case.target);
    options.build_args.clone_from(&case.arguments);
    options.contexts.clone_from(&case.contexts);
    options.triggers.clone_from(&case.triggers);
    options
}

fn is_numbered(theirs: &Value) -> bool {
    let said = theirs["error"].as_str().unwrap_or_default();
    said.split('"')
        .nth(1)
        .is_some_and(|name| name.parse::<usize>().is_ok())
}

fn agreed(ours: &Result<Bases, DockerfileError>, theirs: &Value) -> Result<Agreed, String> {
    let failed = theirs["failed"].as_str().unwrap_or_default();
    let error = theirs["error"].as_str().unwrap_or_default();
    let bases = match ours {
        // BuildKit counts images that it met on the way as further stages.
        Err(error) if failed.is_empty() && error.message.starts_with("there is no stage") => {
            return Ok(Agreed::Numbered);
        }
        Err(_) if failed.is_empty() => return Err("refused by us alone".to_owned()),
        Err(_) => return Ok(Agreed::Refused),
        Ok(bases) => bases,
    };
    front_end(bases, theirs)?;
    let is_opaque = |edge: &Edge| edge.kind == EdgeKind::Frontend && edge.unresolved.is_some();
    if bases.edges.iter().any(is_opaque) {
        return Ok(Agreed::Opaque);
    }
    let is_unresolved = bases.edges.iter().any(|edge| edge.unresolved.is_some());
    if !failed.is_empty() {
        let of_unreached = [
            "base name (",
            "failed to parse stage name",
            "empty platform value",
            "must",
            "parameter not set",
            "invalid reference",
            "failed to parse platform",
        ];
        return match error {
            _ if is_unresolved => Ok(Agreed::Refused),
            // Its own defect.
            _ if error.contains("runtime error") => Ok(Agreed::Crashed),
            _ if error.contains("defined before current") => Ok(Agreed::Forward),
            _ if error.starts_with("target stage") && is_numbered(theirs) => Ok(Agreed::Numbered),
            _ if failed == "convert" && of_unreached.iter().any(|words| error.contains(words)) => {
                Ok(Agreed::Unreached)
            }
            _ => Err(format!("refused by BuildKit alone: {error}")),
        };
    }
    if is_unresolved {
        return Err("unresolved for us alone".to_owned());
    }
    images(bases, theirs)?;
    runtime(bases, theirs)?;
    lines(bases, theirs)?;
    Ok(Agreed::Edges)
}

fn front_end(bases: &Bases, theirs: &Value) -> Result<(), String> {
    let ours = bases
        .edges
        .iter()
        .find(|edge| edge.kind == EdgeKind::Frontend);
    let ours = ours.map(|edge| (edge.written.clone(), u64::from(edge.line)));
    let front = &theirs["front_end"];
    let theirs = front["reference"]
        .as_str()
        .map(|name| (name.to_owned(), front["line"].as_u64().unwrap_or_default()));
    if ours == theirs {
        Ok(())
    } else {
        Err(format!("front end: {ours:?} and {theirs:?}"))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The reference of an answer; hosts are compared in lower case.
fn reference(one: &Value) -> String {
    let whole = text(&one["reference"]);
    match whole.split_once('/') {
        Some((host, path)) => format!("{}/{path}", host.to_lowercase()),
        None => whole,
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn told(edge: &Edge) -> (String, String) {
    let reference = edge.reference.as_ref().map(ToString::to_string);
    (
        reference.unwrap_or_default(),
        edge.platform.clone().unwrap_or_default(),
    )
}

/// The images that a registry is asked for, with the platform.
fn images(bases: &Bases, theirs: &Value) -> Result<(), String> {
    let ours = bases
        .edges
        .iter()
        .filter(|edge| edge.kind != EdgeKind::Frontend);
    let ours: BTreeSet<_> = ours
        .map(|edge| (told(edge), edge.kind == EdgeKind::Context))
        .collect();
    let asked = list(&theirs["asked"]);
    let asked: BTreeSet<_> = asked
        .map(|one| {
            (
                (reference(one), text(&one["platform"])),
                one["context"] == true,
            )
        })
        .collect();
    // BuildKit looks up what a replaced stage would take, and what the triggers of an image would that is only copied from,
    // and takes neither: what is solved counts then.
    let solved = list(&theirs["located"]).map(|one| (reference(one), text(&one["platform"])));
    let named: BTreeSet<_> = ours.iter().map(|one| one.0.clone()).collect();
    if ours == asked || named == solved.collect() {
        return Ok(());
    }
    Err(format!("images:\n  ours   {ours:?}\n  theirs {asked:?}"))
}

/// What the layers of the result lie on.
fn runtime(bases: &Bases, theirs: &Value) -> Result<(), String> {
    let runtime = &theirs["runtime"];
    let wanted = (!runtime.is_null()).then(|| (reference(runtime), text(&runtime["platform"])));
    let ours = bases
        .edges
        .iter()
        .find(|edge| edge.kind == EdgeKind::Runtime)
        .map(told);
    let by_context = runtime["context"] == true;
    if ours == wanted || by_context && ours.is_none() {
        return Ok(());
    }
    Err(format!("runtime: {ours:?} and {wanted:?}"))
}

/// The line of each edge, and the name as it is written there.
fn lines(bases: &Bases, theirs: &Value) -> Result<(), String> {
    let taken: BTreeSet<_> = list(&theirs["taken"])
        .map(|one| (one["line"].as_u64().unwrap_or_default(), text(&one["name"])))
        .collect();
    for edge in &bases.edges {
        let is_named = matches!(edge.kind, EdgeKind::Runtime | EdgeKind::Build);
        if is_named && !taken.contains(&(u64::from(edge.line), edge.written.clone())) {
            return Err(format!("line {} does not name {}", edge.line, edge.written));
        }
    }
    for one in list(&theirs["located"]) {
        let image = (reference(one), text(&one["platform"]));
        for line in list(&one["lines"]) {
            let line = line.as_u64().unwrap_or_default();
            // A trigger stands where it stands; BuildKit tells the line of the FROM that sets it off.
            let is_there = |edge: &Edge| {
                told(edge) == image
                    && (u64::from(edge.line) == line || edge.kind == EdgeKind::Onbuild)
            };
            if !bases.edges.iter().any(is_there) {
                return Err(format!("line {line} makes {image:?}"));
            }
        }
    }
    Ok(())
}
