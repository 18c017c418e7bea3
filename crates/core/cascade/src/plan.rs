//! The plan of a cascade: every line that stands on what moved, each once, bases before dependents, with a method and reasons.
//!
//! The method is a forecast: the verdict of a node decides when its bases have their end, since its parent's layers do not exist
//! before. What decides here is what the store knows without reading layers: edges, tasks, policies, and how layers were made.

mod method;
#[cfg(test)]
mod tests;

use crate::policy::PatchPolicy;
use refloat_core::event::{EdgeKind, Method};
use refloat_oci::Digest;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a plan is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanView {
    /// The base that moves, `host/path:tag`.
    pub reference: String,
    /// What it named.
    pub old: Option<Digest>,
    /// What it names.
    pub new: Digest,
    /// Every line that stands on it, in any order, each once.
    pub lines: Vec<LineView>,
}

/// A line and its current image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineView {
    /// `[HOST/]REPO#RULE`.
    pub line: String,
    /// Its current image, `host/path:tag@digest`.
    pub image: String,
    /// What it stands on, as far as that moves.
    pub edges: Vec<Edge>,
    /// The task that makes it.
    pub task: Option<Task>,
    /// What policies say about its patches; `None`: nothing.
    pub policy: Option<PatchPolicy>,
    /// How the layers above its base were made.
    pub above: Above,
    /// Why nothing can be done, if that is known already.
    pub problem: Option<String>,
}

/// One way in which a line stands on something that moves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// How.
    pub kind: EdgeKind,
    /// On what.
    pub on: Stands,
}

/// What a line stands on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stands {
    /// The base that moves first.
    Base,
    /// Another line of the plan.
    Line(String),
}

/// A task, as far as plans need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// The kinds of edges whose move makes it run.
    pub triggers: Vec<EdgeKind>,
    /// How many tests it has.
    pub tests: usize,
}

/// How the layers above the base were made, by the image's own history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Above {
    /// The history says nothing that can be relied on.
    Unknown,
    /// Files were copied, nothing was run.
    CopiesOnly,
    /// Commands ran, this one for example.
    Runs(String),
    /// A package manager ran, by this command.
    Packages(String),
}

/// What the verdict will probably be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forecast {
    /// Safe, as far as is known.
    Proven,
    /// Safe if tests pass.
    Test,
    /// Not safe to rebase.
    Unsafe,
    /// Only the layers will tell.
    Unknown,
}

/// One image of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanNode {
    /// Its line.
    pub line: String,
    /// Its image, `host/path:tag@digest`.
    pub image: String,
    /// How it will be patched, if the verdict agrees.
    pub method: Method,
    /// What the verdict will probably be.
    pub forecast: Forecast,
    /// Why, a sentence each.
    pub because: Vec<String>,
    /// The lines of this plan that have to be at their end before.
    pub depends_on: Vec<String>,
    /// Whether it stands on the base that moves first.
    pub on_base: bool,
}

/// A plan and its explanation, which are one: every node says why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The base that moves.
    pub base: PlanBase,
    /// The images, bases before dependents.
    pub nodes: Vec<PlanNode>,
}

/// The base of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanBase {
    /// `host/path:tag`.
    pub reference: String,
    /// What it named.
    pub old: Option<Digest>,
    /// What it names.
    pub new: Digest,
}

impl Plan {
    /// How many nodes have each method.
    pub fn counts(&self) -> BTreeMap<Method, usize> {
        let mut counts = BTreeMap::new();
        for node in &self.nodes {
            *counts.entry(node.method).or_default() += 1;
        }
        counts
    }
}

/// Plans: order first, then each node's method from those of its bases. Lines that stand on each other in a circle are held.
pub fn plan(view: &PlanView) -> Plan {
    let lines: BTreeMap<&str, &LineView> = view
        .lines
        .iter()
        .map(|line| (line.line.as_str(), line))
        .collect();
    let (order, circle) = order(&lines);
    let mut nodes: Vec<PlanNode> = Vec::with_capacity(lines.len());
    let mut methods: BTreeMap<&str, Method> = BTreeMap::new();
    for name in order {
        let Some(line) = lines.get(name) else {
            continue;
        };
        let choice = method::choose(line, &methods);
        methods.insert(name, choice.method);
        nodes.push(node(line, &lines, choice));
    }
    for name in circle {
        if let Some(line) = lines.get(name) {
            nodes.push(node(line, &lines, method::in_a_circle()));
        }
    }
    Plan {
        base: PlanBase {
            reference: view.reference.clone(),
            old: view.old,
            new: view.new,
        },
        nodes,
    }
}

fn node(line: &LineView, lines: &BTreeMap<&str, &LineView>, choice: method::Choice) -> PlanNode {
    let depends_on: BTreeSet<String> = bases(line, lines).map(str::to_owned).collect();
    PlanNode {
        line: line.line.clone(),
        image: line.image.clone(),
        method: choice.method,
        forecast: choice.forecast,
        because: choice.because,
        depends_on: depends_on.into_iter().collect(),
        on_base: line.edges.iter().any(|edge| edge.on == Stands::Base),
    }
}

/// The other lines of the plan that a line stands on.
fn bases<'a>(
    line: &'a LineView,
    lines: &'a BTreeMap<&str, &LineView>,
) -> impl Iterator<Item = &'a str> {
    line.edges.iter().filter_map(move |edge| match &edge.on {
        Stands::Line(other) if *other != line.line && lines.contains_key(other.as_str()) => {
            Some(other.as_str())
        }
        Stands::Line(_) | Stands::Base => None,
    })
}

/// Lines with all their bases before them, by name where the order is free; then those that are in or above a circle.
fn order<'a>(lines: &'a BTreeMap<&'a str, &'a LineView>) -> (Vec<&'a str>, Vec<&'a str>) {
    let mut waits: BTreeMap<&str, usize> = BTreeMap::new();
    let mut dependents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, line) in lines {
        let below: BTreeSet<&str> = bases(line, lines).collect();
        waits.insert(name, below.len());
        for base in below {
            dependents.entry(base).or_default().push(name);
        }
    }
    let mut ready: BTreeSet<&str> = waits
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(name, _)| *name)
        .collect();
    let mut order = Vec::with_capacity(lines.len());
    while let Some(name) = ready.pop_first() {
        order.push(name);
        for dependent in dependents.get(name).into_iter().flatten() {
            if let Some(count) = waits.get_mut(dependent) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(dependent);
                }
            }
        }
    }
    let circle = waits
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, _)| name)
        .collect();
    (order, circle)
}
