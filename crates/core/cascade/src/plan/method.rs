//! The method of one line, from its edges, its task or policy, and how its layers were made.

use super::{Above, Forecast, LineView, Stands};
use crate::policy::{Allowed, PatchMethod, PatchPolicy};
use refloat_core::event::{EdgeKind, Method};
use std::collections::{BTreeMap, BTreeSet};

/// A method and its reasons.
pub(super) struct Choice {
    pub(super) method: Method,
    pub(super) forecast: Forecast,
    pub(super) because: Vec<String>,
}

fn choice(method: Method, forecast: Forecast, because: impl Into<String>) -> Choice {
    Choice {
        method,
        forecast,
        because: vec![because.into()],
    }
}

/// A line that stands on itself by way of others.
pub(super) fn in_a_circle() -> Choice {
    choice(
        Method::Hold,
        Forecast::Unknown,
        "it stands on itself by way of other lines; break the circle",
    )
}

/// What moves below a line, once the methods of its bases are known.
struct Below {
    /// Kinds of edges whose base gets another image.
    moved: BTreeSet<EdgeKind>,
    /// Bases that are held.
    held: Vec<String>,
}

fn below(line: &LineView, methods: &BTreeMap<&str, Method>) -> Below {
    let mut below = Below {
        moved: BTreeSet::new(),
        held: Vec::new(),
    };
    for edge in &line.edges {
        let Stands::Line(base) = &edge.on else {
            below.moved.insert(edge.kind);
            continue;
        };
        match methods.get(base.as_str()) {
            Some(Method::Rebase | Method::Rebuild | Method::PackageLayer) => {
                below.moved.insert(edge.kind);
            }
            Some(Method::Hold) => below.held.push(base.clone()),
            Some(Method::Skip) | None => {}
        }
    }
    below
}

/// Chooses.
pub(super) fn choose(line: &LineView, methods: &BTreeMap<&str, Method>) -> Choice {
    let below = below(line, methods);
    if let Some(base) = below.held.first() {
        let reason = format!("its base {base} is held");
        return choice(Method::Hold, Forecast::Unknown, reason);
    }
    if below.moved.is_empty() {
        return choice(
            Method::Skip,
            Forecast::Proven,
            "none of its bases gets another image",
        );
    }
    if let Some(problem) = &line.problem {
        return choice(Method::Hold, Forecast::Unknown, problem.clone());
    }
    match (&line.task, &line.policy) {
        (Some(task), policy) => {
            let off = policy
                .as_ref()
                .is_some_and(|policy| policy.method == PatchMethod::Off);
            if off {
                switched_off()
            } else {
                by_task(line, &task.name, &task.triggers, &below.moved)
            }
        }
        (None, Some(policy)) => by_policy(line, policy, &below.moved),
        (None, None) => choice(
            Method::Hold,
            Forecast::Unknown,
            "no task makes it and no policy lets it be patched; apply a Task, or a RepositoryPolicy with `patch: { method: auto }`",
        ),
    }
}

fn switched_off() -> Choice {
    choice(
        Method::Skip,
        Forecast::Unknown,
        "its policy says `patch: { method: off }`",
    )
}

fn by_task(
    line: &LineView,
    task: &str,
    triggers: &[EdgeKind],
    moved: &BTreeSet<EdgeKind>,
) -> Choice {
    let active: Vec<EdgeKind> = moved
        .iter()
        .copied()
        .filter(|kind| triggers.contains(kind))
        .collect();
    let Some(other) = active.iter().find(|kind| **kind != EdgeKind::Runtime) else {
        if active.is_empty() {
            let kinds: Vec<_> = moved.iter().map(|kind| word(*kind)).collect();
            let reason = format!(
                "only a {} base of it moved, which is not among the triggers of task {task}",
                kinds.join(" and ")
            );
            return choice(Method::Skip, Forecast::Proven, reason);
        }
        return by_layers(line, task);
    };
    choice(
        Method::Rebuild,
        Forecast::Unsafe,
        format!(
            "a {} base of it moved: what task {task} copies from there changes only by a build (G9)",
            word(*other)
        ),
    )
}

/// A task whose runtime base alone moved: rebased where that is safe, rebuilt otherwise.
fn by_layers(line: &LineView, task: &str) -> Choice {
    match &line.above {
        Above::Packages(command) => choice(
            Method::Rebuild,
            Forecast::Unsafe,
            format!(
                "a package manager ran above its base (`{command}`): its database would be lost (H2); task {task} builds it"
            ),
        ),
        Above::Runs(command) => choice(
            Method::Rebuild,
            Forecast::Test,
            format!(
                "commands ran above its base (`{command}`): what they made of it is not known; task {task} builds it"
            ),
        ),
        Above::CopiesOnly => choice(
            Method::Rebase,
            Forecast::Proven,
            "only files were copied above its base",
        ),
        Above::Unknown => choice(
            Method::Rebase,
            Forecast::Unknown,
            format!(
                "its history does not say how its layers were made; the verdict decides, task {task} builds it otherwise"
            ),
        ),
    }
}

fn by_policy(line: &LineView, policy: &PatchPolicy, moved: &BTreeSet<EdgeKind>) -> Choice {
    if policy.method == PatchMethod::Off {
        return switched_off();
    }
    if !moved.contains(&EdgeKind::Runtime) {
        return choice(
            Method::Hold,
            Forecast::Unsafe,
            "only a rebuild brings the new base, and no task makes it; apply a Task",
        );
    }
    match &line.above {
        Above::Packages(command) => choice(
            Method::Hold,
            Forecast::Unsafe,
            format!(
                "a package manager ran above its base (`{command}`): a rebase would lose its database (H2) and no task makes it; apply a Task"
            ),
        ),
        Above::Runs(command) if policy.allow == Allowed::Test && !policy.tests.is_empty() => {
            choice(
                Method::Rebase,
                Forecast::Test,
                format!(
                    "commands ran above its base (`{command}`); its policy allows what passes its tests"
                ),
            )
        }
        Above::Runs(command) => choice(
            Method::Hold,
            Forecast::Test,
            format!(
                "commands ran above its base (`{command}`), which needs `patch: {{ allow: test, tests: [..] }}`, or a Task"
            ),
        ),
        Above::CopiesOnly => choice(
            Method::Rebase,
            Forecast::Proven,
            "only files were copied above its base",
        ),
        Above::Unknown => choice(
            Method::Rebase,
            Forecast::Unknown,
            "its history does not say how its layers were made; the verdict decides",
        ),
    }
}

fn word(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Runtime => "RUNTIME",
        EdgeKind::Build => "BUILD",
        EdgeKind::Frontend => "FRONTEND",
        EdgeKind::Onbuild => "ONBUILD",
        EdgeKind::Context => "CONTEXT",
    }
}
