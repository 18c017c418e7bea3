//! `why`: recorded causes as a tree, from what is asked about back to what started it, or forwards with `--from`.

use super::{text, when};
use crate::Local;
use crate::arguments::WhyArguments;
use crate::error::{CliError, EXIT_NOT_FOUND};
use crate::output::{Answer, View};
use crate::settings::Settings;
use refloat_oci::TagOrDigest;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Packages of one patch that a person is shown; `-o json` has more.
const PACKAGES_SHOWN: usize = 8;
/// Characters of a digest that a person is shown.
const DIGEST_SHOWN: usize = 19;

pub(super) fn why(
    arguments: WhyArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let mut items = Vec::new();
    for query in questions(&arguments, settings, local)? {
        let query: Vec<(&str, &str)> = query
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        let page = settings.client()?.get("/why", &query)?;
        for item in page["items"].as_array().cloned().unwrap_or_default() {
            if !items.contains(&item) {
                items.push(item);
            }
        }
    }
    if items.is_empty() {
        let subject = arguments.subject.or(arguments.from).unwrap_or_default();
        return Err(CliError::failed(
            "not_found",
            format!("nothing is recorded about `{subject}`, or you may not know it"),
            "check the name; an image must be pushed to this server or patched by it",
        )
        .exiting(EXIT_NOT_FOUND));
    }
    let back = arguments.from.is_none();
    let view = View::Lines(Tree::of(&items, back).lines());
    let brief = items.iter().map(|item| text(item, "id")).collect();
    Ok(Answer::read(Value::Array(items), view).with_brief(brief))
}

/// What the server is asked: one question, or one for each image of a pod.
fn questions(
    arguments: &WhyArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Vec<Vec<(&'static str, String)>>, CliError> {
    if let Some(digest) = &arguments.from {
        return Ok(vec![vec![
            ("digest", digest.clone()),
            ("direction", "forwards".to_owned()),
        ]]);
    }
    let subject = arguments.subject.as_deref().unwrap_or_default();
    if let Some(name) = subject.strip_prefix("release/") {
        return Ok(vec![vec![("release", name.to_owned())]]);
    }
    if let Some(name) = subject.strip_prefix("pod/") {
        let images = (local.pod_images)(
            name,
            &arguments.namespace,
            arguments.kube_context.as_deref(),
        )?;
        let question = |digest| vec![("digest", digest), ("running", "true".to_owned())];
        return Ok(images.into_iter().map(question).collect());
    }
    if subject.starts_with("sha256:") || subject.starts_with("sha512:") {
        return Ok(vec![vec![("digest", subject.to_owned())]]);
    }
    let (_, reference) = settings.reference(subject)?;
    match reference.target() {
        Some(TagOrDigest::Digest(digest)) => Ok(vec![vec![("digest", digest.to_string())]]),
        Some(TagOrDigest::Tag(tag)) => Ok(vec![vec![
            ("registry", reference.registry.to_string()),
            ("repository", reference.repository.to_string()),
            ("tag", tag.to_string()),
        ]]),
        None => Err(CliError::usage(
            format!("`{subject}` names no image"),
            "add :TAG or @DIGEST, or write release/NAME or pod/NAME",
        )),
    }
}

/// The answer as a tree: each record once, below what it caused, or forwards below what caused it.
struct Tree<'a> {
    items: BTreeMap<String, &'a Value>,
    below: BTreeMap<String, Vec<String>>,
    roots: Vec<String>,
    printed: BTreeSet<String>,
    lines: Vec<String>,
}

impl<'a> Tree<'a> {
    fn of(items: &'a [Value], back: bool) -> Self {
        let by_id: BTreeMap<String, &Value> =
            items.iter().map(|item| (text(item, "id"), item)).collect();
        let mut below: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut has_above = BTreeSet::new();
        for item in items {
            let id = text(item, "id");
            for cause in item["causes"].as_array().into_iter().flatten() {
                let cause = cause.as_str().unwrap_or_default().to_owned();
                if !by_id.contains_key(&cause) {
                    continue;
                }
                let (above, under) = if back {
                    (id.clone(), cause)
                } else {
                    (cause, id.clone())
                };
                has_above.insert(under.clone());
                below.entry(above).or_default().push(under);
            }
        }
        let ids = items.iter().map(|item| text(item, "id"));
        Self {
            roots: ids.filter(|id| !has_above.contains(id)).collect(),
            items: by_id,
            below,
            printed: BTreeSet::new(),
            lines: Vec::new(),
        }
    }

    fn lines(mut self) -> Vec<String> {
        for root in std::mem::take(&mut self.roots) {
            self.print(&root, "", "", "");
        }
        self.lines
    }

    /// One record and what is below it: `prefix` stands before its lines, `branch` before the first of them.
    fn print(&mut self, id: &str, prefix: &str, branch: &str, rest: &str) {
        let Some(item) = self.items.get(id).copied() else {
            return;
        };
        let title = title(item);
        if !self.printed.insert(id.to_owned()) {
            self.lines
                .push(format!("{prefix}{branch}{title} (see above)"));
            return;
        }
        self.lines.push(format!("{prefix}{branch}{title}"));
        let under = format!("{prefix}{rest}");
        let below = self.below.get(id).cloned().unwrap_or_default();
        let bar = if below.is_empty() { "  " } else { "│ " };
        for line in details(item) {
            self.lines.push(format!("{under}{bar}{line}"));
        }
        let last = below.len().saturating_sub(1);
        for (at, next) in below.iter().enumerate() {
            let (branch, rest) = if at == last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            self.print(next, &under, branch, rest);
        }
    }
}

/// What it is, and when: `patch.published  apps/web#tag:1.2  sha256:4f..  2 minutes ago`.
fn title(item: &Value) -> String {
    if item["type"] == "unknown" {
        return format!("unknown ({})", text(item, "id"));
    }
    let subject = &item["subject"];
    let digest: String = text(subject, "digest").chars().take(DIGEST_SHOWN).collect();
    let parts = [
        text(item, "type"),
        text(subject, "name"),
        digest,
        when(item, "at"),
        text(item, "actor"),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("  ")
}

/// What more there is to say, a line each.
fn details(item: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    let method = text(item, "method");
    let detail = text(item, "detail");
    match (method.as_str(), detail.as_str()) {
        ("", "") => {}
        ("", detail) => lines.push(detail.to_owned()),
        (method, "") => lines.push(method.to_owned()),
        (method, detail) => lines.push(format!("{method}: {detail}")),
    }
    let reasons: Vec<_> = item["reasons"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !reasons.is_empty() {
        lines.push(format!("because of {}", reasons.join(", ")));
    }
    let packages = item["packages"].as_array().map_or(&[][..], Vec::as_slice);
    for package in packages.iter().take(PACKAGES_SHOWN) {
        let version = |key: &str| {
            let version = text(package, key);
            if version.is_empty() {
                "none".to_owned()
            } else {
                version
            }
        };
        lines.push(format!(
            "{} {} -> {}",
            text(package, "name"),
            version("old"),
            version("new")
        ));
    }
    if packages.len() > PACKAGES_SHOWN {
        let more = packages.len() - PACKAGES_SHOWN;
        lines.push(format!("and {more} packages more (-o json)"));
    }
    lines.extend(proof(&item["proof"]));
    lines
}

/// Why the team's own code did not change.
fn proof(proof: &Value) -> Option<String> {
    match proof["kind"].as_str()? {
        "same-layers" => Some(format!(
            "own code unchanged: the same {} layers above the base",
            proof["layers"]
        )),
        "same-commit" => Some(format!(
            "own code unchanged: the same commit {}",
            text(proof, "commit")
        )),
        _ => Some(format!(
            "nothing proves that own code is unchanged: {}",
            text(proof, "reason")
        )),
    }
}
